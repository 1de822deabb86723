package slo_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The full number of worlds is 20 times as many, as in the other tests here.
func TestForecastEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 400, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		c := newCourse(newOracle(w))
		ask := newAsker(rng, c)
		for range 4 {
			if err := checkForecast(tl, c, ask.instant()); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestForecastOfLongHistories(t *testing.T) {
	inEveryWorldOf(t, longHistory, 20, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		c := newCourse(newOracle(w))
		return checkForecast(tl, c, newAsker(rng, c).instant())
	})
}

func checkForecast(tl *slo.Timeline, c *course, at time.Time) error {
	m := asked(at).UnixMicro()
	want := slo.Forecast{
		At:         asked(at),
		ExhaustsAt: instantOr(c.first(m, c.horizon(m, 0), exhausted)),
		RecoversAt: instantOr(c.first(m, c.horizon(m, 0), recovered)),
		Affordable: affordable(c.o, asked(at)),
	}
	if got := tl.Forecast(at); got != want {
		return fmt.Errorf("forecast at %s is\n%+v, want\n%+v", show(at), got, want)
	}
	return nil
}

// exhausted is that something was consumed and nothing remains.
var exhausted = always(something(0), test{0, figure(slo.Crossing{Metric: slo.MetricRemaining}).margin, slo.AtOrBelow})

// recovered is that nothing is consumed and nothing down.
var recovered = always(nothing(0), test{0, weight, slo.AtOrBelow})

// affordable is how long it takes until the budget is exhausted in a world where the system fails at an instant, wholly,
// for ever, and with nobody else to blame.
func affordable(o *oracle, at time.Time) time.Duration {
	w := o.w.clone()
	w.upstreams = slices.DeleteFunc(w.upstreams, func(d dependency) bool { return !d.from.Before(at) })
	for i := range w.upstreams {
		if d := &w.upstreams[i]; d.until.IsZero() || d.until.After(at) {
			d.until = at
		}
	}
	w.facts.say(out(at, time.Time{}))
	c := newCourse(newOracle(w))
	m := at.UnixMicro()
	end := c.first(m, c.horizon(m, 0), exhausted)
	if end == never {
		return slo.Unlimited
	}
	return time.Duration(end-m) * time.Microsecond
}

// What is recorded after the end of a what-if is not part of it, nor what was to end then or later.
func TestEndingAtIsTheWorldInWhichAllDowntimeEndsThen(t *testing.T) {
	inEveryWorld(t, 400, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		whole := newOracle(w)
		for range 2 {
			end := newAsker(rng, newCourse(whole)).instant()
			what := fmt.Sprintf("if all ended at %s: ", show(end))
			guess, cut := tl.EndingAt(end), whole.endingAt(asked(end))
			c := newCourse(cut)
			ask := newAsker(rng, c)
			for _, at := range ask.about[:min(10, len(ask.about))] {
				want := cut.status(at)
				want.down = want.down && asked(at).Before(asked(end))
				if err := compareStatus(guess.Status(at), want); err != nil {
					return fmt.Errorf("%sstatus at %s: %w", what, show(at), err)
				}
			}
			for range 2 {
				at := ask.instant()
				if got, want := guess.Forecast(at), c.hopes(asked(at)); got.ExhaustsAt != want.ExhaustsAt || got.RecoversAt != want.RecoversAt {
					return fmt.Errorf("%sforecast at %s is\n%+v, want\n%+v", what, show(at), got, want)
				}
				cr := ask.crossing(at)
				got, err := guess.NextCrossing(at, cr)
				if err != nil {
					return err
				}
				m := asked(at).UnixMicro()
				want := instantOr(c.first(m, c.horizon(m, max(cr.Lookback, cr.Rule.Long, time.Hour)), crossing(cr)))
				if got != want {
					return fmt.Errorf("%sfrom %s on %+v holds at %s, want %s", what, show(at), cr, show(got), show(want))
				}
			}
			if err := checkDowntimesEndBy(guess, asked(end)); err != nil {
				return fmt.Errorf("%s%w", what, err)
			}
		}
		return nil
	})
}

// endingAt returns the oracle of a world in which nothing is down from an instant on. What was observed stays.
func (o *oracle) endingAt(end time.Time) *oracle {
	cut := &oracle{w: o.w}
	for i, t := range o.times {
		cut.times, cut.pieces = append(cut.times, t), append(cut.pieces, o.pieces[i])
		if t < end.UnixMicro() && (i+1 == len(o.times) || end.UnixMicro() < o.times[i+1]) {
			cut.times, cut.pieces = append(cut.times, end.UnixMicro()), append(cut.pieces, o.pieces[i])
		}
	}
	for i, t := range cut.times {
		if t >= end.UnixMicro() {
			cut.pieces[i] = judgement{observed: cut.pieces[i].observed}
		}
	}
	return cut
}

// hopes is a forecast without what is affordable.
func (c *course) hopes(at time.Time) slo.Forecast {
	m := at.UnixMicro()
	return slo.Forecast{
		ExhaustsAt: instantOr(c.first(m, c.horizon(m, 0), exhausted)),
		RecoversAt: instantOr(c.first(m, c.horizon(m, 0), recovered)),
	}
}

