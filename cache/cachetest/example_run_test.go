package cachetest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/cache/cachetest"
)

// shelf is a Provider of a user's own: a map, for a program with few keys.
type shelf[V any] struct {
	mu    sync.Mutex
	items map[[2]string]cache.Item[V] // by scope and key
	until map[[2]string]time.Time
}

func newShelf[V any]() *shelf[V] {
	return &shelf[V]{items: map[[2]string]cache.Item[V]{}, until: map[[2]string]time.Time{}}
}

func (s *shelf[V]) Get(_ context.Context, scope string, keys []string, found func(int, cache.Entry[V])) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range keys {
		if at := [2]string{scope, key}; time.Now().Before(s.until[at]) {
			found(i, s.items[at].Entry)
		}
	}
	return nil
}

func (s *shelf[V]) Set(_ context.Context, scope string, items []cache.Item[V]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range items {
		at := [2]string{scope, it.Key}
		s.items[at], s.until[at] = it, time.Now().Add(it.TTL)
	}
	return nil
}

func (s *shelf[V]) Delete(_ context.Context, scope string, keys []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.items, [2]string{scope, key})
		delete(s.until, [2]string{scope, key})
	}
	return nil
}

// testShelf proves it: it is the body of a TestShelfKeepsTheLaws.
func testShelf(t *testing.T) {
	cachetest.Run(t, cachetest.Harness{
		Open: func(testing.TB) (a, b cache.Provider[cachetest.Value]) {
			s := newShelf[cachetest.Value]()
			return s, s
		},
		Local: true,
	})
}

// A Provider of a user's own is a map with a lock; its test says how to open it, and that it is in memory.
func ExampleRun() {
	users, err := cache.NewScope(newShelf[string](), "users:", nil)
	if err != nil {
		panic(err)
	}
	load := func(_ context.Context, id string) (string, error) {
		fmt.Println("reading", id)
		return "Emma", nil
	}
	for range 2 {
		fmt.Println(users.Get(context.Background(), "7", load))
	}
	// Output:
	// reading 7
	// Emma <nil>
	// Emma <nil>
}
