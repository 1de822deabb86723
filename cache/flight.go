package cache

import (
	"slices"
	"strings"
	"sync"
)

// flights are what goes on in a scope, by key. At rest there are none.
type flights[V any] struct {
	mu    sync.Mutex
	byKey map[string]*flight[V]
	most  int // how many there were at once in this byKey

	storing []*load[V] // whose values a provider is being given
}

// A flight is what goes on under one key: calls that look whether the provider has it, and the load that they wait for where
// it has not. In the table it is what a call finds that comes now. All of it but entry and err is read and written under the
// mutex of the table.
type flight[V any] struct {
	key     string
	holders int        // calls that ask the provider, and may then wait for the load
	load    *load[V]   // nil: nobody has begun one
	token   Token      // that the load was begun with
	keep    bool       // whether what is loaded may be stored
	stale   bool       // invalidated or abandoned: nobody joins, nothing is stored
	before  *flight[V] // whose load must be over before this one's starts; nil: none

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
	t.most = max(t.most, len(t.byKey))
}

// remove takes f out of the table, if it is still there. A map that was once large stays so, and is given up.
func (t *flights[V]) remove(f *flight[V]) {
	if t.byKey[f.key] != f {
		return
	}
	delete(t.byKey, f.key)
	if len(t.byKey) == 0 && t.most > 1000 {
		t.byKey, t.most = nil, 0
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

// letGo releases what was held.
func (t *flights[V]) letGo(held ...*flight[V]) {
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
// then only this process counts, whose invalidations make flights stale. Who got no token since the provider failed waits
// for the next load, which starts when the one that runs is over; only a part of a load, for which that one may be waiting,
// begins at once.
func (c *core[V]) enter(f *flight[V], r reading, outer *node) (*flight[V], error) {
	if !c.joinable(f, r, outer) {
		now := c.byKey[f.key]
		if now != nil && now.load != nil && outer != nil && now.load.node.reaches(outer, nil) {
			return nil, recursive(f.key)
		}
		if now == nil || !c.joinable(now, r, outer) {
			next := &flight[V]{key: f.key}
			if now != nil && c.fenced != nil && !r.known && outer == nil {
				next.before = now
			}
			c.add(next)
			now = next
		}
		f = now
	}
	if f.load == nil {
		f.token, f.keep = r.token, r.known
	}
	return f, nil
}

func (c *core[V]) joinable(f *flight[V], r reading, outer *node) bool {
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
	return r.known && f.keep && f.token == r.token
}

// spoilKeys makes what goes on under the keys stale, and waits until none of it is being stored, also what others have made
// stale before.
func (t *flights[V]) spoilKeys(keys []string) {
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
	for _, l := range t.storing {
		if l.stores(keys) {
			storing = append(storing, l.isOver())
		}
	}
	t.mu.Unlock()
	for _, over := range storing {
		<-over
	}
}

// spoilPrefix is spoilKeys for the keys that begin with prefix.
func (t *flights[V]) spoilPrefix(prefix string) {
	var keys []string
	has := func(f *flight[V]) {
		if strings.HasPrefix(f.key, prefix) {
			keys = append(keys, f.key)
		}
	}
	t.mu.Lock()
	for _, f := range t.byKey {
		has(f)
	}
	for _, l := range t.storing {
		l.each(has)
	}
	t.mu.Unlock()
	t.spoilKeys(keys)
}

// stores reports whether the load is for one of the keys.
func (l *load[V]) stores(keys []string) (yes bool) {
	l.each(func(f *flight[V]) { yes = yes || slices.Contains(keys, f.key) })
	return yes
}
