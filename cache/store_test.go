package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// Two invalidations meet one store: the second, too, waits until it is over, since the first may come later to its removal.
func TestEveryInvalidationWaitsForAStoreThatIsUnderWay(t *testing.T) {
	ways := map[string]func(s *cache.Scope[string]) error{
		"by key":       func(s *cache.Scope[string]) error { return s.Invalidate(context.Background(), "a:k") },
		"by prefix":    func(s *cache.Scope[string]) error { return s.InvalidatePrefix(context.Background(), "a:") },
		"of the scope": func(s *cache.Scope[string]) error { return s.InvalidatePrefix(context.Background(), "") },
	}
	for name, invalidate := range ways {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := &fake{before: func(_ context.Context, op string, keys []string) error {
					switch {
					case op == "set":
						time.Sleep(time.Second)
					case op == "delete" && len(keys) == 2: // of the first invalidation
						time.Sleep(time.Minute)
					}
					return nil
				}}
				defer time.Sleep(2 * time.Minute) // until all is over
				s := newScope(t, f, nil)
				go s.Get(t.Context(), "a:k", gives("old"))
				synctest.Wait()
				go s.Invalidate(t.Context(), "a:k", "b:k")
				synctest.Wait()
				noError(t, invalidate(s))
				time.Sleep(2 * time.Second)
				v, err := s.Get(t.Context(), "a:k", gives("new"))
				noError(t, err)
				equal(t, "new", v)
			})
		})
	}
}

// While a value is being stored, who waits for it and leaves has it already.
func TestWhoLeavesWhileItIsBeingStoredHasTheValue(t *testing.T) {
	for _, provider := range []func(before hook) cache.Provider[string]{
		func(before hook) cache.Provider[string] { return &fake{before: before} },
		func(before hook) cache.Provider[string] { return &fencedFake{fake: fake{before: before}} },
	} {
		inBubble(t, func(t *testing.T) {
			defer time.Sleep(3 * time.Hour)
			stored := make(chan error, 2)
			s := newScope(t, provider(on("set", func(ctx context.Context) error {
				time.Sleep(time.Hour)
				stored <- ctx.Err()
				return nil
			})), nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			v, err := s.Get(ctx, "k", gives("v"))
			noError(t, err)
			equal(t, "v", v)
			got, err := getMany(ctx, s, givesAll("v"), "k", "l")
			isError(t, err, context.DeadlineExceeded)
			equal(t, map[string]string{}, got)
			time.Sleep(2 * time.Hour)
			noError(t, <-stored) // whose context was not the caller's
			v, err = s.Get(t.Context(), "k", gives("again"))
			noError(t, err)
			equal(t, "again", v) // 2 hours are longer than the TTL
		})
	}
}
