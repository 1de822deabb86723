package slo

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Metric is a figure that time moves, for [Timeline.NextCrossing] to watch.
type Metric uint8

const (
	MetricRemainingPercent Metric = iota // Budget.RemainingPercent, compared with Value
	MetricRemaining                      // Budget.Remaining, before it is rounded down, compared with Duration
	MetricConsumedPercent                // Budget.ConsumedPercent, compared with Value
	MetricAvailability                   // Availability, compared with Value
	MetricBurnRate                       // the burn rate over Lookback, compared with Value
	MetricFiring                         // whether Rule fires: AtOrAbove that it does, Below that it does not
)

var metrics = enum{"metric", []string{
	MetricRemainingPercent: "remaining percent", MetricRemaining: "remaining", MetricConsumedPercent: "consumed percent",
	MetricAvailability: "availability", MetricBurnRate: "burn rate", MetricFiring: "firing",
}}

// String returns the metric in words, such as "burn rate", and "invalid" for a value that is none of the constants.
func (m Metric) String() string { return metrics.name(uint8(m)) }

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is none of the constants is
// ErrInvalid.
func (m Metric) MarshalText() ([]byte, error) { return metrics.marshal(uint8(m)) }

// UnmarshalText implements [encoding.TextUnmarshaler] for the texts of String; any other is ErrInvalid and leaves m as it
// was.
func (m *Metric) UnmarshalText(text []byte) error { return unmarshalEnum(metrics, m, text) }

// Comparison is how a metric is held against a threshold, exactly: what a figure shows is rounded toward the side that it
// is on, so that comparing the shown float with the threshold answers the same.
type Comparison uint8

const (
	Below Comparison = iota
	AtOrBelow
	Above
	AtOrAbove
)

var comparisons = enum{"comparison", []string{Below: "below", AtOrBelow: "at or below", Above: "above", AtOrAbove: "at or above"}}

// String returns the comparison in words, such as "at or above", and "invalid" for a value that is none of the constants.
func (c Comparison) String() string { return comparisons.name(uint8(c)) }

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is none of the constants is
// ErrInvalid.
func (c Comparison) MarshalText() ([]byte, error) { return comparisons.marshal(uint8(c)) }

// UnmarshalText implements [encoding.TextUnmarshaler] for the texts of String; any other is ErrInvalid and leaves c as it
// was.
func (c *Comparison) UnmarshalText(text []byte) error { return unmarshalEnum(comparisons, c, text) }

// holds reports whether the comparison holds for a figure that is less than (-1), equal to or greater than a threshold.
func (c Comparison) holds(order int) bool {
	switch c {
	case Below:
		return order < 0
	case AtOrBelow:
		return order <= 0
	case Above:
		return order > 0
	}
	return order >= 0
}

// Crossing is a comparison that may come true as time goes by. The zero value asks for RemainingPercent below 0.
type Crossing struct {
	Metric     Metric
	Comparison Comparison

	// Value is the threshold of a percentage, from -1,000,000 to 1,000,000, or of a burn rate, from 0 to 100,000,000; at
	// most six decimals. It and the fields below are zero where the metric does not use them.
	Value    float64
	Duration time.Duration // the threshold of MetricRemaining
	Lookback time.Duration // of MetricBurnRate; as for [Timeline.BurnRate], 0 means an hour
	Rule     BurnRule      // of MetricFiring; one that the objective's Policy could hold
}

const maxPercent = 1_000_000

// NextCrossing returns the first microsecond, at or after at, at which the comparison holds for the figure that
// [Timeline.Status] would then show, if what is down stays down and nothing begins that is not known: recorded facts,
// the ends of maintenance windows and periods, and terms to come are known. What holds at at answers at. The zero time
// says never.
//
// It is solved, not sampled, without allocating: it goes from one edge of what is known after at to the next, in a time
// that grows with the logarithm of what lies behind; only under a partial outage may that be the number of rows of sums.
//
// A crossing outside its bounds is ErrInvalid; a rule is held against the terms in force at at, and under terms to come
// its Share is of their budget. at is read as by Status.
func (tl *Timeline) NextCrossing(at time.Time, c Crossing) (time.Time, error) {
	from := clamp(at)
	if err := c.check(tl.termsAt(from)); err != nil {
		return time.Time{}, tl.about(err)
	}
	return instant(tl.nextCrossing(from, forever, &c)), nil
}

