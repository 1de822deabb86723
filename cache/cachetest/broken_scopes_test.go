package cachetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var brokenInvalidations = []broken{
	{law: "what is kept is given up when it is invalidated", scope: func(t *scopeTwist) {
		t.invalidate = func(ctx context.Context, keys ...string) error { // ends at a key that was never seen
			t.shared.mu.Lock()
			n := slices.IndexFunc(keys, func(key string) bool { return !t.shared.seen[key] })
			t.shared.mu.Unlock()
			if n > 0 {
				keys = keys[:n]
			}
			return t.scope.Invalidate(ctx, keys...)
		}
	}},
	{law: "what is kept is given up when its prefix is invalidated", scope: func(t *scopeTwist) {
		t.invalidatePrefix = func(ctx context.Context, prefix string) error { // passes over keys of three parts
			t.shared.mu.Lock()
			seen := slices.Collect(maps.Keys(t.shared.seen))
			t.shared.mu.Unlock()
			var forgotten []cache.Item[Value]
			for _, key := range seen {
				if strings.HasPrefix(key, prefix) && strings.Count(key, cache.Separator) == 2 {
					_ = t.p.Get(ctx, name, []string{key}, func(_ int, e cache.Entry[Value]) {
						forgotten = append(forgotten, cache.Item[Value]{Key: key, Entry: e, TTL: time.Hour})
					})
				}
			}
			err := t.scope.InvalidatePrefix(ctx, prefix)
			if len(forgotten) > 0 {
				_ = t.p.Set(ctx, name, forgotten)
			}
			return err
		}
	}},
	{law: "a key that is invalidated while it loads is loaded again", scope: lateStore(func(e event) bool {
		return e.own && !e.prefix
	})},
	{law: "a prefix is invalidated while a key loads that was never seen", scope: lateStore(func(e event) bool {
		return e.own && e.prefix && !e.seen
	})},
	{law: "a key that is invalidated while it is stored is loaded again", scope: checkThenSet(func(key string) bool {
		return !strings.Contains(key, cache.Separator)
	})},
	{law: "a prefix is invalidated while a key is stored", scope: checkThenSet(func(key string) bool {
		return strings.Contains(key, cache.Separator)
	}), also: []string{
		"an invalidation does not rely on another one", "an invalidation of a prefix does not rely on another one",
	}},
	{law: "an invalidation does not rely on another one", scope: func(t *scopeTwist) {
		var mu sync.Mutex
		going := map[string]bool{}
		t.invalidate = func(ctx context.Context, keys ...string) error {
			all := strings.Join(keys, "\n")
			mu.Lock()
			first := !going[all]
			going[all] = true
			mu.Unlock()
			if !first {
				return nil
			}
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				delete(going, all)
			}()
			return t.scope.Invalidate(ctx, keys...)
		}
	}},
	{law: "an invalidation of a prefix does not rely on another one", scope: func(t *scopeTwist) {
		var going atomic.Bool
		t.invalidatePrefix = func(ctx context.Context, prefix string) error {
			if going.Swap(true) {
				return nil
			}
			defer going.Store(false)
			return t.scope.InvalidatePrefix(ctx, prefix)
		}
	}},
	{law: "of a batch only what was invalidated is loaded again", scope: func(t *scopeTwist) {
		t.ended = func(f *flight, _ int) { // stores a batch although a key of it was invalidated
			if f.batch && f.heard[event{own: true}] {
				maps.Copy(t.local, f.values)
			}
		}
	}},
	{law: "an invalidation makes room for one new load", scope: func(t *scopeTwist) {
		var loose sync.Map
		t.ended = func(f *flight, others int) { // a load that was invalidated removes the slot of the next one
			if f.heard[event{own: true}] && others > 0 {
				loose.Store(f.keys[0], true)
			}
		}
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], before []*flight) (Value, error) {
			if _, ok := loose.Load(key); ok && len(before) > 0 {
				return t.spare.Get(ctx, key, load)
			}
			return t.scope.Get(ctx, key, load)
		}
	}},
	{law: "a key at rest takes no memory", scope: func(t *scopeTwist) {
		var mu sync.Mutex
		generations := map[string]int{}
		t.invalidate = func(ctx context.Context, keys ...string) error {
			mu.Lock()
			for _, key := range keys {
				generations[key]++
			}
			mu.Unlock()
			return t.scope.Invalidate(ctx, keys...)
		}
	}},
	{law: "what one process stored another one reads", scope: func(t *scopeTwist) {
		var mu sync.Mutex
		mine := map[string]bool{}
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], _ []*flight) (Value, error) {
			mu.Lock()
			first := !mine[key]
			mine[key] = true
			mu.Unlock()
			t.shared.mu.Lock()
			second := slices.Index(t.shared.ends, t)%2 == 1
			t.shared.mu.Unlock()
			if first && second {
				return load(ctx, key)
			}
			return t.scope.Get(ctx, key, load)
		}
	}},
	{law: "another process's invalidation makes a load old", scope: lateStore(func(e event) bool {
		return !e.own && !e.prefix && !e.forgot
	}), also: []string{"a store that forgets makes nothing stale appear"}},
	{law: "another process's invalidation of a prefix makes a load old", scope: lateStore(func(e event) bool {
		return !e.own && e.prefix
	})},
	{law: "another process's invalidation makes old only its keys of a batch", scope: func(t *scopeTwist) {
		t.ended = func(f *flight, _ int) { // takes all of the batch for old
			if f.batch && f.heard[event{}] {
				go func() { _ = t.p.Delete(context.Background(), name, f.keys) }()
			}
		}
	}},
	{law: "another process's invalidation is seen by a batch that begins after", scope: func(t *scopeTwist) {
		t.getMany = func( // joins what goes on
			ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value), before []*flight,
		) error {
			for _, f := range before {
				if len(keys) > 1 && f.heard[event{}] {
					select {
					case <-f.done:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			}
			return t.scope.GetMany(ctx, keys, load, found)
		}
	}},
	{law: "a store that forgets makes nothing stale appear", scope: lateStore(func(e event) bool { return e.forgot })},
}

