package cachetest

import (
	"context"
	"errors"
	"time"
)

// A caller's context ends that caller's wait, and nobody else's: law 4 of package cache.
var waitingLaws = []law{
	{
		name: "a leader who leaves takes nobody along",
		why: `Law 4. The load that a caller began goes on when that caller's ctx ends, as long as others wait for it: the loader
has a context of its own. They get what it returns, and it is stored.`,
		check: func(w *world) {
			for _, leaderIsBatch := range []bool{false, true} {
				s, _ := w.scopes(nil, nil)
				key := map[bool]string{false: "a", true: "b"}[leaderIsBatch]
				one := w.slow()
				ctx, leave := context.WithCancel(w.ctx)
				var leader *call
				if leaderIsBatch {
					leader = w.getMany(ctx, s, one.batch, key, "c")
				} else {
					leader = w.get(ctx, s, key, one.load)
				}
				loading := one.began()
				one.end = func() error { return loading.Err() }
				followers := []*call{w.get(w.ctx, s, key, one.load), w.getMany(w.ctx, s, one.batch, key)}
				w.settle()
				leave()
				w.settle()
				one.release()
				for _, c := range followers {
					c.gives("whose leader has left", w.truth(key))
				}
				_ = leader.wait()
				w.fresh("after that", s, key)
			}
			w.loaded("after loads whose leaders left", 0)
		},
	},
	{
		name: "who leaves leaves at once",
		why: `Law 4. A caller whose ctx ends, the leader too, gets the error of its ctx then, and does not wait for the loader,
which may not look at its own. A caller whose ctx has ended already gets it before anything is loaded.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			one := w.slow()
			stays := w.get(w.ctx, s, "b", one.load)
			one.began()
			ctx, leave := context.WithCancel(w.ctx)
			calls := []*call{w.get(ctx, s, "a", one.load)}
			one.began()
			calls = append(calls, w.get(ctx, s, "a", one.load), w.getMany(ctx, s, one.batch, "a", "b"), w.get(ctx, s, "b", one.load))
			w.settle()
			leave()
			for _, c := range calls {
				if err := c.wait(); !errors.Is(err, context.Canceled) {
					w.Errorf("%s, whose ctx ended, returned %v: want context.Canceled", c.what, err)
				}
			}
			one.release()
			stays.gives("beside others who left", w.truth("b"))
			for _, err := range []error{
				w.within("Get", w.async(func() error { _, err := s.Get(ctx, "c", w.quick); return err })),
				w.within("GetMany", w.async(func() error { return s.GetMany(ctx, []string{"c"}, w.quickly, func(string, Value) {}) })),
			} {
				if !errors.Is(err, context.Canceled) {
					w.Errorf("with a ctx that had ended the error was %v: want context.Canceled", err)
				}
			}
			w.loaded("with a ctx that had ended", 0)
		},
	},
	{
		name: "a load ends when nobody waits for it any more",
		why: `Law 4. When the last one leaves, the loader's ctx ends, and not before. What such a load returns is dropped: the
next Get does not wait for it, and begins another one.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			one := w.slow()
			first, leaveFirst := context.WithCancel(w.ctx)
			last, leaveLast := context.WithCancel(w.ctx)
			calls := []*call{w.get(first, s, "a", one.load)}
			loading := one.began()
			calls = append(calls, w.getMany(last, s, one.batch, "a"))
			w.settle()
			leaveFirst()
			_ = calls[0].wait()
			w.settle()
			if loading.Err() != nil { // as is right where the other one has not come as far as to wait, and then loads itself
				w.until(func() bool { return len(one.calls()) > 1 })
				if len(one.calls()) == 1 {
					w.Fatalf("the ctx of a loader that somebody waits for has ended: %v", loading.Err())
				}
				loading = one.began()
			}
			leaveLast()
			_ = calls[1].wait()
			select {
			case <-loading.Done():
			case <-time.After(w.h.Patience):
				w.Errorf("the ctx of a loader that nobody waits for has not ended")
			}
			w.write("a")
			w.get(w.ctx, s, "a", w.quick).gives("after a load that was left", w.truth("a"))
			one.release()
			w.settle()
			w.fresh("when the load that was left is over", s, "a")
		},
	},
	{
		name: "a loader's ctx has the values of who asked, and no deadline of theirs",
		why: `Law 4. A loader finds in its ctx what the caller who began the load has in it, such as a trace; but that ctx
ends when nobody waits any more, not when that caller's does.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			type mark struct{}
			ctx, cancel := context.WithTimeout(context.WithValue(w.ctx, mark{}, "mark"), w.h.Patience)
			defer cancel()
			one := w.slow()
			one.release()
			for _, c := range []*call{w.get(ctx, s, "a", one.load), w.getMany(ctx, s, one.batch, "b")} {
				loading := one.began()
				if v := loading.Value(mark{}); v != "mark" {
					w.Errorf("in the ctx of a loader, a value of the caller is %v", v)
				}
				if at, ok := loading.Deadline(); ok {
					w.Errorf("the ctx of a loader has the deadline %v", at)
				}
				w.must(c.what, c.wait())
			}
		},
	},
	{
		name: "an invalidation is done although its ctx has ended",
		why: `Law 4. What is invalidated has been written, and a caller who has left does not undo that: Invalidate and
InvalidatePrefix do their work whatever has become of their ctx, and return nil.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			ended, cancel := context.WithCancel(w.ctx)
			cancel()
			w.fresh("at first", s, "a:1", "b:1")
			w.write("a:1", "b:1")
			w.must("Invalidate with a ctx that has ended", s.Invalidate(ended, "a:1"))
			if w.h.Prefixed {
				w.must("InvalidatePrefix with a ctx that has ended", s.InvalidatePrefix(ended, "b:"))
			} else {
				w.must("Invalidate with a ctx that has ended", s.Invalidate(ended, "b:1"))
			}
			w.fresh("after invalidations with a ctx that had ended", s, "a:1", "b:1")
			w.fresh("after invalidations with a ctx that had ended", other, "a:1", "b:1")
		},
	},
}
