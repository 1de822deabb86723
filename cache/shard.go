package cache

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A shard is a part of a Memory: a hash table with a lock for those who write. Readers take none: they follow a chain that a
// writer may just be changing, and can then miss what is there, but never find what was removed before they came.
type shard[V any] struct {
	buckets atomic.Pointer[[]bucket[V]]

	mu     sync.Mutex
	count  int
	newest *entryNode[V]
	oldest *entryNode[V]
	hand   *entryNode[V] // where to look next for what to evict, from the oldest to the newest; nil: at the oldest
	sweep  int           // the bucket where to look next for what has expired

	_ [64]byte // so that locks do not share a cache line
}

type bucket[V any] = atomic.Pointer[entryNode[V]]

// An entryNode is an entry in its chain, and in the order in which the entries of its shard were stored.
type entryNode[V any] struct {
	hash     uint64
	space    *space[V]
	key      string
	entry    Entry[V]
	deadline int64
	cost     int64
	visited  atomic.Bool // asked for since the hand came by
	gone     bool        // under the lock of the shard, as the three below
	next     atomic.Pointer[entryNode[V]]

	newer, older *entryNode[V]
	members      *[]member[V] // in the index; nil: it is not in there
}

// usage is what a Memory keeps, in all of its shards.
type usage struct {
	entries, cost    atomic.Int64
	evicted, expired atomic.Uint64
}

// fewest is how many buckets a shard has at least.
const fewest = 16

func (sh *shard[V]) init() {
	buckets := make([]bucket[V], fewest)
	sh.buckets.Store(&buckets)
}

// chain returns the bucket of a hash. The lowest bits have chosen the shard.
func (sh *shard[V]) chain(hash uint64) *bucket[V] {
	buckets := *sh.buckets.Load()
	return &buckets[hash>>20&uint64(len(buckets)-1)]
}

func (m *Memory[V]) shard(hash uint64) *shard[V] { return &m.shards[hash&uint64(len(m.shards)-1)] }

// find returns the entry of key, nil if there is none, and some number that is spread evenly.
func (s *space[V]) find(key string) (n *entryNode[V], spread uint64) {
	hash := maphash.String(s.seed, key)
	n = s.m.shard(hash).chain(hash).Load()
	for n != nil && (n.hash != hash || n.space != s || n.key != key) {
		n = n.next.Load()
	}
	if n == nil || n.deadline <= s.m.now.Load() {
		return nil, hash >> 8
	}
	if !n.visited.Load() {
		n.visited.Store(true)
	}
	return n, hash >> 8
}

