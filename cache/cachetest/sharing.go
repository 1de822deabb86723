package cachetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// One load of a key runs at a time: law 3 of package cache.
var sharingLaws = []law{
	{
		name: "what is kept is not loaded again",
		why: `Law 3. A Get of what is kept calls no loader, and a GetMany calls one once for those keys that are missing, each
named once; for none it calls none.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			w.fresh("at first", s, "a", "b")
			w.fresh("then", s, "b", "a")
			w.loaded("after two reads of two keys", 2)
			rest := w.slow()
			rest.release()
			all := w.getMany(w.ctx, s, rest.batch, "c", "a", "d", "b")
			all.gives("of which two are kept", w.truth("a"), w.truth("b"), w.truth("c"), w.truth("d"))
			if got := fmt.Sprint(rest.calls()); got != "[[c d]]" {
				w.Errorf("a GetMany of 4 keys, 2 of them kept, loaded %s: want the others, at once", got)
			}
			w.must("GetMany of no keys", w.getMany(w.ctx, s, rest.batch).wait())
			if n := len(rest.calls()); n != 1 {
				w.Errorf("a GetMany of no keys called its loader")
			}
		},
	},
	{
		name: "what is kept is loaded again when its TTL is over",
		why:  `A value is given for the Scope's TTL after it was loaded, and then loaded again.`,
		check: func(w *world) {
			const ttl = 100 * time.Millisecond
			s, _ := w.scopes(&cache.Options{TTL: ttl}, nil)
			w.fresh("at first", s, "a", "b")
			over := time.Now().Add(ttl + w.h.Grain)
			w.write("a", "b")
			w.sleepUntil(over)
			w.fresh("when the TTL is over", s, "a", "b")
		},
	},
	{
		name: "callers who ask for one key wait for one load",
		why:  `Law 3. 64 callers who ask for a key that is not kept, at one time, get what one load returns.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			one := w.slow()
			var calls []*call
			for i := range 64 {
				if i%8 == 7 {
					calls = append(calls, w.getMany(w.ctx, s, one.batch, "a"))
				} else {
					calls = append(calls, w.get(w.ctx, s, "a", one.load))
				}
			}
			one.began()
			w.settle()
			one.release()
			for _, c := range calls {
				c.gives("beside others", w.truth("a"))
			}
			if n := len(one.calls()); n != 1 {
				w.Errorf("64 callers of one key made %d loads: want 1", n)
			}
		},
	},
	{
		name: "a batch and who asks alone share their loads",
		why: `Law 3. A GetMany waits for what is being loaded already, and asks its loader for the others alone; and who asks for
one of these waits for the batch.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			alone, batch, none := w.slow(), w.slow(), w.slow()
			none.release()
			a := w.get(w.ctx, s, "a", alone.load)
			alone.began()
			ab := w.getMany(w.ctx, s, batch.batch, "b", "a", "c")
			batch.began()
			later := []*call{
				w.get(w.ctx, s, "b", none.load), w.getMany(w.ctx, s, none.batch, "c", "a"), w.get(w.ctx, s, "a", none.load),
			}
			w.settle()
			alone.release()
			batch.release()
			a.gives("alone", w.truth("a"))
			ab.gives("beside a load of one of them", w.truth("a"), w.truth("b"), w.truth("c"))
			later[0].gives("beside a batch", w.truth("b"))
			later[1].gives("beside a batch and a load", w.truth("a"), w.truth("c"))
			later[2].gives("beside a load", w.truth("a"))
			if got := fmt.Sprint(batch.calls()); got != "[[b c]]" {
				w.Errorf("beside a load of \"a\" a batch of \"a\", \"b\" and \"c\" loaded %s", got)
			}
			if n := len(none.calls()); n != 0 {
				w.Errorf("keys that were being loaded were loaded %d times more", n)
			}
		},
	},
	{
		name: "a key that is named twice is loaded once",
		why: `Law 3. A batch loader is asked for each key once, however often the batch names it. found is called as often as it
is named, whether it was kept or not.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			one := w.slow()
			one.release()
			keys := []string{"a", "b", "a", "a"}
			for _, when := range []string{"the first time", "the second time"} {
				c := w.getMany(w.ctx, s, one.batch, keys...)
				c.gives(when, w.truth("a"), w.truth("b"))
				if c.found != len(keys) {
					w.Errorf("%s a batch of %q called found %d times: want %d", when, keys, c.found, len(keys))
				}
			}
			if got := fmt.Sprint(one.calls()); got != "[[a b]]" {
				w.Errorf("a batch of %q, twice, loaded %s: want each key once", keys, got)
			}
		},
	},
	{
		name: "what a batch loader leaves out is not there",
		why: `Keys for which a batch loader does not call found have nothing: GetMany does not call found for them, and returns
no error for that; a Get that waits for one of them returns ErrNotFound. Keys that it was not asked for are dropped, and
OnError hears of it.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			one := w.slow()
			c := w.getMany(w.ctx, s, func(ctx context.Context, keys []string, found func(string, Value)) error {
				found("unasked", Value{Key: "unasked"})
				return one.batch(ctx, slices.DeleteFunc(keys, func(key string) bool { return key == "b" }), found)
			}, "a", "b", "c")
			one.began()
			alone := w.get(w.ctx, s, "b", w.quick)
			w.settle()
			one.release()
			c.gives("whose loader leaves one out", w.truth("a"), w.truth("c"))
			w.nothing(alone)
			w.get(w.ctx, s, "unasked", w.quick).gives("after a batch that found it unasked", w.truth("unasked"))
			if heard := w.told(1); len(heard) != 1 {
				w.Errorf("of a loader that found what it was not asked for, OnError heard %v", heard)
			}
		},
	},
}

// nothing wants a call to say that there is nothing.
func (w *world) nothing(c *call) {
	w.Helper()
	if err := c.wait(); !isNotFound(err) {
		w.Errorf("%s, where there is nothing, returned %v, %v: want ErrNotFound", c.what, c.values, err)
	}
}
