package cache_test

import (
	"context"
	"flag"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var manyKeys = flag.Int("keys", 50_000, "how many keys come and go; a tenth under -short; 1000000 is the full number")

func keyCount() int {
	if testing.Short() {
		return *manyKeys / 10
	}
	return *manyKeys
}

// heap returns how many bytes are in use once what nobody refers to is gone.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// atMost checks that work leaves no more than so many bytes behind.
func atMost(t *testing.T, bytes int64, work func()) {
	t.Helper()
	before := heap()
	work()
	if left := heap() - before; left > bytes {
		t.Errorf("%d bytes are left, want at most %d", left, bytes)
	}
}

func TestInvalidatedKeysLeaveNoMemoryBehind(t *testing.T) {
	ctx := context.Background()
	for name, provider := range map[string]cache.Provider[int]{
		"memory": newMemory[int](t, nil), "a provider that cannot fence": prefixedNumbers{},
	} {
		s := newScope(t, provider, nil)
		load := func(context.Context, string) (int, error) { return 1, nil }
		for what, work := range map[string]func(key string) error{
			"keys never seen":     func(key string) error { return s.Invalidate(ctx, key) },
			"prefixes never seen": func(key string) error { return s.InvalidatePrefix(ctx, key+":") },
			"keys that were loaded": func(key string) error {
				if _, err := s.Get(ctx, key, load); err != nil {
					return err
				}
				return s.Invalidate(ctx, key)
			},
			"keys that are invalidated while they are loaded": func(key string) error {
				_, err := s.Get(ctx, key, func(ctx context.Context, key string) (int, error) { return 1, s.Invalidate(ctx, key) })
				return err
			},
			"keys whose callers have left": func(key string) error {
				ctx, cancel := context.WithCancel(ctx)
				over := make(chan struct{}) // so that few goroutines are there at once
				_, err := s.Get(ctx, key, func(ctx context.Context, _ string) (int, error) {
					defer close(over)
					cancel()
					<-ctx.Done()
					return 0, ctx.Err()
				})
				<-over
				return err2nil(err, context.Canceled)
			},
			"batches": func(key string) error {
				err := s.GetMany(ctx, []string{key, key + "x"}, func(context.Context, []string, func(string, int)) error {
					return errDown
				}, func(string, int) {})
				return err2nil(err, errDown)
			},
		} {
			t.Run(what+" on "+name, func(t *testing.T) {
				atMost(t, 200_000, func() {
					for i := range keyCount() {
						noError(t, work("key number "+strconv.Itoa(i)))
					}
				})
			})
		}
		runtime.KeepAlive(s)
	}
}

// prefixedNumbers keeps nothing, by prefix.
type prefixedNumbers struct{ numbers }

func (prefixedNumbers) DeletePrefix(context.Context, string, string) error { return nil }

// fullOfNumbers has every key.
type fullOfNumbers struct{ numbers }

func (fullOfNumbers) Get(_ context.Context, _ string, keys []string, found func(int, cache.Entry[int])) error {
	for i := range keys {
		found(i, cache.Entry[int]{Value: 1})
	}
	return nil
}

func TestHitsLeaveNoMemoryBehind(t *testing.T) {
	s := newScope[int](t, fullOfNumbers{}, nil)
	atMost(t, 200_000, func() {
		for i := range keyCount() {
			key := "key number " + strconv.Itoa(i)
			if _, err := s.Get(t.Context(), key, func(context.Context, string) (int, error) { return 0, errDown }); err != nil {
				t.Fatal(err)
			}
			noError(t, s.GetMany(t.Context(), []string{key, key + "x"}, func(context.Context, []string, func(string, int)) error {
				return errDown
			}, func(string, int) {}))
		}
	})
	equal(t, uint64(3*keyCount()), s.Stats().Hits)
}

// A table that was large shrinks, whichever way its entries go, and so does what was in flight at once.
func TestDroppedEntriesLeaveNoMemoryBehind(t *testing.T) {
	keys := keyNames("key number ", keyCount())
	m := newMemory(t, &cache.MemoryOptions[int]{MaxEntries: 2 * len(keys)})
	s, err := cache.NewScope(m, "s:", nil)
	noError(t, err)
	for what, drop := range map[string]func(){
		"one by one": func() {
			for i := range keys {
				noError(t, s.Invalidate(t.Context(), keys[i]))
			}
		},
		"by prefix": func() { noError(t, s.InvalidatePrefix(t.Context(), "")) },
	} {
		t.Run(what, func(t *testing.T) {
			atMost(t, 300_000, func() {
				before := heap()
				put(t, m, time.Hour, 1, keys...)
				if full := heap() - before; full < int64(50*len(keys)) {
					t.Errorf("%d entries take %d bytes, which is no measure", len(keys), full)
				}
				equal(t, int64(len(keys)), m.Stats().Entries)
				drop()
				equal(t, 0, m.Stats().Entries)
			})
		})
	}
	t.Run("in flight at once", func(t *testing.T) {
		atMost(t, 300_000, func() {
			nothing := func(context.Context, []string, func(string, int)) error { return nil }
			noError(t, s.GetMany(t.Context(), keys, nothing, func(string, int) {}))
		})
	})
	runtime.KeepAlive(keys)
}

// What is stored does not keep the whole of what its key was a part of.
func TestAKeyDoesNotKeepWhatItWasCutFrom(t *testing.T) {
	m := newMemory[int](t, nil)
	s := newScope(t, m, nil)
	atMost(t, 2_000_000, func() {
		for i := range 100 {
			request := strconv.Itoa(i) + string(make([]byte, 100_000))
			_, err := s.Get(t.Context(), request[:8], func(context.Context, string) (int, error) { return 1, nil })
			noError(t, err)
		}
	})
	equal(t, 100, m.Stats().Entries)
	runtime.KeepAlive(m)
}
