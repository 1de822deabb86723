package cache_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/cache"
)

// A Memory can be bounded by what its entries cost, say in bytes, instead of by their number.
func ExampleNewMemory() {
	provider, err := cache.NewMemory(&cache.MemoryOptions[[]byte]{
		MaxCost: 1000,
		Cost:    func(key string, image []byte) int64 { return int64(len(key) + len(image)) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer provider.Close()
	images, err := cache.NewScope(provider, "images:", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	sizes := map[string]int{"a": 399, "b": 399, "c": 399, "large": 5000}
	for _, key := range []string{"a", "b", "c", "large"} {
		image, err := images.Get(ctx, key, func(_ context.Context, key string) ([]byte, error) {
			return make([]byte, sizes[key]), nil
		})
		fmt.Println(key, len(image), err)
	}
	stats := provider.Stats()
	fmt.Println(stats.Entries, "entries,", stats.Cost, "bytes,", stats.Evicted, "made room")
	// Output:
	// a 399 <nil>
	// b 399 <nil>
	// c 399 <nil>
	// large 5000 <nil>
	// 2 entries, 800 bytes, 1 made room
}
