package slo

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"
)

// Downtime is a piece of downtime that has one cause and one impact.
type Downtime struct {
	Start, End               time.Time // [Start, End); zero End: it still lasts, unchanged
	Cause                    Cause
	UpstreamID, UpstreamName string  // empty for CauseSelf; the name also where none is known
	Impact                   float64 // share of the service that this cause took down: above 0 and at most 1
}

// Explanation holds the pieces behind the figures of one status, clipped to what it looked at. They add up to the
// figures: Budget to Budget.Total (before it is rounded down), Downtime to the consumed figures and the attribution, and
// what Unobserved leaves of what has elapsed to Coverage. The pieces of a burn rate are those of its lookback.
// What planned maintenance excuses is no downtime, and not listed. There is no fixed JSON form.
type Explanation struct {
	From, To, At time.Time
	Budget       []BudgetPart   // by time, one for each target; they fill [From, To)
	Downtime     []Contribution // by time, disjoint
	Unobserved   []Span         // by time, disjoint
}

// BudgetPart is what one target leaves as budget for the part of the window in which it was in force.
type BudgetPart struct {
	From, To time.Time
	Target   float64       // percent
	Budget   time.Duration // rounded down to the nanosecond
}

// Contribution is a stretch of downtime in which nothing changes, and what it adds to the figures.
type Contribution struct {
	Start, End               time.Time // [Start, End)
	Impact                   float64   // share of the service that is down: above 0 and at most 1
	Self                     time.Duration
	Upstream                 time.Duration // with Self what it adds to Budget.ConsumedStrict
	Counted                  time.Duration // what it adds to Budget.Consumed
	UpstreamID, UpstreamName string        // who has Upstream
	Sources                  []Source      // who said so: those whose words decide the figures, one to three
}

// Span is a stretch of time, [Start, End).
type Span struct{ Start, End time.Time }

// Explain returns the pieces behind StatusIn(from, to, at), which must be instants that StatusIn takes: for a Status,
// its From, To and At.
func (tl *Timeline) Explain(from, to, at time.Time) (Explanation, error) {
	if err := checkPeriod(from, to, at); err != nil {
		return Explanation{}, tl.about(err)
	}
	start, end, now := micros(from), micros(to), micros(at)
	until := min(end, now)
	e := Explanation{From: instant(start), To: instant(end), At: instant(now), Budget: tl.budgetParts(start, end)}
	since := max(start, tl.termsAt(now).since)
	for t, i := range tl.pieces(since, until) {
		e.Downtime = append(e.Downtime, tl.contribution(t, i, since, until))
	}
	for _, t := range tl.tracks() {
		e.Unobserved = t.appendGaps(e.Unobserved, start, until)
	}
	return e, nil
}

func (tl *Timeline) budgetParts(from, to int64) []BudgetPart {
	var parts []BudgetPart
	for i := range tl.terms {
		t := &tl.terms[i]
		if t.until <= from || from >= to || i+1 < len(tl.terms) && t.until < to && tl.terms[i+1].bad == t.bad {
			continue // over, not yet, or the next terms go on with the target
		}
		until := min(t.until, to)
		budget := time.Duration(mul64(uint64(until-from)*whole, uint64(t.bad)).quo(wholeBudget))
		parts = append(parts, BudgetPart{instant(from), instant(until), t.target, budget})
		from = until
	}
	return parts
}

// appendGaps appends the gaps that lie in [from, to).
func (t *track) appendGaps(list []Span, from, to int64) []Span {
	first, _ := slices.BinarySearchFunc(t.gaps, from, func(g gap, from int64) int { return cmp.Compare(g.end, from+1) })
	for _, g := range t.gaps[first:] {
		if max(g.start, from) >= to {
			break
		}
		list = append(list, Span{instant(max(g.start, from)), instant(min(g.end, to))})
	}
	return list
}

// pieces returns the places of the pieces that lie in [from, to), in order of time.
func (tl *Timeline) pieces(from, to int64) iter.Seq2[*track, int] {
	return func(yield func(*track, int) bool) {
		if from >= to {
			return
		}
		for _, t := range tl.tracks() {
			for i := max(t.last(from), 0); i < len(t.starts) && t.starts[i] < to; i++ {
				if t.pieces[i].end > from && !yield(t, i) {
					return
				}
			}
		}
	}
}

func (tl *Timeline) contribution(t *track, i int, from, to int64) Contribution {
	p := &t.pieces[i]
	start, end := max(t.starts[i], from), min(p.end, to)
	micros := time.Duration(end - start)
	c := Contribution{
		Start: instant(start), End: instant(end), Impact: float64(p.total) / whole,
		Self: micros * time.Duration(p.self), Upstream: micros * time.Duration(p.total-p.self),
		Counted: micros * time.Duration(p.counted), Sources: tl.sources(t, p.source),
	}
	c.UpstreamID, c.UpstreamName = tl.causes[p.cause].id, tl.causes[p.cause].name
	return c
}

func (tl *Timeline) sources(t *track, ref sourceRef) []Source {
	if ref&statedBit != 0 || ref&severalBit == 0 {
		return []Source{tl.names.source(ref)}
	}
	var list []Source
	for _, one := range t.lists[ref&refMask] {
		if one != 0 {
			list = append(list, tl.names.source(one))
		}
	}
	return list
}

// Downtimes lists the objective's downtime as it is known at an instant, from CountFrom on: what began at or before at,
// as pieces of one cause, whether or not they count. Pieces of one cause are disjoint; where several causes share an
// instant there is one piece for each, and the impacts add up. They come by start, self first, then by upstream ID. at is
// read as by [Timeline.Status].
func (tl *Timeline) Downtimes(at time.Time) iter.Seq[Downtime] {
	return func(yield func(Downtime) bool) {
		now := clamp(at)
		since := tl.termsAt(now).since
		list := causeList{now: now}
		for t, i := range tl.pieces(since, now+1) {
			p := &t.pieces[i]
			start := max(t.starts[i], since)
			list.extend(&list.self, start, p.end, 0, p.self)
			list.extend(&list.upstream, start, p.end, p.cause, p.total-p.self)
		}
		list.close(&list.self)
		list.close(&list.upstream)
		list.all(tl.causes, yield)
	}
}

// causeList joins pieces that touch and have the same cause and impact.
type causeList struct {
	now            int64
	self, upstream causePiece // those that may still go on
	done           []causePiece
}

type causePiece struct {
	start, end int64
	cause      uint32
	weight     uint16
}

func (l *causeList) extend(open *causePiece, start, end int64, cause uint32, weight uint16) {
	if open.weight == weight && open.cause == cause && open.end == start {
		open.end = end
		return
	}
	l.close(open)
	*open = causePiece{start, end, cause, weight}
}

func (l *causeList) close(open *causePiece) {
	if open.weight == 0 {
		return
	}
	if open.end > l.now {
		open.end = forever
	}
	l.done = append(l.done, *open)
}

// all passes on what was joined, by start, self first, then by ID.
func (l *causeList) all(causes []cause, yield func(Downtime) bool) {
	slices.SortFunc(l.done, func(a, b causePiece) int {
		return cmp.Or(cmp.Compare(a.start, b.start), strings.Compare(causes[a.cause].id, causes[b.cause].id))
	})
	for _, p := range l.done {
		d := Downtime{Start: instant(p.start), End: instant(p.end), Impact: float64(p.weight) / whole}
		if p.cause != 0 {
			d.Cause, d.UpstreamID, d.UpstreamName = CauseUpstream, causes[p.cause].id, causes[p.cause].name
		}
		if !yield(d) {
			return
		}
	}
}
