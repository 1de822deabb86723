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

// countedSince returns what counts in [from, at), and not before since.
func (c *cursor) countedSince(from, since int64) int64 {
	from = max(from, since)
	if from >= c.at {
		return 0
	}
	t, i := c.track, c.piece
	if t == &c.tl.tail && t.starts[0] >= from {
		t = &c.tl.sealed
		i = len(t.starts) - 1
	}
	i = t.lastFrom(i, from)
	return c.counted - t.counted(i, from)
}

// lastFrom is last for an instant that is probably near before piece i starts.
func (t *track) lastFrom(i int, at int64) int {
	step := 1
	high := i + 1 // starts[high] >= at, or the end
	for i >= 0 && t.starts[i] >= at {
		high = i
		i -= step
		step *= 2
	}
	low := max(i, -1) // starts[low] < at, or before the first
	for high-low > 1 {
		if mid := int(uint(low+high) / 2); t.starts[mid] >= at {
			high = mid
		} else {
			low = mid
		}
	}
	return low
}
