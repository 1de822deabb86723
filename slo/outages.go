package slo

import (
	"iter"
	"time"
)

// Outages lists the objective's outages that ended after one instant and not after another, by start: maximal stretches of
// downtime, whatever caused it and whatever its impact, as they are known at until, from CountFrom on. They are not cut at
// the first instant. It takes as long as what lies between the two, not as all history. The instants are read as by
// [Timeline.Status].
func (tl *Timeline) Outages(after, until time.Time) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		first, last := clamp(after), clamp(until)
		since := tl.termsAt(last).since
		from := max(first, since)
		for back := hour; from > since && tl.touches(from); back *= 2 {
			from = max(first-back, since)
		}
		start, end := int64(0), dawn
		ended := func() bool { return end > first && end <= last }
		for t, i := range tl.pieces(from, last+1) {
			if at := max(t.starts[i], since); at > end {
				if ended() && !yield(Span{instant(start), instant(end)}) {
					return
				}
				start = at
			}
			end = t.pieces[i].end
		}
		if ended() {
			yield(Span{instant(start), instant(end)})
		}
	}
}

// touches reports whether something is down at an instant or right before it.
func (tl *Timeline) touches(m int64) bool {
	for range tl.pieces(m-1, m+1) {
		return true
	}
	return false
}
