package cachetest

import (
	"context"
	"runtime"
	"testing"

	"github.com/slokeep/slokeep/cache"
)

// twist is a good end of a store, some of whose methods are others.
type twist struct {
	*end[Value]
	get          func(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value])) error
	getFenced    func(context.Context, string, []string, func(int, cache.Entry[Value]), func(int, cache.Token)) error
	set          func(ctx context.Context, scope string, items []cache.Item[Value]) error
	setIf        func(ctx context.Context, scope string, items []cache.Item[Value]) (int, error)
	delete       func(ctx context.Context, scope string, keys []string) error
	deletePrefix func(ctx context.Context, scope, prefix string) error
}

func (t *twist) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value])) error {
	if t.get != nil {
		return t.get(ctx, scope, keys, found)
	}
	return t.end.Get(ctx, scope, keys, found)
}

func (t *twist) GetFenced(
	ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value]), missed func(int, cache.Token),
) error {
	if t.getFenced != nil {
		return t.getFenced(ctx, scope, keys, found, missed)
	}
	return t.end.GetFenced(ctx, scope, keys, found, missed)
}

func (t *twist) Set(ctx context.Context, scope string, items []cache.Item[Value]) error {
	if t.set != nil {
		return t.set(ctx, scope, items)
	}
	return t.end.Set(ctx, scope, items)
}

func (t *twist) SetIf(ctx context.Context, scope string, items []cache.Item[Value]) (int, error) {
	if t.setIf != nil {
		return t.setIf(ctx, scope, items)
	}
	return t.end.SetIf(ctx, scope, items)
}

func (t *twist) Delete(ctx context.Context, scope string, keys []string) error {
	if t.delete != nil {
		return t.delete(ctx, scope, keys)
	}
	return t.end.Delete(ctx, scope, keys)
}

func (t *twist) DeletePrefix(ctx context.Context, scope, prefix string) error {
	if t.deletePrefix != nil {
		return t.deletePrefix(ctx, scope, prefix)
	}
	return t.end.DeletePrefix(ctx, scope, prefix)
}

// harness is that of a fake that can all there is, with a fault.
func (b broken) harness() Harness {
	h := Harness{
		Open: func(testing.TB) (cache.Provider[Value], cache.Provider[Value]) {
			s := newStore[Value](b.fault)
			var ends [2]*twist
			for i := range ends {
				ends[i] = &twist{end: &end[Value]{store: s}}
				if b.twist != nil {
					b.twist(ends[i], i)
				}
			}
			return ends[0], ends[1]
		},
		Fenced: true, Prefixed: true, Local: true,
		Forget: func(_ testing.TB, p cache.Provider[Value]) { p.(*twist).forget() },
		Break: func(_ testing.TB, p cache.Provider[Value]) func() {
			p.(*twist).cut.Store(true)
			return func() { p.(*twist).cut.Store(false) }
		},
		Spoil: func(_ testing.TB, p cache.Provider[Value], scope, key string) { p.(*twist).spoil(scope, key) },
		Lossy: openLossy,
	}
	if b.harnessed != nil {
		b.harnessed(&h)
	}
	if b.scope != nil {
		b.scopes(&h)
	}
	return h
}

// yield lets others run, where there are any.
func yield() {
	for range 200 {
		runtime.Gosched()
	}
}
