package slo

// cursor is an instant in a timeline, from which sums over lookbacks are near.
type cursor struct {
	tl      *Timeline
	at      int64
	track   *track
	piece   int   // the last that starts before at
	counted int64 // what counts in [.., at)
}

// track returns the track that holds what lies just before at.
func (tl *Timeline) track(at int64) *track {
	if len(tl.tail.starts) > 0 && tl.tail.starts[0] < at {
		return &tl.tail
	}
	return &tl.sealed
}

func (tl *Timeline) tracks() [2]*track { return [...]*track{&tl.sealed, &tl.tail} }

func (tl *Timeline) cursor(at int64) cursor {
	t := tl.track(at)
	i := t.last(at)
	return cursor{tl, at, t, i, t.counted(i, at)}
}

// weight returns what counts at the cursor's instant, in thousandths.
func (c *cursor) weight() uint16 {
	if p := c.piece; p >= 0 && c.track.pieces[p].end > c.at {
		return c.track.pieces[p].counted
	}
	next, t := c.piece+1, c.track
	if next == len(t.starts) && t == &c.tl.sealed {
		next, t = 0, &c.tl.tail
	}
	if next < len(t.starts) && t.starts[next] == c.at {
		return t.pieces[next].counted
	}
	return 0
}

// near is how many pieces a lookback may hold to be added up one by one.
const near = 12

// countedSince returns what counts in [from, at), and not before since.
func (c *cursor) countedSince(from, since int64) int64 {
	from = max(from, since)
	if from >= c.at {
		return 0
	}
	t, i := c.track, c.piece
	sum := int64(0)
	for stop := max(i-near, -1); i > stop; i-- {
		p, start := &t.pieces[i], max(t.starts[i], from)
		if end := min(p.end, c.at); end > start {
			sum += (end - start) * int64(p.counted)
		}
		if t.starts[i] <= from {
			return sum
		}
	}
	if i < 0 && t == &c.tl.sealed {
		return sum
	}
	t, i = c.before(from)
	return c.counted - t.counted(i, from)
}

// before returns the last piece that starts before an instant that lies before the cursor's.
func (c *cursor) before(at int64) (*track, int) {
	t, i := c.track, c.piece
	if t == &c.tl.tail && t.starts[0] >= at {
		t = &c.tl.sealed
		i = len(t.starts) - 1
	}
	if i < 0 {
		return t, -1
	}
	return t, t.lastIn(i/t.stride+1, at)
}

// front walks forward through the pieces.
type front struct {
	tl      *Timeline
	track   *track
	piece   int // the first that ends after at
	at      int64
	counted int64 // what counts in [.., at)
}

func (tl *Timeline) front(at int64) front {
	c := tl.cursor(at)
	f := front{tl, c.track, max(c.piece, 0), at, c.counted}
	f.skip()
	return f
}

// skip passes over the pieces that have ended.
func (f *front) skip() {
	for {
		switch {
		case f.piece < len(f.track.pieces) && f.track.pieces[f.piece].end > f.at:
			return
		case f.piece < len(f.track.pieces):
			f.piece++
		case f.track == &f.tl.sealed:
			f.track, f.piece = &f.tl.tail, 0
		default:
			return
		}
	}
}

// weight returns what counts at the instant, in thousandths, and until when.
func (f *front) weight() (weight, until int64) {
	if f.piece == len(f.track.pieces) {
		return 0, forever
	}
	if start := f.track.starts[f.piece]; start > f.at {
		return 0, start
	}
	p := &f.track.pieces[f.piece]
	return int64(p.counted), p.end
}

// advance moves to an instant that is not after weight's until.
func (f *front) advance(to int64) {
	weight, _ := f.weight()
	f.counted += weight * (to - f.at)
	f.at = to
	f.skip()
}

// countedUntil returns what counts in [.., at).
func (tl *Timeline) countedUntil(at int64) int64 {
	t := tl.track(at)
	return t.counted(t.last(at), at)
}

func (tl *Timeline) markAt(at int64) mark { return mark{at, tl.countedUntil(at)} }

func (t *track) rowCount() int { return len(t.rows) / t.width }

// row returns the mark at which a row of sums stands.
func (tl *Timeline) row(i int) mark {
	t, i := tl.rowTrack(i)
	return mark{t.starts[i*t.stride], t.rows[i*t.width+sumCounted]}
}

// rowTrack returns the track that a row is in, and its number there.
func (tl *Timeline) rowTrack(i int) (*track, int) {
	if n := tl.sealed.rowCount(); i >= n {
		return &tl.tail, i - n
	}
	return &tl.sealed, i
}

// rowAfter returns the first row that stands after an instant.
func (tl *Timeline) rowAfter(at int64) int {
	t := tl.track(at + 1)
	row := t.last(at+1)/t.stride + 1
	if t.last(at+1) < 0 {
		row = 0
	}
	if t == &tl.tail {
		row += tl.sealed.rowCount()
	}
	return row
}
