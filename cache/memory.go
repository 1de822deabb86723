package cache

import (
	"context"
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxEntries is how many entries a [Memory] keeps where its options say nothing.
const DefaultMaxEntries = 10_000

// grain is what a Memory's clock goes by, since to ask the system what time it is takes longer than all else that a hit
// does: an entry may be given two grains longer than its TTL.
const grain = 10 * time.Millisecond

// maxMaxCost leaves room for the sum to be above it for a moment, by what is being stored.
const maxMaxCost = 1 << 50

// MemoryOptions are those of a [Memory]. The zero value of each field is its default.
type MemoryOptions[V any] struct {
	// MaxEntries is how many entries are kept, of all scopes together. 0: [DefaultMaxEntries], or no bound where Cost is
	// given.
	MaxEntries int

	// MaxCost is the sum of what the kept entries may cost, at most 1<<50. It goes with Cost: both or none.
	MaxCost int64

	// Cost says what an entry costs, in any unit, say bytes; below 0 counts as 0. One that costs more than MaxCost is
	// not kept. It is not asked about absent entries, which cost 1, must be safe for concurrent use, and does not call
	// the Scope.
	Cost func(key string, v V) int64
}

// Memory is a [Provider] in this process, bounded in entries or in cost. When it is full it drops those that nobody has
// asked for since it last looked for some to drop (SIEVE: Zhang et al., NSDI 2024). Scopes of one name on it are one scope.
// It is safe for concurrent use; reads take no lock. [NewMemory] makes one; the zero Memory is of no use.
//
// What is invalidated takes no memory. Expired entries are removed within seconds; of millions, within a minute. Values are
// given as they were stored, so whoever changes what one refers to changes it for all. What it has of a scope's name, some
// kilobytes, it has until the end, so there should not be one for each tenant, or the like.
type Memory[V any] struct {
	shards     []shard[V]
	maxEntries int64
	maxCost    int64
	cost       func(string, V) int64
	used       usage

	now    atomic.Int64 // nanoseconds since start, grain by grain
	start  time.Time
	closed atomic.Bool
	stop   context.CancelFunc
	ticker sync.WaitGroup

	mu     sync.Mutex
	spaces map[string]*space[V]
}

// space is what a Memory has of one scope.
type space[V any] struct {
	m       *Memory[V]
	seed    maphash.Seed
	flights flights[V]
	index   index[V]
}

// NewMemory makes a Memory, and starts the goroutine that is its clock, until Close. nil options are the defaults.
// ErrInvalid: a negative bound, and one of MaxCost and Cost without the other.
func NewMemory[V any](opts *MemoryOptions[V]) (*Memory[V], error) {
	if opts == nil {
		opts = &MemoryOptions[V]{}
	}
	switch {
	case opts.MaxEntries < 0:
		return nil, invalid("MaxEntries", opts.MaxEntries, "0 or more")
	case opts.MaxCost < 0 || opts.MaxCost > maxMaxCost:
		return nil, invalid("MaxCost", opts.MaxCost, "0 to 1<<50")
	case opts.MaxCost > 0 && opts.Cost == nil:
		return nil, invalid("Cost", "nil", "a function, since there is a MaxCost")
	case opts.MaxCost == 0 && opts.Cost != nil:
		return nil, invalid("MaxCost", 0, "more than 0, since there is a Cost")
	}
	m := &Memory[V]{
		maxEntries: int64(opts.MaxEntries), maxCost: opts.MaxCost, cost: opts.Cost,
		start: time.Now(), spaces: map[string]*space[V]{},
	}
	if m.maxEntries == 0 && m.cost == nil {
		m.maxEntries = DefaultMaxEntries
	}
	m.shards = make([]shard[V], shardCount(m.maxEntries))
	for i := range m.shards {
		m.shards[i].init()
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.ticker.Go(func() { m.tick(ctx) })
	return m, nil
}

// shardCount is enough for writers not to meet often, and so few that a shard has something to evict beside what is
// asked for all the time. It is a power of two.
func shardCount(maxEntries int64) int {
	n := 1
	for n < 8*runtime.GOMAXPROCS(0) && (maxEntries == 0 || int64(n) <= maxEntries/128) {
		n *= 2
	}
	return n
}

// Close ends the clock and drops what is kept. Scopes go on: they find nothing, and store nothing. Closing twice is closing
// once.
func (m *Memory[V]) Close() error {
	m.closed.Store(true)
	m.stop()
	m.ticker.Wait()
	for i := range m.shards {
		sh := &m.shards[i]
		m.each(sh, func(n *entryNode[V]) { m.unlink(sh, n) })
	}
	return nil
}

// atOnce is in how many buckets a tick looks for what has expired: it is through a million entries in some 20 seconds, for
// which it takes a few thousandths of a processor's time.
const atOnce = 1024

// tick moves the clock, and each time looks a little further for what has expired.
func (m *Memory[V]) tick(ctx context.Context) {
	ticker := time.NewTicker(grain)
	defer ticker.Stop()
	shard := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := int64(time.Since(m.start))
		m.now.Store(now)
		for left, looked := atOnce, 0; left > 0 && looked < len(m.shards); looked++ {
			sh := &m.shards[shard%len(m.shards)]
			left -= m.expire(sh, now, left)
			if left > 0 {
				shard++
			}
		}
	}
}

// space returns what m has of the scope called name.
func (m *Memory[V]) space(name string) *space[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.spaces[name]
	if s == nil {
		s = &space[V]{m: m, seed: maphash.MakeSeed()}
		m.spaces[name] = s
	}
	return s
}

// Get calls found for the keys that have an entry. It never fails.
func (m *Memory[V]) Get(_ context.Context, scope string, keys []string, found func(i int, e Entry[V])) error {
	s := m.space(scope)
	for i, key := range keys {
		if n, _ := s.find(key); n != nil {
			found(i, n.entry)
		}
	}
	return nil
}

// Set stores items. It never fails: what costs too much is not stored.
func (m *Memory[V]) Set(_ context.Context, scope string, items []Item[V]) error {
	s := m.space(scope)
	for i := range items {
		if n := s.newNode(items[i].Key, &items[i].Entry, items[i].TTL); n != nil {
			s.put(n)
		} else {
			s.remove(items[i].Key)
		}
	}
	return nil
}

// Delete removes entries. It never fails.
func (m *Memory[V]) Delete(_ context.Context, scope string, keys []string) error {
	s := m.space(scope)
	for _, key := range keys {
		s.remove(key)
	}
	return nil
}

// DeletePrefix removes the entries whose keys begin with prefix. It never fails. It takes as long as there are such entries;
// the first time, and where prefix is empty, it looks at all entries of the Memory. From the first time on an entry is kept in
// a list for each separator of its key, in some 50 bytes.
func (m *Memory[V]) DeletePrefix(_ context.Context, scope, prefix string) error {
	s := m.space(scope)
	if prefix != "" {
		s.removePrefix(prefix)
		return nil
	}
	for i := range m.shards {
		sh := &m.shards[i]
		m.each(sh, func(n *entryNode[V]) {
			if n.space == s {
				m.unlink(sh, n)
			}
		})
	}
	return nil
}

// MemoryStats are what a [Memory] keeps, of all scopes together, and has counted since it was made.
type MemoryStats struct {
	Entries int64  // kept, also those that have expired and were not looked at yet
	Cost    int64  // of those, where there is a Cost
	Evicted uint64 // entries that made room for others
	Expired uint64 // entries that were removed when their time was over
}

// Stats returns what is kept, and what was counted.
func (m *Memory[V]) Stats() MemoryStats {
	return MemoryStats{
		Entries: m.used.entries.Load(), Cost: m.used.cost.Load(), Evicted: m.used.evicted.Load(), Expired: m.used.expired.Load(),
	}
}
