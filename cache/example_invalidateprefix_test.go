package cache_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/cache"
)

// A key has parts, so that all below one of them can be invalidated at once, seen or not.
func ExampleScope_InvalidatePrefix() {
	provider, err := cache.NewMemory[int](nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer provider.Close()
	reports, err := cache.NewScope(provider, "reports:", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	edition := 1
	show := func() {
		for _, key := range []string{"shop:3:may", "shop:3:june", "shop:34:may"} {
			n, err := reports.Get(ctx, key, func(context.Context, string) (int, error) { return edition, nil })
			fmt.Println(key, n, err)
		}
	}
	show()
	edition = 2
	if err := reports.InvalidatePrefix(ctx, "shop:3:"); err != nil {
		fmt.Println(err)
	}
	show()
	// Output:
	// shop:3:may 1 <nil>
	// shop:3:june 1 <nil>
	// shop:34:may 1 <nil>
	// shop:3:may 2 <nil>
	// shop:3:june 2 <nil>
	// shop:34:may 1 <nil>
}

// These are the prefixes by which a key can be invalidated.
func ExamplePrefixes() {
	for prefix := range cache.Prefixes("shop:3:may") {
		fmt.Printf("%q\n", prefix)
	}
	// Output:
	// ""
	// "shop:"
	// "shop:3:"
}
