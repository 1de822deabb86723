package slo_test

import (
	"cmp"
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The course, by which crossings, forecasts and backtests are judged, must itself agree with the plain oracle.
func TestTheCourseGoesWhereTheOracleIs(t *testing.T) {
	inEveryWorld(t, 60, worldOptions{}, func(w *world, rng *rand.Rand) error {
		c := newCourse(newOracle(w))
		ask := newAsker(rng, c)
		for range 12 {
			at := pick(rng, ask.about)
			m := at.UnixMicro()
			cr := ask.crossing(at)
			holds := len(c.in(line{c.eraAt(m), m, m + 1}, crossing(cr))) > 0
			if want := c.o.comparisonHolds(cr, at); holds != want {
				return fmt.Errorf("%+v at %s: %v on the course, %v by the oracle", cr, show(at), holds, want)
			}
		}
		return nil
	})
}

// The full number of worlds is 20 times as many.
func TestNextCrossingIsTheFirstInstantAtWhichTheComparisonHolds(t *testing.T) {
	inEveryWorld(t, 600, worldOptions{}, func(w *world, rng *rand.Rand) error { return checkCrossings(w, rng, 6) })
}

func TestNextCrossingOfFewFacts(t *testing.T) {
	inEveryWorld(t, 600, worldOptions{facts: 4, noUpstreams: true}, func(w *world, rng *rand.Rand) error {
		return checkCrossings(w, rng, 4)
	})
}

// Here lookbacks hold hundreds of outages, so that whole blocks of them are passed over.
func TestNextCrossingOfLongHistories(t *testing.T) {
	inEveryWorldOf(t, longHistory, 120, func(w *world, rng *rand.Rand) error { return checkCrossings(w, rng, 6) })
}

func checkCrossings(w *world, rng *rand.Rand, n int) error {
	tl, err := w.build()
	if err != nil {
		return err
	}
	c := newCourse(newOracle(w))
	ask := newAsker(rng, c)
	for range n {
		at := ask.instant()
		if err := checkCrossing(tl, c, at, ask.crossing(at)); err != nil {
			return err
		}
	}
	return nil
}

func checkCrossing(tl *slo.Timeline, c *course, at time.Time, cr slo.Crossing) error {
	got, err := tl.NextCrossing(at, cr)
	if err != nil {
		return err
	}
	from := asked(at).UnixMicro()
	lookback := max(cr.Lookback, cr.Rule.Long, time.Hour)
	want := instantOr(c.first(from, c.horizon(from, lookback), crossing(cr)))
	if !got.Equal(want) {
		return fmt.Errorf("from %s on %+v holds at %s, want %s", show(at), cr, show(got), show(want))
	}
	if got.IsZero() {
		return nil
	}
	if got.Location() != time.UTC || got != truncated(got) {
		return fmt.Errorf("%v is not in whole microseconds of UTC", got)
	}
	if err := heldFrom(tl, c.o, got, cr, true); err != nil || got.UnixMicro() == from {
		return err
	}
	return heldFrom(tl, c.o, got.Add(-time.Microsecond), cr, false)
}

// heldFrom holds the oracle's figure, and the one that the timeline shows, against the threshold.
func heldFrom(tl *slo.Timeline, o *oracle, at time.Time, cr slo.Crossing, want bool) error {
	if o.comparisonHolds(cr, at) != want {
		return fmt.Errorf("%+v at %s is %v by the oracle", cr, show(at), !want)
	}
	shown, known, err := shownHolds(tl, cr, at)
	if err == nil && known && shown != want {
		err = fmt.Errorf("%+v at %s: what is shown says %v", cr, show(at), shown)
	}
	return err
}

// instantOr turns microseconds into an instant, and never into the zero time.
func instantOr(m int64) time.Time {
	if m == never {
		return time.Time{}
	}
	return time.UnixMicro(m).UTC()
}

// asker draws what to ask of one world.
type asker struct {
	rng   *rand.Rand
	c     *course
	about []time.Time // instants near to what happened
}

func newAsker(rng *rand.Rand, c *course) *asker { return &asker{rng, c, moments(rng, c.o.w, 40)} }

// instant draws one to ask at: mostly in and around the history, now and then far from it.
func (a *asker) instant() time.Time {
	if chance(a.rng, 6) {
		return pick(a.rng, []time.Time{
			{}, start.AddDate(-1, 0, 0), start.Add(200 * time.Hour), start.AddDate(0, 0, 60), start.AddDate(30, 0, 0),
		})
	}
	return pick(a.rng, a.about).Add(time.Duration(a.rng.IntN(1000)))
}

// crossing draws one that may be asked for at an instant; many thresholds are such that a figure is at or beside them
// somewhere.
func (a *asker) crossing(at time.Time) slo.Crossing {
	rng, c := a.rng, a.c
	cr := slo.Crossing{Metric: slo.Metric(rng.IntN(6)), Comparison: slo.Comparison(rng.IntN(4))}
	there := c.o.status(pick(rng, a.about))
	switch cr.Metric {
	case slo.MetricRemainingPercent:
		cr.Value = threshold(rng, there.remainingPercent, -1e6, 0, 0, 50, 100, -100, 99.999999, -1e6, 1e6)
	case slo.MetricConsumedPercent:
		cr.Value = threshold(rng, there.consumedPercent, -1e6, 0, 0, 0.000001, 50, 100, 100, 200, -1, 1e6)
	case slo.MetricAvailability:
		cr.Value = threshold(rng, there.availability, -1e6, 0, 100, 100, 99.9, 50, 99.999999, -1)
	case slo.MetricRemaining:
		cr.Duration = pick(rng, []time.Duration{0, 0, time.Minute, -time.Hour, time.Nanosecond, 1 << 62, -1 << 62})
		if chance(rng, 60) {
			cr.Duration = floor(there.remaining) + time.Duration(rng.IntN(3)-1)
		}
	case slo.MetricBurnRate:
		cr.Lookback = pick(rng, append([]time.Duration{0, 7 * time.Minute, 49*time.Hour + time.Microsecond}, lengths...))
		rate := c.o.burnRate(there.at, cmp.Or(cr.Lookback, time.Hour))
		cr.Value = threshold(rng, rate, 0, 0, 0, 0.000001, 1, 1, 14.4, 6, 100, 1e8)
	case slo.MetricFiring:
		terms := c.o.termsAt(asked(at))
		rules := terms.Policy.Rules
		if len(rules) == 0 || chance(rng, 50) {
			rules = (&builder{rng: rng}).policy(terms.Target, terms.Window).Rules
		}
		if len(rules) == 0 {
			return slo.Crossing{Metric: slo.MetricConsumedPercent, Comparison: cr.Comparison}
		}
		cr.Rule = pick(rng, rules)
		cr.Comparison = pick(rng, []slo.Comparison{slo.AtOrAbove, slo.Below})
	}
	return cr
}

// threshold draws one of six decimals: a usual one, or one at or next to a figure.
func threshold(rng *rand.Rand, figure *big.Rat, least float64, usual ...float64) float64 {
	if chance(rng, 40) {
		return pick(rng, usual)
	}
	millionths := new(big.Rat).Mul(figure, big.NewRat(1e6, 1))
	near := new(big.Int).Div(millionths.Num(), millionths.Denom()).Int64() + int64(rng.IntN(2))
	return min(max(float64(near)/1e6, least), 1e6)
}

func TestNextCrossing(t *testing.T) {
	calendar := func(unit slo.Unit) *world {
		w := monthly()
		w.objective.Window = slo.Calendar(unit, nil)
		return w
	}
	downSince := func(w *world, start time.Time) *world {
		w.say(out(start, time.Time{}))
		return w
	}
	at := func(y int, m time.Month, d, hour int) time.Time { return time.Date(y, m, d, hour, 0, 0, 0, time.UTC) }
	recovered := slo.Crossing{Metric: slo.MetricConsumedPercent, Comparison: slo.AtOrBelow}
	// An outage leaves the long window while another, smaller one has filled the short.
	two := monthly()
	small := out(now.Add(55*time.Minute), time.Time{})
	small.Impact = 0.02
	two.say(out(now, now.Add(time.Minute)), small)
	quiet := slo.Crossing{Metric: slo.MetricFiring, Comparison: slo.Below, Rule: slo.BurnRule{
		Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Factor: 14.4,
	}}
	aboveCommonYear := slo.Crossing{Metric: slo.MetricRemaining, Comparison: slo.Above, Duration: 365 * day / 1000}
	for _, test := range []struct {
		name     string
		world    *world
		at       time.Time
		crossing slo.Crossing
		want     time.Time
	}{
		{"what holds answers the instant itself", monthly(), now.Add(999), slo.Crossing{Comparison: slo.Above}, now},
		{"what can never hold", monthly(), now, slo.Crossing{}, time.Time{}},
		{
			"a period that is asked about from its middle says nothing of the next", downSince(calendar(slo.Day), at(2026, 6, 1, 6)),
			at(2026, 6, 3, 12), recovered, at(2026, 6, 4, 0),
		},
		{
			"a day that would exhaust its budget if it were the next", downSince(calendar(slo.Day), at(2026, 6, 4, 23)),
			at(2026, 6, 4, 23), slo.Crossing{Metric: slo.MetricAvailability, Comparison: slo.AtOrBelow, Value: 4}, at(2026, 6, 5, 0).Add(time.Microsecond),
		},
		{"the next leap year", calendar(slo.Year), at(2026, 6, 4, 0), aboveCommonYear, at(2028, 1, 1, 0)},
		{"the next leap year after 2096, for 2100 is none", calendar(slo.Year), at(2097, 1, 1, 0), aboveCommonYear, at(2104, 1, 1, 0)},
		{
			"a rule ends with its long window, where that is the first", two, now.Add(59 * time.Minute), quiet,
			now.Add(time.Hour + 14_448_980*time.Microsecond), // 60 - x + 0.02 (300 + x) < 51.84
		},
		{"before 1970 is 1970", monthly(), time.Time{}, recovered, firstInstant},
		{"after 2200 is 2200", monthly(), at(2345, 1, 1, 0), recovered, lastInstant},
		{
			"what was over before 1970 came round is not seen again", downSince(monthly(), firstInstant), at(1960, 1, 1, 0),
			slo.Crossing{Metric: slo.MetricBurnRate, Comparison: slo.AtOrAbove, Value: 14.4}, firstInstant.Add(51_840 * time.Millisecond),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.world.timeline(t).NextCrossing(test.at, test.crossing)
			if err != nil || got != test.want {
				t.Errorf("at %s, want %s (%v)", show(got), show(test.want), err)
			}
		})
	}
}

