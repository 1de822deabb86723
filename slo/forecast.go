package slo

import (
	"math"
	"time"
)

// Forecast is what comes of an objective if all stays as it is: what is down stays down, and nothing begins that is
// not known. What is known ahead, such as the end of a maintenance window or a period, is looked at. There is no fixed
// JSON form.
type Forecast struct {
	At         time.Time
	ExhaustsAt time.Time // when nothing of the budget will remain; At if it is so; zero: never
	RecoversAt time.Time // when nothing will be consumed and nothing be down; At if it is so; zero: never

	// Affordable is how long a total outage of the system's own that begins at At can last until the budget is exhausted: 0
	// if it is exhausted, [Unlimited] if no outage exhausts it.
	Affordable time.Duration
}

// Unlimited is the length of an outage that no budget limits.
const Unlimited = time.Duration(math.MaxInt64)

// Forecast looks ahead from an instant, which is read as by [Timeline.Status]. For what would come of it if the present
// outage ended at some instant, ask EndingAt(end).
func (tl *Timeline) Forecast(at time.Time) Forecast {
	m := clamp(at)
	f := Forecast{At: instant(m), ExhaustsAt: instant(tl.exhausts(m)), RecoversAt: instant(tl.recovers(m))}
	f.Affordable = Unlimited
	if end := tl.failing(m).exhausts(m); end != forever {
		f.Affordable = length(end - m)
	}
	return f
}

// exhausts returns when nothing of the budget will remain. With a budget of zero that is once something is consumed.
func (tl *Timeline) exhausts(m int64) int64 {
	return tl.nextCrossing(m, forever, &Crossing{Metric: MetricRemainingPercent, Comparison: AtOrBelow})
}

func (tl *Timeline) recovers(m int64) int64 {
	nothing := Crossing{Metric: MetricConsumedPercent, Comparison: AtOrBelow}
	for {
		m = tl.nextCrossing(m, forever, &nothing)
		if m == forever || !tl.downAt(m) {
			return m
		}
		if m = tl.nextEdge(m); m == forever {
			return forever
		}
	}
}

func (tl *Timeline) downAt(m int64) bool {
	c := tl.cursor(m)
	return m >= tl.termsAt(m).since && c.weight() > 0
}

// EndingAt returns the timeline as it would be if all that is down ended at an instant, and nothing began from there
// on: what the known outage comes to if it lasts until then. The result answers what-if questions only, and its Extend
// makes a timeline of the facts. end is read as the instant of [Timeline.Status] is.
func (tl *Timeline) EndingAt(end time.Time) *Timeline { return tl.cutAt(clamp(end)) }

// cutAt returns a timeline of what counts before m alone. Coverage stays as it is.
func (tl *Timeline) cutAt(m int64) *Timeline {
	next := *tl
	next.from = nil // nothing goes on from a guess
	from, first := tl.track(m), 0
	if from == &tl.sealed {
		first = max(from.last(m), 0)
		next.sealed = from.before(first)
	}
	sum := make([]int64, from.width)
	if first < len(from.starts) {
		from.sums(first, from.starts[first], 1, sum)
	} else {
		copy(sum, from.sum)
	}
	next.tail = newTrack(len(tl.causes), max(from.last(m)+2-first, 1), sum)
	next.tail.gaps, next.tail.lists = tl.tail.gaps, from.lists
	for i := first; i <= from.last(m); i++ {
		p := from.pieces[i]
		p.end = min(p.end, m)
		next.tail.append(from.starts[i], p)
	}
	return &next
}

// before returns the track of the first n pieces, with all gaps.
func (t *track) before(n int) track {
	b := *t
	b.starts, b.pieces = t.starts[:n:n], t.pieces[:n:n]
	rows := (n + t.stride - 1) / t.stride
	b.rows, b.marks = t.rows[:rows*t.width:rows*t.width], t.marks[:rows:rows]
	b.peaks = b.peaks[:min(len(b.peaks), n/t.stride)]
	return b
}

// failing returns the timeline as it would be if the system failed wholly, by itself, and for ever.
func (tl *Timeline) failing(m int64) *Timeline {
	next := tl.cutAt(m)
	for i := range tl.terms {
		t := &tl.terms[i]
		if start := m; t.until > start {
			m = t.until
			next.fail(start, t)
		}
	}
	return next
}

// fail appends a total outage from start until the end of the terms, but for maintenance that they exclude.
func (tl *Timeline) fail(start int64, t *terms) {
	for _, m := range tl.maintenance {
		if !t.excludeMaintenance || m.end <= start {
			continue
		}
		if m.start >= t.until {
			break
		}
		tl.failUntil(start, m.start)
		start = m.end
	}
	tl.failUntil(start, t.until)
}

func (tl *Timeline) failUntil(start, end int64) {
	if start < end {
		tl.tail.append(start, piece{end: end, total: whole, self: whole, counted: whole, source: feedSource(wholeSystem)})
	}
}
