package memory_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// One observation as the engine writes it. size/fact is what is kept of each, 60 bytes of which are Data.
func BenchmarkObserve(b *testing.B) {
	store, ctx := memory.New(), context.Background()
	var systems [100]string
	for i := range systems {
		systems[i] = fmt.Sprintf("system-%d", i)
	}
	before := heap()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		system := systems[n%len(systems)]
		err := store.InTx(ctx, func(ctx context.Context) error {
			if _, err := store.Lock(ctx, "source", []string{system}); err != nil {
				return err
			}
			_, err := store.PutFacts(ctx, []storage.Fact{{Kind: "observation", Systems: []string{system}, Data: fmt.Appendf(nil, "%060d", n)}})
			if err != nil {
				return err
			}
			if _, err := store.Bump(ctx, []storage.VersionKey{{Kind: "history", ID: system}}); err != nil {
				return err
			}
			return store.Put(ctx, []storage.Record{{Key: storage.Key{Kind: "touched", ID: system}, Data: []byte("1")}})
		})
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(heap()-before)/float64(n), "size/fact")
	runtime.KeepAlive(store)
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func BenchmarkFactsOf(b *testing.B) {
	store, ctx := memory.New(), context.Background()
	for i := range 200 {
		_, err := store.PutFacts(ctx, []storage.Fact{{Kind: "observation", Systems: []string{"a"}, Data: fmt.Appendf(nil, "%060d", i)}})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range store.FactsOf(ctx, []string{"a"}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