func (c *Crossing) check(t *terms) error {
	if err := metrics.check("", uint8(c.Metric)); err != nil {
		return err
	}
	if err := comparisons.check("", uint8(c.Comparison)); err != nil {
		return err
	}
	if err := c.checkUnused(); err != nil {
		return err
	}
	switch {
	case c.Metric == MetricRemaining:
		return nil
	case c.Metric == MetricFiring:
		if c.Comparison != AtOrAbove && c.Comparison != Below {
			return invalid("", "comparison", c.Comparison.String(), "at or above, or below: a rule fires or does not")
		}
		return c.Rule.check(t.window, t.bad)
	case c.Metric == MetricBurnRate && c.Lookback != 0:
		if err := checkLength("", "lookback", c.Lookback); err != nil {
			return err
		}
	}
	least, most := -float64(maxPercent), float64(maxPercent)
	if c.Metric == MetricBurnRate {
		least, most = 0, maxFactor
	}
	if _, ok := decimal(c.Value, perUnit); !ok || c.Value < least || c.Value > most {
		return invalid("", "value", c.Value, fmt.Sprintf("%.0f to %.0f, with at most six decimals", least, most))
	}
	return nil
}

// checkUnused finds a threshold that the metric would not look at.
func (c *Crossing) checkUnused() error {
	switch {
	case c.Value != 0 && (c.Metric == MetricRemaining || c.Metric == MetricFiring):
		return c.unused("value", c.Value)
	case c.Duration != 0 && c.Metric != MetricRemaining:
		return c.unused("duration", c.Duration)
	case c.Lookback != 0 && c.Metric != MetricBurnRate:
		return c.unused("lookback", c.Lookback)
	case c.Rule != BurnRule{} && c.Metric != MetricFiring:
		return c.unused("rule", fmt.Sprintf("%+v", c.Rule))
	}
	return nil
}

func (c *Crossing) unused(field string, value any) error {
	return invalid("", field, value, "0, since the metric is "+c.Metric.String())
}

// nextCrossing looks through [from, to), under the terms of each part.
func (tl *Timeline) nextCrossing(from, to int64, c *Crossing) int64 {
	for i := range tl.terms {
		t := &tl.terms[i]
		if t.until <= from {
			continue
		}
		until := min(t.until, to)
		if found := tl.crossingUnder(t, from, until, c); found < until {
			return found
		}
		if until == to {
			break
		}
		from = until
	}
	return forever
}

func (tl *Timeline) crossingUnder(t *terms, from, to int64, c *Crossing) int64 {
	switch {
	case c.Metric == MetricFiring:
		r := compileRule(c.Rule, t.window)
		if c.Comparison == Below {
			return tl.firstQuiet(t, &r, from, to)
		}
		return tl.firstFiring(t, &r, from, to)
	case c.Metric == MetricBurnRate:
		lookback := hour
		if c.Lookback != 0 {
			lookback = c.Lookback.Microseconds()
		}
		s := tl.rolling(t, newThreshold(c), lookback)
		return s.first(from, to)
	}
	return tl.windowCrossing(t, newThreshold(c), from, to)
}

// windowCrossing looks at what the terms' own window holds.
func (tl *Timeline) windowCrossing(t *terms, th threshold, from, to int64) int64 {
	if t.window.rolling() {
		s := tl.rolling(t, th, t.window.nominal())
		return s.first(from, to)
	}
	return tl.calendarCrossing(t, th, from, to)
}

// firstFiring goes from the first instant of one window to the first of the other from there, until both agree.
func (tl *Timeline) firstFiring(t *terms, r *rule, from, to int64) int64 {
	long, short := tl.rolling(t, firingThreshold(r, true), r.long), tl.rolling(t, firingThreshold(r, true), r.short)
	for from < to {
		from = long.first(from, to)
		if from >= to {
			break
		}
		found := short.first(from, to)
		if found == from {
			return found
		}
		from = found
	}
	return forever
}

func (tl *Timeline) firstQuiet(t *terms, r *rule, from, to int64) int64 {
	long, short := tl.rolling(t, firingThreshold(r, false), r.long), tl.rolling(t, firingThreshold(r, false), r.short)
	found := short.first(from, to)
	return min(found, long.first(from, min(to, found)))
}

