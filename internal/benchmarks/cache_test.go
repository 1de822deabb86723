package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkCache measures ways to read through beside each other. Its benchmarks are operation/library: each operation is
// run by one library after another, and the whole in rounds by the command that makes a table of it:
//
//	go run ./internal/benchmarks/cachetable
func BenchmarkCache(b *testing.B) {
	hitters, missers := []library{otterCoarse}, []library{otterCoarse, ttlcachePlain}
	for _, op := range []struct {
		name  string
		run   func(b *testing.B, open opener)
		peers []library // beside the libraries
	}{
		{name: "hit-uniform", run: hits(uniform), peers: hitters},
		{name: "hit-hot", run: hits(hot), peers: hitters},
		{name: "hit-zipf", run: hits(zipf), peers: hitters},
		{name: "miss", run: misses(1, withoutEnd), peers: missers},
		{name: "miss-cancelable", run: misses(1, withEnd), peers: missers},
		{name: "miss-parallel", run: misses(0, withoutEnd), peers: missers},
		{name: "miss-parallel-cancelable", run: misses(0, withEnd), peers: missers},
		{name: "miss-deleted", run: deletes(1, withoutEnd), peers: missers},
		{name: "miss-deleted-cancelable", run: deletes(1, withEnd), peers: missers},
		{name: "miss-deleted-parallel", run: deletes(0, withoutEnd), peers: missers},
		{name: "cold-64", run: cold, peers: missers},
		{name: "many-100", run: hundred(reader.many), peers: hitters},
		{name: "many-100-map", run: hundred(mapped), peers: hitters},
		{name: "one-by-one-100", run: hundred(reader.each), peers: hitters},
		{name: "rest", run: rest},
	} {
		b.Run(op.name, func(b *testing.B) {
			for _, l := range slices.Concat(libraries, op.peers) {
				b.Run(l.name, func(b *testing.B) {
					b.ReportAllocs()
					op.run(b, func(capacity int, load loadUser) reader {
						r := l.open(b, setUp{capacity: capacity, load: load})
						b.Cleanup(r.close)
						return r
					})
				})
			}
		})
	}
}

// opener opens the library that is measured.
type opener func(capacity int, load loadUser) reader

const (
	kept     = 10_000       // keys that are in the cache
	roomy    = kept * 5 / 4 // a capacity at which a library that is bounded shard by shard keeps them all, too
	distinct = 1 << 19      // keys of a benchmark of misses, which are longer forgotten when they come again
	step     = 64           // keys that are asked for in one go
)

// trivial is a loader without work.
func trivial(_ context.Context, key string) (user, error) { return user{name: key, age: len(key)}, nil }

// counted is trivial, and counts.
func counted(loads *atomic.Int64) loadUser {
	return func(ctx context.Context, key string) (user, error) {
		loads.Add(1)
		return trivial(ctx, key)
	}
}

// keys are n keys in one block of memory.
func keys(n int) []string {
	const width = len("user-000000")
	block := make([]byte, 0, n*width)
	for i := range n {
		block = fmt.Appendf(block, "user-%06d", i)
	}
	text, all := string(block), make([]string, n)
	for i := range all {
		all[i] = text[i*width : (i+1)*width]
	}
	return all
}

var (
	keptKeys     = sync.OnceValue(func() []string { return keys(kept) })
	distinctKeys = sync.OnceValue(func() []string { return keys(distinct) })
)

// What hits ask for: 2^16 keys in an order that is the same each time.
var (
	uniform = sync.OnceValue(func() []string {
		random := rand.New(rand.NewPCG(1, 2))
		return order(func() int { return random.IntN(kept) })
	})
	hot  = sync.OnceValue(func() []string { return order(func() int { return 0 }) })
	zipf = sync.OnceValue(func() []string {
		skewed := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.01, 1, kept-1)
		return order(func() int { return int(skewed.Uint64()) })
	})
)

func order(next func() int) []string {
	asked := make([]string, 1<<16)
	for i := range asked {
		asked[i] = keptKeys()[next()]
	}
	return asked
}

// timed measures run, which does b.N of what is measured, by the clock and by what processors did for it.
func timed(b *testing.B, run func()) {
	b.ResetTimer()
	before := processors()
	run()
	after := processors()
	b.StopTimer()
	b.ReportMetric(float64(after-before)/float64(b.N), "cpu-ns/op")
}

// spread calls work with as many keys of asked as there are iterations, in so many goroutines (0: one for each processor).
// Each goes round asked from a place of its own.
func spread(b *testing.B, goroutines int, asked []string, work func(keys []string) error) {
	if goroutines == 0 {
		goroutines = runtime.GOMAXPROCS(0)
	}
	timed(b, func() {
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				at := len(asked) / goroutines * g / step * step
				for left := (b.N + g) / goroutines; left > 0; left -= step {
					if err := work(asked[at : at+min(step, left)]); err != nil {
						b.Error(err)
						return
					}
					at = (at + step) % len(asked)
				}
			})
		}
		wg.Wait()
	})
}

