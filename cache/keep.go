package cache

import (
	"context"
	"errors"
	"slices"
	"time"
)

// finish gives the flights the error of the loader, has what was loaded kept, if it still may be, and lets the waiting go.
func (l *load[V]) finish(err error) {
	l.c.counts.loads.Add(1)
	if err != nil {
		l.c.counts.loadErrors.Add(1)
	}
	switch {
	case l.c.space == nil:
		l.store(err)
	case l.batch == nil && l.c.space.m.cost == nil:
		l.keepOne(err)
	default:
		l.keepAll(err)
	}
}

// keepOne is keepAll for what most loads are. A goroutine begins with little stack, and to get more takes longer than all of
// this, so it is short and calls little.
func (l *load[V]) keepOne(err error) {
	var node *entryNode[V]
	if ttl := l.ttlOf(l.flight); err == nil && ttl > 0 {
		node = l.c.space.newNode(l.flight.key, &l.flight.entry, ttl)
	}
	l.c.mu.Lock()
	if l.mayKeep(l.flight, err) && node != nil {
		l.c.space.put(node)
	}
	l.leave()
	l.c.mu.Unlock()
	l.cancel()
}

// keepAll keeps what was loaded in this process.
func (l *load[V]) keepAll(err error) {
	c := l.c
	flights := []*flight[V]{l.flight}
	if l.batch != nil {
		flights = l.batch.flights
	}
	nodes := make([]*entryNode[V], len(flights))
	var failed error
	defer func() { // also if Cost calls Goexit
		c.mu.Lock()
		for i, f := range flights {
			if l.mayKeep(f, err) && nodes[i] != nil {
				c.space.put(nodes[i])
			}
		}
		l.leave()
		c.mu.Unlock()
		l.cancel()
		if failed != nil {
			c.failed("store", failed)
		}
	}()
	if err != nil {
		return
	}
	for i, f := range flights {
		var costs error
		nodes[i], costs = l.newNode(f)
		failed = errors.Join(failed, costs)
	}
}

// newNode makes what Memory would keep of f; nil: nothing.
func (l *load[V]) newNode(f *flight[V]) (n *entryNode[V], err error) {
	ttl := l.ttlOf(f)
	if ttl == 0 {
		return nil, nil
	}
	if l.c.space.m.cost == nil {
		return l.c.space.newNode(f.key, &f.entry, ttl), nil
	}
	err = guard(func() error {
		n = l.c.space.newNode(f.key, &f.entry, ttl)
		return nil
	})
	return n, err
}

// store has the provider store what was loaded. It reports what goes wrong once that is over, since OnError may invalidate.
func (l *load[V]) store(err error) {
	c := l.c
	var items []Item[V]
	c.mu.Lock()
	l.each(func(f *flight[V]) {
		if ttl := l.ttlOf(f); l.mayKeep(f, err) && ttl > 0 {
			items = append(items, Item[V]{Key: f.key, Entry: f.entry, TTL: ttl, Token: f.token})
		}
	})
	l.loaded = true
	if len(items) == 0 {
		l.leave()
		c.mu.Unlock()
		l.cancel()
		return
	}
	c.storing = append(c.storing, l)
	c.mu.Unlock()
	var failed error
	defer func() { // also if the provider calls Goexit
		c.mu.Lock()
		c.storing = slices.DeleteFunc(c.storing, func(other *load[V]) bool { return other == l })
		l.leave()
		c.mu.Unlock()
		l.cancel()
		if failed != nil {
			c.failed("store", failed)
		}
	}()
	ctx, stored := context.WithoutCancel(l.caller), len(items)
	failed = guard(func() (err error) {
		if c.fenced != nil {
			stored, err = c.fenced.SetIf(ctx, c.name, items)
			return err
		}
		return c.provider.Set(ctx, c.name, items)
	})
	if failed == nil && stored < len(items) {
		c.counts.stale.Add(uint64(len(items) - stored))
	}
}

// ttlOf says for how long f's entry may be kept.
func (l *load[V]) ttlOf(f *flight[V]) time.Duration {
	if f.entry.Absent {
		return l.c.negativeTTL
	}
	return l.ttl
}

// mayKeep gives f the error of the load, and reports whether its entry may be kept. The mutex is held.
func (l *load[V]) mayKeep(f *flight[V], err error) bool {
	switch {
	case err != nil:
		f.entry, f.err = Entry[V]{}, err
		return false
	case f.stale && !l.abandoned:
		l.c.counts.stale.Add(1)
	}
	return f.storable && !f.stale
}

// leave ends the load. The mutex is held.
func (l *load[V]) leave() {
	l.each(l.c.remove)
	l.loaded, l.over = true, true
	if l.done != nil {
		close(l.done)
	}
}
