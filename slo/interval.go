package slo

import (
	"cmp"
	"slices"
)

// interval is [start, end) in microseconds.
type interval struct{ start, end int64 }

// union sorts the intervals and joins those that overlap or touch; it works in place.
func union(list []interval) []interval {
	slices.SortFunc(list, func(a, b interval) int { return cmp.Compare(a.start, b.start) })
	joined := list[:0]
	for _, i := range list {
		if i.start >= i.end {
			continue
		}
		if last := len(joined) - 1; last >= 0 && i.start <= joined[last].end {
			joined[last].end = max(joined[last].end, i.end)
			continue
		}
		joined = append(joined, i)
	}
	return joined
}

// intervalWalk walks through disjoint intervals in order of time.
type intervalWalk struct {
	list   []interval
	at     int // the interval that is inside, or comes next
	inside bool
}

// next returns the instant at which it enters or leaves an interval next.
func (w *intervalWalk) next() int64 {
	switch {
	case w.at == len(w.list):
		return forever
	case w.inside:
		return w.list[w.at].end
	}
	return w.list[w.at].start
}

func (w *intervalWalk) advance(t int64) {
	for w.at < len(w.list) && w.list[w.at].end <= t {
		w.at++
	}
	w.inside = w.at < len(w.list) && w.list[w.at].start <= t
}
