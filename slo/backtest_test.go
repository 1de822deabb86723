package slo_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The full number of worlds is 20 times as many, as in the other tests here.
func TestBacktestEqualsJudgingThePolicyAtEveryBreakpoint(t *testing.T) {
	inEveryWorld(t, 400, worldOptions{}, func(w *world, rng *rand.Rand) error { return checkBacktests(w, rng, 2) })
}

func TestBacktestOfFewFacts(t *testing.T) {
	inEveryWorld(t, 250, worldOptions{facts: 5, noUpstreams: true}, func(w *world, rng *rand.Rand) error {
		return checkBacktests(w, rng, 3)
	})
}

func TestBacktestOfLongHistories(t *testing.T) {
	inEveryWorldOf(t, longHistory, 30, func(w *world, rng *rand.Rand) error { return checkBacktests(w, rng, 1) })
}

func checkBacktests(w *world, rng *rand.Rand, n int) error {
	tl, err := w.build()
	if err != nil {
		return err
	}
	c := newCourse(newOracle(w))
	ask := newAsker(rng, c)
	for range n {
		from, to := asked(ask.instant()), asked(ask.instant())
		if chance(rng, 50) {
			from, to = start.Add(-24*time.Hour), start.Add(20*24*time.Hour)
		}
		if n := len(w.objective.Revisions); n > 0 && chance(rng, 30) {
			to = w.objective.Revisions[rng.IntN(n)].Until
		}
		if to.Before(from) {
			from, to = to, from
		}
		if !from.Before(to) {
			continue
		}
		to = minTime(to, from.AddDate(1, 0, 0))
		got, err := tl.Backtest(from.Add(time.Duration(rng.IntN(1000))), to)
		if err != nil {
			return err
		}
		if err := compareBacktest(got, c.backtest(from.UnixMicro(), to.UnixMicro())); err != nil {
			return fmt.Errorf("from %s to %s: %w", show(from), show(to), err)
		}
		if err := c.checkIntervals(got.Intervals, from, to); err != nil {
			return fmt.Errorf("from %s to %s: %w", show(from), show(to), err)
		}
	}
	return nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// backtest is what Timeline.Backtest answers. It goes through the rules one by one, finds out when each fires, what it
// should have fired on, and holds one against the other, each with each.
func (c *course) backtest(from, to int64) slo.Backtest {
	b := slo.Backtest{Quality: map[slo.Severity]slo.AlertQuality{}}
	counts := map[slo.Severity]*alertCounts{}
	for _, kind := range c.kinds(from, to) {
		firings := c.throughout(from, to, c.firesAs(kind))
		for _, s := range firings {
			b.Intervals = append(b.Intervals, slo.FiringInterval{
				Severity: kind.Severity, Long: kind.Long, Short: kind.Short, Start: instantOr(s.from), End: instantOr(s.to),
			})
		}
		if counts[kind.Severity] == nil {
			counts[kind.Severity] = &alertCounts{detection: new(big.Rat), reset: new(big.Rat)}
		}
		counts[kind.Severity].add(c.significant(kind, c.events(kind, from, to)), firings)
	}
	for severity, n := range counts {
		b.Quality[severity] = n.quality()
	}
	return b
}

// kinds returns what rules there are in [from, to), whatever their factors.
func (c *course) kinds(from, to int64) []slo.Firing {
	var list []slo.Firing
	since := int64(-never)
	for _, e := range c.eras {
		if since < to && e.until > from {
			for _, r := range c.rulesOf(&e) {
				list = append(list, r.Firing)
			}
		}
		since = e.until
	}
	slices.SortFunc(list, compareFiring)
	return slices.Compact(list)
}

func compareFiring(a, b slo.Firing) int {
	return cmp.Or(cmp.Compare(a.Long, b.Long), cmp.Compare(a.Short, b.Short), cmp.Compare(a.Severity, b.Severity))
}

func (c *course) rulesOf(e *era) []oracleRule { return c.o.rules(time.UnixMicro(e.until - 1)) }

// firesAs is the condition that one of the rules of a kind, of those in force, fires.
func (c *course) firesAs(kind slo.Firing) condition {
	return func(e *era) [][]test {
		var any [][]test
		for _, r := range c.rulesOf(e) {
			if r.Firing == kind {
				any = append(any, fires(r.Long, r.Short, r.factor))
			}
		}
		return any
	}
}

// event is a stretch of counted downtime, joined over gaps shorter than the rule's short window.
type event struct {
	stretch
	consumed *big.Int // nanoseconds
}

func (c *course) events(kind slo.Firing, from, to int64) []event {
	var list []event
	from = max(from, c.eraAt(to-1).since)
	cuts := append(slices.Clone(c.o.times), from, to)
	slices.Sort(cuts)
	for i, start := range cuts {
		if i+1 == len(cuts) || start < from || start >= to {
			continue
		}
		s := stretch{start, cuts[i+1]}
		consumed := c.o.add(s.from, s.to, counted)
		if consumed.Sign() == 0 {
			continue
		}
		n := len(list)
		if n > 0 && s.from-list[n-1].to < kind.Short.Microseconds() {
			list[n-1].to = s.to
			list[n-1].consumed.Add(list[n-1].consumed, consumed)
		} else {
			list = append(list, event{s, consumed})
		}
	}
	return list
}

// significant returns the events that alone consume the share of the budget that a rule in force at their start fires at:
// factor x (1 - target) x long.
func (c *course) significant(kind slo.Firing, events []event) []stretch {
	var list []stretch
	for _, ev := range events {
		e := c.eraAt(ev.from)
		bad := new(big.Rat).Sub(big.NewRat(100, 1), exact(e.terms.Target))
		for _, r := range c.rulesOf(e) {
			share := new(big.Rat).Mul(r.factor, new(big.Rat).Mul(bad, big.NewRat(int64(r.Long), 100)))
			if r.Firing == kind && new(big.Rat).SetInt(ev.consumed).Cmp(share) >= 0 {
				list = append(list, ev.stretch)
				break
			}
		}
	}
	return list
}

func (s stretch) overlaps(o stretch) bool { return s.from < o.to && o.from < s.to }

type alertCounts struct {
	firings, right, events, detected int
	detection, reset                 *big.Rat // sums, in nanoseconds
}

func (n *alertCounts) add(events, firings []stretch) {
	n.firings += len(firings)
	n.events += len(events)
	for _, f := range firings {
		if slices.ContainsFunc(events, f.overlaps) {
			n.right++
		}
	}
	for _, e := range events {
		if i := slices.IndexFunc(firings, e.overlaps); i >= 0 { // by time: the first
			n.detected++
			n.detection.Add(n.detection, big.NewRat(1000*(firings[i].from-e.from), 1))
			n.reset.Add(n.reset, big.NewRat(1000*(firings[i].to-e.to), 1))
		}
	}
}

func (n *alertCounts) quality() slo.AlertQuality {
	var q slo.AlertQuality
	ratio := func(part, of int) *float64 {
		if of == 0 {
			return nil
		}
		f, _ := big.NewRat(int64(part), int64(of)).Float64()
		return &f
	}
	mean := func(sum *big.Rat) *time.Duration {
		if n.detected == 0 {
			return nil
		}
		m := new(big.Rat).Quo(sum, big.NewRat(int64(n.detected), 1))
		return new(time.Duration(new(big.Int).Quo(m.Num(), m.Denom()).Int64())) // toward zero
	}
	q.Precision, q.Recall = ratio(n.right, n.firings), ratio(n.detected, n.events)
	q.Detection, q.Reset = mean(n.detection), mean(n.reset)
	return q
}

func compareBacktest(got, want slo.Backtest) error {
	if !slices.IsSortedFunc(got.Intervals, func(a, b slo.FiringInterval) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Long, b.Long))
	}) {
		return fmt.Errorf("intervals are not by start, then by long window: %v", got.Intervals)
	}
	whole := func(a, b slo.FiringInterval) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Long, b.Long), cmp.Compare(a.Short, b.Short), cmp.Compare(a.Severity, b.Severity))
	}
	g, w := slices.SortedFunc(slices.Values(got.Intervals), whole), slices.SortedFunc(slices.Values(want.Intervals), whole)
	if !slices.Equal(g, w) {
		return fmt.Errorf("intervals are\n%v, want\n%v", g, w)
	}
	if len(got.Quality) != len(want.Quality) {
		return fmt.Errorf("quality of %d severities, want %d", len(got.Quality), len(want.Quality))
	}
	for severity, q := range want.Quality {
		if g, ok := got.Quality[severity]; !ok || !sameQuality(g, q) {
			return fmt.Errorf("quality of %s is %s, want %s", severity, showQuality(g), showQuality(q))
		}
	}
	return nil
}

