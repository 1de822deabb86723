package cache_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/cache"
)

// A write is followed by an invalidation, once it has been committed. It is safe also while the old value is being loaded:
// who asks after Invalidate has returned never gets that.
func ExampleScope_Invalidate() {
	price := 10 // in a database
	readPrice := func(context.Context, string) (int, error) { return price, nil }

	provider, err := cache.NewMemory[int](nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer provider.Close()
	prices, err := cache.NewScope(provider, "prices:", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	show := func() {
		n, err := prices.Get(ctx, "tea", readPrice)
		fmt.Println(n, err)
	}
	show()

	commit := func() error { // write, and commit
		price = 12
		return nil
	}
	if err := commit(); err != nil {
		fmt.Println(err) // nothing has changed, so that there is nothing to invalidate
		return
	}
	if err := prices.Invalidate(ctx, "tea"); err != nil {
		fmt.Println("until its TTL is over the old price may still be given:", err)
	}
	show()
	// Output:
	// 10 <nil>
	// 12 <nil>
}
