package slo

// usualIntervals is room for what a rule does in a bad time: fire for every piece.
func (tl *Timeline) usualIntervals() int {
	return min(len(tl.sealed.pieces)+len(tl.tail.pieces), 4096)
}

// firings returns when rules of the kind fire, under the terms of each part of the span.
func (tl *Timeline) firings(kind *rule, span interval) []interval {
	list := make([]interval, 0, tl.usualIntervals())
	for i := range tl.terms {
		t := &tl.terms[i]
		part := interval{span.start, min(t.until, span.end)}
		level := min(max(part.start, tl.levelFrom(i)+kind.long), max(part.start, part.end))
		for j := range t.rules {
			if r := &t.rules[j]; r.sameRule(kind) {
				list = tl.solveFirings(list, t, r, interval{part.start, level})
				list = tl.walkFirings(list, t, r, interval{level, part.end})
			}
		}
		span.start = max(span.start, part.end)
	}
	return union(list)
}

// levelFrom returns since when the target has been that of the terms.
func (tl *Timeline) levelFrom(i int) int64 {
	for i > 0 && tl.terms[i-1].bad == tl.terms[i].bad {
		i--
	}
	if i == 0 {
		return dawn - maxMicros
	}
	return tl.terms[i-1].until
}

// solveFirings is for spans in whose lookbacks the target changes.
func (tl *Timeline) solveFirings(list []interval, t *terms, r *rule, span interval) []interval {
	for span.start < span.end {
		start := tl.firstFiring(t, r, span.start, span.end)
		if start >= span.end {
			break
		}
		end := min(tl.firstQuiet(t, r, start, span.end), span.end)
		list = append(list, interval{start, end})
		span.start = end
	}
	return list
}

// walkFirings walks from edge to edge of what is in front and behind in both windows, each of which is held against one
// limit all along. Nothing is searched for, which pays where much fires.
func (tl *Timeline) walkFirings(list []interval, t *terms, r *rule, span interval) []interval {
	if span.start >= span.end {
		return list
	}
	th := firingThreshold(r, true)
	long, short := th.limit(tl.budget(span.end-r.long, span.end), mostCounted), th.limit(tl.budget(span.end-r.short, span.end), mostCounted)
	front := tl.lagged(span.start, 0, t.since)
	behindLong, behindShort := tl.lagged(span.start, r.long, t.since), tl.lagged(span.start, r.short, t.since)
	inLong, inShort := front.counted-behindLong.counted, front.counted-behindShort.counted
	for at := span.start; at < span.end; {
		if front.weight == 0 && (inLong < long || inShort < short) {
			// Nothing can fire before more is down.
			to := min(front.until, span.end)
			inLong, inShort, at = inLong-behindLong.skip(at, to), inShort-behindShort.skip(at, to), to
			if front.until == to {
				front.pass()
			}
			continue
		}
		to := min(front.until, behindLong.until, behindShort.until, span.end)
		l := stretch{at, to, inLong, front.weight - behindLong.weight}
		s := stretch{at, to, inShort, front.weight - behindShort.weight}
		inLong, inShort = l.at(to), s.at(to)
		if max(l.counted, inLong) >= long && max(s.counted, inShort) >= short {
			list = appendJoined(list, l.atLeast(long).intersect(s.atLeast(short)))
		}
		if front.until == to {
			front.pass()
		}
		if behindLong.until == to {
			behindLong.pass()
		}
		if behindShort.until == to {
			behindShort.pass()
		}
		at = to
	}
	return list
}

// atLeast returns the part of the stretch in which so much is counted.
func (p *stretch) atLeast(limit int64) interval {
	i := interval{p.from, p.to}
	switch missing := limit - p.counted; {
	case missing > 0 && p.slope <= 0:
		i.end = i.start
	case missing > 0:
		i.start += (missing + p.slope - 1) / p.slope
	case p.slope < 0:
		i.end = min(i.end, i.start+missing/p.slope+1)
	}
	return i
}

func (i interval) intersect(o interval) interval {
	return interval{max(i.start, o.start), min(i.end, o.end)}
}

// appendJoined appends an interval that comes after the others, or goes on with the last.
func appendJoined(list []interval, i interval) []interval {
	if i.start >= i.end {
		return list
	}
	if last := len(list) - 1; last >= 0 && list[last].end == i.start {
		list[last].end = i.end
		return list
	}
	return append(list, i)
}

// lagged walks through the pieces so far behind the time that it is told.
type lagged struct {
	tl            *Timeline
	track         *track
	piece         int // the one it is in, or comes to next
	lag           int64
	counted       int64 // what counts before the place where it started
	weight, until int64 // what counts there, and until when in the time that it is told
}

// lagged returns a walk that starts behind t, and before since sees nothing.
func (tl *Timeline) lagged(t, lag, since int64) lagged {
	f := tl.front(max(t-lag, since))
	l := lagged{tl: tl, track: f.track, piece: f.piece, lag: lag, counted: f.counted, until: since + lag}
	if t-lag >= since {
		l.enter(t - lag)
	}
	return l
}

// enter looks at what counts from a place on that is not behind the end of the piece.
func (l *lagged) enter(at int64) {
	if l.piece == len(l.track.pieces) {
		l.weight, l.until = 0, forever
		return
	}
	if start := l.track.starts[l.piece]; start > at {
		l.weight, l.until = 0, start+l.lag
		return
	}
	p := &l.track.pieces[l.piece]
	l.weight, l.until = int64(p.counted), p.end
	if p.end != forever {
		l.until += l.lag
	}
}

// skip moves on to an instant, over all edges up to it, and returns what it passed over.
func (l *lagged) skip(at, to int64) (passed int64) {
	for l.until <= to {
		passed += l.weight * (l.until - at)
		at = l.until
		l.pass()
	}
	return passed + l.weight*(to-at)
}

// pass moves on over the edge that is due.
func (l *lagged) pass() {
	at := l.until - l.lag
	for l.piece < len(l.track.pieces) && l.track.pieces[l.piece].end <= at {
		if l.piece++; l.piece == len(l.track.pieces) && l.track == &l.tl.sealed {
			l.track, l.piece = &l.tl.tail, 0
		}
	}
	l.enter(at)
}
