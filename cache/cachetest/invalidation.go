package cachetest

import (
	"fmt"
	"math"
	"runtime"
	"strings"

	"github.com/slokeep/slokeep/cache"
)

// What was loaded before an invalidation is not given after it: law 1 of package cache.
var invalidationLaws = []law{
	{
		name: "what is kept is given up when it is invalidated",
		why: `Law 1. After Invalidate has returned, a Get that begins gives what the loader then says, at whichever end of the
store; other keys stay. Keys that were never seen are invalidated like others, and no keys are nothing to do.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			keys := []string{"a", "b", "c"}
			w.fresh("at first", s, keys...)
			w.loaded("after the first reads", 3)
			w.write("a", "b")
			w.invalidate(other, "a", "never", "b")
			w.invalidate(other)
			w.fresh("after an Invalidate", s, keys...)
			w.loaded("after an Invalidate of 2 of 3 keys", 5)
			w.fresh("after an Invalidate", other, keys...)
		},
	},
	{
		name:  "what is kept is given up when its prefix is invalidated",
		needs: prefixed,
		why: `Law 1. After InvalidatePrefix has returned, a Get of a key that begins with the prefix gives what the loader then
says; other keys stay.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			keys := []string{"eu:a", "eu:b:c", "us:a"}
			w.fresh("at first", s, keys...)
			w.write(keys[:2]...)
			w.invalidatePrefix(other, "eu:")
			w.fresh("after an InvalidatePrefix", s, keys...)
			w.loaded("after an InvalidatePrefix of 2 of 3 keys", 5)
			w.write(keys...)
			w.invalidatePrefix(other, "")
			w.fresh(`after an InvalidatePrefix of ""`, s, keys...)
			w.loaded(`after an InvalidatePrefix of ""`, 8)
		},
	},
	{
		name: "a key that is invalidated while it loads is loaded again",
		why: `Law 1. What a load returns that began before the invalidation goes to those alone who already waited for it. A Get
that begins after does not join that load, and what it returns is not stored, not even in place of what a later load has
stored: an entry that is removed while it loads must not come back.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			w.invalidatedWhileLoading(s, s, "a", false, func() { w.invalidate(s, "a") })
			w.invalidatedWhileLoading(s, s, "b", true, func() { w.invalidate(s, "b") })
		},
	},
	{
		name:  "a prefix is invalidated while a key loads that was never seen",
		needs: prefixed,
		why: `Law 1. An InvalidatePrefix makes old what is being loaded under each key with the prefix, whether anything was
known of the key or not; a Scope that counts generations only for keys that it has seen forgets those that are just loaded
for the first time. What is loaded under other keys is stored.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			for _, prefix := range []string{"eu:", "eu:a:", ""} {
				for _, readBetween := range []bool{false, true} {
					key := fmt.Sprintf("eu:a:%d%t", len(prefix), readBetween)
					w.invalidatedWhileLoading(s, s, key, readBetween, func() { w.invalidatePrefix(s, prefix) })
				}
			}
		},
	},
	{
		name: "a key that is invalidated while it is stored is loaded again",
		why: `Law 1. When Invalidate has returned, a value whose storing was under way is not there, and does not come: to look
whether the load is still the newest and then to store leaves a gap between the two. A Scope waits for the storing, or has
its Provider look and store in one step.`,
		check: func(w *world) {
			w.invalidatedWhileStoring("a", func(s scope) error { return s.Invalidate(w.ctx, "a") })
		},
	},
	{
		name:  "a prefix is invalidated while a key is stored",
		needs: prefixed,
		why:   `Law 1. What holds for a key that is invalidated while its value is stored holds for its prefixes.`,
		check: func(w *world) {
			w.invalidatedWhileStoring("eu:a", func(s scope) error { return s.InvalidatePrefix(w.ctx, "eu:") })
		},
	},
	{
		name: "an invalidation does not rely on another one",
		why: `Law 1. Of two who invalidate a key at once, each has it done when its own Invalidate returns: also where a value of
the key is just being stored, and the other one is not done yet.`,
		check: func(w *world) {
			w.invalidatedTwice(func(s scope, key string) error { return s.Invalidate(w.ctx, key) })
		},
	},
	{
		name:  "an invalidation of a prefix does not rely on another one",
		needs: prefixed,
		why:   `Law 1. What holds of two who invalidate a key at once holds of two who invalidate a prefix.`,
		check: func(w *world) {
			w.invalidatedTwice(func(s scope, key string) error { return s.InvalidatePrefix(w.ctx, key[:strings.Index(key, ":")+1]) })
		},
	},
	{
		name: "of a batch only what was invalidated is loaded again",
		why: `Law 1. An Invalidate of one key, while a batch with that key loads, makes old what the batch finds under that key;
the others are stored.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			w.batchInvalidatedWhileLoading(s, s)
		},
	},
	{
		name: "an invalidation makes room for one new load",
		why: `Law 1 and 3. The Get that comes after an Invalidate begins a load, and those that come later share it, also when the
old load ends meanwhile: what an old load does at its end is about itself, not about the load that took its place. Else a
third load begins, and a fourth.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			old, fresh, third := w.slow(), w.slow(), w.slow()
			third.release()
			first := w.get(w.ctx, s, "a", old.load)
			old.began()
			w.write("a")
			w.invalidate(s, "a")
			second := w.get(w.ctx, s, "a", fresh.load)
			fresh.began()
			old.release()
			_ = first.wait()
			follower := w.get(w.ctx, s, "a", third.load)
			w.settle()
			fresh.release()
			second.gives("after an Invalidate", w.truth("a"))
			follower.gives("beside the new load", w.truth("a"))
			if n := len(third.calls()); n != 0 {
				w.Errorf("while the load ran that began after an Invalidate, %d more began: want none", n)
			}
		},
	},
	{
		name:  "a key at rest takes no memory",
		needs: local,
		why: `Law 1. Within a process nothing stays of a key that was invalidated, nor of one that was loaded and invalidated: a
Scope that keeps a generation for each key that it has seen grows for ever.`,
		check: func(w *world) {
			const keys, most = 10_000, 150_000
			s, _ := w.scopes(nil, nil)
			work := func(from int) {
				for i := range keys {
					key := fmt.Sprint("a key of some length, number ", from+i)
					if i%100 == 0 {
						_, err := s.Get(w.ctx, key, w.quick)
						w.must("Get", err)
					}
					w.must("Invalidate", s.Invalidate(w.ctx, key))
				}
			}
			work(0)
			least := uint64(math.MaxUint64) // of some rounds, since others use memory, too
			for round := 1; round <= 4 && least > most; round++ {
				before := heap()
				work(round * keys)
				least = min(least, max(heap(), before)-before)
			}
			if least > most {
				w.Errorf("each time %d keys were invalidated left %d bytes or more: want nothing that grows with them", keys, least)
			}
			runtime.KeepAlive(s)
		},
	},
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// invalidatedWhileLoading checks that a load of key at s, which invalidate is called beside, is given to nobody else.
func (w *world) invalidatedWhileLoading(s, other scope, key string, readBetween bool, invalidate func()) {
	w.Helper()
	old, before := w.slow(), w.truth(key)
	first := w.get(w.ctx, s, key, old.load)
	old.began()
	w.write(key)
	invalidate()
	if readBetween {
		w.fresh("after an invalidation, beside the old load,", s, key)
		w.fresh("after an invalidation, beside another's old load,", other, key)
	}
	old.release()
	if err := first.wait(); err != nil {
		w.Errorf("%s, whose key was invalidated while it waited, returned %v", first.what, err)
	}
	if v := first.values[key]; v != before && v != w.truth(key) {
		w.Errorf("%s, whose key was invalidated while it waited, gave %+v", first.what, v)
	}
	w.settle()
	w.fresh("after an invalidation, and the end of the old load,", s, key)
	w.fresh("then", other, key)
}

