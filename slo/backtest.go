package slo

import (
	"cmp"
	"slices"
	"time"
)

// FiringInterval is a time in which a rule fires without a break: from the first microsecond at which it does to the
// first at which it no longer does, clipped to the backtest: one that ends with it may have gone on.
type FiringInterval struct {
	Severity    Severity
	Long, Short time.Duration
	Start, End  time.Time
}

// AlertQuality is how good the alerts of one severity were, in the SRE workbook's four figures (chapter 5).
//
// An event is a stretch of counted downtime, joined over gaps shorter than the rule's short window; it is significant
// for a rule when it alone consumes the rule's share of the budget, by the target in force when it begins. The counts of
// all rules of the severity are added.
type AlertQuality struct {
	Precision *float64 // firings that overlap a significant event, of all firings, 0 to 1; nil: no firings
	Recall    *float64 // significant events that a firing overlaps, of all, 0 to 1; nil: no significant events

	// Detection is the mean time from the start of a significant event to that of the first firing that overlaps it, Reset
	// that from its end to the firing's; negative where the firing came first. Rounded toward zero; nil: no such pair.
	Detection, Reset *time.Duration
}

// Backtest is what an objective's alert policy would have done over a stretch of history. There is no fixed JSON form.
type Backtest struct {
	Intervals []FiringInterval          // by start, then by long window
	Quality   map[Severity]AlertQuality // of each severity that the policy has
}

// Backtest runs the objective's policy over [from, to): at each instant the policy in force then, on the history as it
// is known now. Downtime counts from the CountFrom on that is in force at each instant, for events at the end. Of
// firings and events that reach beyond the span only the part inside counts, so begin where it was quiet. It is
// solved, not sampled. It is [ErrInvalid] where from is not before to or an instant lies outside 1970 to 2200.
func (tl *Timeline) Backtest(from, to time.Time) (Backtest, error) {
	if err := checkSpan("", "from", "to", from, to); err != nil {
		return Backtest{}, tl.about(err)
	}
	span := interval{micros(from), micros(to)}
	rules := tl.distinctRules(span)
	firings := make([][]interval, len(rules))
	counts := make(map[Severity]alertCounts)
	events := make([]interval, 0, tl.usualIntervals())
	for i := range rules {
		r := &rules[i]
		firings[i] = tl.firings(r, span)
		c := counts[r.severity]
		events = tl.significantEvents(events[:0], r, span)
		c.add(events, firings[i])
		counts[r.severity] = c
	}
	b := Backtest{Intervals: byStart(rules, firings), Quality: make(map[Severity]AlertQuality)}
	for severity, c := range counts {
		b.Quality[severity] = c.quality()
	}
	return b, nil
}

// byStart merges what each rule did into one list.
func byStart(rules []rule, firings [][]interval) []FiringInterval {
	n := 0
	for _, list := range firings {
		n += len(list)
	}
	merged := make([]FiringInterval, 0, n)
	for len(merged) < n {
		first := -1
		for i, list := range firings {
			if len(list) > 0 && (first < 0 || list[0].start < firings[first][0].start) {
				first = i
			}
		}
		r, f := &rules[first], firings[first][0]
		firings[first] = firings[first][1:]
		merged = append(merged, FiringInterval{r.severity, length(r.long), length(r.short), instant(f.start), instant(f.end)})
	}
	return merged
}

// sameRule reports whether two rules are one to those who get the alerts, whatever their factors.
func (r *rule) sameRule(o *rule) bool {
	return r.severity == o.severity && r.long == o.long && r.short == o.short
}

// distinctRules returns one rule of each kind that is in force somewhere in the span, by long window.
func (tl *Timeline) distinctRules(span interval) []rule {
	var list []rule
	start := dawn
	for i := range tl.terms {
		t := &tl.terms[i]
		for _, r := range t.rules {
			if start < span.end && t.until > span.start && !slices.ContainsFunc(list, func(o rule) bool { return r.sameRule(&o) }) {
				list = append(list, r)
			}
		}
		start = t.until
	}
	slices.SortStableFunc(list, func(a, b rule) int { return cmp.Compare(a.long, b.long) })
	return list
}

// significantEvents appends the events in the span that alone consume the rule's share of the budget.
func (tl *Timeline) significantEvents(list []interval, kind *rule, span interval) []interval {
	since := max(span.start, tl.termsAt(span.end-1).since)
	event, consumed := interval{dawn, dawn}, int64(0)
	flush := func() {
		if consumed > 0 && tl.isSignificant(kind, event.start, consumed) {
			list = append(list, event)
		}
	}
	for t, i := range tl.pieces(since, span.end) {
		p := &t.pieces[i]
		if p.counted == 0 {
			continue
		}
		start, end := max(t.starts[i], since), min(p.end, span.end)
		if consumed > 0 && (start == event.end || start-event.end < kind.short) {
			event.end = end
		} else {
			flush()
			event, consumed = interval{start, end}, 0
		}
		consumed += (end - start) * int64(p.counted)
	}
	flush()
	return list
}

func (tl *Timeline) isSignificant(kind *rule, start, consumed int64) bool {
	t := tl.termsAt(start)
	budget := mul64(uint64(kind.long)*whole, uint64(t.bad))
	return slices.ContainsFunc(t.rules, func(r rule) bool { return r.sameRule(kind) && r.reached(consumed, budget) })
}

// alertCounts is what the four figures are made of. Lengths are in microseconds.
type alertCounts struct {
	firings, right   int // of all firings, those that overlap an event
	events, detected int
	detection, reset int64
}

// add counts events and firings of one rule, both disjoint and in order of time.
func (c *alertCounts) add(events, firings []interval) {
	c.firings += len(firings)
	c.events += len(events)
	first := 0
	for _, e := range events {
		for first < len(firings) && firings[first].end <= e.start {
			first++
		}
		if first < len(firings) && firings[first].start < e.end {
			c.detected++
			c.detection += firings[first].start - e.start
			c.reset += firings[first].end - e.end
		}
	}
	next := 0
	for _, f := range firings {
		for next < len(events) && events[next].end <= f.start {
			next++
		}
		if next < len(events) && events[next].start < f.end {
			c.right++
		}
	}
}

func (c *alertCounts) quality() AlertQuality {
	return AlertQuality{
		Precision: ratio(c.right, c.firings), Recall: ratio(c.detected, c.events),
		Detection: mean(c.detection, c.detected), Reset: mean(c.reset, c.detected),
	}
}

func ratio(n, of int) *float64 {
	if of == 0 {
		return nil
	}
	r := float64(n) / float64(of)
	return &r
}

// mean returns a sum of microseconds divided by n, to the nanosecond.
func mean(micros int64, n int) *time.Duration {
	if n == 0 {
		return nil
	}
	m := length(micros/int64(n)) + length(micros%int64(n))/time.Duration(n)
	return &m
}
