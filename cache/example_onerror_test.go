package cache_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/slokeep/slokeep/cache"
)

// unplugged is a Provider whose server cannot be reached.
type unplugged struct{}

var errUnplugged = errors.New("connection refused")

func (unplugged) Get(context.Context, string, []string, func(int, cache.Entry[string])) error {
	return errUnplugged
}

func (unplugged) Set(context.Context, string, []cache.Item[string]) error { return errUnplugged }

func (unplugged) Delete(context.Context, string, []string) error { return errUnplugged }

// A provider that fails does not fail a read: the loader answers, and OnError hears of it. An invalidation that fails is an
// error for its caller.
func ExampleOptions_onError() {
	names, err := cache.NewScope[string](unplugged{}, "names:", &cache.Options{
		OnError: func(err error) { fmt.Println("log:", err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	name, err := names.Get(ctx, "7", func(context.Context, string) (string, error) { return "Ada", nil })
	fmt.Println(name, err)
	fmt.Println(names.Invalidate(ctx, "7"))
	// Output:
	// log: cache: read in scope "names:": connection refused
	// Ada <nil>
	// cache: invalidate in scope "names:": connection refused
}
