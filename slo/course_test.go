package slo_test

import (
	"cmp"
	"iter"
	"math/big"
	"slices"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A course is how the oracle's figures move with time. Between two neighbouring breakpoints (an edge of a fact or of the
// terms, such an edge leaving a lookback, the edge of a period) everything that is looked at moves in a straight line, so
// that whether a comparison holds is found out at the ends of each line, and in between by solving one linear equation
// with rationals. Every line is looked at, one after the other; nothing is passed over.
type course struct {
	o    *oracle
	sums []int64 // sums[i] is what counts in [.., o.times[i]), in nanoseconds: 230 years of it fit
	eras []era
}

// era is the time in which the same terms hold.
type era struct {
	terms slo.Revision
	span  span
	since int64 // what lies before is hidden
	until int64 // microseconds
}

const never = int64(1) << 62

func newCourse(o *oracle) *course {
	c := &course{o: o, sums: make([]int64, len(o.times))}
	for i := 1; i < len(o.times); i++ {
		c.sums[i] = c.sums[i-1] + (o.times[i]-o.times[i-1])*int64(o.pieces[i-1].counted)
	}
	add := func(at time.Time, until int64) {
		terms := o.termsAt(at)
		c.eras = append(c.eras, era{terms, spanOf(terms.Window), o.hidden(at), until})
	}
	for _, r := range o.w.objective.Revisions {
		add(truncated(r.Until).Add(-time.Microsecond), r.Until.UnixMicro())
	}
	add(time.Date(2900, 1, 1, 0, 0, 0, 0, time.UTC), never)
	return c
}

func (c *course) eraAt(t int64) *era {
	i := slices.IndexFunc(c.eras, func(e era) bool { return t < e.until })
	return &c.eras[i]
}

// countedUntil returns what counts in [.., t), in nanoseconds.
func (c *course) countedUntil(t int64) int64 {
	i, _ := slices.BinarySearch(c.o.times, t) // times[i-1] < t <= times[i]
	if i == 0 {
		return 0
	}
	return c.sums[i-1] + (t-c.o.times[i-1])*int64(c.o.pieces[i-1].counted)
}

// weightAt returns what counts at t, in thousandths.
func (c *course) weightAt(t int64) int {
	i, exactly := slices.BinarySearch(c.o.times, t)
	if !exactly {
		i--
	}
	if i < 0 || t < c.eraAt(t).since {
		return 0
	}
	return c.o.pieces[i].counted
}

// view is what there is to see at one instant. Lengths are in nanoseconds.
type view struct {
	counted int64
	budget  *big.Rat
	elapsed int64
	weight  int // of what counts at the instant, in thousandths
}

// view looks back from t: over a lookback, or for 0 over the window of the era.
func (c *course) view(e *era, lookback time.Duration, t int64) view {
	var from, to, elapsed int64
	if lookback == 0 {
		lookback = e.span.rolling
	}
	if lookback > 0 {
		from, to, elapsed = t-lookback.Microseconds(), t, int64(lookback)
	} else {
		start, end := e.span.period(time.UnixMicro(t))
		from, to = start.UnixMicro(), end.UnixMicro()
		elapsed = (t - from) * 1000
	}
	v := view{budget: c.o.budget(time.UnixMicro(from), time.UnixMicro(to)), elapsed: elapsed, weight: c.weightAt(t)}
	if from = max(from, e.since); from < t {
		v.counted = c.countedUntil(t) - c.countedUntil(from)
	}
	return v
}

// test is a comparison of what is seen with a threshold. The margin is above zero where the figure is above the
// threshold; while counted and budget keep to a straight line and do not become zero, so does the margin.
type test struct {
	lookback   time.Duration // 0: the window
	margin     func(v view) *big.Rat
	comparison slo.Comparison
}

func (t test) holds(margin *big.Rat) bool {
	switch t.comparison {
	case slo.Below:
		return margin.Sign() < 0
	case slo.AtOrBelow:
		return margin.Sign() <= 0
	case slo.Above:
		return margin.Sign() > 0
	}
	return margin.Sign() >= 0
}

// stretch is a time, [from, to) in microseconds.
type stretch struct{ from, to int64 }

// condition holds where all tests of one of its lists do. It may depend on the terms.
type condition func(e *era) [][]test

// line is the time between two breakpoints, [from, to).
type line struct {
	e        *era
	from, to int64
}

// lines cuts [from, to) at every breakpoint that a condition may have.
func (c *course) lines(from, to int64, holds condition) iter.Seq[line] {
	return func(yield func(line) bool) {
		points := append(c.breakpoints(from, to, holds), to)
		for i, start := range points[:len(points)-1] {
			if !yield(line{c.eraAt(start), start, points[i+1]}) {
				return
			}
		}
	}
}

// breakpoints returns from and all breakpoints between from and to, in order.
func (c *course) breakpoints(from, to int64, holds condition) []int64 {
	list := []int64{from}
	var lookbacks []time.Duration
	for i := range c.eras {
		e := &c.eras[i]
		for _, all := range holds(e) {
			for _, t := range all {
				lookbacks = append(lookbacks, cmp.Or(t.lookback, e.span.rolling))
			}
		}
		if e.span.rolling == 0 {
			for t := from; t < min(e.until, to); {
				_, end := e.span.period(time.UnixMicro(t))
				t = end.UnixMicro()
				list = append(list, t)
			}
		}
	}
	for _, t := range c.o.times {
		list = append(list, t)
		for _, lookback := range lookbacks {
			list = append(list, t+lookback.Microseconds())
		}
	}
	slices.Sort(list)
	list = slices.DeleteFunc(list, func(t int64) bool { return t < from || t >= to })
	return slices.Compact(list)
}

// in returns the stretches of a line in which a condition holds; they may touch or overlap.
func (c *course) in(l line, holds condition) []stretch {
	var list []stretch
	for _, all := range holds(l.e) {
		// The breakpoint by itself: what counts, or the budget, may be nothing there and something right after.
		for _, part := range []stretch{{l.from, l.from + 1}, {l.from + 1, l.to}} {
			for _, t := range all {
				part = c.solve(l.e, t, part)
			}
			if part.from < part.to {
				list = append(list, part)
			}
		}
	}
	return list
}

// solve returns the part of a stretch, which lies in one line and not on its breakpoint, in which a test holds: all of
// it, nothing, or what lies on one side of the instant at which the margin is zero.
func (c *course) solve(e *era, t test, s stretch) stretch {
	if s.from >= s.to {
		return s
	}
	last := s.to - 1
	atFirst := t.margin(c.view(e, t.lookback, s.from))
	atLast := atFirst
	if last > s.from {
		atLast = t.margin(c.view(e, t.lookback, last))
	}
	switch begins, ends := t.holds(atFirst), t.holds(atLast); {
	case begins && ends:
		return s
	case !begins && !ends:
		return stretch{}
	case ends:
		zero := crossesZero(s.from, last, atFirst, atLast)
		if t.comparison == slo.Below || t.comparison == slo.Above {
			return stretch{floorOf(zero) + 1, s.to}
		}
		return stretch{-floorOf(zero.Neg(zero)), s.to}
	default:
		zero := crossesZero(s.from, last, atFirst, atLast)
		if t.comparison == slo.Below || t.comparison == slo.Above {
			return stretch{s.from, -floorOf(zero.Neg(zero))}
		}
		return stretch{s.from, floorOf(zero) + 1}
	}
}

// crossesZero returns where the straight line through (t, a) and (u, b) is zero.
func crossesZero(t, u int64, a, b *big.Rat) *big.Rat {
	share := new(big.Rat).Quo(a, new(big.Rat).Sub(a, b))
	return share.Add(share.Mul(share, big.NewRat(u-t, 1)), big.NewRat(t, 1))
}

func floorOf(r *big.Rat) int64 { return int64(floor(r)) }

// first returns the first instant in [from, to) at which a condition holds, never if there is none.
func (c *course) first(from, to int64, holds condition) int64 {
	for l := range c.lines(from, to, holds) {
		found := never
		for _, s := range c.in(l, holds) {
			found = min(found, s.from)
		}
		if found < never {
			return found
		}
	}
	return never
}

// throughout returns the stretches of [from, to) in which a condition holds, joined where they touch.
func (c *course) throughout(from, to int64, holds condition) []stretch {
	var list []stretch
	for l := range c.lines(from, to, holds) {
		list = append(list, c.in(l, holds)...)
	}
	slices.SortFunc(list, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	var joined []stretch
	for _, s := range list {
		if n := len(joined); n > 0 && s.from <= joined[n-1].to {
			joined[n-1].to = max(joined[n-1].to, s.to)
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}

// horizon returns an instant after which nothing comes that has not come before: what is known has left every lookback,
// and periods of every length have been.
func (c *course) horizon(from int64, lookback time.Duration) int64 {
	last := from
	if n := len(c.o.times); n > 0 {
		last = max(last, c.o.times[n-1])
	}
	unit := c.eras[len(c.eras)-1].span.unit
	after := map[string]time.Duration{"day": 400 * 24 * time.Hour, "week": 400 * 24 * time.Hour}[unit]
	if unit != "" {
		after = cmp.Or(after, 13*366*24*time.Hour) // leap years are up to eight years apart
	}
	for _, e := range c.eras {
		after = max(after, e.span.rolling)
	}
	return last + (max(after, lookback) + 24*time.Hour).Microseconds()
}

// always is the condition that all of some tests hold, whatever the terms.
func always(tests ...test) condition { return func(*era) [][]test { return [][]test{tests} } }

// something is the test whether anything counts in a lookback, nothing its opposite.
func something(lookback time.Duration) test {
	return test{lookback, func(v view) *big.Rat { return big.NewRat(v.counted, 1) }, slo.Above}
}

func nothing(lookback time.Duration) test {
	t := something(lookback)
	t.comparison = slo.AtOrBelow
	return t
}

// weight is the margin of what counts at the instant itself over nothing.
func weight(v view) *big.Rat { return big.NewRat(int64(v.weight), 1) }

// figure is a test of one of the metrics that Status shows.
func figure(c slo.Crossing) test {
	value, hundred, zero := exact(c.Value), big.NewRat(100, 1), new(big.Rat)
	less := func(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
	// ofWhole is the sign of part/whole in percent - value, or of instead - value where the whole is nothing.
	ofWhole := func(part, whole, percent, instead *big.Rat) *big.Rat {
		if whole.Sign() == 0 {
			return less(instead, value)
		}
		return less(part.Mul(part, percent), new(big.Rat).Mul(value, whole))
	}
	t := test{comparison: c.Comparison}
	switch c.Metric {
	case slo.MetricRemainingPercent:
		t.margin = func(v view) *big.Rat {
			instead := hundred
			if v.counted > 0 {
				instead = zero
			}
			return ofWhole(less(v.budget, big.NewRat(v.counted, 1)), v.budget, hundred, instead)
		}
	case slo.MetricConsumedPercent:
		t.margin = func(v view) *big.Rat {
			instead := zero
			if v.counted > 0 {
				instead = hundred
			}
			return ofWhole(big.NewRat(v.counted, 1), v.budget, hundred, instead)
		}
	case slo.MetricRemaining:
		t.margin = func(v view) *big.Rat {
			return less(less(v.budget, big.NewRat(v.counted, 1)), big.NewRat(int64(c.Duration), 1))
		}
	case slo.MetricAvailability:
		t.margin = func(v view) *big.Rat {
			return ofWhole(big.NewRat(v.elapsed-v.counted, 1), big.NewRat(v.elapsed, 1), hundred, hundred)
		}
	case slo.MetricBurnRate:
		t.lookback = cmp.Or(c.Lookback, time.Hour)
		t.margin = func(v view) *big.Rat { return ofWhole(big.NewRat(v.counted, 1), v.budget, big.NewRat(1, 1), zero) }
	}
	return t
}

// burning is the test whether a lookback burns the budget at a factor or faster.
func burning(lookback time.Duration, factor *big.Rat) test {
	return test{lookback, func(v view) *big.Rat {
		return new(big.Rat).Sub(big.NewRat(v.counted, 1), new(big.Rat).Mul(factor, v.budget))
	}, slo.AtOrAbove}
}

// fires lists the tests that all hold while a rule fires.
func fires(long, short time.Duration, factor *big.Rat) []test {
	return []test{something(long), burning(long, factor), something(short), burning(short, factor)}
}

// factorOf returns the burn rate at which a rule fires under a window.
func factorOf(r slo.BurnRule, window span) *big.Rat {
	if r.Factor != 0 {
		return exact(r.Factor)
	}
	f := new(big.Rat).Quo(exact(r.Share), big.NewRat(100, 1))
	return f.Mul(f, big.NewRat(int64(window.nominal), int64(r.Long)))
}

// crossing is the condition that a Crossing asks for.
func crossing(c slo.Crossing) condition {
	if c.Metric != slo.MetricFiring {
		return always(figure(c))
	}
	return func(e *era) [][]test {
		tests := fires(c.Rule.Long, c.Rule.Short, factorOf(c.Rule, e.span))
		if c.Comparison == slo.AtOrAbove {
			return [][]test{tests}
		}
		var quiet [][]test
		for _, t := range tests {
			opposite := map[slo.Comparison]slo.Comparison{slo.Above: slo.AtOrBelow, slo.AtOrAbove: slo.Below}
			t.comparison = opposite[t.comparison]
			quiet = append(quiet, []test{t})
		}
		return quiet
	}
}
