package slo_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The full number of worlds is 20 times as many.
func TestNextChangeIsTheFirstInstantThatStandsOtherwise(t *testing.T) {
	inEveryWorld(t, 60, worldOptions{}, func(w *world, rng *rand.Rand) error { return checkChanges(w, rng, 3) })
}

func TestNextChangeOfFewFacts(t *testing.T) {
	inEveryWorld(t, 60, worldOptions{facts: 4, noUpstreams: true}, func(w *world, rng *rand.Rand) error {
		return checkChanges(w, rng, 3)
	})
}

func TestNextChangeOfLongHistories(t *testing.T) {
	inEveryWorldOf(t, longHistory, 24, func(w *world, rng *rand.Rand) error { return checkChanges(w, rng, 3) })
}

func checkChanges(w *world, rng *rand.Rand, n int) error {
	tl, err := w.build()
	if err != nil {
		return err
	}
	c := newCourse(newOracle(w))
	ask := newAsker(rng, c)
	for range n {
		if err := checkChange(tl, c, rng, ask.instant()); err != nil {
			return err
		}
	}
	return nil
}

func checkChange(tl *slo.Timeline, c *course, rng *rand.Rand, at time.Time) error {
	got := tl.NextChange(at)
	if want := instantOr(c.nextChange(asked(at).UnixMicro(), got)); got != want {
		return fmt.Errorf("from %s: it changes at %s, want %s", show(at), show(got), show(want))
	}
	return staysUntil(tl, rng, asked(at), got)
}

// staysUntil holds an answer against what Status says on the way there, wherever something happens and at random.
func staysUntil(tl *slo.Timeline, rng *rand.Rand, from, change time.Time) error {
	before, end := stands(tl.Status(from)), change
	if change.IsZero() || change.After(lastInstant) {
		end = lastInstant
	} else if stands(tl.Status(change)) == before {
		return fmt.Errorf("from %s: %s at %s as before", show(from), before, show(change))
	}
	for d := time.Microsecond; d < end.Sub(from) && d > 0; d *= 2 {
		between := from.Add(time.Duration(rng.Int64N(int64(d))))
		for _, at := range []time.Time{end.Add(-d), end.Add(from.Sub(between)), between} {
			if at.After(from) && at.Before(end) && stands(tl.Status(at)) != before {
				return fmt.Errorf("from %s: %s, but %s at %s, before %s", show(from), before, stands(tl.Status(at)), show(at), show(change))
			}
		}
	}
	return nil
}

// stands says in words what NextChange watches.
func stands(s slo.Status) string {
	var firing []string
	for _, f := range s.Firing {
		firing = append(firing, string(f.Severity))
	}
	slices.Sort(firing)
	return fmt.Sprintf("down %v, breaching %v, exhausted %v, level %v, firing %v", s.Down, s.Breaching, s.Exhausted, s.Level, slices.Compact(firing))
}

// nextChange asks the course when each of the conditions holds that a standing is made of, and goes through the ends of
// all these times: up to an instant that is said to be the first, or where none is, through all that may come.
func (c *course) nextChange(from int64, said time.Time) int64 {
	conditions := []condition{
		always(test{0, weight, slo.Above}),
		always(figure(slo.Crossing{Metric: slo.MetricRemaining, Comparison: slo.Below})),
		always(something(0), figure(slo.Crossing{Metric: slo.MetricRemainingPercent, Comparison: slo.AtOrBelow})),
		c.level(slo.LevelCritical),
		c.level(slo.LevelWarning),
	}
	lookback := time.Hour
	for _, severity := range severitiesOf(c) {
		conditions = append(conditions, c.anyFires(severity))
	}
	for i := range c.eras {
		for _, r := range c.rulesOf(&c.eras[i]) {
			lookback = max(lookback, r.Long)
		}
	}
	to := c.horizon(from, lookback)
	if !said.IsZero() {
		to = said.UnixMicro() + 1
	}
	holds := make([][]stretch, len(conditions))
	ends := []int64{}
	for i, condition := range conditions {
		holds[i] = c.throughout(from, to, condition)
		for _, s := range holds[i] {
			ends = append(ends, s.from, s.to)
		}
	}
	slices.Sort(ends)
	standing := func(at int64) (v [16]bool) {
		for i := range conditions {
			v[i] = slices.ContainsFunc(holds[i], func(s stretch) bool { return s.from <= at && at < s.to })
		}
		v[4] = v[4] && !v[3] // critical is no warning
		return v
	}
	before := standing(from)
	for _, at := range ends {
		if at > from && at < to && standing(at) != before {
			return at
		}
	}
	return never
}

