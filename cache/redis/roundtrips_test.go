package rediscache_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
)

// counter counts what a client sends: a command, or a pipeline, is one round trip.
type counter struct{ trips atomic.Int64 }

func (*counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmds)
	}
}

func keysOf(format string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(format, i)
	}
	return keys
}

func load(_ context.Context, key string) (string, error) { return "v " + key, nil }

func loadMany(_ context.Context, keys []string, found func(string, string)) error {
	for _, key := range keys {
		found(key, "v "+key)
	}
	return nil
}

func TestRoundTrips(t *testing.T) {
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		p, prefix := newProvider[string](t, client)
		s := newScope(t, p, scopeName, nil)
		ctx := t.Context()
		if _, err := s.Get(ctx, "first", load); err != nil { // the server learns the scripts
			t.Fatal(err)
		}
		must(t, s.Invalidate(ctx, "first"))

		c := &counter{}
		client.AddHook(c)
		costs := func(want int64, what string, call func() error) {
			t.Helper()
			c.trips.Store(0)
			if err := call(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if got := c.trips.Load(); got != want {
				t.Errorf("%s: %d round trips, want %d", what, got, want)
			}
		}
		get := func(key string) func() error {
			return func() error {
				v, err := s.Get(ctx, key, load)
				if err == nil && v != "v "+key {
					return fmt.Errorf("got %q", v)
				}
				return err
			}
		}
		getMany := func(keys []string) func() error {
			return func() error {
				found := 0
				err := s.GetMany(ctx, keys, loadMany, func(key, v string) {
					if v == "v "+key {
						found++
					}
				})
				if err == nil && found != len(keys) {
					return fmt.Errorf("found %d of %d", found, len(keys))
				}
				return err
			}
		}
		hundred, thousands := keysOf("eu:%d", 100), keysOf("%[1]d:%[1]d:%[1]d:%[1]d:x", 3000) // as many prefixes as can be
		costs(3, "a miss", get("a:b:c:d:e"))
		costs(1, "a hit", get("a:b:c:d:e"))
		costs(1, "an invalidation", func() error { return s.Invalidate(ctx, "a:b:c:d:e") })
		costs(2, "a miss after an invalidation", get("a:b:c:d:e"))
		costs(1, "an invalidation of a prefix", func() error { return s.InvalidatePrefix(ctx, "a:b:") })
		costs(2, "a miss after an invalidation of a prefix", get("a:b:c:d:e"))
		costs(1, "a hit again", get("a:b:c:d:e"))
		costs(3, "100 misses", getMany(hundred))
		costs(1, "100 hits", getMany(hundred))
		costs(1, "100 invalidations", func() error { return s.Invalidate(ctx, hundred...) })
		costs(2, "100 misses after an invalidation", getMany(hundred))
		must(t, getMany(thousands)())
		costs(1, "3000 hits", getMany(thousands))
		costs(6, "3000 invalidations", func() error { return s.Invalidate(ctx, thousands...) })
		expires(t, client, prefix)
	})
}

func TestALargeBatchIsSeveralCommands(t *testing.T) {
	client := connect(t, startMini(t))
	p, _ := newProvider[string](t, client)
	s := newScope(t, p, scopeName, nil)
	keys := keysOf("many:%d", 10_500)
	for range 2 {
		found := map[string]string{}
		must(t, s.GetMany(t.Context(), keys, loadMany, func(key, v string) { found[key] = v }))
		for _, key := range keys {
			if found[key] != "v "+key {
				t.Fatalf("under %q there is %q", key, found[key])
			}
		}
	}
	if stats := s.Stats(); stats.Loads != 1 || stats.Hits != 10_500 || stats.Errors > 0 {
		t.Errorf("got %+v, want 1 load and 10500 hits", stats)
	}
	must(t, s.Invalidate(t.Context(), keys...))
	found := 0
	must(t, p.Get(t.Context(), scopeName, keys, func(int, cache.Entry[string]) { found++ }))
	if found > 0 {
		t.Errorf("%d entries are left", found)
	}
}

func TestWhatIsLargeIsStoredInSeveralScripts(t *testing.T) {
	client := connect(t, startMini(t))
	p, _ := newProvider[[]byte](t, client)
	keys := keysOf("%d", 5)
	var items []cache.Item[[]byte]
	for _, key := range keys {
		items = append(items, item(key, make([]byte, 600_000)))
	}
	must(t, p.Set(t.Context(), scopeName, items[:1])) // the server learns the scripts
	c := &counter{}
	client.AddHook(c)
	must(t, p.Set(t.Context(), scopeName, items))
	if got := c.trips.Load(); got != 4 {
		t.Errorf("%d round trips, want 1 for the tokens and 3 for 2 entries each", got)
	}
	found := 0
	must(t, p.Get(t.Context(), scopeName, keys, func(int, cache.Entry[[]byte]) { found++ }))
	if found != len(keys) {
		t.Errorf("found %d of %d", found, len(keys))
	}
}
