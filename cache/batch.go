package cache

import (
	"fmt"
	"sync"
)

// batchLoad is what a load for several keys has.
type batchLoad[V any] struct {
	loader  BatchLoader[V]
	flights []*flight[V] // one for each key
}

// takeAll makes it the load of flights. The mutex is held.
func (l *load[V]) takeAll(flights []*flight[V], loader BatchLoader[V]) {
	l.batch = &batchLoad[V]{loader, flights}
	for _, f := range flights {
		f.load = l
		l.waits = l.waits || f.before != nil
	}
}

// callBatch calls the loader, and gives the flights what it finds.
func (l *load[V]) callBatch() error {
	b := l.batch
	keys := make([]string, len(b.flights))
	asked, missing := make(map[string]*flight[V], len(keys)), make(map[string]*flight[V], len(keys))
	for i, f := range b.flights {
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
	err := b.loader(l, keys, func(key string, v V) {
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
		l.c.failed("load", fmt.Errorf("%w: %s (%d in all)", ErrUnasked, quote(unasked[0]), len(unasked)))
	}
	return err
}