// comparisonHolds reports whether a crossing's comparison holds at an instant, by the oracle's status.
func (o *oracle) comparisonHolds(cr slo.Crossing, at time.Time) bool {
	s := o.status(at)
	var order int
	switch cr.Metric {
	case slo.MetricRemainingPercent:
		order = s.remainingPercent.Cmp(exact(cr.Value))
	case slo.MetricConsumedPercent:
		order = s.consumedPercent.Cmp(exact(cr.Value))
	case slo.MetricAvailability:
		order = s.availability.Cmp(exact(cr.Value))
	case slo.MetricRemaining:
		order = s.remaining.Cmp(big.NewRat(int64(cr.Duration), 1))
	case slo.MetricBurnRate:
		order = o.burnRate(s.at, cmp.Or(cr.Lookback, time.Hour)).Cmp(exact(cr.Value))
	case slo.MetricFiring:
		factor := factorOf(cr.Rule, spanOf(o.termsAt(s.at).Window))
		fires := o.burns(s.at, s.at, cr.Rule.Long, factor) && o.burns(s.at, s.at, cr.Rule.Short, factor)
		return fires == (cr.Comparison == slo.AtOrAbove)
	}
	return compares(cr.Comparison, order)
}

func compares(c slo.Comparison, order int) bool {
	return map[slo.Comparison]bool{slo.Below: order < 0, slo.AtOrBelow: order <= 0, slo.Above: order > 0, slo.AtOrAbove: order >= 0}[c]
}

