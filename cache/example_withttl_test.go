package cache_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// What one call loads can be kept for a shorter or longer time than the rest of its scope.
func ExampleScope_WithTTL() {
	provider, err := cache.NewMemory[string](nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer provider.Close()
	pages, err := cache.NewScope(provider, "pages:", &cache.Options{TTL: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	draw := func(_ context.Context, key string) (string, error) {
		fmt.Println("draws", key)
		return "<html>", nil
	}
	show := func(pages *cache.Scope[string], key string) {
		if _, err := pages.Get(ctx, key, draw); err != nil {
			fmt.Println(err)
		}
	}
	show(pages, "about")
	show(pages.WithTTL(time.Millisecond), "news")
	time.Sleep(200 * time.Millisecond)
	show(pages, "about")
	show(pages, "news")
	// Output:
	// draws about
	// draws news
	// draws news
}
