package cachetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slokeep/slokeep/cache"
)

// scopeTwist is a good Scope, some of whose methods are others. It knows its calls that go on.
type scopeTwist struct {
	scope
	spare  scope // another Scope at the same end, whose loads are its own
	p      cache.Provider[Value]
	shared *scopeEnds

	// What is set before the Scope is made.
	options  func(o *cache.Options)
	provider func(p cache.Provider[Value]) cache.Provider[Value]

	get              func(ctx context.Context, key string, load cache.Loader[Value], before []*flight) (Value, error)
	getMany          func(context.Context, []string, cache.BatchLoader[Value], func(string, Value), []*flight) error
	invalidate       func(ctx context.Context, keys ...string) error
	invalidatePrefix func(ctx context.Context, prefix string) error
	ended            func(f *flight, others int) // with the mutex held, when a call ends; others go on for one of its keys

	mu      sync.Mutex
	flights []*flight
	local   map[string]Value // given to Gets in place of what is right
}

// scopeEnds are what the Scopes of one store share.
type scopeEnds struct {
	mu   sync.Mutex
	ends []*scopeTwist
	seen map[string]bool // keys that were read at any end
}

// flight is a call that goes on.
type flight struct {
	keys   []string
	batch  bool
	values map[string]Value
	err    error
	done   chan struct{}
	heard  map[event]bool // what was invalidated of its keys while it loaded
	loaded bool           // its loader has returned
}

// event is how something is invalidated.
type event struct {
	own    bool // by this end
	prefix bool
	forgot bool // the store has been forgotten
	seen   bool // a prefix: of a key that was read before
}

func (b broken) scopes(h *Harness) {
	shared := &scopeEnds{seen: map[string]bool{}}
	h.scope = func(p cache.Provider[Value], name string, opts *cache.Options) (scope, error) {
		t := &scopeTwist{p: p, shared: shared, local: map[string]Value{}}
		b.scope(t)
		if t.options != nil {
			t.options(opts)
		}
		if t.provider != nil {
			p = t.provider(p)
		}
		var err error
		if t.scope, err = cache.NewScope(p, name, opts); err != nil {
			return nil, err
		}
		if t.spare, err = cache.NewScope(p, name, opts); err != nil {
			return nil, err
		}
		shared.mu.Lock()
		defer shared.mu.Unlock()
		shared.ends = append(shared.ends, t)
		return t, nil
	}
	forget := h.Forget
	h.Forget = func(t testing.TB, p cache.Provider[Value]) {
		forget(t, p)
		shared.tell(nil, event{forgot: true}, func(string) bool { return true })
	}
}

// tell tells all calls that go on of what is invalidated by an end.
func (e *scopeEnds) tell(by *scopeTwist, what event, of func(key string) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.ends {
		t.mu.Lock()
		for _, f := range t.flights {
			if !f.loaded && slices.ContainsFunc(f.keys, of) {
				what := what
				what.own = t == by
				what.seen = what.prefix && slices.ContainsFunc(f.keys, func(key string) bool { return e.seen[key] })
				f.heard[what] = true
			}
		}
		for key := range t.local {
			if of(key) {
				delete(t.local, key)
			}
		}
		t.mu.Unlock()
	}
}

// begin notes a call, and returns those before it that are for one of its keys.
func (t *scopeTwist) begin(batch bool, keys ...string) (f *flight, before []*flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f = &flight{keys: keys, batch: batch, values: map[string]Value{}, done: make(chan struct{}), heard: map[event]bool{}}
	before = t.beside(f)
	t.flights = append(t.flights, f)
	return f, before
}

// beside returns the calls that go on for one of the keys of f.
func (t *scopeTwist) beside(f *flight) (list []*flight) {
	for _, other := range t.flights {
		if other != f && slices.ContainsFunc(other.keys, func(key string) bool { return slices.Contains(f.keys, key) }) {
			list = append(list, other)
		}
	}
	return list
}

func (t *scopeTwist) end(f *flight) {
	t.shared.mu.Lock()
	for _, key := range f.keys {
		t.shared.seen[key] = true
	}
	t.shared.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	close(f.done)
	t.flights = slices.DeleteFunc(t.flights, func(other *flight) bool { return other == f })
	if t.ended != nil {
		t.ended(f, len(t.beside(f)))
	}
}

func (t *scopeTwist) Get(ctx context.Context, key string, load cache.Loader[Value]) (v Value, err error) {
	t.mu.Lock()
	v, ok := t.local[key]
	t.mu.Unlock()
	if ok {
		return v, nil
	}
	f, before := t.begin(false, key)
	defer t.end(f)
	given := load
	load = func(ctx context.Context, key string) (Value, error) {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			f.loaded = true
		}()
		return given(ctx, key)
	}
	if t.get != nil {
		v, err = t.get(ctx, key, load, before)
	} else {
		v, err = t.scope.Get(ctx, key, load)
	}
	f.values[key], f.err = v, err
	return v, err
}

func (t *scopeTwist) GetMany(
	ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value),
) (err error) {
	f, before := t.begin(true, keys...)
	defer t.end(f)
	each := func(key string, v Value) {
		f.values[key] = v
		found(key, v)
	}
	if t.getMany != nil {
		return t.getMany(ctx, keys, load, each, before)
	}
	return t.scope.GetMany(ctx, keys, load, each)
}

func (t *scopeTwist) Invalidate(ctx context.Context, keys ...string) error {
	t.shared.tell(t, event{}, func(key string) bool { return slices.Contains(keys, key) })
	if t.invalidate != nil {
		return t.invalidate(ctx, keys...)
	}
	return t.scope.Invalidate(ctx, keys...)
}

func (t *scopeTwist) InvalidatePrefix(ctx context.Context, prefix string) error {
	t.shared.tell(t, event{prefix: true}, func(key string) bool { return strings.HasPrefix(key, prefix) })
	if t.invalidatePrefix != nil {
		return t.invalidatePrefix(ctx, prefix)
	}
	return t.scope.InvalidatePrefix(ctx, prefix)
}

// lateStore makes a Get put what it got where later Gets find it, although it was invalidated meanwhile as when says.
func lateStore(when func(event) bool) func(t *scopeTwist) {
	return func(t *scopeTwist) {
		t.ended = func(f *flight, others int) {
			for what := range f.heard {
				if !f.batch && f.err == nil && others == 0 && when(what) {
					t.local[f.keys[0]] = f.values[f.keys[0]]
				}
			}
		}
	}
}

// hooked makes the Scope's Provider another one, as hook does.
func (t *scopeTwist) hooked(f around) {
	t.provider = func(p cache.Provider[Value]) cache.Provider[Value] { return hook(p, f) }
}
