package cache

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A load is one call of a loader, for one key or for those of a batch. It is the loader's context, too.
type load[V any] struct {
	waiter
	c       *core[V]
	caller  context.Context // whose values it has
	ttl     time.Duration
	loader  Loader[V]
	batch   *batchLoad[V] // in place of loader and flight
	flight  *flight[V]
	own     flight[V]   // what flight may point to
	started atomic.Bool // also when it was given up before

	// Under the mutex of the table.
	waits     bool // it starts when others are over
	loaded    bool // the flights have their entries and errors
	over      bool // they are stored, too
	abandoned bool // nobody waits for it
	waiters   int32
	done      chan struct{} // closed when it is over; nil until somebody waits for that
}

// newLoad makes a load on behalf of ctx, for take or takeAll.
func (s *Scope[V]) newLoad(ctx context.Context) *load[V] {
	return &load[V]{c: s.c, caller: ctx, ttl: s.ttl}
}

// take makes it the load of a flight. The mutex is held.
func (l *load[V]) take(f *flight[V], loader Loader[V]) {
	l.flight, l.loader = f, loader
	f.load = l
	l.waits = f.before != nil
}

// each calls do for each flight of the load.
func (l *load[V]) each(do func(f *flight[V])) {
	if l.batch == nil {
		do(l.flight)
		return
	}
	for _, f := range l.batch.flights {
		do(f)
	}
}

// start runs the load on a goroutine of its own, so that its end is nobody else's, whatever the loader does. Only a caller
// who will wait for it whatever happens, since ctx never ends, runs it without.
func (l *load[V]) start(ctx context.Context) {
	if ctx.Done() == nil {
		l.run()
	} else {
		go l.run()
	}
}

func (l *load[V]) run() {
	if l.waits {
		l.each(l.waitForBefore)
	}
	l.started.Store(true)
	if l.Err() != nil { // nobody waits any more
		l.c.mu.Lock()
		defer l.c.mu.Unlock()
		l.leave()
		return
	}
	err := ErrGoexit // unless the loader comes back
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		l.finish(err)
	}()
	err = l.call()
}

// waitForBefore waits until the load before f's is over or given up, or nobody waits for f's any more.
func (l *load[V]) waitForBefore(f *flight[V]) {
	if f.before == nil {
		return
	}
	select {
	case <-f.before.load.Done():
	case <-l.Done():
	}
	l.c.mu.Lock()
	f.before = nil
	l.c.mu.Unlock()
}

// call calls the loader, and gives the flights what it says.
func (l *load[V]) call() error {
	if l.batch != nil {
		return l.callBatch()
	}
	v, err := l.loader(l, l.flight.key)
	if errors.Is(err, ErrNotFound) {
		l.flight.entry.Absent, l.flight.err = true, err
		return nil
	}
	l.flight.entry.Value = v
	return err
}

// isOver returns a channel that is closed when the load is over. The mutex is held.
func (l *load[V]) isOver() <-chan struct{} {
	if l.done == nil {
		l.done = make(chan struct{})
		if l.over {
			close(l.done)
		}
	}
	return l.done
}

// join counts one more who waits for f's load, on behalf of outer. The mutex is held.
func (c *core[V]) join(f *flight[V], outer *waiter) error {
	if !outer.waitFor(&f.load.waiter) {
		return recursive(f.key)
	}
	f.load.waiters++
	return nil
}

// wait waits for what was joined. Whose ctx ends first leaves it, and who leaves it last ends it.
func (c *core[V]) wait(ctx context.Context, f *flight[V], outer *waiter) error {
	c.mu.Lock()
	if f.load.over {
		c.mu.Unlock()
		outer.stopWaiting(&f.load.waiter)
		return nil
	}
	over := f.load.isOver()
	c.mu.Unlock()
	select {
	case <-over:
	case <-ctx.Done():
	}
	outer.stopWaiting(&f.load.waiter)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.abandon(f) {
		return ctx.Err()
	}
	return nil
}

// abandon counts one less who waits for f's load, and reports whether that has nothing to give yet. The mutex is held.
func (c *core[V]) abandon(f *flight[V]) bool {
	l := f.load
	l.waiters--
	if l.loaded {
		return false
	}
	if l.waiters == 0 {
		l.cancel()
		l.abandoned = true
		l.each(func(f *flight[V]) {
			f.stale = true
			if b := f.before; b != nil && c.byKey[f.key] == f && !b.load.over && !b.stale {
				c.add(b)
			}
			c.remove(f)
		})
	}
	return true
}

// String keeps what prints a loader's context away from what is in it, which is under a mutex.
func (l *load[V]) String() string { return "cache: load" }

// Deadline says that there is none.
func (l *load[V]) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value returns what the context of the caller who began the load has.
func (l *load[V]) Value(key any) any {
	if key == (waiterKey{}) {
		return &l.waiter
	}
	return context.WithoutCancel(l.caller).Value(key) // which has no end to be found in it
}
