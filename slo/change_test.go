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
	inEveryWorld(t, 100, worldOptions{facts: 4, noUpstreams: true}, func(w *world, rng *rand.Rand) error {
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
		at := ask.instant()
		got := tl.NextChange(at)
		if want := instantOr(c.nextChange(asked(at).UnixMicro(), got)); got != want {
			return fmt.Errorf("from %s: it changes at %s, want %s", show(at), show(got), show(want))
		}
		if err := staysUntil(tl, rng, asked(at), got); err != nil {
			return err
		}
	}
	return nil
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
