package cache

import (
	"context"
	"errors"
)

// BatchLoader loads what is under keys, in one call. It calls found for each key that has something, in any order; keys that
// it leaves out have nothing. Of two for one key the last counts, one for a key that is not among keys is dropped, and
// reported as [ErrUnasked]. An error means that nothing of it counts. keys is the loader's; found is safe for concurrent
// use, and does nothing once the loader has returned. ErrNotFound is an error like others here.
//
// Its ctx is that of a [Loader].
type BatchLoader[V any] func(ctx context.Context, keys []string, found func(key string, v V)) error

// GetMany calls found for each of the keys that has something under it, as often as it is among keys, from the calling
// goroutine, which a panic of found goes through, and in any order: what is kept, and for the others what one call of
// load finds for them, each named once. Keys that are being loaded already, alone or in another batch, are waited for.
//
// No keys are nothing to do. The errors are those of [Scope.Get], for any of the keys: after ErrInvalid, which a nil
// found is, too, nothing has been read or loaded; [ErrRecursive] comes before load is called; when loads fail, the other
// keys' values are found all the same, and the errors are joined. A key that has nothing is no error. When ctx ends, the
// call does, with what it has found by then. Where load runs, and what a runtime.Goexit in it ends, is as with Get.
func (s *Scope[V]) GetMany(ctx context.Context, keys []string, load BatchLoader[V], found func(key string, v V)) error {
	c := s.c
	switch {
	case load == nil:
		return invalid("load", "nil", "a BatchLoader")
	case found == nil:
		return invalid("found", "nil", "a function")
	}
	for _, key := range keys {
		if err := s.check(key); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.space != nil {
		if keys = s.hits(keys, found); len(keys) == 0 {
			return nil
		}
	}
	b := batch[V]{s: s, outer: waiterOf(ctx), index: make(map[string]int, len(keys))}
	for _, key := range keys {
		if _, known := b.index[key]; !known {
			b.index[key] = len(b.keys)
			b.keys = append(b.keys, key)
		}
	}
	b.entries, b.flights = make([]*Entry[V], len(b.keys)), make([]*flight[V], len(b.keys))
	if err := b.look(ctx, load); err != nil {
		return err
	}
	b.begin(ctx)
	err := b.wait(ctx)
	for _, key := range keys {
		i := b.index[key]
		if b.flights[i] == nil {
			c.counts.hit(0)
		} else {
			c.counts.misses.Add(1)
		}
		if e := b.entries[i]; e != nil && !e.Absent {
			found(key, e.Value)
		}
	}
	return err
}

// hits gives found what Memory has, and returns the other keys.
func (s *Scope[V]) hits(keys []string, found func(string, V)) (others []string) {
	for i, key := range keys {
		n, stripe := s.c.space.find(key)
		switch {
		case n == nil:
			if others == nil {
				others = make([]string, 0, len(keys)-i)
			}
			others = append(others, key)
			continue
		case !n.entry.Absent:
			found(key, n.entry.Value)
		}
		s.c.counts.hit(stripe)
	}
	return others
}

// batch is one call of GetMany, for distinct keys.
type batch[V any] struct {
	s       *Scope[V]
	outer   *waiter
	keys    []string
	index   map[string]int
	entries []*Entry[V]  // what was found
	flights []*flight[V] // of the others
	mine    *load[V]     // that this call begins; nil: none
}

// begin starts the load that is this call's to begin. Where that ends the goroutine, nobody is left to wait for the others.
func (b *batch[V]) begin(ctx context.Context) {
	if b.mine == nil {
		return
	}
	back := false
	defer func() {
		if !back {
			b.leaveFrom(0)
		}
	}()
	b.mine.start(ctx)
	back = true
}

// look finds the entries that are there, and joins or begins the loads of the others.
func (b *batch[V]) look(ctx context.Context, load BatchLoader[V]) error {
	c := b.s.c
	if c.space != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, key := range b.keys {
			if f := c.byKey[key]; f != nil {
				b.flights[i] = f
			} else if n := c.space.findSurely(key); n != nil {
				b.entries[i] = &n.entry
			} else {
				b.flights[i] = &flight[V]{key: key, storable: true}
				c.add(b.flights[i])
			}
		}
		return b.enter(ctx, load)
	}
	held := make([]*flight[V], len(b.keys))
	c.mu.Lock()
	for i, key := range b.keys {
		held[i] = c.hold(key)
	}
	c.mu.Unlock()
	defer func() { c.release(held...) }()
	readings := make([]reading, len(b.keys))
	failed := c.read(ctx, b.keys,
		func(i int, e Entry[V]) { b.entries[i] = &e },
		func(i int, t Token) { readings[i] = reading{token: t, known: true} })
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range b.keys {
		if c.fenced == nil {
			readings[i].known = readable(failed)
		}
		if b.entries[i] != nil {
			continue
		}
		var err error
		if b.flights[i], err = c.enter(held[i], readings[i], b.outer); err != nil {
			b.withdraw(0)
			return err
		}
	}
	return b.enter(ctx, load)
}

// enter joins the loads of the flights, and makes one for those that have none.
func (b *batch[V]) enter(ctx context.Context, load BatchLoader[V]) error {
	c := b.s.c
	var mine []*flight[V]
	for i, f := range b.flights {
		switch {
		case f == nil:
		case f.load == nil:
			mine = append(mine, f)
		default:
			if err := c.join(f, b.outer); err != nil {
				b.withdraw(i)
				return err
			}
		}
	}
	if len(mine) == 0 {
		return nil
	}
	b.mine = b.s.newLoad(ctx)
	b.mine.takeAll(mine, load)
	for _, f := range mine {
		_ = c.join(f, b.outer) // nothing waits for it yet, and it for nothing
	}
	return nil
}

// withdraw leaves those of the first flights that have a load, and removes all that have none.
func (b *batch[V]) withdraw(joined int) {
	for i, f := range b.flights {
		switch {
		case f == nil:
		case f.load == nil && f.holders == 0:
			b.s.c.remove(f)
		case f.load != nil && i < joined:
			b.leave(f)
		}
	}
}

func (b *batch[V]) leave(f *flight[V]) {
	b.outer.stopWaiting(&f.load.waiter)
	b.s.c.abandon(f)
}

// leaveFrom leaves all the flights from one on.
func (b *batch[V]) leaveFrom(first int) {
	b.s.c.mu.Lock()
	defer b.s.c.mu.Unlock()
	for _, f := range b.flights[first:] {
		if f != nil {
			b.leave(f)
		}
	}
}

// wait waits for the flights, and makes entries of them.
func (b *batch[V]) wait(ctx context.Context) error {
	var errs []error
	failed := map[*load[V]]bool{}
	for i, f := range b.flights {
		if f == nil {
			continue
		}
		if err := b.s.c.wait(ctx, f, b.outer); err != nil {
			b.leaveFrom(i + 1)
			return err
		}
		switch {
		case f.err == nil || f.entry.Absent:
			b.entries[i] = &f.entry
		case !failed[f.load]:
			failed[f.load] = true
			errs = append(errs, f.err)
		}
	}
	return errors.Join(errs...)
}
