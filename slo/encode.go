package slo

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// binaryVersion is the first byte of the binary form. A change of the form is a new version; old ones stay readable.
const binaryVersion = 1

// MarshalBinary implements [encoding.BinaryMarshaler], for a cache: what is merged stays merged, so keep the facts.
// Histories merged from the same facts have the same bytes, however the facts came. Only the zero SystemHistory has
// none: it is ErrInvalid.
func (h *SystemHistory) MarshalBinary() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	e := encoder{data: make([]byte, 0, 64+8*len(h.words)+12*len(h.outages))}
	c := h.canonical()
	e.data = append(e.data, binaryVersion)
	e.text(c.system)
	e.list(c.checks[1:])
	e.list(c.upstreams[1:])
	e.number(uint64(len(c.sources)))
	for _, s := range c.sources {
		e.number(uint64(s.Kind))
		e.text(s.ID)
	}
	e.number(uint64(len(c.words)))
	for i, w := range c.words {
		if i == 0 {
			e.number(uint64(w.at))
		} else {
			e.number(uint64(w.at - c.words[i-1].at))
		}
		e.signed(w.seq)
		e.number(uint64(w.check))
		e.number(uint64(w.upstream))
		e.number(uint64(w.impact))
		e.number(uint64(w.health))
	}
	e.spans(c.outages)
	e.spans(c.corrections)
	return e.data, nil
}

// equal reports whether two histories are of the same facts.
func (h *SystemHistory) equal(o *SystemHistory) bool {
	if h == o {
		return true
	}
	a, errA := h.MarshalBinary()
	b, errB := o.MarshalBinary()
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// canonical returns a history that differs only in the numbers of its names, which are those that are used, in order.
func (h *SystemHistory) canonical() *SystemHistory {
	c := *h
	usedChecks, usedUpstreams := h.used()
	var checks, upstreams []uint32
	c.checks, checks = sortUsed(h.checks, usedChecks)
	c.upstreams, upstreams = sortUsed(h.upstreams, usedUpstreams)
	c.words = slices.Clone(h.words)
	for i := range c.words {
		w := &c.words[i]
		w.check, w.upstream = checks[w.check], upstreams[w.upstream]
	}
	slices.SortFunc(c.words, func(a, b word) int { return compareWords(&a, &b) })
	c.outages, c.corrections = renumber(h.outages, checks, upstreams), renumber(h.corrections, checks, upstreams)
	return &c
}

// used tells which names, by number, anything refers to.
func (h *SystemHistory) used() (checks, upstreams []bool) {
	checks, upstreams = make([]bool, len(h.checks)), make([]bool, len(h.upstreams))
	checks[0], upstreams[0] = true, true
	for _, w := range h.words {
		checks[w.check], upstreams[w.upstream] = true, true
	}
	for _, spans := range [][]span{h.outages, h.corrections} {
		for _, s := range spans {
			checks[s.check], upstreams[s.upstream] = true, true
		}
	}
	return checks, upstreams
}

// sortUsed returns the names that are used, in order behind the empty one, and the new number of each.
func sortUsed(list []string, used []bool) (sorted []string, numbers []uint32) {
	sorted = []string{""}
	for i, name := range list {
		if used[i] && i > 0 {
			sorted = append(sorted, name)
		}
	}
	slices.Sort(sorted)
	numbers = make([]uint32, len(list))
	for i, name := range list {
		n, _ := slices.BinarySearch(sorted, name)
		numbers[i] = uint32(n)
	}
	return sorted, numbers
}

func renumber(spans []span, checks, upstreams []uint32) []span {
	out := slices.Clone(spans)
	for i := range out {
		s := &out[i]
		s.check, s.upstream = checks[s.check], upstreams[s.upstream]
	}
	slices.SortFunc(out, func(a, b span) int { return compareSpans(&a, &b) })
	return out
}

// compareSpans orders spans by start, then check, upstream and health: no two of a history are equal in these.
func compareSpans(a, b *span) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.check, b.check), cmp.Compare(a.upstream, b.upstream),
		cmp.Compare(a.health, b.health))
}

type encoder struct{ data []byte }

func (e *encoder) number(n uint64) { e.data = binary.AppendUvarint(e.data, n) }
func (e *encoder) signed(n int64)  { e.data = binary.AppendVarint(e.data, n) }

func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	e.data = append(e.data, s...)
}

func (e *encoder) list(names []string) {
	e.number(uint64(len(names)))
	for _, n := range names {
		e.text(n)
	}
}

// spans writes a length of zero for one that has not ended.
func (e *encoder) spans(spans []span) {
	e.number(uint64(len(spans)))
	for _, s := range spans {
		e.number(uint64(s.start))
		if s.end == forever {
			e.number(0)
		} else {
			e.number(uint64(s.end - s.start))
		}
		e.number(uint64(s.check))
		e.number(uint64(s.upstream))
		e.number(uint64(s.source))
		e.number(uint64(s.impact))
		e.number(uint64(s.health))
	}
}
