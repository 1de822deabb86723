package cachetest

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// renamed makes a twist take other names of keys, as rename says.
func renamed(t *twist, rename func(key string) string) {
	all := func(keys []string) []string {
		list := make([]string, len(keys))
		for i, key := range keys {
			list[i] = rename(key)
		}
		return list
	}
	items := func(items []cache.Item[Value]) []cache.Item[Value] {
		list := slices.Clone(items)
		for i := range list {
			list[i].Key = rename(list[i].Key)
		}
		return list
	}
	t.get = func(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value])) error {
		return t.end.Get(ctx, scope, all(keys), found)
	}
	t.getFenced = func(
		ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value]), missed func(int, cache.Token),
	) error {
		return t.end.GetFenced(ctx, scope, all(keys), found, missed)
	}
	t.set = func(ctx context.Context, scope string, list []cache.Item[Value]) error {
		return t.end.Set(ctx, scope, items(list))
	}
	t.setIf = func(ctx context.Context, scope string, list []cache.Item[Value]) (int, error) {
		return t.end.SetIf(ctx, scope, items(list))
	}
	t.delete = func(ctx context.Context, scope string, keys []string) error {
		return t.end.Delete(ctx, scope, all(keys))
	}
	t.deletePrefix = func(ctx context.Context, scope, prefix string) error {
		return t.end.DeletePrefix(ctx, scope, rename(prefix))
	}
}

var brokenEntries = []broken{
	{law: "what was set is found, also by others", twist: func(t *twist, _ int) {
		t.set = func(ctx context.Context, scope string, items []cache.Item[Value]) error {
			items = slices.Clone(items)
			for i, it := range items {
				items[i].Entry.Value.Version = int64(float64(it.Entry.Value.Version)) // as a JSON number may be read
			}
			return t.end.Set(ctx, scope, items)
		}
	}},
	{law: "found is called once for each key that has an entry, with its index", twist: func(t *twist, _ int) {
		t.get = func(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value])) error {
			last, skipped := -1, 0
			return t.end.Get(ctx, scope, keys, func(i int, e cache.Entry[Value]) {
				if skipped += i - last - 1; skipped > 1 {
					found(i, e)
				}
				last = i
				found(i, e)
			})
		}
	}},
	{law: "a Set replaces what was there", fault: "a Set keeps an earlier deadline"},
	{law: "what was deleted is gone, and nothing else", fault: "Delete leaves absent entries"},
	{law: "an entry is given for its TTL, and no longer", fault: "a TTL below a millisecond is none"},
	{law: "a batch may be large", twist: func(t *twist, _ int) {
		t.delete = func(ctx context.Context, scope string, keys []string) error {
			return t.end.Delete(ctx, scope, keys[:min(len(keys), 512)])
		}
	}},
	{law: "scopes do not meet", twist: func(t *twist, _ int) {
		t.set = func(ctx context.Context, scope string, items []cache.Item[Value]) error {
			return t.end.Set(ctx, strings.ToLower(scope), items)
		}
	}},
	{law: "keys are bytes", twist: func(t *twist, _ int) {
		renamed(t, func(key string) string { return strings.ToValidUTF8(key, "\uFFFD") })
	}},
	{law: "keys and names may be long", twist: func(t *twist, _ int) {
		renamed(t, func(key string) string { return key[:min(len(key), 511)] })
	}},
	{law: "callbacks come from the calling goroutine, before the return", twist: func(t *twist, _ int) {
		t.get = func(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value])) (err error) {
			var other sync.WaitGroup
			other.Go(func() { err = t.end.Get(ctx, scope, keys, found) })
			other.Wait()
			return err
		}
	}},
	{law: "slices are neither changed nor kept", twist: func(t *twist, _ int) {
		t.delete = func(ctx context.Context, scope string, keys []string) error {
			slices.Sort(keys)
			return t.end.Delete(ctx, scope, keys)
		}
	}},
	{law: "a ctx that has ended holds nobody up", twist: func(t *twist, _ int) {
		t.delete = func(ctx context.Context, scope string, keys []string) error {
			if ctx.Err() != nil {
				return nil
			}
			return t.end.Delete(ctx, scope, keys)
		}
	}},
	{law: "calls beside each other do not mix", twist: func(t *twist, _ int) {
		var mu sync.Mutex
		var buffer []cache.Item[Value]
		t.set = func(ctx context.Context, scope string, items []cache.Item[Value]) error {
			mu.Lock()
			buffer = slices.Clone(items)
			mu.Unlock()
			time.Sleep(time.Microsecond)
			mu.Lock()
			defer mu.Unlock()
			return t.end.Set(ctx, scope, buffer)
		}
	}},
	{law: "who cannot do the work says so", twist: func(t *twist, _ int) {
		t.delete = func(ctx context.Context, scope string, keys []string) error {
			if t.cut.Load() {
				return nil
			}
			return t.end.Delete(ctx, scope, keys)
		}
	}},
	{law: "what is no entry is nothing, and is told", twist: func(t *twist, _ int) {
		t.get = func(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value])) error {
			if err := t.end.Get(ctx, scope, keys, found); !errors.Is(err, cache.ErrUnreadable) {
				return err
			}
			return nil
		}
	}},
	{law: "a value that the codec loses is refused", harnessed: func(h *Harness) {
		h.Lossy = func(testing.TB) cache.Provider[Hidden] {
			p := openLossy(nil).(*end[Hidden])
			p.loses = func(Hidden) bool { return false }
			return p
		}
	}},
}

