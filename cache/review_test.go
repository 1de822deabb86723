package cache_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// downed returns a fenced provider that cannot be read until it is told otherwise.
func downed() (p *fencedFake, up func()) {
	p = &fencedFake{}
	var isUp atomic.Bool
	p.unread = func(string) bool { return !isUp.Load() }
	return p, func() { isUp.Store(true) }
}

// A loader that never comes back holds up those who wait for it, and nobody once they have left: also while the provider
// cannot be read, when loads wait for each other.
func TestALoadThatNobodyWaitsForHoldsUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, _ := downed()
		s := newScope(t, p, nil)
		release := make(chan struct{})
		defer close(release)
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := s.Get(ctx, "k", func(context.Context, string) (string, error) { <-release; return "late", nil })
			isError(t, err, context.Canceled)
		})
		synctest.Wait()
		all.Go(func() {
			v, err := s.Get(t.Context(), "k", gives("second"))
			noError(t, err)
			equal(t, "second", v)
		})
		synctest.Wait()
		leave()
		all.Wait()
	})
}

// A load that was begun while the provider could not be read is one of those of which only one runs.
func TestOneLoadRunsAlsoWhenTheProviderCanBeReadAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, up := downed()
		s := newScope(t, p, nil)
		var running, most atomic.Int32
		load := func(context.Context, string) (string, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return "v", nil
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := s.Get(t.Context(), "k", load)
				noError(t, err)
			})
			synctest.Wait()
			up()
		}
		all.Wait()
		equal(t, 1, most.Load())
		equal(t, map[string]string{"things:k": "v"}, p.has())
	})
}

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

// Loggers and mocks print what they are given.
func TestALoadersContextCanBePrinted(t *testing.T) {
	s := newScope(t, newMemory[string](t, nil), nil)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			_, err := s.Get(t.Context(), strconv.Itoa(i), func(ctx context.Context, _ string) (string, error) {
				fmt.Fprintf(io.Discard, "%v %+v", ctx, ctx)
				return "v", nil
			})
			noError(t, err)
		})
	}
	all.Wait()
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

// A batch that ends its goroutine leaves what it had joined.
func TestABatchThatEndsItsGoroutineLeavesTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newScope(t, newMemory[string](t, nil), nil)
		ctx, leave := context.WithCancel(t.Context())
		ended := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_, err := s.Get(ctx, "x", func(ctx context.Context, _ string) (string, error) {
				<-ctx.Done()
				close(ended)
				return "", ctx.Err()
			})
			isError(t, err, context.Canceled)
		})
		synctest.Wait()
		all.Go(func() {
			_ = s.GetMany(context.Background(), []string{"x", "y"}, func(context.Context, []string, func(string, string)) error {
				runtime.Goexit()
				return nil
			}, func(string, string) { t.Error("something was found") })
			t.Error("GetMany came back")
		})
		synctest.Wait()
		leave()
		<-ended // in vain, if x still counted somebody who waits
		all.Wait()
	})
}

// Whoever invalidates much holds up nobody for long: that would be so if each key were looked for in each load that is being
// stored.
func TestInvalidatingManyKeysBesideALargeStore(t *testing.T) {
	storing, release := make(chan struct{}), make(chan struct{})
	p := &fake{before: func(_ context.Context, op string, keys []string) error {
		if op == "set" && len(keys) > 1 {
			close(storing)
			<-release
		}
		return nil
	}}
	s := newScope(t, p, nil)
	const n = 20_000
	var all sync.WaitGroup
	all.Go(func() {
		_, err := getMany(t.Context(), s, givesAll("v"), keyNames("stored ", n)...)
		noError(t, err)
	})
	<-storing
	noError(t, s.Invalidate(t.Context(), keyNames("other ", n)...)) // which does not wait for what it has no part in
	close(release)
	all.Wait()
	equal(t, n, len(p.has()))
}

// Providers are told each key once.
func TestAKeyThatIsInvalidatedTwiceInACallIsDeletedOnce(t *testing.T) {
	p := &fake{}
	noError(t, newScope(t, p, nil).Invalidate(t.Context(), "b", "a", "b"))
	equal(t, []string{"delete a b"}, p.calls())
}
