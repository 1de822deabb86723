package cachetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// name is that of the suite's scope, where a law needs no other.
const name = "users:"

// errBoom is what fails with.
var errBoom = errors.New("boom")

// errGone is the outcome of a goroutine that ended without a result.
var errGone = errors.New("the goroutine ended")

// world is what the check of a law has: two handles on a store, the truth that is cached, and time.
type world struct {
	testing.TB
	h          Harness
	ctx        context.Context
	cancel     context.CancelFunc
	a, b       cache.Provider[Value]
	background sync.WaitGroup

	mu     sync.Mutex
	writes map[string]int64 // how often the truth under a key has changed
	loads  int              // calls of quick loaders
	asked  int              // calls of Get and GetMany
	reads  int              // that have come to a Provider, where they can be seen
	heard  []error          // by OnError
}

func newWorld(t testing.TB, h Harness) *world {
	t.Helper()
	if h.Patience == 0 {
		h.Patience = 10 * time.Second
	}
	if h.Grain == 0 {
		h.Grain = 50 * time.Millisecond
	}
	if h.Keeps == 0 {
		h.Keeps = 1000
	}
	w := &world{TB: t, h: h, writes: map[string]int64{}}
	w.a, w.b = h.Open(t)
	for _, p := range []cache.Provider[Value]{w.a, w.b} {
		_, isFenced := p.(cache.Fenced[Value])
		_, isPrefixed := p.(cache.Prefixed)
		if isFenced != h.Fenced || isPrefixed != h.Prefixed {
			t.Fatalf("%T is fenced: %t, prefixed: %t; the Harness says %t, %t", p, isFenced, isPrefixed, h.Fenced, h.Prefixed)
		}
	}
	w.ctx, w.cancel = context.WithTimeout(t.Context(), 6*h.Patience)
	return w
}

// close ends what the check left running, and waits for it, but not for ever.
func (w *world) close() {
	w.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.background.Wait()
	}()
	select {
	case <-done:
	case <-time.After(w.h.Patience):
	}
}

// must ends the check where err is not nil.
func (w *world) must(what string, err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
}

// async runs f in a goroutine, and gives its outcome.
func (w *world) async(f func() error) <-chan error {
	outcome := make(chan error, 1)
	w.background.Go(func() {
		err := errGone
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
			outcome <- err
		}()
		err = f()
	})
	return outcome
}

// within waits for an outcome as long as the suite's patience lasts.
func (w *world) within(what string, outcome <-chan error) error {
	w.Helper()
	select {
	case err := <-outcome:
		return err
	case <-time.After(w.h.Patience):
		w.Fatalf("%s: nothing happened within %v", what, w.h.Patience)
		return nil
	}
}

// item is one to be stored for long.
func item(key string, version int64) cache.Item[Value] {
	v := Value{Key: text(key), Version: version}
	return cache.Item[Value]{Key: key, Entry: cache.Entry[Value]{Value: v}, TTL: time.Hour}
}

func absent(key string) cache.Item[Value] {
	return cache.Item[Value]{Key: key, Entry: cache.Entry[Value]{Absent: true}, TTL: time.Hour}
}

// text shows a key as valid UTF-8.
func text(key string) string { return fmt.Sprintf("%q", key) }

func items(version int64, keys ...string) []cache.Item[Value] {
	list := make([]cache.Item[Value], len(keys))
	for i, key := range keys {
		list[i] = item(key, version)
	}
	return list
}

func (w *world) set(p cache.Provider[Value], scope string, items ...cache.Item[Value]) {
	w.Helper()
	w.must("Set", p.Set(w.ctx, scope, items))
}

func (w *world) delete(p cache.Provider[Value], scope string, keys ...string) {
	w.Helper()
	w.must("Delete", p.Delete(w.ctx, scope, keys))
}

func (w *world) deletePrefix(p cache.Provider[Value], scope, prefix string) {
	w.Helper()
	w.must("DeletePrefix", p.(cache.Prefixed).DeletePrefix(w.ctx, scope, prefix))
}

// entries returns what a provider has under keys, in their order, nil for nothing.
func (w *world) entries(p cache.Provider[Value], scope string, keys ...string) []*cache.Entry[Value] {
	w.Helper()
	got := make([]*cache.Entry[Value], len(keys))
	w.must("Get", p.Get(w.ctx, scope, keys, func(i int, e cache.Entry[Value]) { got[i] = &e }))
	if _, ok := p.(cache.Fenced[Value]); ok {
		also, _ := w.misses(p, scope, keys...)
		if g, a := show(got), show(also); g != a {
			w.Errorf("of %s Get finds\n%s\nand GetFenced\n%s", names(keys), g, a)
		}
	}
	return got
}

// has checks what a provider has under the keys of items: those items, and nothing for others.
func (w *world) has(what string, p cache.Provider[Value], scope string, items []cache.Item[Value], others ...string) {
	w.Helper()
	var keys []string
	want := make([]*cache.Entry[Value], len(items)+len(others))
	for i := range items {
		keys = append(keys, items[i].Key)
		want[i] = &items[i].Entry
	}
	keys = append(keys, others...)
	if g, c := show(w.entries(p, scope, keys...)), show(want); g != c {
		w.Errorf("%s, in scope %q under %s there is\n%s\nwant\n%s", what, scope, names(keys), g, c)
	}
}

// names shows a few keys.
func names(keys []string) string {
	if len(keys) > 8 {
		return fmt.Sprintf("%q and %d others", keys[0], len(keys)-1)
	}
	return fmt.Sprintf("%q", keys)
}

// show shows entries that are not all the same, so that they can be compared.
func show(entries []*cache.Entry[Value]) string {
	var list []byte
	for _, e := range entries {
		switch {
		case e == nil:
			list = append(list, " none"...)
		case e.Absent && e.Value == Value{}:
			list = append(list, " absent"...)
		default:
			list = fmt.Appendf(list, " %+v", *e)
		}
	}
	return string(list)
}

// sleepUntil waits for an instant: what is checked then is about time.
func (w *world) sleepUntil(at time.Time) {
	w.Helper()
	select {
	case <-time.After(time.Until(at)):
	case <-w.ctx.Done():
		w.Fatalf("the law took longer than %v", 6*w.h.Patience)
	}
}

// both are the two ends of the store, or the one.
func (w *world) both() []cache.Provider[Value] {
	return slices.Compact([]cache.Provider[Value]{w.a, w.b})
}
