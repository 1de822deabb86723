package cache_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var hammer = flag.Duration("hammer", 600*time.Millisecond, "how long each test has goroutines work on a Memory; a third under -short")

// versions are counters, one per key.
type versions []atomic.Int64

// raise makes a counter at least v.
func raise(a *atomic.Int64, v int64) {
	for now := a.Load(); now < v && !a.CompareAndSwap(now, v); now = a.Load() {
	}
}

// onGoroutines runs work on some goroutines, again and again until the time is over, and says how often.
func onGoroutines(n int, work func(rng *rand.Rand, i int)) (times int64) {
	long := *hammer
	if testing.Short() {
		long /= 3
	}
	var all atomic.Int64
	var workers sync.WaitGroup
	end := time.Now().Add(long)
	for i := range n {
		workers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for time.Now().Before(end) {
				work(rng, i)
				all.Add(1)
			}
		})
	}
	workers.Wait()
	return all.Load()
}

// One goroutine writes each key: it stores a version, and removes it before it stores the next. The table grows and shrinks
// beneath those who read without a lock.
func TestAReadNeverFindsWhatWasRemovedBeforeItBegan(t *testing.T) {
	const keys, writers = 6000, 4
	m := newMemory(t, &cache.MemoryOptions[int64]{MaxEntries: 10 * keys})
	names := keyNames("k", keys)
	removed, set := make(versions, keys), make(versions, keys)
	var found atomic.Int64
	work := func(rng *rand.Rand, i int) {
		if i >= writers { // reads
			for range 50 {
				k := rng.IntN(keys)
				gone := removed[k].Load()
				noError(t, m.Get(context.Background(), "s:", names[k:k+1], func(_ int, e cache.Entry[int64]) {
					found.Add(1)
					if now := set[k].Load(); e.Value <= gone || e.Value > now {
						t.Errorf("%s: found %d, when all up to %d was removed, and %d is the last", names[k], e.Value, gone, now)
					}
				}))
			}
			return
		}
		share := rng.IntN(keys)
		for j := range share { // grow
			if k := j/writers*writers + i; k < keys {
				v := set[k].Add(1)
				put(t, m, time.Hour, v, names[k])
			}
		}
		for j := range share { // and shrink
			if k := j/writers*writers + i; k < keys {
				noError(t, m.Delete(context.Background(), "s:", names[k:k+1]))
				raise(&removed[k], set[k].Load())
			}
		}
	}
	t.Logf("%d rounds, %d found", onGoroutines(writers+3, work), found.Load())
	if found.Load() == 0 {
		t.Error("no read has found anything")
	}
	m.DeletePrefix(t.Context(), "s:", "")
	equal(t, cache.MemoryStats{}, m.Stats())
}

// The bounds may be passed for a moment by those who are just storing, and hold when all have returned.
func TestTheBoundsHoldUnderManyWriters(t *testing.T) {
	for _, entries := range []int{1, 10, 3000} {
		m := newMemory(t, &cache.MemoryOptions[int64]{
			MaxEntries: entries, MaxCost: int64(3 * entries), Cost: func(_ string, v int64) int64 { return v % 7 },
		})
		const workers = 6
		onGoroutines(workers, func(rng *rand.Rand, _ int) {
			key := strconv.Itoa(rng.IntN(5 * entries))
			switch rng.IntN(8) {
			case 0:
				noError(t, m.Delete(context.Background(), "s:", []string{key}))
			case 1, 2, 3:
				keptOf(t, m, key)
			default:
				put(t, m, time.Duration(1+rng.IntN(int(50*time.Millisecond))), rng.Int64N(100), key)
			}
			stats := m.Stats()
			if stats.Entries > int64(entries)+workers || stats.Cost > int64(3*entries)+workers*6 || stats.Entries < 0 {
				t.Errorf("%+v of %d", stats, entries)
			}
		})
		if stats := m.Stats(); stats.Entries > int64(entries) || stats.Cost > int64(3*entries) {
			t.Errorf("%+v of %d", stats, entries)
		}
		noError(t, m.Close())
		equal(t, 0, m.Stats().Entries)
		equal(t, 0, m.Stats().Cost)
	}
}

// Readers and writers of a truth in real time, on processors that run at once: what the schedules try on virtual time.
func TestNothingOldIsGivenOnMemoryUnderManyWriters(t *testing.T) {
	const keys = 64
	for _, entries := range []int{20, 10_000} { // of which some are dropped, and none
		m := newMemory(t, &cache.MemoryOptions[int64]{MaxEntries: entries})
		s := newScope[int64](t, m, &cache.Options{TTL: time.Minute})
		truth, floor := make(versions, keys), make(versions, keys)
		names := keyNames("k:", keys)
		index := map[string]int{}
		for i, name := range names {
			index[name] = i
		}
		load := func(_ context.Context, key string) (int64, error) {
			v := truth[index[key]].Load()
			runtime.Gosched()
			return v, nil
		}
		loadMany := func(ctx context.Context, keys []string, found func(string, int64)) error {
			for _, key := range keys {
				v, err := load(ctx, key)
				if err != nil {
					return err
				}
				found(key, v)
			}
			return nil
		}
		check := func(k int, v, least int64) {
			if now := truth[k].Load(); v < least || v > now {
				t.Errorf("%s is %d, after %d was invalidated, and %d is true", names[k], v, least, now)
			}
		}
		work := func(rng *rand.Rand, i int) {
			ctx := context.Background()
			if i%2 == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
			}
			k := rng.IntN(keys)
			switch what := rng.IntN(20); {
			case what < 12:
				least := floor[k].Load()
				v, err := s.Get(ctx, names[k], load)
				noError(t, err)
				check(k, v, least)
			case what < 15:
				from := rng.IntN(keys - 4)
				least := make([]int64, 4)
				for j := range least {
					least[j] = floor[from+j].Load()
				}
				noError(t, s.GetMany(ctx, names[from:from+4], loadMany, func(key string, v int64) {
					check(index[key], v, least[index[key]-from])
				}))
			case what < 19:
				v := truth[k].Add(1)
				noError(t, s.Invalidate(ctx, names[k]))
				raise(&floor[k], v)
			default:
				v := truth[k].Add(1)
				noError(t, s.InvalidatePrefix(ctx, "k:"))
				raise(&floor[k], v)
			}
		}
		t.Logf("%d calls with room for %d: %+v", onGoroutines(8, work), entries, s.Stats())
	}
}

// Goroutines that come to the same cold keys at about the same time: who finds nothing looks again before it loads.
func TestAColdKeyIsLoadedOnceHoweverManyCome(t *testing.T) {
	names := keyNames("k", keyCount()/2)
	m := newMemory(t, &cache.MemoryOptions[int]{MaxEntries: len(names)})
	s := newScope(t, m, nil)
	var readers sync.WaitGroup
	for range 6 {
		readers.Go(func() {
			for i, name := range names {
				v, err := s.Get(context.Background(), name, func(context.Context, string) (int, error) { return i, nil })
				if v != i || err != nil {
					t.Error(name, v, err)
				}
			}
		})
	}
	readers.Wait()
	equal(t, uint64(len(names)), s.Stats().Loads)
}
