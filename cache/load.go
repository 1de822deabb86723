package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A load is one call of a loader, for one key or for several. It is the loader's context, too.
type load[V any] struct {
	c       *core[V]
	values  context.Context
	node    node
	ttl     time.Duration
	single  Loader[V]
	many    BatchLoader[V]
	flights []*flight[V] // one for each key
	one     [1]*flight[V]
	own     flight[V]   // what one may point to
	waits   bool        // whether it starts when others are over
	started atomic.Bool // also when it was given up before
	reports []report    // for OnError, which may call what waits for the load

	// Under the mutex of the table.
	waiters   int
	loaded    bool          // the flights have their entries and errors
	storing   bool          // what is in them
	abandoned bool          // nobody waits for it
	over      bool          // that, too
	done      chan struct{} // closed when it is over; nil until somebody waits for that

	mu    sync.Mutex
	ended bool
	end   chan struct{} // closed when ended; nil until somebody asks for it
}

// report is an error that no caller gets.
type report struct {
	doing string
	err   error
}

// newLoad makes a load on behalf of ctx.
func (s *Scope[V]) newLoad(ctx context.Context, single Loader[V], many BatchLoader[V]) *load[V] {
	l := &load[V]{c: s.c, values: ctx, ttl: s.ttl, single: single, many: many}
	if ctx.Done() != nil {
		l.values = context.WithoutCancel(ctx)
	}
	return l
}

