package cache_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/slokeep/slokeep/cache"
)

// BenchmarkInvalidatePrefix invalidates a prefix that no key has, beside so many that have others: what there is to remove
// comes on top.
func BenchmarkInvalidatePrefix(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newScope(b, newMemory(b, &cache.MemoryOptions[string]{MaxEntries: 2 * n}), nil)
			noError(b, s.InvalidatePrefix(b.Context(), "list:")) // from now on there is an index
			for i := range n {
				_, err := s.Get(context.Background(), fmt.Sprintf("user:%d:name", i), gives("v"))
				noError(b, err)
			}
			b.ReportAllocs()
			for b.Loop() {
				noError(b, s.InvalidatePrefix(b.Context(), "list:"))
			}
		})
	}
}
