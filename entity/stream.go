package entity

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// A stream is a list of changes that grows at its end and is read without locks by any number of cursors, each at its own
// speed. Positions in it have no gap. What no cursor can get to any longer, and the index has let go, is garbage.
type stream struct {
	mu    sync.Mutex // held to append and to seek
	index []*chunk   // what seek finds, oldest first, all full but the last
	low   int64      // changes up to here are deleted

	end   atomic.Int64 // Position of the newest change
	bells atomic.Pointer[[]*bell]
	fine  atomic.Int32 // bells that are for single shards
}

const chunkSize = 64

type chunk struct {
	first   int64 // Position of changes[0]
	n       atomic.Int32
	next    atomic.Pointer[chunk]
	changes [chunkSize]Change
}

// newStream makes a stream whose first change has the Position after end.
func newStream(end int64) *stream {
	s := &stream{index: []*chunk{{first: end + 1}}, low: end}
	s.end.Store(end)
	return s
}

// append adds changes, whose Positions go on from the last one, and does not ring.
func (s *stream) append(c *Change) {
	last := s.index[len(s.index)-1]
	n := last.n.Load()
	if n == chunkSize {
		next := &chunk{first: last.first + chunkSize}
		last.next.Store(next)
		s.index = append(s.index, next)
		last, n = next, 0
	}
	last.changes[n] = *c
	last.n.Store(n + 1)
	s.end.Store(c.Position)
}

// trim lets go of the changes up to a Position.
func (s *stream) trim(position int64) {
	s.low = max(s.low, position)
	drop := 0
	for drop < len(s.index)-1 && s.index[drop+1].first <= s.low+1 {
		drop++
	}
	s.index = slices.Delete(s.index, 0, drop)
}

// seek returns a cursor behind the change of that Position, or at the oldest change where that is gone.
func (s *stream) seek(position int64) cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place(max(position, s.low))
}

func (s *stream) place(position int64) cursor {
	at := min(position, math.MaxInt64-1) + 1 - s.index[0].first
	i := min(at/chunkSize, int64(len(s.index)-1))
	return cursor{s.index[i], at - i*chunkSize}
}

// follow returns a cursor behind a Position; false where what comes next is no longer there.
func (s *stream) follow(position int64) (cursor, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if position < s.low {
		return cursor{}, false
	}
	return s.place(position), true
}

// lowest is the Position up to which changes are deleted.
func (s *stream) lowest() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.low
}

// cursor is a place in a stream. The zero cursor is in none.
type cursor struct {
	chunk *chunk
	i     int64 // of the next change in chunk; beyond it where that is not there yet
}

// read returns what comes next, part of it, and goes behind it. The slice is the stream's own. Where there is nothing
// yet, it is empty.
func (c *cursor) read() []Change {
	for c.i >= chunkSize {
		next := c.chunk.next.Load()
		if next == nil {
			return nil
		}
		c.chunk, c.i = next, c.i-chunkSize
	}
	n := int64(c.chunk.n.Load())
	if c.i >= n {
		return nil
	}
	part := c.chunk.changes[c.i:n]
	c.i = n
	return part
}

// more reports whether read would return something, now or from a Log.
func (c cursor) more() bool { return c.chunk == nil || len(c.read()) > 0 }

// A bell wakes one goroutine that waits for a stream or for other work. A ring while nobody sleeps is not lost: whoever
// lies down looks once more.
type bell struct {
	c      chan struct{}
	asleep atomic.Bool
	shards atomic.Uint32 // whose changes the sleeper waits for: a shardSet
}

func newBell(shards shardSet) *bell {
	b := &bell{c: make(chan struct{}, 1)}
	b.shards.Store(uint32(shards))
	return b
}

// fine is 1 for the bell of a single shard.
func (b *bell) fine() int32 {
	if set := shardSet(b.shards.Load()); set != 0 && set < watchShard && set&(set-1) == 0 {
		return 1
	}
	return 0
}

// shardSet is a set of shards, as bits, of which one more stands for the registry's own kind.
type shardSet uint32

const (
	allShards  shardSet = 1<<(Shards+1) - 1
	watchShard shardSet = 1 << Shards
)

// shardOf is the part of the feed that a change belongs to: where nobody asks for single shards, all but the registry's
// own kind.
func shardOf(c *Change, fine bool) shardSet {
	set := allShards &^ watchShard
	if fine {
		set = 1 << Shard(c.Kind, c.ID)
	}
	if c.Kind == watchKind {
		set |= watchShard
	}
	return set
}

func (b *bell) ring() {
	if b.asleep.Swap(false) {
		select {
		case b.c <- struct{}{}:
		default:
		}
	}
}

// doze announces that the caller is about to wait for b.c. It then looks once more whether there is work, since a ring
// before doze wakes nobody.
func (b *bell) doze() { b.asleep.Store(true) }

// rouse takes a doze back.
func (b *bell) rouse() {
	b.asleep.Store(false)
	select {
	case <-b.c:
	default:
	}
}

// attach makes the stream's ring reach b, until detach.
func (s *stream) attach(b *bell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bells := append(slices.Clone(s.attached()), b)
	s.bells.Store(&bells)
	s.fine.Add(b.fine())
}

func (s *stream) detach(b *bell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bells := slices.DeleteFunc(slices.Clone(s.attached()), func(other *bell) bool { return other == b })
	s.bells.Store(&bells)
	s.fine.Add(-b.fine())
}

func (s *stream) attached() []*bell {
	if bells := s.bells.Load(); bells != nil {
		return *bells
	}
	return nil
}

// ring wakes who waits for changes in these shards.
func (s *stream) ring(shards shardSet) {
	for _, b := range s.attached() {
		if shardSet(b.shards.Load())&shards != 0 {
			b.ring()
		}
	}
}
