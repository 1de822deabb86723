package cachetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// scope is what the laws of a Scope are checked on.
type scope interface {
	Get(ctx context.Context, key string, load cache.Loader[Value]) (Value, error)
	GetMany(ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(key string, v Value)) error
	Invalidate(ctx context.Context, keys ...string) error
	InvalidatePrefix(ctx context.Context, prefix string) error
}

var _ scope = (*cache.Scope[Value])(nil)

// scopes makes the suite's Scope at both ends of the store. They are the same one where the Provider is not fenced, so that
// an end of its own would hear of no invalidation. nil opts are the defaults; f may be nil.
func (w *world) scopes(opts *cache.Options, f around) (s, other scope) {
	w.Helper()
	var o cache.Options
	if opts != nil {
		o = *opts
	}
	o.OnError = func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.heard = append(w.heard, err)
	}
	end := func(p cache.Provider[Value]) scope {
		if f != nil || !w.h.Local {
			p = hook(p, func(what op, call func() error) error {
				if what == reading {
					w.mu.Lock()
					w.reads++
					w.mu.Unlock()
				}
				if f == nil {
					return call()
				}
				return f(what, call)
			})
		}
		if w.h.scope != nil {
			s, err := w.h.scope(p, name, &o)
			w.must("making a scope", err)
			return s
		}
		s, err := cache.NewScope(p, name, &o)
		w.must("NewScope", err)
		return s
	}
	s = end(w.a)
	if !w.h.Fenced {
		return s, s
	}
	return s, end(w.b)
}

// told returns what OnError has heard, once that is n errors or more, or time is up: it may hear of what fails when the
// readers have their answers already.
func (w *world) told(n int) []error {
	w.Helper()
	heard := func() []error {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Clone(w.heard)
	}
	w.until(func() bool { return len(heard()) >= n })
	return heard()
}

// until waits until something holds, or time is up.
func (w *world) until(holds func() bool) {
	if w.h.Local {
		synctest.Wait()
		return
	}
	for end := time.Now().Add(w.h.Patience); !holds() && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
}

// write changes what the truth is under keys.
func (w *world) write(keys ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range keys {
		w.writes[key]++
	}
}

// truth is what is under a key: a value whose version is the number of writes, and one.
func (w *world) truth(key string) Value {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Value{Key: key, Version: 1 + w.writes[key]}
}

// quick is a Loader that returns the truth.
func (w *world) quick(_ context.Context, key string) (Value, error) {
	w.mu.Lock()
	w.loads++
	w.mu.Unlock()
	return w.truth(key), nil
}

// quickly is a BatchLoader that finds the truth.
func (w *world) quickly(_ context.Context, keys []string, found func(string, Value)) error {
	w.mu.Lock()
	w.loads++
	w.mu.Unlock()
	for _, key := range keys {
		found(key, w.truth(key))
	}
	return nil
}

// loaded wants quick loaders to have been called n times in all.
func (w *world) loaded(what string, n int) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.loads != n {
		w.Errorf("%s, loaders were called %d times: want %d", what, w.loads, n)
	}
}

// slow is a loader that reads the truth when it is called, and then waits until it is let go. Whether its ctx ends does not
// matter to it.
type slow struct {
	w       *world
	started chan context.Context // the contexts of its calls
	gate    chan struct{}
	end     func() error // how it ends; nil: well

	mu    sync.Mutex
	asked [][]string // the keys of its calls
}

func (w *world) slow() *slow {
	return &slow{w: w, started: make(chan context.Context, 100), gate: make(chan struct{})}
}

func (l *slow) load(ctx context.Context, key string) (v Value, err error) {
	err = l.batch(ctx, []string{key}, func(_ string, found Value) { v = found })
	return v, err
}

func (l *slow) batch(ctx context.Context, keys []string, found func(string, Value)) error {
	l.mu.Lock()
	l.asked = append(l.asked, sorted(keys))
	l.mu.Unlock()
	var read []Value
	for _, key := range keys {
		read = append(read, l.w.truth(key))
	}
	l.started <- ctx
	select {
	case <-l.gate:
	case <-l.w.ctx.Done():
	}
	if l.end != nil {
		if err := l.end(); err != nil {
			return err
		}
	}
	for i, key := range keys {
		found(key, read[i])
	}
	return nil
}