// take gives the flights this load. The mutex is held.
func (l *load[V]) take(flights ...*flight[V]) {
	l.flights = append(l.one[:0], flights...)
	for _, f := range flights {
		f.load = l
		l.waits = l.waits || f.before != nil
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

// over returns a channel that is closed when the load is over. The mutex is held.
func (l *load[V]) isOver() <-chan struct{} {
	if l.done == nil {
		l.done = make(chan struct{})
		if l.over {
			close(l.done)
		}
	}
	return l.done
}

func (l *load[V]) run() {
	if l.waits {
		l.waitForOthers()
	}
	l.started.Store(true)
	if err := l.Err(); err != nil { // nobody waits any more
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

// waitForOthers waits until the loads before this one are over, or nobody waits for it.
func (l *load[V]) waitForOthers() {
	for _, f := range l.flights {
		if f.before == nil {
			continue
		}
		l.c.mu.Lock()
		over := f.before.load.isOver()
		l.c.mu.Unlock()
		select {
		case <-over:
		case <-l.Done():
		}
	}
}

// call calls the loader, and gives the flights what it says.
func (l *load[V]) call() error {
	if l.many != nil {
		return l.callMany()
	}
	f := l.flights[0]
	v, err := l.single(l, f.key)
	if errors.Is(err, ErrNotFound) {
		f.entry.Absent, f.err = true, err
		return nil
	}
	f.entry.Value = v
	return err
}

func (l *load[V]) callMany() error {
	keys := make([]string, len(l.flights))
	missing := make(map[string]*flight[V], len(l.flights))
	asked := make(map[string]*flight[V], len(l.flights))
	for i, f := range l.flights {
		keys[i], asked[f.key], missing[f.key] = f.key, f, f
	}
	var mu sync.Mutex // a loader may find from several goroutines, or when it should have ended
	var unasked []string
	over := false
	end := func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
	defer end()
	err := l.many(l, keys, func(key string, v V) {
		mu.Lock()
		defer mu.Unlock()
		f := asked[key]
		switch {
		case over:
		case f == nil:
			unasked = append(unasked, key)
		default:
			f.entry.Value = v
			delete(missing, key)
		}
	})
	end()
	for _, f := range missing {
		f.entry.Absent, f.err = true, ErrNotFound
	}
	if len(unasked) > 0 {
		err := fmt.Errorf("%w: %s (%d in all)", ErrUnasked, quote(unasked[0]), len(unasked))
		l.reports = append(l.reports, report{"load", err})
	}
	return err
}

// finish stores what was loaded, if it still may, and lets the waiting go.
func (l *load[V]) finish(err error) {
	c := l.c
	defer l.leave()
	c.counts.loads.Add(1)
	if err != nil {
		c.counts.loadErrors.Add(1)
	}
	var items []Item[V]
	var room [1]Item[V]
	c.mu.Lock()
	if len(l.flights) == 1 && c.space != nil {
		items = room[:0]
	}
	for _, f := range l.flights {
		if err != nil {
			f.entry, f.err = Entry[V]{}, err
			continue
		}
		if f.stale {
			if !l.abandoned {
				c.counts.stale.Add(1)
			}
			continue
		}
		ttl := l.ttl
		if f.entry.Absent {
			ttl = c.negativeTTL
		}
		if ttl > 0 && f.keep {
			items = append(items, Item[V]{Key: f.key, Entry: f.entry, TTL: ttl, Token: f.token})
		}
	}
	l.loaded, l.storing = true, len(items) > 0
	c.mu.Unlock()
	if len(items) > 0 {
		l.store(items)
	}
}

// store stores items.
func (l *load[V]) store(items []Item[V]) {
	c, ctx := l.c, context.WithoutCancel(l.values)
	stored := len(items)
	err := guard(func() (err error) {
		if c.fenced != nil {
			stored, err = c.fenced.SetIf(ctx, c.name, items)
			return err
		}
		return c.provider.Set(ctx, c.name, items)
	})
	switch {
	case err != nil:
		l.reports = append(l.reports, report{"store", err})
	case stored < len(items):
		c.counts.stale.Add(uint64(len(items) - stored))
	}
}

// leave ends the load.
func (l *load[V]) leave() {
	l.c.mu.Lock()
	for _, f := range l.flights {
		l.c.remove(f)
	}
	l.storing, l.over = false, true
	if l.done != nil {
		close(l.done)
	}
	l.c.mu.Unlock()
	l.cancel()
	for _, r := range l.reports {
		l.c.failed(r.doing, r.err)
	}
}

// join counts one more who waits for f's load, on behalf of outer.
func (c *core[V]) join(f *flight[V], outer *node) error {
	if !outer.waitFor(&f.load.node) {
		return recursive(f.key)
	}
	f.load.waiters++
	return nil
}

// wait waits for what was joined. Whose ctx ends first leaves it, and who leaves it last ends it.
func (c *core[V]) wait(ctx context.Context, f *flight[V], outer *node) error {
	defer outer.waited(&f.load.node)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.load.over {
		return nil
	}
	over := f.load.isOver()
	c.mu.Unlock()
	select {
	case <-over:
	case <-ctx.Done():
	}
	c.mu.Lock()
	if c.abandon(f) {
		return ctx.Err()
	}
	return nil
}

// abandon counts one less who waits for f's load, and reports whether that has nothing to give yet.
func (c *core[V]) abandon(f *flight[V]) bool {
	l := f.load
	l.waiters--
	if l.loaded {
		return false
	}
	if l.waiters == 0 {
		l.cancel()
		l.abandoned = true
		for _, f := range l.flights {
			f.stale = true
			if c.byKey[f.key] == f && f.before != nil && !f.before.load.over && !f.before.stale {
				c.add(f.before)
			}
			c.remove(f)
		}
	}
	return true
}

// cancel ends the context that the load is.
func (l *load[V]) cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended && l.end != nil {
		close(l.end)
	}
	l.ended = true
}

// Deadline has none.
func (l *load[V]) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done returns a channel that is closed when nobody waits for the load any more, or when it is over.
func (l *load[V]) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil {
		l.end = make(chan struct{})
		if l.ended {
			close(l.end)
		}
	}
	return l.end
}

// Err returns [context.Canceled] once Done is closed.
func (l *load[V]) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return context.Canceled
	}
	return nil
}

// Value returns what the context of the caller who began the load has.
func (l *load[V]) Value(key any) any {
	if key == (nodeKey{}) {
		return &l.node
	}
	return l.values.Value(key)
}
