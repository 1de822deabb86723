package cache_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// put stores values of one scope in a Memory, without a Scope.
func put[V any](t testing.TB, m *cache.Memory[V], ttl time.Duration, v V, keys ...string) {
	t.Helper()
	for _, key := range keys {
		noError(t, m.Set(t.Context(), "s:", []cache.Item[V]{{Key: key, Entry: cache.Entry[V]{Value: v}, TTL: ttl}}))
	}
}

// kept counts which of the keys a Memory has.
func keptOf[V any](t testing.TB, m *cache.Memory[V], keys ...string) (n int) {
	t.Helper()
	noError(t, m.Get(t.Context(), "s:", keys, func(int, cache.Entry[V]) { n++ }))
	return n
}

func keyNames(prefix string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint(prefix, i)
	}
	return keys
}

// What has been asked for once stays, however many come that are asked for never: there LRU and FIFO keep nothing of it. A
// few may go, since each part of a Memory makes room for itself.
func TestAScanDoesNotDropWhatIsAskedFor(t *testing.T) {
	for _, opts := range []cache.MemoryOptions[int]{
		{MaxEntries: 2000},
		{MaxCost: 20_000, Cost: func(string, int) int64 { return 10 }},
	} {
		m := newMemory(t, &opts)
		hot := keyNames("hot ", 400)
		put(t, m, time.Hour, 1, hot...)
		equal(t, 400, keptOf(t, m, hot...))
		put(t, m, time.Hour, 2, keyNames("once ", 10_000)...)
		if n := keptOf(t, m, hot...); n < 350 {
			t.Errorf("%d of 400 that were asked for are left after a scan", n)
		}
		equal(t, 2000, m.Stats().Entries)
		equal(t, 8400, m.Stats().Evicted)
	}
}

// What is asked for no more does not stay for ever: a new set that is asked for takes its place.
func TestWhatIsAskedForNoMoreMakesRoomForWhatIs(t *testing.T) {
	m := newMemory(t, &cache.MemoryOptions[int]{MaxEntries: 2000})
	old, young := keyNames("old ", 2000), keyNames("young ", 1000)
	put(t, m, time.Hour, 1, old...)
	keptOf(t, m, old...)
	for range 5 {
		for _, key := range young {
			if keptOf(t, m, key) == 0 {
				put(t, m, time.Hour, 2, key)
			}
		}
	}
	if n := keptOf(t, m, young...); n < 800 {
		t.Errorf("%d of 1000 are kept that are asked for all the time", n)
	}
}

func TestAnEntryIsGivenForItsTTLAndAGrain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newMemory[int](t, nil)
		for i, ttl := range []time.Duration{time.Nanosecond, time.Millisecond, 19 * time.Millisecond, 5 * time.Second} {
			for offset := range 5 {
				key := fmt.Sprint(ttl, offset)
				time.Sleep(time.Duration(offset) * 7 * time.Millisecond / 3)
				put(t, m, ttl, i, key)
				time.Sleep(ttl - time.Nanosecond)
				equal(t, 1, keptOf(t, m, key))
				time.Sleep(time.Nanosecond + 20*time.Millisecond)
				synctest.Wait() // for the clock, which may move at this very instant
				equal(t, 0, keptOf(t, m, key))
			}
		}
	})
}

// A miss of what has expired takes the place of the old entry, with a time of its own.
func TestTheTTLOfACallIsThatOfWhatItLoads(t *testing.T) {
	onEachProvider(t, &cache.Options{TTL: 10 * time.Second}, func(t *testing.T, s *cache.Scope[string]) {
		loads := 0
		load := func(context.Context, string) (string, error) {
			loads++
			return fmt.Sprint(loads), nil
		}
		ask := func(s *cache.Scope[string], want string) {
			t.Helper()
			v, err := s.Get(t.Context(), "k", load)
			noError(t, err)
			equal(t, want, v)
		}
		short := s.WithTTL(time.Second)
		ask(short, "1")
		ask(s, "1") // a hit does not prolong it
		time.Sleep(time.Second + 20*time.Millisecond)
		synctest.Wait()
		ask(s, "2")
		time.Sleep(9 * time.Second)
		ask(short, "2")
		time.Sleep(time.Second + 20*time.Millisecond)
		synctest.Wait()
		ask(s.WithTTL(0), "3") // the default, of 5 minutes
		time.Sleep(cache.DefaultTTL - time.Second)
		ask(s, "3")
		time.Sleep(time.Second + 20*time.Millisecond)
		synctest.Wait()
		ask(s, "4")
	})
}