func sameQuality(a, b slo.AlertQuality) bool {
	return same(a.Precision, b.Precision) && same(a.Recall, b.Recall) && same(a.Detection, b.Detection) && same(a.Reset, b.Reset)
}

func same[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func showQuality(q slo.AlertQuality) string {
	return fmt.Sprint("precision ", showPtr(q.Precision), ", recall ", showPtr(q.Recall), ", detection ", showPtr(q.Detection), ", reset ", showPtr(q.Reset))
}

func showPtr[T any](p *T) any {
	if p == nil {
		return "-"
	}
	return *p
}

// checkIntervals holds the edges of each interval against the plain oracle.
func (c *course) checkIntervals(intervals []slo.FiringInterval, from, to time.Time) error {
	for _, i := range intervals {
		kind := slo.Firing{Severity: i.Severity, Long: i.Long, Short: i.Short}
		fires := func(at time.Time) bool { return slices.Contains(c.o.status(at).firing, kind) }
		if i.Start.Before(from) || !i.Start.Before(i.End) || i.End.After(to) || !fires(i.Start) || !fires(i.End.Add(-time.Microsecond)) ||
			i.Start.After(from) && fires(i.Start.Add(-time.Microsecond)) || i.End.Before(to) && fires(i.End) {
			return fmt.Errorf("interval %v", i)
		}
	}
	return nil
}

func TestBacktestRefuses(t *testing.T) {
	tl := monthly().timeline(t)
	for _, test := range []struct {
		name     string
		from, to time.Time
	}{
		{"an end that is the start", now, now},
		{"an end before the start", now, now.Add(-time.Microsecond)},
		{"an end in the start's microsecond", now, now.Add(999 * time.Nanosecond)},
		{"a start before 1970", firstInstant.Add(-1), now},
		{"an end after 2200", now, lastInstant.Add(time.Microsecond)},
		{"no start", time.Time{}, now},
		{"no end", now, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, err := tl.Backtest(test.from, test.to)
			if !errors.Is(err, slo.ErrInvalid) || b.Intervals != nil || b.Quality != nil {
				t.Errorf("backtest %+v, error %v, want ErrInvalid", b, err)
			}
		})
	}
}
