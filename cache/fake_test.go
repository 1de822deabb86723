package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// hook is what a fake does around its work: it may take its time, fail, panic or end its goroutine.
type hook func(ctx context.Context, op string, keys []string) error

// fake is a Provider that cannot fence: a map, with hooks around what it does, and a list of what it was asked.
type fake struct {
	before, after hook

	mu      sync.Mutex
	entries map[string]kept // by scope and key
	asked   []string        // the calls, in order
	broken  []string        // the keys whose entries are torn
}

type kept struct {
	entry cache.Entry[string]
	until time.Time
}

var (
	_ cache.Provider[string] = (*fake)(nil)
	_ cache.Prefixed         = (*fake)(nil)
	_ cache.Fenced[string]   = (*fencedFake)(nil)
)

// do does the work of one call between the hooks.
func (f *fake) do(ctx context.Context, op string, keys []string, work func()) error {
	f.mu.Lock()
	f.asked = append(f.asked, op+" "+strings.Join(keys, " "))
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(ctx, op, keys); err != nil {
			return err
		}
	}
	f.mu.Lock()
	if f.entries == nil {
		f.entries = map[string]kept{}
	}
	work()
	f.mu.Unlock()
	if f.after != nil {
		return f.after(ctx, op, keys)
	}
	return nil
}

// calls returns what was asked, and forgets it.
func (f *fake) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// has returns what is kept now, by scope and key.
func (f *fake) has() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	has := map[string]string{}
	for key, k := range f.entries {
		if has[key] = k.entry.Value; k.entry.Absent {
			has[key] = "absent"
		}
	}
	return has
}

// lookup returns what of scope's keys is there. The lock is held.
func (f *fake) lookup(scope string, keys []string) (entries []*cache.Entry[string], err error) {
	entries = make([]*cache.Entry[string], len(keys))
	for i, key := range keys {
		k, ok := f.entries[scope+key]
		switch {
		case slices.Contains(f.broken, key):
			err = fmt.Errorf("%w: %s is torn", cache.ErrUnreadable, key)
		case ok && time.Now().Before(k.until):
			entries[i] = &k.entry
		}
	}
	return entries, err
}

func (f *fake) store(scope string, item cache.Item[string]) {
	f.entries[scope+item.Key] = kept{entry: item.Entry, until: time.Now().Add(item.TTL)}
	f.broken = slices.DeleteFunc(f.broken, func(key string) bool { return key == item.Key })
}

func (f *fake) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[string])) error {
	var entries []*cache.Entry[string]
	var unreadable error
	err := f.do(ctx, "get", keys, func() { entries, unreadable = f.lookup(scope, keys) })
	for i, e := range entries {
		if e != nil {
			found(i, *e)
		}
	}
	if err == nil {
		err = unreadable
	}
	return err
}

func (f *fake) Set(ctx context.Context, scope string, items []cache.Item[string]) error {
	return f.do(ctx, "set", keysOf(items), func() {
		for _, item := range items {
			f.store(scope, item)
		}
	})
}

func (f *fake) Delete(ctx context.Context, scope string, keys []string) error {
	return f.do(ctx, "delete", keys, func() {
		for _, key := range keys {
			delete(f.entries, scope+key)
		}
	})
}

func (f *fake) DeletePrefix(ctx context.Context, scope, prefix string) error {
	return f.do(ctx, "delete prefix", []string{prefix}, func() { f.removePrefix(scope + prefix) })
}

func (f *fake) removePrefix(prefix string) {
	for key := range f.entries {
		if strings.HasPrefix(key, prefix) {
			delete(f.entries, key)
		}
	}
}

func keysOf(items []cache.Item[string]) []string {
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = item.Key
	}
	return keys
}

// fencedFake is a fake that fences. It has a counter for each key and each prefix; a token is all that a key goes by.
type fencedFake struct {
	fake
	unread   func(key string) bool // says which keys it cannot read now; nil: none
	counters map[string]uint64
	last     uint64 // no counter that is made anew begins at or below it
}

// token returns that of a key, and makes the counters that are missing if it may.
func (f *fencedFake) token(scope, key string, may bool) (cache.Token, bool) {
	names := []string{"key " + scope + key}
	for prefix := range cache.Prefixes(key) {
		names = append(names, scope+prefix)
	}
	var token strings.Builder
	for _, name := range names {
		n, ok := f.counters[name]
		if !ok && !may {
			return "", false
		}
		if !ok {
			n = f.bump(name)
		}
		fmt.Fprintf(&token, "%d.", n)
	}
	return cache.Token(token.String()), true
}