// checkThenSet makes a Scope that looks whether its load is still the newest, and then stores.
func checkThenSet(which func(key string) bool) func(t *scopeTwist) {
	return func(t *scopeTwist) {
		t.provider = func(p cache.Provider[Value]) cache.Provider[Value] {
			return gap{p.(fencedPrefixed), which}
		}
	}
}

type fencedPrefixed interface {
	cache.Fenced[Value]
	cache.Prefixed
}

type gap struct {
	fencedPrefixed
	which func(key string) bool
}

func (g gap) SetIf(ctx context.Context, scope string, items []cache.Item[Value]) (int, error) {
	newest := 0
	for _, it := range items {
		if !g.which(it.Key) {
			return g.fencedPrefixed.SetIf(ctx, scope, items)
		}
		err := g.GetFenced(ctx, scope, []string{it.Key}, func(int, cache.Entry[Value]) {}, func(_ int, t cache.Token) {
			if t == it.Token {
				newest++
			}
		})
		if err != nil {
			return g.fencedPrefixed.SetIf(ctx, scope, items)
		}
	}
	if newest < len(items) {
		return g.fencedPrefixed.SetIf(ctx, scope, items)
	}
	return len(items), g.Set(ctx, scope, items)
}

var brokenScopes = []broken{
	{law: "what is kept is not loaded again", scope: func(t *scopeTwist) {
		t.getMany = func( // loads what is kept, too
			ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value), before []*flight,
		) error {
			return t.scope.GetMany(ctx, keys, func(ctx context.Context, missing []string, found func(string, Value)) error {
				if len(before) == 0 && len(missing) > 1 {
					missing = slices.Compact(sorted(keys))
				}
				return load(ctx, missing, found)
			}, found)
		}
	}},
	{law: "what is kept is loaded again when its TTL is over", scope: func(t *scopeTwist) {
		t.options = func(o *cache.Options) { o.TTL = 0 }
	}},
	{law: "callers who ask for one key wait for one load", scope: func(t *scopeTwist) {
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], before []*flight) (Value, error) {
			if len(before) > 10 {
				return t.spare.Get(ctx, key, load)
			}
			return t.scope.Get(ctx, key, load)
		}
	}},
	{law: "a batch and who asks alone share their loads", scope: func(t *scopeTwist) {
		t.getMany = func(
			ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value), before []*flight,
		) error {
			if len(keys) == 2 && len(before) > 1 {
				return t.spare.GetMany(ctx, keys, load, found)
			}
			return t.scope.GetMany(ctx, keys, load, found)
		}
	}},
	{law: "a key that is named twice is loaded once", scope: func(t *scopeTwist) {
		t.getMany = func(
			ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value), _ []*flight,
		) error {
			seen := map[string]bool{}
			return t.scope.GetMany(ctx, keys, load, func(key string, v Value) {
				if !seen[key] {
					seen[key] = true
					found(key, v)
				}
			})
		}
	}},
	{law: "what a batch loader leaves out is not there", scope: func(t *scopeTwist) { unheard(t, cache.ErrUnasked) }},
	{law: "a leader who leaves takes nobody along", scope: func(t *scopeTwist) {
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], before []*flight) (Value, error) {
			v, err := t.scope.Get(ctx, key, load)
			for _, f := range before {
				select {
				case <-f.done:
					err = errors.Join(err, f.err)
				default:
				}
			}
			return v, err
		}
	}},
	{law: "who leaves leaves at once", scope: func(t *scopeTwist) {
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], before []*flight) (Value, error) {
			if len(before) > 0 && ctx.Err() == nil {
				ctx = context.WithoutCancel(ctx)
			}
			return t.scope.Get(ctx, key, load)
		}
	}},
	{law: "a load ends when nobody waits for it any more", scope: func(t *scopeTwist) {
		withLoaders(t, context.WithoutCancel)
	}},
	{law: "a loader's ctx has the values of who asked, and no deadline of theirs", scope: func(t *scopeTwist) {
		withLoaders(t, func(ctx context.Context) context.Context { return valueless{ctx} })
	}},
	{law: "an invalidation is done although its ctx has ended", scope: func(t *scopeTwist) {
		t.invalidate = func(ctx context.Context, keys ...string) error {
			if ctx.Err() != nil {
				return nil
			}
			return t.scope.Invalidate(ctx, keys...)
		}
	}},
	{law: "a panic of a loader is an error for all who wait", scope: func(t *scopeTwist) {
		withoutErrors(t, func(err error) bool { _, ok := errors.AsType[*cache.PanicError](err); return ok })
	}},
	{law: "a Goexit of a loader is an error for all who wait", scope: func(t *scopeTwist) {
		withoutErrors(t, func(err error) bool { return errors.Is(err, cache.ErrGoexit) })
	}},
	{law: "an error of a loader goes to all who wait, and is not kept", scope: func(t *scopeTwist) {
		var kept sync.Map
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], _ []*flight) (Value, error) {
			if err, ok := kept.Load(key); ok {
				return Value{}, err.(error)
			}
			v, err := t.scope.Get(ctx, key, load)
			if _, ok := errors.AsType[*cache.PanicError](err); !ok && errors.Is(err, errBoom) {
				kept.Store(key, err)
			}
			return v, err
		}
	}},
	{law: "the loads of a batch that do not fail are given", scope: func(t *scopeTwist) {
		t.getMany = func(
			ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value), _ []*flight,
		) error {
			all := map[string]Value{}
			err := t.scope.GetMany(ctx, keys, load, func(key string, v Value) { all[key] = v })
			for _, key := range keys {
				if v, ok := all[key]; ok && err == nil {
					found(key, v)
				}
			}
			return err
		}
	}},
	{law: "that there is nothing is kept for NegativeTTL", scope: func(t *scopeTwist) {
		t.options = func(o *cache.Options) { o.NegativeTTL = 0 }
	}},
	{law: "that there is nothing is not kept without NegativeTTL", scope: func(t *scopeTwist) {
		t.options = func(o *cache.Options) {
			if o.NegativeTTL == 0 {
				o.NegativeTTL = time.Minute
			}
		}
	}},
	{law: "a Provider that cannot be read fails no read", scope: func(t *scopeTwist) {
		var failed atomic.Bool
		t.hooked(func(what op, call func() error) error {
			failed.Store(what == reading)
			err := call()
			failed.Store(what == reading && err != nil)
			return err
		})
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], _ []*flight) (Value, error) {
			v, err := t.scope.Get(ctx, key, load)
			if failed.Load() {
				it := cache.Item[Value]{Key: key, Entry: cache.Entry[Value]{Value: v}, TTL: time.Hour}
				err = errors.Join(err, t.p.Set(ctx, name, []cache.Item[Value]{it}))
			}
			return v, err
		}
	}},
	{law: "a Provider that cannot store fails no read", scope: func(t *scopeTwist) {
		var failed atomic.Pointer[error]
		t.hooked(func(what op, call func() error) error {
			err := call()
			if what == storing && err != nil {
				failed.Store(&err)
			}
			return err
		})
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], _ []*flight) (Value, error) {
			v, err := t.scope.Get(ctx, key, load)
			if failed := failed.Swap(nil); failed != nil {
				err = *failed
			}
			return v, err
		}
	}},
	{law: "an invalidation that fails is an error", scope: func(t *scopeTwist) {
		t.invalidate = func(ctx context.Context, keys ...string) error {
			_ = t.scope.Invalidate(ctx, keys...)
			return nil
		}
	}},
	{law: "who cannot read is not given a load from before", scope: func(t *scopeTwist) {
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], before []*flight) (Value, error) {
			if len(before) > 0 && before[0].heard[event{}] && t.unreadable(ctx, key) {
				<-before[0].done
				return before[0].values[key], before[0].err
			}
			return t.scope.Get(ctx, key, load)
		}
	}},
	{law: "who cannot read does not load beside others", scope: func(t *scopeTwist) {
		t.get = func(ctx context.Context, key string, load cache.Loader[Value], before []*flight) (Value, error) {
			if len(before) > 0 && t.unreadable(ctx, key) {
				return t.spare.Get(ctx, key, load)
			}
			return t.scope.Get(ctx, key, load)
		}
	}},
	{law: "what cannot be read is loaded again", scope: func(t *scopeTwist) { unheard(t, cache.ErrUnreadable) }},
}