// hits asks from all processors for keys that are there.
func hits(asked func() []string) func(*testing.B, opener) {
	return func(b *testing.B, open opener) {
		var loads atomic.Int64
		r := open(roomy, counted(&loads))
		ctx := context.Background()
		if err := r.each(ctx, keptKeys()); err != nil {
			b.Fatal(err)
		}
		spread(b, 0, asked(), func(keys []string) error { return r.each(ctx, keys) })
		if n := loads.Load(); n != kept {
			b.Errorf("%d loads for %d keys: not each was a hit", n, kept)
		}
	}
}

// The contexts of callers: without an end, so that nobody has to wait for it, and one that may end.
func withoutEnd(*testing.B) context.Context { return context.Background() }

func withEnd(b *testing.B) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	return ctx
}

// misses asks a full cache for keys that it has not seen, or has forgotten, so that each is a load and an eviction.
func misses(goroutines int, callers func(*testing.B) context.Context) func(*testing.B, opener) {
	return func(b *testing.B, open opener) {
		var loads atomic.Int64
		r, ctx := open(kept, counted(&loads)), callers(b)
		for i := range 2 * kept {
			if _, err := r.get(ctx, "other-"+strconv.Itoa(i)); err != nil {
				b.Fatal(err)
			}
		}
		loads.Store(0)
		spread(b, goroutines, distinctKeys(), func(keys []string) error { return r.each(ctx, keys) })
		b.ReportMetric(float64(loads.Load())/float64(b.N), "loads/op")
	}
}

// deletes asks for keys that have just been deleted: the delete is a part of what is measured.
func deletes(goroutines int, callers func(*testing.B) context.Context) func(*testing.B, opener) {
	return func(b *testing.B, open opener) {
		var loads atomic.Int64
		r, ctx := open(roomy, counted(&loads)), callers(b)
		if err := r.each(ctx, keptKeys()); err != nil {
			b.Fatal(err)
		}
		loads.Store(0)
		spread(b, goroutines, keptKeys()[:kept/step*step], func(keys []string) error {
			for _, key := range keys {
				if err := r.remove(ctx, key); err != nil {
					return err
				}
				if _, err := r.get(ctx, key); err != nil {
					return err
				}
			}
			return nil
		})
		b.ReportMetric(float64(loads.Load())/float64(b.N), "loads/op")
	}
}

// cold asks for one key that is not there from 64 goroutines. Its loader waits until all of them have begun.
func cold(b *testing.B, open opener) {
	const callers = 64 // at once
	var loads, begun atomic.Int64
	all := make(chan struct{})
	r := open(roomy, func(ctx context.Context, key string) (user, error) {
		loads.Add(1)
		<-all
		return trivial(ctx, key)
	})
	ctx := context.Background()
	timed(b, func() {
		for range b.N {
			begun.Store(0)
			all = make(chan struct{})
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					if begun.Add(1) == callers {
						close(all)
					}
					if _, err := r.get(ctx, "cold"); err != nil {
						b.Error(err)
					}
				})
			}
			wg.Wait()
			if err := r.remove(ctx, "cold"); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(loads.Load())/float64(b.N), "loads/op")
}

// hundred asks for 100 keys that are there, others each time.
func hundred(ask func(reader, context.Context, []string) error) func(*testing.B, opener) {
	return func(b *testing.B, open opener) {
		r, ctx := open(roomy, trivial), context.Background()
		if err := r.each(ctx, keptKeys()); err != nil {
			b.Fatal(err)
		}
		timed(b, func() {
			at := 0
			for range b.N {
				if err := ask(r, ctx, keptKeys()[at:at+100]); err != nil {
					b.Error(err)
					return
				}
				at = (at + 100) % kept
			}
		})
	}
}

// mapped asks for keys that are there, and for a map of them.
func mapped(r reader, ctx context.Context, keys []string) error {
	found, err := r.mapped(ctx, keys)
	return short(len(found), keys, err)
}

// rest fills a cache with 100,000 entries of a user each, and measures what they take when nothing goes on. Their keys are
// a part of it, since nobody else has them.
func rest(b *testing.B, open opener) {
	const entries = 100_000
	ctx, total := context.Background(), 0.0
	for b.Loop() {
		before := heap()
		r := open(entries*5/4, func(context.Context, string) (user, error) { return user{name: "Ada", age: 36}, nil })
		for i := range entries {
			if _, err := r.get(ctx, fmt.Sprintf("user-%06d", i)); err != nil {
				b.Fatal(err)
			}
		}
		total += float64(heap()) - float64(before)
		if err := r.each(ctx, []string{"user-000000", "user-099999"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(total/float64(b.N)/entries, "B/entry")
	b.ReportMetric(0, "ns/op") // of filling: says nothing
}

// heap returns how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
