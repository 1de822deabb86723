package cachetest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/slokeep/slokeep/cache"
)

// A Provider that fails does not fail a read: law 6 of package cache.
var outageLaws = []law{
	{
		name: "a Provider that cannot be read fails no read",
		why: `Law 6. Where the Provider returns an error, or panics, the loader answers. OnError hears of it, and nothing is
stored, since nobody knows what was invalidated meanwhile.`,
		check: func(w *world) {
			w.outage(reading, func(s scope, when string) {
				w.fresh(when, s, "a", "b")
				w.has(when, w.b, name, nil, "a", "b")
			})
		},
	},
	{
		name: "a Provider that cannot store fails no read",
		why:  `Law 6. Where the Provider cannot store what was loaded, its readers have it all the same. OnError hears of it.`,
		check: func(w *world) {
			w.outage(storing, func(s scope, when string) {
				w.fresh(when, s, "a", "b")
				w.has(when, w.b, name, nil, "a", "b")
			})
		},
	},
	{
		name: "an invalidation that fails is an error",
		why: `Law 6. Where the Provider cannot delete, Invalidate and InvalidatePrefix return its error: what is old may still be
given, and the caller is the only one who can do something about it.`,
		check: func(w *world) {
			for _, fail := range failures {
				s, _ := w.scopes(nil, func(what op, call func() error) error {
					if what == deleting {
						return fail()
					}
					return call()
				})
				w.fresh("at first", s, "a:1")
				if err := s.Invalidate(w.ctx, "a:1"); !errors.Is(err, errBoom) {
					w.Errorf("Invalidate, where the Provider cannot delete, returned %v: want %v", err, errBoom)
				}
				if !w.h.Prefixed {
					continue
				}
				if err := s.InvalidatePrefix(w.ctx, "a:"); !errors.Is(err, errBoom) {
					w.Errorf("InvalidatePrefix, where the Provider cannot delete, returned %v: want %v", err, errBoom)
				}
			}
		},
	},
	{
		name: "who cannot read is not given a load from before",
		why: `Law 1 and 6. A Get whose read of the Provider fails cannot know whether the load that runs began before an
Invalidate. It does not join that load: what it gives began after it was called.`,
		check: func(w *world) {
			var failing atomic.Bool
			s, other := w.scopes(nil, func(what op, call func() error) error {
				if what == reading && failing.Load() {
					return errBoom
				}
				return call()
			})
			alone, batch := w.slow(), w.slow()
			olds := []*call{w.get(w.ctx, s, "a", alone.load), w.getMany(w.ctx, s, batch.batch, "b", "c")}
			alone.began()
			batch.began()
			w.write("a", "b", "c")
			w.invalidate(other, "a", "b", "c")
			failing.Store(true)
			calls := []*call{
				w.get(w.ctx, s, "a", w.quick), w.getMany(w.ctx, s, w.quickly, "a", "b", "c"), w.get(w.ctx, s, "c", w.quick),
			}
			w.settle()
			alone.release()
			batch.release()
			calls[0].gives("that cannot read", w.truth("a"))
			calls[1].gives("that cannot read", w.truth("a"), w.truth("b"), w.truth("c"))
			calls[2].gives("that cannot read", w.truth("c"))
			for _, c := range olds {
				_ = c.wait()
			}
			failing.Store(false)
			w.settle()
			w.fresh("when the Provider can be read again", s, "a", "b", "c")
		},
	},
	{
		name: "who cannot read does not load beside others",
		why: `Law 3 and 6. While the Provider cannot be read, one load of a key runs at a time all the same: who may not join the
one that runs waits for its end.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, func(what op, call func() error) error {
				if what == reading {
					return errBoom
				}
				return call()
			})
			first, second := w.slow(), w.slow()
			second.release()
			calls := []*call{w.get(w.ctx, s, "a", first.load)}
			first.began()
			calls = append(calls, w.get(w.ctx, s, "a", second.load), w.getMany(w.ctx, s, second.batch, "a"))
			w.settle()
			w.pause(nil)
			if got := second.calls(); len(got) > 0 {
				w.Errorf("beside a load of \"a\", while the Provider cannot be read, there were loads of %v", got)
			}
			first.release()
			calls[0].gives("that cannot read", w.truth("a"))
			calls[1].gives("that cannot read", w.truth("a"))
			calls[2].gives("that cannot read", w.truth("a"))
		},
	},
	{
		name:  "what cannot be read is loaded again",
		needs: spoils,
		why: `Law 6. Where the Provider has something else than an entry under a key, that key is a miss: the loader answers,
OnError hears of it, and what was loaded takes its place.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			w.fresh("at first", s, "a")
			w.h.Spoil(w.TB, w.a, name, "a")
			w.write("a")
			w.fresh("where there is something else than an entry", s, "a")
			w.loaded("after two loads", 2)
			if heard := w.told(1); len(heard) != 1 || !errors.Is(heard[0], cache.ErrUnreadable) {
				w.Errorf("of an entry that cannot be read OnError heard %v: want ErrUnreadable, once", heard)
			}
		},
	},
}

// failures are the ways in which a Provider fails.
var failures = []func() error{
	func() error { return fmt.Errorf("cachetest: %w", errBoom) },
	func() error { panic(errBoom) },
}

// outage has check called with a Scope whose Provider fails at one thing, in each way, and checks that OnError hears of it,
// and that what is loaded when it is over is stored.
func (w *world) outage(of op, check func(s scope, when string)) {
	w.Helper()
	for i, fail := range failures {
		var failing atomic.Bool
		s, _ := w.scopes(nil, func(what op, call func() error) error {
			if what == of && failing.Load() {
				return fail()
			}
			return call()
		})
		w.must("Invalidate", s.Invalidate(w.ctx, "a", "b"))
		failing.Store(true)
		before := len(w.told(0))
		check(s, []string{"where the Provider returns an error", "where the Provider panics"}[i])
		heard := w.told(before + 1)[before:]
		if len(heard) == 0 {
			w.Errorf("of a Provider that failed OnError heard nothing")
		}
		for _, err := range heard {
			if !errors.Is(err, errBoom) {
				w.Errorf("of a Provider that failed OnError heard %v: want %v", err, errBoom)
			}
		}
		failing.Store(false)
		w.mu.Lock()
		loads := w.loads
		w.mu.Unlock()
		w.fresh("when the Provider works again", s, "a", "b")
		w.fresh("then", s, "a", "b")
		w.loaded("when the Provider works again", loads+2)
	}
}
