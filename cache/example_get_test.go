package cache_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// A database read is kept by id, and so is that there is nothing, for a shorter time.
func ExampleScope_Get() {
	database := map[string]string{"7": "Ada"}
	readUser := func(_ context.Context, id string) (string, error) {
		fmt.Println("reads user", id)
		name, ok := database[id]
		if !ok {
			return "", fmt.Errorf("user %s: %w", id, cache.ErrNotFound)
		}
		return name, nil
	}

	provider, err := cache.NewMemory[string](nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer provider.Close()
	users, err := cache.NewScope(provider, "users:", &cache.Options{TTL: time.Minute, NegativeTTL: time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	for _, id := range []string{"7", "7", "8", "8"} {
		name, err := users.Get(ctx, id, readUser)
		switch {
		case errors.Is(err, cache.ErrNotFound):
			fmt.Println("nobody is", id)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(id, "is", name)
		}
	}
	// Output:
	// reads user 7
	// 7 is Ada
	// 7 is Ada
	// reads user 8
	// nobody is 8
	// nobody is 8
}