// invalidatedWhileStoring checks that what is being stored when invalidate is called is given to nobody else.
func (w *world) invalidatedWhileStoring(key string, invalidate func(s scope) error) {
	w.Helper()
	for _, late := range []bool{false, true} {
		set := w.hold(storing)
		set.late = late
		s, _ := w.scopes(nil, set.around(nil))
		w.must("Invalidate", s.Invalidate(w.ctx, key))
		first := w.get(w.ctx, s, key, w.quick)
		w.must("a Set", w.within("the storing of what was loaded", set.begun))
		w.write(key)
		over := w.async(func() error { return invalidate(s) })
		w.pause(over)
		set.release()
		w.must("an invalidation beside a Set", w.within("an invalidation beside a Set", over))
		_ = first.wait()
		w.settle()
		w.fresh("after an invalidation beside a Set", s, key)
	}
}

// invalidatedTwice checks that each of two calls of invalidate, beside the storing of what was loaded, has done it when it
// returns, also where the one that comes to the Provider first, or second, is not done yet.
func (w *world) invalidatedTwice(invalidate func(s scope, key string) error) {
	w.Helper()
	for i, key := range []string{"eu:a", "us:a"} {
		setting, deleting := w.hold(storing), w.hold(deleting)
		deleting.pass = int64(i)
		s, _ := w.scopes(nil, setting.around(deleting.around(nil)))
		old := w.get(w.ctx, s, key, w.quick)
		w.must("a Set", w.within("the storing of what was loaded", setting.begun))
		w.write(key)
		either := make(chan error, 2)
		var calls []<-chan error
		for range 2 {
			over := w.async(func() error {
				err := invalidate(s, key)
				either <- err
				return err
			})
			w.pause(over)
			calls = append(calls, over)
		}
		setting.release()
		w.must("an invalidation", w.within("an invalidation beside another one that is not done", either))
		_ = old.wait()
		w.settle()
		w.fresh("after an invalidation, beside another one that is not done,", s, key)
		deleting.release()
		for _, over := range calls {
			w.must("an invalidation", w.within("an invalidation", over))
		}
		w.fresh("after two invalidations", s, key)
	}
}

// batchInvalidatedWhileLoading checks that of a batch which loads at s the key that is invalidated at other is made old, and
// another is not.
func (w *world) batchInvalidatedWhileLoading(s, other scope) {
	w.Helper()
	old := w.slow()
	before := []Value{w.truth("k1"), w.truth("k2"), w.truth("k3")}
	first := w.getMany(w.ctx, s, old.batch, "k1", "k2", "k3")
	old.began()
	w.write("k1", "k3")
	w.invalidate(other, "k1", "k3")
	w.fresh("after an Invalidate, beside the old batch,", s, "k3")
	old.release()
	first.gives("that one of its keys was invalidated beside", before...)
	w.settle()
	stays := cache.Item[Value]{Key: "k2", Entry: cache.Entry[Value]{Value: before[1]}}
	w.has("after an Invalidate of other keys of its batch", w.b, name, []cache.Item[Value]{stays})
	w.fresh("after an Invalidate, and the end of the old batch,", s, "k1", "k3")
	w.fresh("then again", other, "k1", "k3")
}