func checkDowntimesEndBy(tl *slo.Timeline, end time.Time) error {
	for d := range tl.Downtimes(lastInstant) {
		if d.End.IsZero() || d.End.After(end) {
			return fmt.Errorf("downtime %+v", d)
		}
	}
	return nil
}

func TestEndingAtLeavesTheTimelineAsItWas(t *testing.T) {
	inEveryWorld(t, 200, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		at := moments(rng, w, 10)
		before := make([]slo.Status, len(at))
		for i := range at {
			before[i] = tl.Status(at[i])
		}
		own, err := w.history()
		if err != nil {
			return err
		}
		upstreams, err := w.edgesOf()
		if err != nil {
			return err
		}
		guess := tl.EndingAt(at[0])
		guess.Forecast(at[len(at)-1])
		again, err := guess.Extend(own, upstreams, w.maintenance)
		if err != nil {
			return err
		}
		for i := range at {
			if got := tl.Status(at[i]); !reflect.DeepEqual(got, before[i]) {
				return fmt.Errorf("status at %s was\n%+v, and is\n%+v", show(at[i]), before[i], got)
			}
			if got := again.Status(at[i]); !reflect.DeepEqual(got, before[i]) {
				return fmt.Errorf("status at %s is\n%+v, and extended from a guess\n%+v", show(at[i]), before[i], got)
			}
		}
		return nil
	})
}

func TestForecast(t *testing.T) {
	down := monthly()
	down.say(out(before(10*time.Minute), time.Time{}))
	once := monthly()
	once.say(out(before(20*time.Minute), before(10*time.Minute)))
	spent := monthly()
	spent.say(out(before(time.Hour), before(10*time.Minute)))
	perfect := monthly()
	perfect.objective.Target = 100
	lax := monthly()
	lax.objective.Target = 0
	lax.objective.Window = slo.Calendar(slo.Month, nil)
	maintained := monthly()
	maintained.objective.ExcludeMaintenance = true
	maintained.maintenance = maintenanceOf([2]time.Duration{-time.Minute, -3 * time.Hour})

	budget := 43*time.Minute + 12*time.Second
	for _, test := range []struct {
		name  string
		world *world
		want  slo.Forecast
	}{
		{"quiet, all of the budget is left", monthly(), slo.Forecast{RecoversAt: now, Affordable: budget}},
		{
			"down, it is exhausted when the rest is spent, and never recovers", down,
			slo.Forecast{ExhaustsAt: now.Add(budget - 10*time.Minute), Affordable: budget - 10*time.Minute},
		},
		{
			"after an outage, it recovers when that has left the window", once,
			slo.Forecast{RecoversAt: now.Add(30*day - 10*time.Minute), Affordable: budget - 10*time.Minute},
		},
		{
			"exhausted, nothing is affordable", spent,
			slo.Forecast{ExhaustsAt: now, RecoversAt: now.Add(30*day - 10*time.Minute), Affordable: 0},
		},
		{
			"with no budget, a microsecond of downtime is too much", perfect,
			slo.Forecast{RecoversAt: now, Affordable: time.Microsecond},
		},
		{
			"where everything is allowed before the period ends, it is never exhausted", lax,
			slo.Forecast{RecoversAt: now, Affordable: slo.Unlimited},
		},
		{
			"maintenance that lies ahead makes an outage cheaper", maintained,
			slo.Forecast{RecoversAt: now, Affordable: budget + 3*time.Hour - time.Minute},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.want.At = now
			if got := test.world.timeline(t).Forecast(now.Add(999 * time.Nanosecond)); got != test.want {
				t.Errorf("forecast\n%+v, want\n%+v", got, test.want)
			}
		})
	}
}

// The design's what-if: an outage that is on, if it lasts until an instant.
func TestWhatIfThisOutageLastsUntil(t *testing.T) {
	w := monthly()
	w.say(out(before(10*time.Minute), time.Time{}))
	tl := w.timeline(t)
	for _, test := range []struct {
		name     string
		end      time.Duration // after now
		consumed time.Duration
		exhausts time.Duration // after now; 0: never
	}{
		{"it ended five minutes ago", -5 * time.Minute, 5 * time.Minute, 0},
		{"it ends now", 0, 10 * time.Minute, 0},
		{"it ends just before the budget does", 33*time.Minute + 12*time.Second - time.Microsecond, 43*time.Minute + 12*time.Second - time.Microsecond, 0},
		{"it ends with the budget", 33*time.Minute + 12*time.Second, 43*time.Minute + 12*time.Second, 33*time.Minute + 12*time.Second},
		{"it lasts an hour more", time.Hour, 70 * time.Minute, 33*time.Minute + 12*time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			guess := tl.EndingAt(now.Add(test.end))
			if got := guess.Status(now.Add(2 * time.Hour)).Budget.Consumed; got != test.consumed {
				t.Errorf("consumed %v, want %v", got, test.consumed)
			}
			var exhausts time.Time
			if test.exhausts != 0 {
				exhausts = now.Add(test.exhausts)
			}
			want := slo.Forecast{At: now, ExhaustsAt: exhausts, RecoversAt: now.Add(test.end + 30*day)}
			got := guess.Forecast(now)
			if got.Affordable = 0; got != want {
				t.Errorf("forecast\n%+v, want\n%+v", got, want)
			}
		})
	}
}
