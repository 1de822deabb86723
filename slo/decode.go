package slo

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. Bytes that are no history, a form of a later version too, are
// [ErrInvalid] and leave h as it was. h must not be in use elsewhere.
func (h *SystemHistory) UnmarshalBinary(data []byte) error {
	d := decoder{data: data}
	if version := d.byte(); !d.failed && version != binaryVersion {
		return invalid("history", "binary version", version, fmt.Sprint(binaryVersion))
	}
	next := SystemHistory{system: d.id()}
	next.checks, next.upstreams = d.names(), d.names()
	d.require(!slices.Contains(next.upstreams, next.system))
	next.sources = d.sources()
	next.words = d.words(&next)
	next.ownFrom = firstOwn(next.words)
	next.outages = d.spans(&next, SourceStatement)
	next.corrections = d.spans(&next, SourceCorrection)
	checks, upstreams := next.used()
	d.require(!slices.Contains(checks, false) && !slices.Contains(upstreams, false))
	if d.failed || len(d.data) > 0 {
		return invalid("history", "binary form", fmt.Sprintf("of %d bytes", len(data)), "what MarshalBinary wrote")
	}
	next.lineage = &lineage{lengths: next.lengths()}
	*h = next
	return nil
}

// decoder reads a binary form. After the first thing that is wrong it reads zeros.
type decoder struct {
	data   []byte
	failed bool
}

func (d *decoder) fail() { d.failed, d.data = true, nil }

func (d *decoder) require(ok bool) {
	if !ok {
		d.fail()
	}
}

func (d *decoder) byte() byte {
	if len(d.data) == 0 {
		d.fail()
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return b
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.data)
	if size <= 0 || size > 1 && d.data[size-1] == 0 { // one number has one form
		d.fail()
		return 0
	}
	d.data = d.data[size:]
	return n
}

func (d *decoder) signed() int64 {
	n := d.number()
	return int64(n>>1) ^ -int64(n&1)
}

// below reads a number that must be less than n.
func (d *decoder) below(n uint64) uint64 {
	v := d.number()
	if v >= n {
		d.fail()
		return 0
	}
	return v
}

// count reads a length; each element takes at least so many bytes, so that no more is made than was sent.
func (d *decoder) count(least int) int {
	n := d.number()
	if n > uint64(len(d.data)/least) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) id() string {
	n := d.count(1)
	s := string(d.data[:n])
	d.data = d.data[n:]
	d.require(checkID("", "", s) == nil)
	return s
}

// names reads strings in order, and puts the empty one before them.
func (d *decoder) names() []string {
	list := []string{""}
	for range d.count(2) {
		list = append(list, d.id())
		d.require(list[len(list)-2] < list[len(list)-1])
	}
	return list
}

// sources reads statements in order, and after them corrections.
func (d *decoder) sources() []Source {
	var list []Source
	for range d.count(2) {
		s := Source{SourceKind(d.below(uint64(SourceCorrection) + 1)), d.id()}
		d.require(s.Kind != SourceFeed)
		if n := len(list); n > 0 && s.Kind == SourceStatement {
			d.require(list[n-1].Kind == SourceStatement && list[n-1].ID < s.ID)
		}
		list = append(list, s)
	}
	return list
}

func (d *decoder) words(h *SystemHistory) []word {
	n := d.count(6)
	words := make([]word, 0, n)
	at := minInstant
	for i := range n {
		at += int64(d.below(uint64(maxInstant-at) + 1))
		w := word{
			at: at, seq: d.signed(), check: uint32(d.below(uint64(len(h.checks)))),
			upstream: uint32(d.below(uint64(len(h.upstreams)))), impact: uint16(d.below(whole + 1)),
			health: Health(d.below(uint64(Unhealthy) + 1)),
		}
		d.require((w.impact == 0) == (w.health == Healthy))
		if d.failed {
			return nil
		}
		if i > 0 {
			d.require(compareWords(&words[i-1], &w) < 0)
		}
		words = append(words, w)
	}
	return words
}

// spans reads outages or corrections, by the kind of their sources.
func (d *decoder) spans(h *SystemHistory, kind SourceKind) []span {
	n := d.count(7)
	spans := make([]span, 0, n)
	last := make(map[span]span) // of each group: those of one group are disjoint, and none goes on with another
	for i := range n {
		s := d.span(h, kind)
		if d.failed {
			return nil
		}
		group := span{check: s.check, upstream: s.upstream, health: s.health}
		if kind == SourceCorrection {
			group = span{check: s.check}
		}
		before, seen := last[group]
		d.require((i == 0 || compareSpans(&spans[i-1], &s) < 0) && (!seen || before.end <= s.start && !continues(&before, &s)))
		last[group] = s
		spans = append(spans, s)
	}
	return spans
}

func (d *decoder) span(h *SystemHistory, kind SourceKind) span {
	s := span{start: int64(d.below(uint64(maxInstant) + 1))}
	s.end = s.start + int64(d.below(uint64(maxInstant-s.start)+1))
	if s.end == s.start {
		s.end = forever
		d.require(kind == SourceStatement)
	}
	s.check, s.upstream = uint32(d.below(uint64(len(h.checks)))), uint32(d.below(uint64(len(h.upstreams))))
	s.source, s.impact = uint32(d.below(uint64(len(h.sources)))), uint16(d.below(whole+1))
	s.health = Health(d.below(uint64(Unhealthy) + 1))
	if d.failed {
		return s
	}
	d.require(h.sources[s.source].Kind == kind && (s.impact == 0) == (s.health == Healthy))
	d.require(kind == SourceCorrection || s.health == Unhealthy || s.health == Degraded)
	d.require(kind == SourceStatement || s.upstream == 0)
	return s
}