// shownHolds compares what the timeline shows with the threshold, as a reader of it would; it reports known false where
// that cannot tell.
func shownHolds(tl *slo.Timeline, cr slo.Crossing, at time.Time) (holds, known bool, err error) {
	s := tl.Status(at)
	var order int
	switch cr.Metric {
	case slo.MetricRemainingPercent:
		order = cmp.Compare(s.Budget.RemainingPercent, cr.Value)
	case slo.MetricConsumedPercent:
		order = cmp.Compare(s.Budget.ConsumedPercent, cr.Value)
	case slo.MetricAvailability:
		order = cmp.Compare(s.Availability, cr.Value)
	case slo.MetricRemaining:
		if order = cmp.Compare(s.Budget.Remaining, cr.Duration); order == 0 && (cr.Comparison == slo.AtOrBelow || cr.Comparison == slo.Above) {
			return false, false, nil // it is shown rounded down
		}
	case slo.MetricBurnRate:
		rate, err := tl.BurnRate(at, cmp.Or(cr.Lookback, time.Hour))
		return compares(cr.Comparison, cmp.Compare(rate, cr.Value)), true, err
	case slo.MetricFiring:
		o := tl.Objective()
		alike := func(r slo.BurnRule) bool {
			return r.Severity == cr.Rule.Severity && r.Long == cr.Rule.Long && r.Short == cr.Rule.Short
		}
		if i := slices.IndexFunc(o.Policy.Rules, alike); len(o.Revisions) > 0 || i < 0 || o.Policy.Rules[i] != cr.Rule ||
			slices.ContainsFunc(o.Policy.Rules[i+1:], alike) {
			return false, false, nil // it is not the one rule of its kind that the objective has
		}
		fires := slices.Contains(s.Firing, slo.Firing{Severity: cr.Rule.Severity, Long: cr.Rule.Long, Short: cr.Rule.Short})
		return fires == (cr.Comparison == slo.AtOrAbove), true, nil
	}
	return compares(cr.Comparison, order), true, nil
}

