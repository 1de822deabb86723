package slo

import (
	"slices"
)

// piece is a stretch of time in which the same counts, for the same cause and by the same sources. Its start stands in
// the track's array of starts.
type piece struct {
	end                  int64
	cause                uint32 // who has what is not self; 0: nobody
	source               sourceRef
	total, self, counted uint16 // thousandths
}

// track is a run of disjoint pieces in order of time, with sums in between: before every stride pieces stands a row of
// what all pieces before came to, so that a sum up to any instant takes one search, one row and at most stride pieces.
type track struct {
	starts []int64
	pieces []piece
	rows   []int64 // width numbers a row: total, self, counted, and each upstream's
	sum    []int64 // the row of all pieces
	marks  []int64 // by row: the start of its first piece; a search looks here first, and stays in the processor's cache
	width  int
	stride int

	lists   [][3]sourceRef // of pieces that come from several sources
	peaks   []peak         // by row, but for the last; of a partial outage that lasts
	weight  int64          // what peaks are for
	gaps    []gap          // when nobody said how it was
	lineage *int           // as SystemHistory's: how long the shared arrays are
}

const (
	sumTotal = iota
	sumSelf
	sumCounted
	sumCauses // and one for each upstream from here on: cause 1 is here
)

const leastStride = 16

// gap is a stretch of time in which nobody said how it was, and the length of all gaps before.
type gap struct{ start, end, before int64 }

// newTrack makes a track that goes on from a row of sums, with room for so many pieces.
func newTrack(causes int, capacity int, sum []int64) track {
	width := sumCauses + causes - 1
	t := track{width: width, stride: max(leastStride, causes-1)}
	rows := (capacity + t.stride - 1) / t.stride
	numbers := make([]int64, width+capacity+rows*(width+1)) // one array, which takes less time to make than four
	take := func(n int) []int64 {
		part := numbers[:n:n]
		numbers = numbers[n:]
		return part
	}
	t.sum, t.starts, t.rows, t.marks = take(width), take(capacity)[:0], take(rows * width)[:0], take(rows)[:0]
	t.pieces = make([]piece, 0, capacity)
	copy(t.sum, sum)
	return t
}

// own makes the arrays ones that may be appended to: those of the longest track of its lineage, else a copy.
func (t *track) own() {
	if *t.lineage != t.length() {
		t.starts, t.pieces = slices.Clone(t.starts), slices.Clone(t.pieces)
		t.rows, t.lists, t.gaps = slices.Clone(t.rows), slices.Clone(t.lists), slices.Clone(t.gaps)
		t.peaks, t.marks = slices.Clone(t.peaks), slices.Clone(t.marks)
		t.lineage = new(int)
	}
	t.sum = slices.Clone(t.sum)
}

// shrink puts what stands in arrays with much in reserve into arrays of its own length.
func (t *track) shrink() {
	if spare := cap(t.pieces) - len(t.pieces); spare > 4+len(t.pieces)/16 {
		t.starts, t.pieces, t.rows, t.marks, t.sum = exact(t.starts), exact(t.pieces), exact(t.rows), exact(t.marks), exact(t.sum)
	}
	t.lists, t.gaps = tight(t.lists), tight(t.gaps)
}

// tight returns the slice in an array of its own length, unless it is in one already.
func tight[T any](s []T) []T {
	if cap(s) == len(s) {
		return s
	}
	return exact(s)
}

func exact[T any](s []T) []T { return append(make([]T, 0, len(s)), s...) }

// owned tells the track's lineage that this is the longest now.
func (t *track) owned() { *t.lineage = t.length() }

func (t *track) length() int { return len(t.pieces) + len(t.gaps) + len(t.peaks) }

func (t *track) append(start int64, p piece) {
	if len(t.pieces)%t.stride == 0 {
		t.rows, t.marks = append(t.rows, t.sum...), append(t.marks, start)
	}
	t.starts, t.pieces = append(t.starts, start), append(t.pieces, p)
	if p.end != forever {
		p.addTo(t.sum, p.end-start)
	}
}

// sourceOf returns the reference that stands for up to three sources, none of them, or some the same.
func (t *track) sourceOf(sources [3]sourceRef) sourceRef {
	var list [3]sourceRef
	n := 0
	for _, s := range sources {
		if s != 0 && !slices.Contains(list[:n], s) {
			list[n] = s
			n++
		}
	}
	if n <= 1 {
		return list[0]
	}
	if n := len(t.lists); n == 0 || t.lists[n-1] != list {
		t.lists = append(t.lists, list)
	}
	return severalBit | sourceRef(len(t.lists)-1)
}

// addTo adds what the piece comes to in so many microseconds.
func (p *piece) addTo(sum []int64, micros int64) {
	sum[sumTotal] += micros * int64(p.total)
	sum[sumSelf] += micros * int64(p.self)
	sum[sumCounted] += micros * int64(p.counted)
	if p.cause != 0 {
		sum[sumCauses+p.cause-1] += micros * int64(p.total-p.self)
	}
}

// last returns the number of the last piece that starts before t, -1 if none does.
func (t *track) last(at int64) int { return t.lastIn(len(t.marks), at) }

// lastIn is last for an instant that lies within the first so many rows.
func (t *track) lastIn(rows int, at int64) int {
	low := 0
	for high := rows; low < high; {
		if mid := int(uint(low+high) / 2); t.marks[mid] < at {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return -1
	}
	i := (low - 1) * t.stride
	for end := min(i+t.stride, len(t.starts)); i+1 < end && t.starts[i+1] < at; i++ {
	}
	return i
}

// sums adds sign times the sums of [.., at) to into; i is last(at).
func (t *track) sums(i int, at int64, sign int64, into []int64) {
	if i < 0 {
		return
	}
	row := i / t.stride
	for k, v := range t.rows[row*t.width : (row+1)*t.width] {
		into[k] += sign * v
	}
	for j := row * t.stride; j <= i; j++ {
		p := &t.pieces[j]
		p.addTo(into, sign*(min(p.end, at)-t.starts[j]))
	}
}

// counted returns how much counts in [.., at), in nanoseconds; i is last(at). It goes forward from the row before, or
// backward from the row after, whichever is nearer.
func (t *track) counted(i int, at int64) int64 {
	if i < 0 {
		return 0
	}
	sum := (min(t.pieces[i].end, at) - t.starts[i]) * int64(t.pieces[i].counted)
	row := i / t.stride
	first, next := row*t.stride, (row+1)*t.stride
	if i-first > t.stride/2 && next < len(t.pieces) {
		for j := i; j < next; j++ {
			sum -= t.whole(j)
		}
		return sum + t.rows[(row+1)*t.width+sumCounted]
	}
	for j := first; j < i; j++ {
		sum += t.whole(j)
	}
	return sum + t.rows[row*t.width+sumCounted]
}

// whole returns what counts in a piece that has ended.
func (t *track) whole(i int) int64 {
	return (t.pieces[i].end - t.starts[i]) * int64(t.pieces[i].counted)
}
