package slo

// mark is an instant behind, at the end of a lookback, and what counts in [.., at).
type mark struct{ at, counted int64 }

// behind searches a line whose lookback moves, by halving the rows of sums that its end passes over.
func (s *search) behind(l *line) int64 {
	from, to := s.tl.markAt(l.from-s.length), s.tl.markAt(l.to-s.length)
	return s.halve(l, from, s.tl.rowAfter(from.at), s.tl.rowAfter(to.at-1), to)
}

// halve searches between two marks, which have the rows [low, high) between them.
func (s *search) halve(l *line, from mark, low, high int, to mark) int64 {
	if from.at >= to.at || !s.canHold(l, from, to) {
		return forever
	}
	if low >= high {
		if low > 0 && !s.peakHolds(l, low-1) {
			return forever
		}
		return s.walk(l, from, to)
	}
	middle := (low + high) / 2
	row := s.tl.row(middle)
	if found := s.halve(l, from, low, middle, row); found != forever {
		return found
	}
	return s.halve(l, row, middle+1, high, to)
}

// canHold reports whether the threshold can hold while the lookback's end moves from one mark to the other. Between
// them it is most when all good time comes first, and least when all bad time does, as total outages.
func (s *search) canHold(l *line, from, to mark) bool {
	best := s.countedAt(l, from)
	bad := (to.counted - from.counted) / whole
	if s.th.byMore {
		best += l.weight * (to.at - from.at - bad)
	} else {
		best -= (whole - l.weight) * (bad + 1)
	}
	return s.couldHold(l, from.at+s.length, to.at+s.length, max(best, 0))
}

// couldHold reports whether the threshold would hold for the best that can be counted anywhere in [from, to].
func (s *search) couldHold(l *line, from, to, best int64) bool {
	if l.slope == 0 {
		return s.holds(l, from, best)
	}
	least, most := l.at(from), l.at(to)
	if l.slope < 0 {
		least, most = most, least
	}
	if least.isZero() {
		return true
	}
	if s.th.byMore {
		return s.th.holds(best, least)
	}
	return s.th.holds(best, most)
}

// countedAt returns what counts in the lookback that ends at the mark.
func (s *search) countedAt(l *line, m mark) int64 {
	return l.front + l.weight*(m.at+s.length-l.from) - m.counted
}

// walk searches between two marks piece by piece.
func (s *search) walk(l *line, from, to mark) int64 {
	f := s.tl.front(from.at)
	for at := from.at; at < to.at; {
		weight, until := f.weight()
		until = min(until, to.at)
		p := stretch{at + s.length, until + s.length, s.countedAt(l, mark{at, f.counted}), l.weight - weight}
		if found := s.solve(l, p); found != forever {
			return found
		}
		f.advance(until)
		at = until
	}
	return forever
}

// peak is the greatest and the least that weight x t - counted(t) comes to between a row of sums and the next, for
// the weight that counts at the timeline's end. Only a partial outage that lasts needs it: of a total one, and of none,
// the ends of a row are the peaks.
type peak struct{ most, least int64 }

// peakHolds reports whether the threshold could hold while the lookback's end is in a row.
func (s *search) peakHolds(l *line, row int) bool {
	t, row := s.tl.rowTrack(row)
	if row >= len(t.peaks) || l.weight != t.weight || l.slope != 0 {
		return true
	}
	base := l.front + l.weight*(s.length-l.from)
	if s.th.byMore {
		return base+t.peaks[row].most >= s.limit
	}
	return base+t.peaks[row].least <= s.limit
}

// setPeaks makes the peaks that are missing, if any are needed. Those of a weight are kept while another counts.
func (t *track) setPeaks(weight int64) {
	if weight == 0 || weight == whole {
		return
	}
	if t.weight != weight {
		t.peaks, t.weight = nil, weight
	}
	for row := len(t.peaks); row+1 < t.rowCount(); row++ {
		t.peaks = append(t.peaks, t.peakOf(row, weight))
	}
}

func (t *track) peakOf(row int, weight int64) peak {
	first := row * t.stride
	at, counted := t.starts[first], t.rows[row*t.width+sumCounted]
	p := peak{weight*at - counted, weight*at - counted}
	for i := first; i < first+t.stride; i++ {
		// It rises until a piece begins, falls or rises until it ends, and rises until the next begins.
		end := t.pieces[i].end
		counted += (end - t.starts[i]) * int64(t.pieces[i].counted)
		p.add(weight*end - counted)
		p.add(weight*t.starts[i+1] - counted)
	}
	return p
}

func (p *peak) add(value int64) { p.most, p.least = max(p.most, value), min(p.least, value) }
