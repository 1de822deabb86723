package cache_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/cache"
)

// What a scope has counted says what it is worth.
func ExampleScope_Stats() {
	provider, err := cache.NewMemory[int](nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer provider.Close()
	squares, err := cache.NewScope(provider, "squares:", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	for i := range 10 {
		key := fmt.Sprint(i % 4)
		_, err := squares.Get(ctx, key, func(context.Context, string) (int, error) { return i * i, nil })
		if err != nil {
			fmt.Println(err)
		}
	}
	if err := squares.Invalidate(ctx, "3"); err != nil {
		fmt.Println(err)
	}
	stats := squares.Stats()
	share := 100 * stats.Hits / (stats.Hits + stats.Misses)
	fmt.Printf("%d hits (%d %%), %d loads, %d invalidations\n", stats.Hits, share, stats.Loads, stats.Invalidations)
	fmt.Println(provider.Stats().Entries, "entries")
	// Output:
	// 6 hits (60 %), 4 loads, 1 invalidations
	// 3 entries
}
