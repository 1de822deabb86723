package slo

import (
	"slices"
	"time"
)

// NextChange returns the first microsecond after at at which [Timeline.Status] says something else than at at of Down,
// Breaching, Exhausted, Level or which severities fire, if what is down stays down and nothing begins that is not known;
// what is known ahead is looked at as by [Timeline.NextCrossing]. The zero time says never. Which rules of a severity
// fire makes no difference while one does.
//
// It is solved, not sampled. While nothing is down and nothing was exceeded it is a look at the next edge, else about a
// NextCrossing for each figure; where one rule goes on firing as another stops, each of them costs one more. at is read
// as by Status.
func (tl *Timeline) NextChange(at time.Time) time.Time {
	m, i := clamp(at), 0
	for tl.terms[i].until <= m {
		i++
	}
	var known, later [8]Severity // more are allocated
	before := tl.standing(&tl.terms[i], m, known[:0])
	for {
		if found := tl.changeUnder(i, &before, m); found < tl.terms[i].until {
			return instant(found)
		}
		if m = tl.terms[i].until; m == forever {
			return time.Time{}
		}
		i++
		if now := tl.standing(&tl.terms[i], m, later[:0]); !now.equal(&before) {
			return instant(m)
		}
	}
}

// standing is what NextChange watches.
type standing struct {
	down, breaching, exhausted bool
	level                      Level
	firing                     []Severity // each once, in any order
}

func (s *standing) equal(o *standing) bool {
	if s.down != o.down || s.breaching != o.breaching || s.exhausted != o.exhausted || s.level != o.level ||
		len(s.firing) != len(o.firing) {
		return false
	}
	for _, severity := range s.firing {
		if !slices.Contains(o.firing, severity) {
			return false
		}
	}
	return true
}

// standing returns how the objective stands at an instant; firing is where to put the severities.
func (tl *Timeline) standing(t *terms, m int64, firing []Severity) standing {
	from, to := t.window.period(m)
	c := tl.cursor(m)
	consumed, total := c.countedSince(from, t.since), tl.budget(from, to)
	spent := mul64(uint64(consumed), wholeBudget)
	for i := range t.rules {
		if r := &t.rules[i]; !slices.Contains(firing, r.severity) && tl.fires(t, r, &c) {
			firing = append(firing, r.severity)
		}
	}
	return standing{
		down: m >= t.since && c.weight() > 0, breaching: spent.cmp(total) > 0, exhausted: consumed > 0 && spent.cmp(total) >= 0,
		level: t.level(spent, total, c.countedSince(m-hour, t.since), tl.budget(m-hour, m)), firing: firing,
	}
}

// changeUnder looks at the time in which one terms hold, from an instant on at which it stands as before. What is not
// before the end of the terms is no change.
func (tl *Timeline) changeUnder(i int, before *standing, from int64) int64 {
	t := &tl.terms[i]
	c := change{tl: tl, t: t, from: from, to: tl.downChange(t, before.down, from)}
	// What was not reached before can be only while it is down, or where a budget shrinks.
	c.rises = before.down || tl.levelFrom(i) > from-max(t.window.nominal(), hour)
	c.ofLimit(before.breaching, breach)
	c.ofLimit(before.exhausted, exhaustion)
	c.ofLevel(before.level)
	for j := range t.rules {
		if severity := t.rules[j].severity; t.firstOf(severity) == j {
			c.ofSeverity(severity, slices.Contains(before.firing, severity))
		}
	}
	return c.to
}

// downChange returns the first instant from one on at which down, as it is there, no longer is so, but none after the end
// of the terms.
func (tl *Timeline) downChange(t *terms, down bool, from int64) int64 {
	f := tl.front(max(from, t.since)) // before since nothing is down
	for f.at < t.until {
		weight, until := f.weight()
		if weight > 0 != down {
			return f.at
		}
		f.advance(until)
	}
	return t.until
}

// firstOf returns the place of the first rule of a severity.
func (t *terms) firstOf(severity Severity) int {
	for i := range t.rules {
		if t.rules[i].severity == severity {
			return i
		}
	}
	return -1
}

// change is the search for the first change under one terms.
type change struct {
	tl       *Timeline
	t        *terms
	from, to int64 // in [from, to); to is the first that was found
	rises    bool  // what is not reached at from may be reached
}

func (c *change) found(at int64) { c.to = min(c.to, at) }

// limit is a value of a figure that consuming brings nearer.
type limit struct {
	metric  Metric
	on, off Comparison // holds where it is reached, and where it is not
	value   uint64
}

var (
	breach     = limit{MetricRemaining, Below, AtOrAbove, 0}
	exhaustion = limit{MetricRemainingPercent, AtOrBelow, Above, 0}
)

func consumption(percent uint64) limit {
	return limit{MetricConsumedPercent, AtOrAbove, Below, percent}
}
func fastBurn(rate uint64) limit { return limit{MetricBurnRate, AtOrAbove, Below, rate} }

// ofLimit looks for the instant at which a limit is no longer reached, or comes to be.
func (c *change) ofLimit(reached bool, l limit) {
	if reached || c.rises {
		c.found(c.next(l, !reached, c.from))
	}
}

// next returns the first instant from one on at which the limit is reached, or is not.
func (c *change) next(l limit, reached bool, from int64) int64 {
	th := threshold{metric: l.metric, comparison: l.off, byMore: reached, value: int64(l.value)}
	if reached {
		th.comparison = l.on
	}
	if l.metric == MetricBurnRate {
		s := c.tl.rolling(c.t, th, hour)
		return s.first(from, c.to)
	}
	return c.tl.windowCrossing(c.t, th, from, c.to)
}

func (c *change) ofLevel(level Level) {
	warning, critical, fast := consumption(c.t.warning), consumption(c.t.critical), fastBurn(c.t.fastBurn)
	switch level {
	case LevelOK:
		c.ofLimit(false, warning)
		c.ofLimit(false, fast)
	case LevelWarning:
		c.ofLimit(true, warning)
		c.ofLimit(false, critical)
		c.ofLimit(false, fast)
	default:
		c.found(c.neither(critical, fast))
	}
}

// neither goes from the first instant at which one limit is not reached to that of the other, until both agree.
func (c *change) neither(a, b limit) int64 {
	at := c.next(a, false, c.from)
	for at < c.to {
		next := c.next(b, false, at)
		if next == at {
			break
		}
		at, a, b = next, b, a
	}
	return at
}

func (c *change) ofSeverity(severity Severity, fires bool) {
	if fires {
		c.found(c.noneFires(severity))
		return
	}
	for i := range c.t.rules {
		if r := &c.t.rules[i]; c.rises && r.severity == severity {
			c.found(c.tl.firstFiring(c.t, r, c.from, c.to))
		}
	}
}

// noneFires goes from the instant at which one rule is quiet to that of the next, until all agree.
func (c *change) noneFires(severity Severity) int64 {
	at := c.from
	for agreed := false; !agreed && at < c.to; {
		agreed = true
		for i := len(c.t.rules) - 1; i >= 0 && at < c.to; i-- { // the longest go on for longest
			r := &c.t.rules[i]
			if r.severity != severity {
				continue
			}
			if quiet := c.tl.firstQuiet(c.t, r, at, c.to); quiet > at {
				at, agreed = quiet, false
			}
		}
	}
	return at
}
