package cache_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/cache"
)

// Of a batch only what is not kept is read, in one query.
func ExampleScope_GetMany() {
	database := map[string]int{"apple": 3, "pear": 5, "plum": 8}
	readStock := func(_ context.Context, keys []string, found func(string, int)) error {
		fmt.Println("SELECT ... WHERE fruit = ANY", keys)
		for _, key := range keys {
			if n, ok := database[key]; ok {
				found(key, n)
			}
		}
		return nil
	}

	provider, err := cache.NewMemory[int](nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer provider.Close()
	stock, err := cache.NewScope(provider, "stock:", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	for _, keys := range [][]string{{"apple", "pear"}, {"apple", "plum", "kiwi", "plum"}} {
		got := map[string]int{}
		if err := stock.GetMany(ctx, keys, readStock, func(key string, n int) { got[key] = n }); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(got)
	}
	// Output:
	// SELECT ... WHERE fruit = ANY [apple pear]
	// map[apple:3 pear:5]
	// SELECT ... WHERE fruit = ANY [plum kiwi]
	// map[apple:3 plum:8]
}
