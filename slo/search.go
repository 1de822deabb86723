package slo

// search looks for the first instant at which a threshold holds for what counts in a lookback: [t - length, t), or
// [start, t) of a period. Between edges all that is compared is linear, so it goes from edge to edge of what lies in
// front (at t), and halves what lies behind (at t - length), passing over what cannot hold.
type search struct {
	tl     *Timeline
	th     threshold
	since  int64 // what lies before is hidden
	length int64 // of a rolling lookback; 0: a period
	start  int64 // of a period
	budget uint128

	limit   int64 // the threshold's, for limited
	limited uint128
	known   bool
}

// mostCounted is more than any lookback can hold, in nanoseconds.
const mostCounted = maxMicros * whole

// rolling searches a lookback that moves.
func (tl *Timeline) rolling(t *terms, th threshold, length int64) search {
	return search{tl: tl, th: th, since: t.since, length: length}
}

// period searches one period of a calendar.
func (tl *Timeline) period(t *terms, th threshold, start, end int64) search {
	return search{tl: tl, th: th, since: max(t.since, start), start: start, budget: tl.budget(start, end)}
}

// line is a stretch of time [from, to) in which what counts in front, and what that is held against, are linear.
type line struct {
	from, to int64
	front    int64 // what counts in [.., from)
	weight   int64 // what counts in front, in thousandths
	against  uint128
	slope    int64 // of against, a microsecond
}

// first returns the first instant in [from, to) at which the threshold holds, forever if there is none.
func (s *search) first(from, to int64) int64 {
	steady := s.tl.lastEdge() + s.length + 1 // from here on nothing moves that is rolling
	front := s.tl.front(from)
	for from < to {
		l := line{from: from, to: min(to, s.mode(from)), front: front.counted}
		var until int64
		l.weight, until = front.weight()
		l.to = min(l.to, until)
		if s.length > 0 {
			l.to = min(l.to, max(steady, from+1))
		}
		s.hold(&l)
		if found := s.inLine(&l); found < l.to {
			return found
		}
		if s.length > 0 && from >= steady {
			break
		}
		front.advance(l.to)
		from = l.to
	}
	return forever
}

// mode returns where what is hidden by CountFrom stops to matter in another way.
func (s *search) mode(from int64) int64 {
	switch {
	case from < s.since:
		return s.since
	case s.length > 0 && from < s.since+s.length:
		return s.since + s.length
	}
	return forever
}

// hold fills in what the line is held against, and ends it where that bends.
func (s *search) hold(l *line) {
	switch {
	case s.th.ofElapsed() && s.length == 0:
		l.against, l.slope = u128(uint64(l.from-s.start)), 1
	case s.th.ofElapsed():
		l.against = u128(uint64(s.length))
	case s.length == 0:
		l.against = s.budget
	default:
		l.against = s.tl.budget(l.from-s.length, l.from)
		l.slope = (s.bad(l, 0) - s.bad(l, s.length)) * whole
	}
	if l.slope == 0 && (!s.known || s.limited != l.against) {
		s.limit, s.limited, s.known = s.th.limit(l.against, mostCounted), l.against, true
	}
}

// bad returns what the target in force so long before the line leaves as budget, and ends the line where that changes.
func (s *search) bad(l *line, before int64) int64 {
	t := s.tl.termsAt(l.from - before)
	if t.until != forever {
		l.to = min(l.to, t.until+before)
	}
	return t.bad
}

// inLine returns the first instant of the line at which the threshold holds, forever if there is none.
func (s *search) inLine(l *line) int64 {
	switch {
	case l.from < s.since:
		return s.solve(l, stretch{from: l.from, to: l.to})
	case s.length == 0 || l.from < s.since+s.length:
		counted := l.front - s.tl.countedUntil(s.since)
		return s.solve(l, stretch{l.from, l.to, counted, l.weight})
	case l.slope == 0 && l.weight == 0 && s.th.byMore && l.to-l.from > 1:
		// Nothing new counts, so it holds at once or not at all.
		return s.solve(l, stretch{from: l.from, to: l.from + 1, counted: l.front - s.tl.countedUntil(l.from-s.length)})
	}
	return s.behind(l)
}

// stretch is a part of a line in which what lies behind is linear too.
type stretch struct {
	from, to int64
	counted  int64 // in the lookback, at from
	slope    int64 // of counted, a microsecond
}

// solve returns the first instant of the stretch at which the threshold holds, forever if there is none.
func (s *search) solve(l *line, p stretch) int64 {
	if s.holds(l, p.from, p.counted) {
		return p.from
	}
	if l.slope == 0 {
		return s.solveLevel(p)
	}
	if l.at(p.from).isZero() && p.from+1 < p.to {
		// An instant by itself: what is held against nothing jumps. A line ends before it could be so again.
		p.counted += p.slope
		p.from++
		return s.solve(l, p)
	}
	last := p.to - 1
	if !s.holds(l, last, p.at(last)) {
		return forever
	}
	for low, high := p.from, last; ; { // holds at high, not at low
		if high-low == 1 {
			return high
		}
		if mid := low + (high-low)/2; s.holds(l, mid, p.at(mid)) {
			high = mid
		} else {
			low = mid
		}
	}
}

// solveLevel solves a stretch that is held against the same all along, and does not hold at its beginning.
func (s *search) solveLevel(p stretch) int64 {
	missing, slope := s.limit-p.counted, p.slope
	if !s.th.byMore {
		missing, slope = -missing, -slope
	}
	if slope <= 0 {
		return forever
	}
	if after := (missing + slope - 1) / slope; after < p.to-p.from {
		return p.from + after
	}
	return forever
}

func (p *stretch) at(t int64) int64 { return p.counted + p.slope*(t-p.from) }

// at returns what the line is held against at t.
func (l *line) at(t int64) uint128 {
	if l.slope < 0 {
		return l.against.sub(mul64(uint64(-l.slope), uint64(t-l.from)))
	}
	return l.against.add(mul64(uint64(l.slope), uint64(t-l.from)))
}

func (s *search) holds(l *line, t, counted int64) bool {
	if l.slope != 0 {
		return s.th.holds(counted, l.at(t))
	}
	if s.th.byMore {
		return counted >= s.limit
	}
	return counted <= s.limit
}
