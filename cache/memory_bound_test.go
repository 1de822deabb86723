package cache_test

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

func TestCostThatEndsItsGoroutineWedgesNoKey(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		m := newMemory(t, &cache.MemoryOptions[string]{MaxCost: 10, Cost: func(string, string) int64 { runtime.Goexit(); return 1 }})
		s := newScope(t, m, nil)
		for range 2 {
			v, err := s.Get(t.Context(), "k", gives("v"))
			noError(t, err)
			equal(t, "v", v)
		}
		got, err := getMany(t.Context(), s, givesAll("v"), "k", "l")
		noError(t, err)
		equal(t, map[string]string{"k": "v", "l": "v"}, got)
		equal(t, 0, m.Stats().Entries)
	})
}

// Entries that are all asked for without a pause are none too many all the same.
func TestTheBoundHoldsWhateverIsAskedFor(t *testing.T) {
	for _, bound := range []int{1, 2, 8} {
		m := newMemory[int](t, &cache.MemoryOptions[int]{MaxEntries: bound})
		var stop atomic.Bool
		var last atomic.Int64
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for !stop.Load() {
					for i := range int64(bound) {
						_ = m.Get(t.Context(), "s:", []string{strconv.FormatInt(last.Load()-i, 10)}, func(int, cache.Entry[int]) {})
					}
				}
			})
		}
		end := time.Now().Add(*hammer / 3)
		for n := 0; time.Now().Before(end); n++ {
			put(t, m, time.Hour, 1, strconv.Itoa(n))
			last.Store(int64(n))
			if entries := m.Stats().Entries; entries > int64(bound) {
				t.Errorf("after %d stores there are %d entries: want at most %d", n+1, entries, bound)
				break
			}
		}
		stop.Store(true)
		readers.Wait()
	}
}

func TestASumOfCostsDoesNotOverflow(t *testing.T) {
	m := newMemory(t, &cache.MemoryOptions[int]{MaxCost: 1 << 50, Cost: func(string, int) int64 { return 1 << 50 }})
	for i := range 10 {
		put(t, m, time.Hour, 1, strconv.Itoa(i))
		equal(t, cache.MemoryStats{Entries: 1, Cost: 1 << 50, Evicted: uint64(i)}, m.Stats())
	}
	_, err := cache.NewMemory(&cache.MemoryOptions[int]{MaxCost: 1<<50 + 1, Cost: func(string, int) int64 { return 1 }})
	isError(t, err, cache.ErrInvalid)
	says(t, err, "MaxCost 1125899906842625: want 0 to 1<<50")
}
