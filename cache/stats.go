package cache

import "sync/atomic"

// Stats are what a [Scope] has counted since it was made. Each number is exact; they are not read at one instant.
type Stats struct {
	Hits          uint64 // keys that the provider had, as often as they were asked for, also those that it had as absent
	Misses        uint64 // keys that it had not, or could not tell
	Loads         uint64 // calls of loaders; one of a batch is one
	LoadErrors    uint64 // those that ended with an error, a panic or runtime.Goexit; ErrNotFound of a Loader is none
	Stale         uint64 // values that were not stored since they had been invalidated while they were loaded
	Invalidations uint64 // calls of Invalidate and InvalidatePrefix
	Errors        uint64 // what OnError has heard of, and invalidations that failed
}

// Stats returns what the scope has counted.
func (s *Scope[V]) Stats() Stats {
	n := &s.c.counts
	stats := Stats{
		Misses: n.misses.Load(), Loads: n.loads.Load(), LoadErrors: n.loadErrors.Load(), Stale: n.stale.Load(),
		Invalidations: n.invalidations.Load(), Errors: n.errors.Load(),
	}
	for i := range n.hits {
		stats.Hits += n.hits[i].Load()
	}
	return stats
}

// stripes is over how many counters the hits are spread, a power of two.
const stripes = 32

type counts struct {
	misses, loads, loadErrors, stale, invalidations, errors atomic.Uint64

	// Each hit counts, so that processors must not meet at one counter.
	hits [stripes]struct {
		atomic.Uint64
		_ [120]byte // up to the next pair of cache lines
	}
}

func (c *counts) hit(stripe uint64) { c.hits[stripe%stripes].Add(1) }