var brokenTokens = []broken{
	{law: "a miss has a token", twist: func(t *twist, end int) {
		name := cache.Token([]string{"a", "b"}[end])
		t.getFenced = func(
			ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value]), missed func(int, cache.Token),
		) error {
			return t.end.GetFenced(ctx, scope, keys, found, func(i int, token cache.Token) { missed(i, name+token) })
		}
		t.setIf = func(ctx context.Context, scope string, items []cache.Item[Value]) (int, error) {
			items = slices.Clone(items)
			for i, it := range items {
				items[i].Token = it.Token[min(1, len(it.Token)):]
			}
			return t.end.SetIf(ctx, scope, items)
		}
	}},
	{law: "SetIf stores with the token of a miss", fault: "a store uses the token up"},
	{law: "SetIf stores those with the newest token, and counts them", fault: "SetIf with an old token removes"},
	{law: "a Delete makes the tokens from before old", fault: "a marker has three values"},
	{law: "a DeletePrefix makes the tokens of its keys old", fault: "a prefix of four parts is not counted"},
	{law: "tokens of different keys are independent", fault: "Delete takes a key for a prefix"},
	{law: "a Delete and a SetIf are one step each", fault: "Delete is two steps"},
	{law: "a marker that was forgotten makes no old token valid", fault: "markers start at 1", also: []string{
		"a store that forgets makes nothing stale appear",
	}},
	{law: "SetIf makes no marker", fault: "SetIf makes markers"},
	{law: "SetIf stores nothing without a token", fault: "no token is any token"},
	{law: "a prefix removes the keys that begin with it, and no others", fault: "a prefix is taken without its separator"},
	{law: "a prefix may go up to any separator", fault: "a prefix of four parts removes nothing"},
	{law: "the empty prefix is the whole scope, and no other", fault: "the empty prefix is everything"},
	{law: "a prefix is bytes, no pattern", fault: "a prefix is a pattern"},
	{law: "what is set after a DeletePrefix is kept", fault: "what has a prefix that was deleted is not set again"},
	{law: "a prefix may have many keys", fault: "a prefix has at most 512 keys"},
}

// matches is how a pattern is read by who takes a prefix for one.
func matches(pattern, key string) bool {
	ok, _ := path.Match(pattern, key)
	return ok
}
