package slo

import "strings"

// blame is what rule and terms make of one instant: how much is down, how much of it is the system's own, who has the
// rest, and who says so. Weights are thousandths.
type blame struct {
	total, self, counted uint16
	cause                uint32 // place among the timeline's causes; 0: no upstream has a part
	sources              [3]sourceRef
}

// strongest is a claim for the greatest weight of its kind, and who makes it.
type strongest struct {
	weight uint16
	cause  uint32
	source sourceRef
}

// claims gathers what the sources of a system say at one instant.
type claims struct {
	feed, other, named strongest
	b                  *builder
	never              []bool // by cause: the upstreams that are no excuse; nil: all are
}

// hear takes one source's claim. The feed's words are feed, and named too where they name an upstream that counts; an
// outage of another source is one or the other.
func (c *claims) hear(weight uint16, upstream uint32, source sourceRef, ofFeed bool) {
	if weight == 0 {
		return
	}
	if ofFeed {
		c.take(&c.feed, strongest{weight, 0, source})
	}
	cause := uint32(0)
	if upstream != 0 {
		cause = c.b.named[upstream]
	}
	switch {
	case cause != 0 && (c.never == nil || !c.never[cause]):
		c.take(&c.named, strongest{weight, cause, source})
	case !ofFeed:
		c.take(&c.other, strongest{weight, 0, source})
	}
}

// take leaves the greater weight; of equals the smaller upstream ID, then the source that comes first by name.
func (c *claims) take(best *strongest, s strongest) {
	if s.weight < best.weight {
		return
	}
	if s.weight == best.weight {
		order := strings.Compare(c.b.causes[s.cause].id, c.b.causes[best.cause].id)
		if order > 0 || order == 0 && !c.b.before(s.source, best.source) {
			return
		}
	}
	*best = s
}

// before orders sources by kind and ID.
func (b *builder) before(x, y sourceRef) bool {
	if x&statedBit != y&statedBit {
		return x < y
	}
	names := b.own.history.sourceNames()
	return names.source(x).ID < names.source(y).ID
}

// judge applies the terms in force to the instant that the walks have come to.
func (b *builder) judge() blame {
	t := &b.terms[b.term]
	if t.excludeMaintenance && b.maintenance.inside {
		return blame{}
	}
	c := claims{b: b}
	if b.never != nil {
		c.never = b.never[b.term]
	}
	c.gather(&b.own.sweep, b.own.history, t.reading)
	total := max(c.feed.weight, c.other.weight, c.named.weight)
	if total == 0 {
		return blame{}
	}
	graph := b.strongestUpstream(c.never, t.reading.number())
	feed, other := c.feed.weight, c.other.weight
	self := max(feed-min(feed, max(graph.weight, c.named.weight)), other-min(other, graph.weight))
	j := blame{total: total, self: self, counted: total}
	j.sources = [3]sourceRef{c.feed.source, c.other.source, c.named.source}
	if t.selfOnly {
		j.counted = self
	}
	if self < total {
		j.cause = graph.cause
		if c.named.weight >= graph.weight {
			j.cause = c.named.cause
		}
	}
	return j
}

func (c *claims) gather(s *sweep, h *SystemHistory, r reading) {
	w, byChecks := s.feed()
	c.hear(r.weight(w.health, w.impact), w.upstream, w.source, true)
	if byChecks {
		for _, check := range s.loud {
			w := s.feeds[check-1].word()
			c.hear(r.weight(w.health, w.impact), w.upstream, w.source, true)
		}
	}
	for _, i := range s.on {
		o := &h.outages[i]
		c.hear(r.weight(o.health, o.impact), o.upstream, statedSource(o.source), false)
	}
}

// strongestUpstream returns the direct upstream with the greatest weight whose edge holds: of equals the one whose
// downtime began first, then the smaller ID.
func (b *builder) strongestUpstream(never []bool, reading int) strongest {
	var best strongest
	var since int64
	for i := range b.upstreams {
		u := &b.upstreams[i]
		weight := u.weight[reading]
		if weight == 0 || weight < best.weight || !u.edges.inside || never != nil && never[u.cause] {
			continue
		}
		if weight == best.weight && (u.since[reading] > since ||
			u.since[reading] == since && b.causes[u.cause].id > b.causes[best.cause].id) {
			continue
		}
		best, since = strongest{weight: weight, cause: u.cause}, u.since[reading]
	}
	return best
}