func (f *fencedFake) bump(name string) uint64 {
	if f.counters == nil {
		f.counters = map[string]uint64{}
	}
	f.last++
	f.counters[name] = f.last
	return f.last
}

// flush forgets everything, as a server does that is started anew.
func (f *fencedFake) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.entries)
	clear(f.counters)
}

func (f *fencedFake) Delete(ctx context.Context, scope string, keys []string) error {
	return f.do(ctx, "delete", keys, func() {
		for _, key := range keys {
			delete(f.entries, scope+key)
			f.bump("key " + scope + key)
		}
	})
}

func (f *fencedFake) DeletePrefix(ctx context.Context, scope, prefix string) error {
	return f.do(ctx, "delete prefix", []string{prefix}, func() {
		f.removePrefix(scope + prefix)
		f.bump(scope + prefix)
	})
}

func (f *fencedFake) GetFenced(
	ctx context.Context, scope string, keys []string, found func(int, cache.Entry[string]), missed func(int, cache.Token),
) error {
	var entries []*cache.Entry[string]
	tokens := make([]cache.Token, len(keys))
	var unreadable error
	err := f.do(ctx, "get", keys, func() {
		entries, unreadable = f.lookup(scope, keys)
		for i, key := range keys {
			tokens[i], _ = f.token(scope, key, true)
		}
	})
	if err != nil {
		return err
	}
	for i, e := range entries {
		switch {
		case f.unread != nil && f.unread(keys[i]):
			err = fmt.Errorf("%s cannot be read", keys[i])
		case e != nil:
			found(i, *e)
		default:
			missed(i, tokens[i])
		}
	}
	return errors.Join(err, unreadable)
}

func (f *fencedFake) SetIf(ctx context.Context, scope string, items []cache.Item[string]) (stored int, err error) {
	err = f.do(ctx, "set", keysOf(items), func() {
		for _, item := range items {
			if now, ok := f.token(scope, item.Key, false); ok && now == item.Token {
				f.store(scope, item)
				stored++
			}
		}
	})
	return stored, err
}

// on makes both hooks of a fake's call of one kind.
func on(op string, do func(ctx context.Context) error) hook {
	return func(ctx context.Context, now string, _ []string) error {
		if now != op {
			return nil
		}
		return do(ctx)
	}
}

func newMemory[V any](t testing.TB, opts *cache.MemoryOptions[V]) *cache.Memory[V] {
	t.Helper()
	m, err := cache.NewMemory(opts)
	noError(t, err)
	t.Cleanup(func() { noError(t, m.Close()) })
	return m
}

func newScope[V any](t testing.TB, provider cache.Provider[V], opts *cache.Options) *cache.Scope[V] {
	t.Helper()
	s, err := cache.NewScope(provider, "things:", opts)
	noError(t, err)
	return s
}

// onEachProvider runs a test with a Scope on each kind of provider.
func onEachProvider(t *testing.T, opts *cache.Options, test func(t *testing.T, s *cache.Scope[string])) {
	t.Helper()
	kinds := []struct {
		name string
		make func(t *testing.T) cache.Provider[string]
	}{
		{"memory", func(t *testing.T) cache.Provider[string] { return newMemory[string](t, nil) }},
		{"a provider that cannot fence", func(*testing.T) cache.Provider[string] { return &fake{} }},
		{"a fenced provider", func(*testing.T) cache.Provider[string] { return &fencedFake{} }},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) { test(t, newScope(t, kind.make(t), opts)) })
		})
	}
}

// gives is a loader that gives v.
func gives(v string) cache.Loader[string] {
	return func(context.Context, string) (string, error) { return v, nil }
}

// givesAll is a batch loader that gives v for each key.
func givesAll(v string) cache.BatchLoader[string] {
	return func(_ context.Context, keys []string, found func(string, string)) error {
		for _, key := range keys {
			found(key, v)
		}
		return nil
	}
}

// never is a loader that must not be called.
func never(t testing.TB) cache.Loader[string] {
	return func(context.Context, string) (string, error) {
		t.Error("the loader was called")
		return "", nil
	}
}

// getMany is GetMany into a map.
func getMany(
	ctx context.Context, s *cache.Scope[string], load cache.BatchLoader[string], keys ...string,
) (map[string]string, error) {
	got := map[string]string{}
	err := s.GetMany(ctx, keys, load, func(key, v string) { got[key] = v })
	return got, err
}
