package cache

import (
	"strings"
	"sync"
)

// flights are what goes on in a scope, by key. At rest there are none.
type flights[V any] struct {
	mu    sync.Mutex
	byKey map[string]*flight[V]
	peak  int // how many there were at once in this byKey

	storing []*load[V] // whose values a provider is being given
}

// A flight is what goes on under one key: calls that look whether the provider has it, and the load that they wait for where
// it has not. In the table it is what a call finds that comes now. All of it but entry and err is read and written under the
// mutex of the table.
type flight[V any] struct {
	key      string
	holders  int        // calls that ask the provider, and may then wait for the load
	load     *load[V]   // nil: nobody has begun one
	token    Token      // that the load was begun with
	storable bool       // whether what is loaded may be stored
	stale    bool       // invalidated or abandoned: nobody joins, nothing is stored
	before   *flight[V] // whose load must be over before this one's starts; nil: none

	// Written by the load, read when it is done.
	entry Entry[V]
	err   error
}

// add makes f the flight that is found under its key from now on.
func (t *flights[V]) add(f *flight[V]) {
	if t.byKey == nil {
		t.byKey = map[string]*flight[V]{}
	}
	t.byKey[f.key] = f
	t.peak = max(t.peak, len(t.byKey))
}

// remove takes f out of the table, if it is still there. A map that was once large stays so, and is given up.
func (t *flights[V]) remove(f *flight[V]) {
	if t.byKey[f.key] != f {
		return
	}
	delete(t.byKey, f.key)
	if len(t.byKey) == 0 && t.peak > 1000 {
		t.byKey, t.peak = nil, 0
	}
}

// hold announces a call that asks the provider for key. Until it has released the flight, it can join the load of it, even
// one that has ended meanwhile: of calls that asked together only one loads.
func (t *flights[V]) hold(key string) *flight[V] {
	f := t.byKey[key]
	if f == nil {
		f = &flight[V]{key: key}
		t.add(f)
	}
	f.holders++
	return f
}

// release releases what was held. What nobody holds, and nobody loads, goes.
func (t *flights[V]) release(held ...*flight[V]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range held {
		if f.holders--; f.holders == 0 && f.load == nil {
			t.remove(f)
		}
	}
}

// reading is what a provider said of a key that it has nothing for.
type reading struct {
	token Token // of a fenced one
	known bool  // it could say so
}

// enter returns the flight that a call which holds f is to wait for. One without a load is the call's to begin. outer is the
// load that the call is a part of.
//
// A load is joined if nothing can have been invalidated between it and the reading. One that has not started is. One that
// has is known to be where both have got the same token of a fenced provider, or where the provider is not fenced, since
// then only this process counts, whose invalidations make flights stale. Who got no token since the provider failed, or
// finds a load that got none, waits for the next one, which starts when the one that runs is over or given up; only a part
// of a load, for which that one may be waiting, begins at once.
func (c *core[V]) enter(f *flight[V], r reading, outer *waiter) (*flight[V], error) {
	if !c.joinable(f, r, outer) {
		now := c.byKey[f.key]
		if now != nil && now.load != nil && outer != nil && now.load.waiter.reaches(outer, nil) {
			return nil, recursive(f.key)
		}
		if now == nil || !c.joinable(now, r, outer) {
			next := &flight[V]{key: f.key}
			if now != nil && c.fenced != nil && outer == nil && (!r.known || !now.storable) {
				next.before = now
			}
			c.add(next)
			now = next
		}
		f = now
	}
	if f.load == nil {
		f.token, f.storable = r.token, r.known
	}
	return f, nil
}

func (c *core[V]) joinable(f *flight[V], r reading, outer *waiter) bool {
	switch {
	case f.stale:
		return false
	case f.load == nil, c.fenced == nil:
		return true
	case !f.load.started.Load() && outer == nil:
		return true
	case !f.load.started.Load() && f.load.waits: // perhaps for the load that outer is
		return false
	}
	return r.known && f.storable && f.token == r.token
}

// makeStale makes what goes on under the keys stale, and waits until none of it is being stored, also what others have made
// stale before.
func (t *flights[V]) makeStale(keys []string) {
	var storing []<-chan struct{}
	t.mu.Lock()
	if len(t.byKey) == 0 && len(t.storing) == 0 {
		t.mu.Unlock()
		return
	}
	for _, key := range keys {
		if f := t.byKey[key]; f != nil && f.load != nil {
			f.stale = true
			t.remove(f)
		}
	}
	if len(t.storing) > 0 {
		stale := make(map[string]bool, len(keys))
		for _, key := range keys {
			stale[key] = true
		}
		for _, l := range t.storing {
			if l.stores(stale) {
				storing = append(storing, l.isOver())
			}
		}
	}
	t.mu.Unlock()
	for _, over := range storing {
		<-over
	}
}

// makeStaleByPrefix is makeStale for the keys that begin with prefix.
func (t *flights[V]) makeStaleByPrefix(prefix string) {
	var keys []string
	add := func(f *flight[V]) {
		if strings.HasPrefix(f.key, prefix) {
			keys = append(keys, f.key)
		}
	}
	t.mu.Lock()
	for _, f := range t.byKey {
		add(f)
	}
	for _, l := range t.storing {
		l.each(add)
	}
	t.mu.Unlock()
	t.makeStale(keys)
}

// stores reports whether the load is for one of the keys.
func (l *load[V]) stores(keys map[string]bool) (yes bool) {
	l.each(func(f *flight[V]) { yes = yes || keys[f.key] })
	return yes
}