// inEveryWorldOf is inEveryWorld for worlds of a kind.
func inEveryWorldOf(t *testing.T, kind func(*rand.Rand) *world, worlds int, holds property) {
	t.Helper()
	if *rounds > 0 {
		worlds = *rounds
	} else if testing.Short() {
		worlds = max(worlds/20, 4)
	}
	for half := range 2 {
		t.Run(fmt.Sprintf("worlds %d of 2", half+1), func(t *testing.T) {
			t.Parallel()
			for i := half; i < worlds; i += 2 {
				seed := *firstSeed + uint64(i)
				try := func(w *world) (err error) {
					defer func() {
						if r := recover(); r != nil {
							err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
						}
					}()
					return holds(w, rand.New(rand.NewPCG(seed, 2)))
				}
				w := kind(rand.New(rand.NewPCG(seed, 6)))
				if err := try(w); err != nil {
					t.Fatalf("seed %d: %v (-seed %[1]d -rounds 1)\n\n%[3]v", seed, err, w)
				}
			}
		})
	}
}

// longHistory makes a world of one system with some hundred outages: at random, or one like the other; whole, partial, or
// of every impact; and with an end that is up, down or in between.
func longHistory(rng *rand.Rand) *world {
	b := &builder{rng: rng, instants: []time.Time{start, start.Add(24 * time.Hour), start.Add(100 * time.Hour)}}
	w := &world{objective: b.objective(), facts: facts{system: ownSystem}}
	w.objective.CheckID = ""
	regular, impact := chance(rng, 50), pick(rng, []float64{0, 0.1, 0.5, 0.999})
	at := start.Add(-24 * time.Hour)
	cycle := pick(rng, []time.Duration{time.Microsecond, time.Second, time.Minute, 10 * time.Minute, time.Hour})
	for range 100 + rng.IntN(200) {
		o := slo.Observation{SystemID: ownSystem, Health: slo.Unhealthy, Impact: impact}
		down, up := max(cycle/10, time.Microsecond), max(cycle-cycle/10, time.Microsecond)
		if !regular {
			o.Impact = pick(rng, []float64{impact, impact, 0.25, 1})
			down, up = micros(rng, 2*down), micros(rng, 2*up)
		}
		o.At = at
		w.observations = append(w.observations, o, slo.Up(ownSystem, at.Add(down)))
		at = at.Add(down + up)
	}
	if chance(rng, 66) {
		w.observations = append(w.observations, slo.Observation{
			SystemID: ownSystem, At: at, Health: slo.Unhealthy, Impact: pick(rng, []float64{0, 0.1, 0.1, 0.101, 0.5, 0.05}),
		})
	}
	return w
}

// micros draws a length up to some most, in whole microseconds.
func micros(rng *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(1+rng.Int64N(most.Microseconds())) * time.Microsecond
}
