package slo

import "reflect"

// Compact returns the timeline without what Extend goes on from, for caches: it answers as tl does, keeps no history and
// nothing in reserve, and its Extend judges anew from the beginning. tl stays as it is; of its memory the result shares only
// what it needs.
func (tl *Timeline) Compact() *Timeline {
	next := *tl
	next.from = nil
	next.causes, next.maintenance = tight(tl.causes), tight(tl.maintenance)
	next.names = sourceNames{tight(tl.names.checks), tight(tl.names.sources)}
	for _, t := range next.tracks() {
		t.shrink()
		t.peaks, t.sum, t.lineage = tight(t.peaks), tight(t.sum), nil
	}
	return &next
}

// Size returns about how many bytes of memory the timeline holds, its objective counted, its histories, which others may
// share, not: all that a compact one keeps in use. What several timelines share, each counts.
func (tl *Timeline) Size() int {
	n := sizeOf[Timeline](1) + tl.objective.size() + sizeOfSlice(tl.terms) + sizeOfSlice(tl.causes) +
		sizeOfSlice(tl.maintenance) + sizeOfStrings(tl.names.checks) + sizeOfSlice(tl.names.sources)
	for i := range tl.terms {
		n += sizeOfSlice(tl.terms[i].rules) + sizeOfStrings(tl.terms[i].never)
	}
	for _, c := range tl.causes {
		n += len(c.id) + len(c.name)
	}
	for _, s := range tl.names.sources {
		n += len(s.ID)
	}
	for _, t := range tl.tracks() {
		n += t.size()
	}
	if tl.from != nil {
		n += tl.from.size()
	}
	return n
}

// sizeOf returns how many bytes n values of a type take.
func sizeOf[T any](n int) int { return n * int(reflect.TypeFor[T]().Size()) }

func sizeOfSlice[T any](s []T) int { return sizeOf[T](cap(s)) }

func sizeOfStrings(list []string) int {
	n := sizeOfSlice(list)
	for _, s := range list {
		n += len(s)
	}
	return n
}

func (t *track) size() int {
	return sizeOfSlice(t.starts) + sizeOfSlice(t.pieces) + sizeOfSlice(t.rows) + sizeOfSlice(t.sum) + sizeOfSlice(t.marks) +
		sizeOfSlice(t.lists) + sizeOfSlice(t.peaks) + sizeOfSlice(t.gaps)
}

// size counts the objective's own memory, its strings and lists, but not the struct.
func (o *Objective) size() int {
	n := len(o.ID) + len(o.Name) + len(o.SystemID) + len(o.CheckID) + sizeOfStrings(o.NeverExcuse) +
		sizeOfSlice(o.Policy.Rules) + sizeOfSlice(o.Revisions)
	for k, v := range o.Labels {
		n += 2*(sizeOf[string](2)+1) + len(k) + len(v) // a map is about half full
	}
	for i := range o.Revisions {
		r := &o.Revisions[i]
		n += sizeOfStrings(r.NeverExcuse) + sizeOfSlice(r.Policy.Rules)
	}
	return n
}

func (b *builder) size() int {
	n := sizeOf[builder](1) + b.own.size() + sizeOfSlice(b.upstreams) + sizeOfSlice(b.named) + sizeOfSlice(b.never)
	for i := range b.upstreams {
		u := &b.upstreams[i]
		n += u.size() + sizeOfSlice(u.edges.list)
	}
	for _, never := range b.never {
		n += sizeOfSlice(never)
	}
	return n
}

func (w *systemWalk) size() int {
	s := &w.sweep
	return sizeOfSlice(s.on) + sizeOfSlice(s.corrected) + sizeOfSlice(s.feeds) + sizeOfSlice(s.loud)
}

// Size returns about how many bytes of memory the history holds. What histories that were made of one another share, each
// counts.
func (h *SystemHistory) Size() int {
	n := sizeOf[SystemHistory](1) + sizeOf[lineage](1) + len(h.system) + sizeOfSlice(h.words) + sizeOfStrings(h.checks) +
		sizeOfStrings(h.upstreams) + sizeOfSlice(h.outages) + sizeOfSlice(h.corrections) + sizeOfSlice(h.sources)
	for _, s := range h.sources {
		n += len(s.ID)
	}
	for _, names := range [][]string{h.checks, h.upstreams} {
		if len(names) > scanNames {
			n += sizeOf[string](3 * len(names)) // the index of a nameList
		}
	}
	return n
}