// findSurely is find for who must not miss what is there.
func (s *space[V]) findSurely(key string) *entryNode[V] {
	sh := s.m.shard(maphash.String(s.seed, key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n, _ := s.find(key)
	return n
}

// newNode makes a node of an entry. nil: it costs too much.
func (s *space[V]) newNode(key string, entry *Entry[V], ttl time.Duration) *entryNode[V] {
	n := &entryNode[V]{space: s, key: strings.Clone(key), entry: *entry} // key may be a part of what is much larger
	if s.m.cost != nil {
		if n.cost = 1; !entry.Absent {
			n.cost = max(s.m.cost(key, entry.Value), 0)
		}
		if n.cost > s.m.maxCost {
			return nil
		}
	}
	n.hash = maphash.String(s.seed, key)
	n.deadline = s.m.now.Load() + int64(grain+ttl) // the clock may be a grain late now, and another one then
	return n
}

// put keeps n in place of what is there, and drops others if there are too many.
func (s *space[V]) put(n *entryNode[V]) {
	m := s.m
	sh := m.shard(n.hash)
	sh.mu.Lock()
	if m.closed.Load() {
		sh.mu.Unlock()
		return
	}
	old := sh.chain(n.hash).Load()
	for old != nil && (old.hash != n.hash || old.space != s || old.key != n.key) {
		old = old.next.Load()
	}
	m.insert(sh, n)
	if old != nil {
		m.unlink(sh, old)
	}
	for m.full() && m.evict(sh, n) {
	}
	sh.mu.Unlock()
	for i := 1; i < len(m.shards) && m.full(); i++ {
		sh := m.shard(n.hash + uint64(i))
		sh.mu.Lock()
		for m.full() && m.evict(sh, n) {
		}
		sh.mu.Unlock()
	}
}

// remove removes the entry of key.
func (s *space[V]) remove(key string) {
	hash := maphash.String(s.seed, key)
	sh := s.m.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for n := sh.chain(hash).Load(); n != nil; n = n.next.Load() {
		if n.hash == hash && n.space == s && n.key == key {
			s.m.unlink(sh, n)
			return
		}
	}
}

func (m *Memory[V]) full() bool {
	return m.maxEntries > 0 && m.used.entries.Load() > m.maxEntries || m.cost != nil && m.used.cost.Load() > m.maxCost
}

// insert puts n before all others of its chain, and makes it the newest. The lock of sh is held, as in all that follows.
func (m *Memory[V]) insert(sh *shard[V], n *entryNode[V]) {
	if sh.count++; sh.count > len(*sh.buckets.Load()) {
		sh.resize(2 * sh.count)
	}
	m.used.entries.Add(1)
	if n.cost > 0 {
		m.used.cost.Add(n.cost)
	}
	chain := sh.chain(n.hash)
	n.next.Store(chain.Load())
	chain.Store(n)
	if n.older = sh.newest; n.older != nil {
		n.older.newer = n
	} else {
		sh.oldest = n
	}
	sh.newest = n
	if n.space.index.on.Load() {
		n.space.index.add(n)
	}
}

// unlink takes n out of its chain, and out of the order. n still leads on to the others, for those who are just there.
func (m *Memory[V]) unlink(sh *shard[V], n *entryNode[V]) {
	n.gone = true
	n.space.index.remove(n)
	sh.count--
	m.used.entries.Add(-1)
	if n.cost > 0 {
		m.used.cost.Add(-n.cost)
	}
	link := sh.chain(n.hash)
	for link.Load() != n {
		link = &link.Load().next
	}
	link.Store(n.next.Load())
	if sh.hand == n {
		sh.hand = n.newer
	}
	if n.older != nil {
		n.older.newer = n.newer
	} else {
		sh.oldest = n.newer
	}
	if n.newer != nil {
		n.newer.older = n.older
	} else {
		sh.newest = n.older
	}
	if buckets := len(*sh.buckets.Load()); buckets > fewest && sh.count < buckets/8 {
		sh.resize(2 * sh.count)
	}
}

// resize makes a table with room for so many. Whoever is just following a chain may end up in another one.
func (sh *shard[V]) resize(room int) {
	size := fewest
	for size < room {
		size *= 2
	}
	buckets := make([]bucket[V], size)
	for n := sh.newest; n != nil; n = n.older {
		chain := &buckets[n.hash>>20&uint64(size-1)]
		n.next.Store(chain.Load())
		chain.Store(n)
	}
	sh.buckets.Store(&buckets)
	sh.sweep = 0
}

// evict drops one entry other than except, and reports whether there was one. It is the first from the hand on that has not
// been asked for since the hand was there; where all are asked for all the time, any.
func (m *Memory[V]) evict(sh *shard[V], except *entryNode[V]) bool {
	now := m.now.Load()
	for step := range 2*sh.count + 1 {
		n := sh.hand
		if n == nil {
			n = sh.oldest
		}
		if n == nil {
			return false
		}
		sh.hand = n.newer
		if n == except || step <= sh.count && n.visited.Load() && n.deadline > now {
			n.visited.Store(false)
			continue
		}
		m.unlink(sh, n)
		m.used.evicted.Add(1)
		return true
	}
	return false
}

// expire drops what has expired by now in so many buckets of sh, the next time in the ones after them, and returns how many
// it has looked at: fewer than that at the end of the table, where the next time begins at its start.
func (m *Memory[V]) expire(sh *shard[V], now int64, limit int) (looked int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for ; looked < limit; looked++ {
		table := *sh.buckets.Load()
		if sh.sweep >= len(table) {
			sh.sweep = 0
			return looked
		}
		for n := table[sh.sweep].Load(); n != nil; n = n.next.Load() {
			if n.deadline > now {
				continue
			}
			m.unlink(sh, n)
			m.used.expired.Add(1)
		}
		sh.sweep++
	}
	return looked
}

// each calls do for each entry of sh, which may unlink it.
func (m *Memory[V]) each(sh *shard[V], do func(*entryNode[V])) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for n := sh.newest; n != nil; {
		older := n.older
		do(n)
		n = older
	}
}
