package slo

import (
	"cmp"
	"slices"
)

// mergeSpans returns, by start, spans that are disjoint among those of one check, upstream and health: where several
// overlap, what the strongest says. stronger is a strict order of all spans that can overlap.
func mergeSpans(spans []span, stronger func(a, b *span) bool) []span {
	return merge(spans, stronger, func(a, b *span) int {
		return cmp.Or(cmp.Compare(a.check, b.check), cmp.Compare(a.upstream, b.upstream), cmp.Compare(a.health, b.health))
	})
}

// mergeCorrectionSpans is mergeSpans for corrections, which are disjoint among those of one check; a later source is
// stronger.
func mergeCorrectionSpans(spans []span) []span {
	return merge(spans, func(a, b *span) bool { return a.source > b.source },
		func(a, b *span) int { return cmp.Compare(a.check, b.check) })
}

func merge(spans []span, stronger func(a, b *span) bool, group func(a, b *span) int) []span {
	byGroup := func(a, b span) int { return cmp.Or(group(&a, &b), cmp.Compare(a.start, b.start)) }
	if !slices.IsSortedFunc(spans, byGroup) {
		slices.SortFunc(spans, byGroup)
	}
	merged := make([]span, 0, len(spans))
	for len(spans) > 0 {
		n := 1
		for n < len(spans) && group(&spans[0], &spans[n]) == 0 {
			n++
		}
		merged = appendStrongest(merged, spans[:n], stronger)
		spans = spans[n:]
	}
	byStart := func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), group(&a, &b))
	}
	if !slices.IsSortedFunc(merged, byStart) {
		slices.SortFunc(merged, byStart)
	}
	return merged
}

// appendStrongest appends what the strongest of the spans, sorted by start, says at each instant.
func appendStrongest(out []span, spans []span, stronger func(a, b *span) bool) []span {
	first := len(out)
	on := spanHeap{stronger: stronger}
	for next, t := 0, spans[0].start; ; {
		for ; next < len(spans) && spans[next].start <= t; next++ {
			on.push(&spans[next])
		}
		for len(on.spans) > 0 && on.spans[0].end <= t {
			on.pop()
		}
		if len(on.spans) == 0 {
			if next == len(spans) {
				return out
			}
			t = spans[next].start
			continue
		}
		top := *on.spans[0]
		until := top.end
		if next < len(spans) {
			until = min(until, spans[next].start)
		}
		top.start, top.end = t, until
		if last := len(out) - 1; last >= first && continues(&out[last], &top) {
			out[last].end = until
		} else {
			out = append(out, top)
		}
		if until == forever {
			return out
		}
		t = until
	}
}

// continues reports whether b says what a says from where a ends.
func continues(a, b *span) bool {
	same := *b
	same.start, same.end = a.start, a.end
	return a.end == b.start && *a == same
}

// spanHeap is a binary heap with the strongest span on top.
type spanHeap struct {
	spans    []*span
	stronger func(a, b *span) bool
}

func (h *spanHeap) push(s *span) {
	h.spans = append(h.spans, s)
	for i := len(h.spans) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.stronger(h.spans[i], h.spans[parent]) {
			return
		}
		h.spans[i], h.spans[parent] = h.spans[parent], h.spans[i]
		i = parent
	}
}

func (h *spanHeap) pop() {
	last := len(h.spans) - 1
	h.spans[0] = h.spans[last]
	h.spans = h.spans[:last]
	for i := 0; ; {
		top := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if h.stronger(h.spans[child], h.spans[top]) {
				top = child
			}
		}
		if top == i {
			return
		}
		h.spans[i], h.spans[top] = h.spans[top], h.spans[i]
		i = top
	}
}