// unreadable reports whether the Provider cannot be read.
func (t *scopeTwist) unreadable(ctx context.Context, key string) bool {
	return t.p.Get(ctx, name, []string{key}, func(int, cache.Entry[Value]) {}) != nil
}

// unheard makes a Scope whose OnError does not hear of some errors.
func unheard(t *scopeTwist, of error) {
	t.options = func(o *cache.Options) {
		hear := o.OnError
		o.OnError = func(err error) {
			if !errors.Is(err, of) {
				hear(err)
			}
		}
	}
}

// withLoaders makes a Scope whose loaders get other contexts.
func withLoaders(t *scopeTwist, made func(context.Context) context.Context) {
	t.get = func(ctx context.Context, key string, load cache.Loader[Value], _ []*flight) (Value, error) {
		return t.scope.Get(ctx, key, func(ctx context.Context, key string) (Value, error) { return load(made(ctx), key) })
	}
	t.getMany = func(
		ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value), _ []*flight,
	) error {
		return t.scope.GetMany(ctx, keys, func(ctx context.Context, keys []string, found func(string, Value)) error {
			return load(made(ctx), keys, found)
		}, found)
	}
}

// valueless is a ctx without its values.
type valueless struct{ context.Context }

func (valueless) Value(any) any { return nil }

// withoutErrors makes a Scope that gives a zero value and no error in place of some.
func withoutErrors(t *scopeTwist, of func(error) bool) {
	t.get = func(ctx context.Context, key string, load cache.Loader[Value], _ []*flight) (Value, error) {
		v, err := t.scope.Get(ctx, key, load)
		if of(err) {
			return Value{}, nil
		}
		return v, err
	}
}