func TestWhatHasExpiredIsRemovedWithinSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newMemory(t, &cache.MemoryOptions[int]{MaxEntries: 50_000})
		put(t, m, time.Second, 1, keyNames("short ", 5000)...)
		put(t, m, time.Hour, 1, keyNames("long ", 2000)...)
		time.Sleep(25 * time.Second)
		synctest.Wait()
		equal(t, cache.MemoryStats{Entries: 2000, Expired: 5000}, m.Stats())
		equal(t, 2000, keptOf(t, m, keyNames("long ", 2000)...))
	})
}

func TestAClosedMemoryKeepsNothingAndScopesGoOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newMemory[string](t, nil)
		s := newScope(t, m, nil)
		_, err := s.Get(t.Context(), "k", gives("v"))
		noError(t, err)
		go m.Close()
		noError(t, m.Close())
		noError(t, m.Close())
		equal(t, 0, m.Stats().Entries)
		for _, want := range []string{"a", "b"} {
			v, err := s.Get(t.Context(), "k", gives(want))
			noError(t, err)
			equal(t, want, v)
			got, err := getMany(t.Context(), s, givesAll(want), "k", "l")
			noError(t, err)
			equal(t, map[string]string{"k": want, "l": want}, got)
			equal(t, 0, m.Stats().Entries)
			noError(t, s.Invalidate(t.Context(), "k"))
			noError(t, s.InvalidatePrefix(t.Context(), ""))
		}
		equal(t, cache.Stats{Misses: 7, Loads: 5, Invalidations: 4}, s.Stats())
	})
}

func TestCosts(t *testing.T) {
	cost := func(_ string, v int) int64 {
		if v == 666 {
			panic("no price")
		}
		return int64(v)
	}
	bounded := func(t *testing.T) *cache.Memory[int] {
		return newMemory(t, &cache.MemoryOptions[int]{MaxCost: 100, Cost: cost})
	}
	t.Run("what is too dear is not kept, and takes away what was there", func(t *testing.T) {
		m := bounded(t)
		put(t, m, time.Hour, 1, "k", "l")
		put(t, m, time.Hour, 101, "k")
		equal(t, 0, keptOf(t, m, "k"))
		equal(t, cache.MemoryStats{Entries: 1, Cost: 1}, m.Stats())
	})
	t.Run("what takes all there is drops all the others", func(t *testing.T) {
		m := bounded(t)
		put(t, m, time.Hour, 10, keyNames("k", 10)...)
		equal(t, cache.MemoryStats{Entries: 10, Cost: 100}, m.Stats())
		put(t, m, time.Hour, 100, "all")
		equal(t, cache.MemoryStats{Entries: 1, Cost: 100, Evicted: 10}, m.Stats())
		equal(t, 1, keptOf(t, m, "all"))
	})
	t.Run("below 0 counts as 0", func(t *testing.T) {
		m := bounded(t)
		put(t, m, time.Hour, 100, "full")
		put(t, m, time.Hour, -50, keyNames("k", 10)...)
		put(t, m, time.Hour, 0, keyNames("l", 10)...)
		equal(t, cache.MemoryStats{Entries: 21, Cost: 100}, m.Stats())
	})
	t.Run("absent entries cost 1", func(t *testing.T) {
		m := bounded(t)
		for _, key := range keyNames("k", 150) {
			noError(t, m.Set(t.Context(), "s:", []cache.Item[int]{
				{Key: key, Entry: cache.Entry[int]{Absent: true, Value: 666}, TTL: time.Hour},
			}))
		}
		equal(t, cache.MemoryStats{Entries: 100, Cost: 100, Evicted: 50}, m.Stats())
	})
	t.Run("a panic of Cost is a store that fails", func(t *testing.T) {
		var ear ear
		m := bounded(t)
		s := newScope(t, m, &cache.Options{OnError: ear.hear})
		for range 2 { // on this goroutine, so that all is over then
			v, err := s.Get(context.Background(), "k", func(context.Context, string) (int, error) { return 666, nil })
			noError(t, err)
			equal(t, 666, v)
			ear.heardOnce(t, nil, `cache: store in scope "things:": cache: panic: no price`)
		}
		noError(t, s.Invalidate(t.Context(), "k"))
		equal(t, cache.MemoryStats{}, m.Stats())
	})
	t.Run("entries are bounded, too, where both are given", func(t *testing.T) {
		m := newMemory(t, &cache.MemoryOptions[int]{MaxEntries: 3, MaxCost: 100, Cost: cost})
		put(t, m, time.Hour, 1, keyNames("k", 10)...)
		equal(t, cache.MemoryStats{Entries: 3, Cost: 3, Evicted: 7}, m.Stats())
	})
}

func TestTheDefaultBound(t *testing.T) {
	m := newMemory[int](t, nil)
	put(t, m, time.Hour, 1, keyNames("k", cache.DefaultMaxEntries+10)...)
	equal(t, cache.MemoryStats{Entries: cache.DefaultMaxEntries, Evicted: 10}, m.Stats())
}