// calendarCrossing looks through one period after the other, but for those in which nothing can come out that did not in
// another.
func (tl *Timeline) calendarCrossing(t *terms, th threshold, from, to int64) int64 {
	var alike alikePeriods
	for from < to {
		start, end := t.window.period(from)
		edge := tl.nextEdge(start)
		uniform := from == start && edge >= end // all of it like its beginning
		if !uniform || !alike.tried(end-start) {
			s := tl.period(t, th, start, end)
			if found := s.first(from, min(end, to)); found < min(end, to) {
				return found
			}
		}
		switch {
		case !uniform || edge == end: // the next is another
			alike = alikePeriods{}
		case alike.done(&th, t.window, start, tl.countsAt(start)):
			end, alike = t.window.lastBefore(edge, end), alikePeriods{}
		default:
			alike.add(start, end)
			end = t.window.lastBefore(min(edge, t.window.nextOther(start, end)), end)
		}
		from = end
	}
	return forever
}

// alikePeriods remembers the lengths of periods in a row that differ in nothing else.
type alikePeriods struct {
	first   int64 // the start of the first
	n       int
	lengths [8]int64
	nothing int // how many in a row brought no new length
}

func (a *alikePeriods) tried(length int64) bool {
	return slices.Contains(a.lengths[:min(a.n, len(a.lengths))], length)
}

func (a *alikePeriods) add(start, end int64) {
	if a.n == 0 {
		a.first = start
	}
	if a.nothing++; !a.tried(end - start) {
		a.lengths[a.n%len(a.lengths)] = end - start
		a.n++
		a.nothing = 0
	}
}

// done reports whether a period that was tried stands for all that are alike: where nothing counts, all but a length
// of time comes out the same, and else when periods of every length have come by. Of days and weeks, which are looked
// at where the clocks change, that is when several changes have brought nothing new; of months and longer when leap
// years and the month of Ramadan, by which Morocco sets its clocks, have come round, within 34 years.
func (a *alikePeriods) done(th *threshold, w Window, start, weight int64) bool {
	const (
		changes = 12
		round   = 34 * 366 * microsDay
	)
	switch {
	case weight == 0 && th.offset == 0:
		return true
	case w.unit <= Week:
		return a.nothing > changes
	}
	return a.n > 0 && start-a.first > round
}

// nextOther returns an instant before which all periods that follow [start, end) are as long: of days and weeks as long
// as they usually are, the next change of the clocks.
func (w Window) nextOther(start, end int64) int64 {
	if w.unit > Week || end-start != w.nominal() {
		return end
	}
	now := floorDiv(end, 1e6)
	change := spanAt(w.loc, now, zoneSpan{now, now + 1, offsetAt(w.loc, now)}).to
	if change == math.MaxInt64 {
		return forever
	}
	return change * 1e6
}

// lastBefore returns the start of the last period that begins before an instant, but not one before from, and forever for
// an instant that never comes.
func (w Window) lastBefore(m, from int64) int64 {
	if m == forever {
		return forever
	}
	start, _ := w.period(m - 1)
	return max(start, from)
}

// countsAt returns what counts at an instant, in thousandths.
func (tl *Timeline) countsAt(m int64) int64 {
	f := tl.front(m)
	weight, _ := f.weight()
	return weight
}

// nextEdge returns the next instant after m at which what counts, or the terms, or what they hide, changes.
func (tl *Timeline) nextEdge(m int64) int64 {
	f := tl.front(m)
	_, edge := f.weight()
	for i := range tl.terms {
		t := &tl.terms[i]
		if t.until > m {
			edge = min(edge, t.until)
		}
		if t.since > m {
			edge = min(edge, t.since)
		}
	}
	return edge
}

// lastEdge returns the last instant at which anything that is known changes.
func (tl *Timeline) lastEdge() int64 {
	edge := dawn
	for _, t := range tl.tracks() {
		if n := len(t.pieces); n > 0 {
			edge = t.starts[n-1]
			if end := t.pieces[n-1].end; end != forever {
				edge = end
			}
		}
	}
	for i := range tl.terms {
		if tl.terms[i].since > edge {
			edge = tl.terms[i].since
		}
		if until := tl.terms[i].until; until != forever && until > edge {
			edge = until
		}
	}
	return edge
}

// finalWeight returns what counts when all that is known has passed.
func (tl *Timeline) finalWeight() int64 {
	t := &tl.tail
	if n := len(t.pieces); n > 0 && t.pieces[n-1].end == forever {
		return int64(t.pieces[n-1].counted)
	}
	return 0
}
