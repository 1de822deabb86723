package slo

import "slices"

// builder walks through everything that a timeline is made of, in order of time, and writes down the pieces.
type builder struct {
	terms       []terms
	causes      []cause
	own         systemWalk
	upstreams   []upstreamWalk
	maintenance intervalWalk
	named       []uint32 // by upstream number of the own history: its cause

	readings [readings]bool // those that any terms have, by number
	never    [][]bool       // by term and cause: the upstreams that are no excuse; nil: no terms have any

	frontier int64 // what lies before does not change when later words come
	term     int
	now      blame
	since    int64 // when now began
	unseen   int64 // since when nobody says how it is; forever while somebody does
	gaps     int64 // the length of all gaps so far
}

// systemWalk is a walk through one system's history.
type systemWalk struct {
	sweep    sweep
	history  *SystemHistory
	lineage  *lineage
	words    int
	upcoming int64 // the sweep's next instant
	firstOn  int64 // of a system whose feed was never heard: when it is observed from; else forever
}

type upstreamWalk struct {
	systemWalk
	cause  uint32
	edges  intervalWalk
	weight [readings]uint16 // by reading: how much is down
	since  [readings]int64  // by reading: when that stretch of downtime began
}

func newSystemWalk(h *SystemHistory, checkID string) systemWalk {
	w := systemWalk{sweep: newSweep(h, checkID), history: h, lineage: h.lineage, words: len(h.words), firstOn: forever}
	w.upcoming = w.sweep.next(h)
	first := slices.IndexFunc(h.outages, func(o span) bool { return w.sweep.looksAt(o.check) })
	if first >= 0 && !w.heard() {
		w.firstOn = h.outages[first].start
	}
	return w
}

// heard reports whether the feed that counts has ever said anything.
func (w *systemWalk) heard() bool {
	if w.sweep.only == wholeSystem {
		return len(w.history.words) > 0
	}
	return slices.ContainsFunc(w.history.words, func(o word) bool { return o.check == w.sweep.only })
}

// growsTo reports whether next has the same history with none but later words, from the frontier on.
func (w *systemWalk) growsTo(next *systemWalk, frontier int64) bool {
	return w.lineage == next.lineage && w.words <= next.words && (w.firstOn == next.firstOn) &&
		(w.words == next.words || next.history.words[w.words].at >= frontier)
}

// stopped returns what another builder can go on from: a walk of its own, without the histories.
func (b *builder) stopped() *builder {
	c := *b
	c.own.sweep, c.own.history = b.own.sweep.clone(), nil
	c.upstreams = slices.Clone(b.upstreams)
	for i := range c.upstreams {
		u := &c.upstreams[i]
		u.sweep, u.history = u.sweep.clone(), nil
	}
	return &c
}

// goOn takes b, which has begun, to where another stopped, of whose histories b's are the same or longer.
func (b *builder) goOn(from *builder) {
	b.own.goOn(&from.own)
	for i := range b.upstreams {
		u, was := &b.upstreams[i], &from.upstreams[i]
		u.goOn(&was.systemWalk)
		u.edges, u.weight, u.since = was.edges, was.weight, was.since
	}
	b.maintenance = from.maintenance
	b.term, b.now, b.since, b.unseen, b.gaps = from.term, from.now, from.since, from.unseen, from.gaps
}

func (w *systemWalk) goOn(from *systemWalk) {
	w.sweep = from.sweep.clone()
	w.upcoming = w.sweep.next(w.history)
}

func (b *builder) lastWord() int64 {
	last := b.own.lastWord()
	for i := range b.upstreams {
		last = max(last, b.upstreams[i].lastWord())
	}
	return last
}

// ahead returns about how many pieces the rest of the walk comes to: one for two words, one for each stated outage.
func (w *systemWalk) ahead() int {
	at := &w.sweep.position
	return (w.words-at.word+1)/2 + len(w.history.outages) - at.outage
}

func (w *systemWalk) lastWord() int64 {
	if n := len(w.history.words); n > 0 {
		return w.history.words[n-1].at
	}
	return minInstant
}

// next returns the instant at which anything may change next.
func (b *builder) next() int64 {
	t := min(b.own.upcoming, b.maintenance.next(), b.terms[b.term].until)
	for i := range b.upstreams {
		t = min(t, b.upstreams[i].upcoming, b.upstreams[i].edges.next())
	}
	return t
}

// run writes down what lies before until.
func (b *builder) run(into *track, until int64) {
	for t := b.next(); t < until; t = b.next() {
		b.advance(t)
		b.note(into, t)
	}
}

// finish writes down the rest.
func (b *builder) finish(into *track) {
	b.run(into, forever)
	b.end(into, forever)
	if b.unseen != forever {
		b.gap(into, b.unseen, forever)
	}
}

func (b *builder) advance(t int64) {
	for b.terms[b.term].until <= t {
		b.term++
	}
	b.maintenance.advance(t)
	b.own.advance(t)
	for i := range b.upstreams {
		u := &b.upstreams[i]
		u.edges.advance(t)
		if u.upcoming > t {
			continue
		}
		u.systemWalk.advance(t)
		for r, used := range b.readings {
			if !used {
				continue
			}
			weight := u.sweep.down(u.history, readingOf(r))
			if weight > 0 && u.weight[r] == 0 {
				u.since[r] = t
			}
			u.weight[r] = weight
		}
	}
}

func (w *systemWalk) advance(t int64) {
	if w.upcoming <= t {
		w.sweep.advance(w.history, t)
		w.upcoming = w.sweep.next(w.history)
	}
}

// note looks at the instant that the walks have come to, and writes down what ended with it.
func (b *builder) note(into *track, t int64) {
	if now := b.judge(); now != b.now {
		b.end(into, t)
		b.now, b.since = now, t
	}
	seen := b.own.sweep.observed() || t >= b.own.firstOn
	switch {
	case seen && b.unseen != forever:
		b.gap(into, b.unseen, t)
		b.unseen = forever
	case !seen && b.unseen == forever:
		b.unseen = t
	}
}

func (b *builder) end(into *track, t int64) {
	if b.now.total == 0 {
		return
	}
	into.append(b.since, piece{
		end: t, cause: b.now.cause, source: into.sourceOf(b.now.sources),
		total: b.now.total, self: b.now.self, counted: b.now.counted,
	})
}

func (b *builder) gap(into *track, start, end int64) {
	into.gaps = append(into.gaps, gap{start, end, b.gaps})
	b.gaps += end - start
}