// began waits until the loader has been called, and returns its ctx.
func (l *slow) began() context.Context {
	l.w.Helper()
	select {
	case ctx := <-l.started:
		return ctx
	case <-time.After(l.w.h.Patience):
		l.w.Fatalf("a loader was not called within %v", l.w.h.Patience)
		return nil
	}
}

// calls returns the keys of its calls, in order.
func (l *slow) calls() [][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

func (l *slow) release() { close(l.gate) }

// call is a Get or a GetMany that goes on in a goroutine.
type call struct {
	w      *world
	what   string
	values map[string]Value
	found  int
	end    <-chan error
}

func (w *world) get(ctx context.Context, s scope, key string, load cache.Loader[Value]) *call {
	return w.call(fmt.Sprintf("Get of %q", key), func(c *call) error {
		v, err := s.Get(ctx, key, load)
		if err == nil {
			c.values[key] = v
		}
		return err
	})
}

func (w *world) getMany(ctx context.Context, s scope, load cache.BatchLoader[Value], keys ...string) *call {
	return w.call("GetMany of "+names(keys), func(c *call) error {
		return s.GetMany(ctx, keys, load, func(key string, v Value) {
			c.found++
			c.values[key] = v
		})
	})
}

func (w *world) call(what string, f func(c *call) error) *call {
	w.mu.Lock()
	w.asked++
	w.mu.Unlock()
	c := &call{w: w, what: what, values: map[string]Value{}}
	c.end = w.async(func() error { return f(c) })
	return c
}

// wait waits for the end of the call.
func (c *call) wait() error {
	c.w.Helper()
	return c.w.within(c.what, c.end)
}

// gives waits for the end of the call, and wants it to have found these values and no others.
func (c *call) gives(when string, want ...Value) {
	c.w.Helper()
	if err := c.wait(); err != nil {
		c.w.Errorf("%s %s returned %v", c.what, when, err)
		return
	}
	all := map[string]Value{}
	for _, v := range want {
		all[v.Key] = v
	}
	if !maps.Equal(c.values, all) {
		c.w.Errorf("%s %s gave %v: want %v", c.what, when, c.values, all)
	}
}

// fresh wants a Get of each key, and one GetMany of all of them, that begin now to give what the truth is now.
func (w *world) fresh(when string, s scope, keys ...string) {
	w.Helper()
	var all []Value
	for _, key := range keys {
		w.get(w.ctx, s, key, w.quick).gives(when, w.truth(key))
		all = append(all, w.truth(key))
	}
	w.getMany(w.ctx, s, w.quickly, keys...).gives(when, all...)
}

// invalidate invalidates keys, or a prefix, and waits for it.
func (w *world) invalidate(s scope, keys ...string) {
	w.Helper()
	w.must("Invalidate", w.within("Invalidate", w.async(func() error { return s.Invalidate(w.ctx, keys...) })))
}

func (w *world) invalidatePrefix(s scope, prefix string) {
	w.Helper()
	w.must("InvalidatePrefix", w.within("InvalidatePrefix", w.async(func() error { return s.InvalidatePrefix(w.ctx, prefix) })))
}

// settle waits until nothing goes on by itself any more; where that cannot be seen, until all calls have asked the Provider.
func (w *world) settle() {
	w.until(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.reads >= w.asked
	})
}

// pause gives others the time to come as far as they can: until they have come to something, or for a moment. It does not
// matter to the law how far they have come.
func (w *world) pause(something <-chan error) {
	if w.h.Local {
		synctest.Wait()
		return
	}
	for end := time.Now().Add(w.h.Patience / 100); len(something) == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
}

// sorted is a list of its own, in order.
func sorted[T int | string](list []T) []T { return slices.Sorted(slices.Values(list)) }