func severitiesOf(c *course) []slo.Severity {
	var list []slo.Severity
	for i := range c.eras {
		for _, r := range c.rulesOf(&c.eras[i]) {
			list = append(list, r.Severity)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (c *course) anyFires(severity slo.Severity) condition {
	return func(e *era) [][]test {
		var list [][]test
		for _, r := range c.rulesOf(e) {
			if r.Severity == severity {
				list = append(list, fires(r.Long, r.Short, r.factor))
			}
		}
		return list
	}
}

// level is the condition that a threshold of the level is reached.
func (c *course) level(level slo.Level) condition {
	return func(e *era) [][]test {
		consumed := slo.Crossing{Metric: slo.MetricConsumedPercent, Comparison: slo.AtOrAbove, Value: cmp.Or(e.terms.Thresholds.Warning, 50)}
		if level == slo.LevelWarning {
			return [][]test{{figure(consumed)}}
		}
		consumed.Value = cmp.Or(e.terms.Thresholds.Critical, 80)
		fast := slo.Crossing{Metric: slo.MetricBurnRate, Comparison: slo.AtOrAbove, Value: cmp.Or(e.terms.Thresholds.FastBurn, 5)}
		return [][]test{{figure(consumed)}, {figure(fast)}}
	}
}

func TestNextChange(t *testing.T) {
	minute := func(n float64) time.Time { return now.Add(time.Duration(n * float64(time.Minute))) }
	terms := func(window time.Duration, target float64, policy slo.AlertPolicy, outages ...slo.Outage) *world {
		w := monthly()
		w.objective.Window, w.objective.Target, w.objective.Policy = slo.Rolling(window), target, policy
		w.say(outages...)
		return w
	}
	page := func(long, short time.Duration) slo.BurnRule {
		return slo.BurnRule{Severity: slo.Page, Long: long, Short: short, Factor: 1}
	}

	// The target is raised at now: as the window moves on, 20 minutes become more of the budget that is left in it.
	raised := terms(24*time.Hour, 99.9, slo.NoAlerts(), out(minute(-60), minute(-40)))
	before := raised.objective.Revision(now)
	before.Target = 90
	raised.objective.Revisions = []slo.Revision{before}

	// Critical by what is consumed until the first outage leaves the window, and by the last hour until the second leaves it.
	twice := terms(2*time.Hour, 90, slo.NoAlerts(), out(minute(0), minute(4)), out(minute(70), minute(76.5)))
	twice.objective.Thresholds = slo.Thresholds{FastBurn: 1}

	// The rule of an hour goes on paging where that of two hours stops, and the other way round.
	handed := terms(4*time.Hour, 90, slo.AlertPolicy{Rules: []slo.BurnRule{page(time.Hour, 10*time.Minute), page(2*time.Hour, 30*time.Minute)}},
		out(minute(0), minute(12)))
	handed.objective.Thresholds = slo.Thresholds{Warning: 100, Critical: 100, FastBurn: 100}

	maintained := terms(24*time.Hour, 99, slo.NoAlerts(), out(minute(0), time.Time{}))
	maintained.objective.ExcludeMaintenance = true
	maintained.maintenance = []slo.Maintenance{{ID: "m", SystemID: ownSystem, Start: minute(5), End: minute(60)}}

	monthEnd := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	calendar := terms(time.Hour, 99.9, slo.NoAlerts(), out(minute(0), minute(600)))
	calendar.objective.Window = slo.Calendar(slo.Month, nil)

	for _, test := range []struct {
		name  string
		world *world
		at    time.Time
		want  time.Time
	}{
		{"nothing is known", monthly(), now, time.Time{}},
		{"an outage that is known to begin", terms(24*time.Hour, 99.9, slo.NoAlerts(), out(minute(5), minute(6))), now, minute(5)},
		{"the instant itself is not looked at", terms(24*time.Hour, 99.9, slo.NoAlerts(), out(now, minute(1))), now, now.Add(18 * time.Second)},
		{"a budget that shrinks while nothing is down", raised, minute(120), now.Add(63_030_303_031 * time.Microsecond)}, // 104 m / 0.099
		{"one reason to be critical after the other", twice, minute(100), minute(130.5).Add(time.Microsecond)},
		{"one rule of a severity after the other", handed, minute(12), minute(39).Add(time.Microsecond)},
		{"maintenance that begins", maintained, minute(4), minute(5)},
		{"maintenance that ends", maintained, minute(6), minute(60)},
		{"the end of the period", calendar, minute(700), monthEnd},
		{"never, of what is over for good", calendar, monthEnd, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tl := test.world.timeline(t)
			if got := tl.NextChange(test.at); got != test.want {
				t.Errorf("at %s, want %s", show(got), show(test.want))
			}
			if err := checkChange(tl, newCourse(newOracle(test.world)), rand.New(rand.NewPCG(1, 2)), test.at); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAskingForTheNextChangeAllocatesNothing(t *testing.T) {
	feed := feedOf(ownSystem, outageTimes(100, 365*day))
	tl, err := monthly().objective.Timeline(mustHistory(t, ownSystem, feed[:len(feed)-1]), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := feed[len(feed)-2].At
	if n := testing.AllocsPerRun(10, func() { tl.NextChange(at); tl.NextChange(at.AddDate(0, 0, -40)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
