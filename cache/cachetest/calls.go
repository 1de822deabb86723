package cachetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/slokeep/slokeep/cache"
)

var callLaws = []law{
	{
		name: "callbacks come from the calling goroutine, before the return",
		why: `Who calls Get need not lock what found writes: found is called from the goroutine of the call, and not after Get
has returned; so is missed.`,
		check: func(w *world) {
			keys := []string{"a", "b", "c", "none"}
			w.set(w.a, name, items(1, keys[:3]...)...)
			caller := goroutine()
			var returned atomic.Bool
			var elsewhere, late, calls atomic.Int64
			count := func() {
				calls.Add(1)
				if goroutine() != caller {
					elsewhere.Add(1)
				}
				if returned.Load() {
					late.Add(1)
				}
			}
			want := int64(3)
			w.must("Get", w.a.Get(w.ctx, name, keys, func(int, cache.Entry[Value]) { count() }))
			if f, ok := w.a.(cache.Fenced[Value]); ok {
				want += 4
				w.must("GetFenced", f.GetFenced(w.ctx, name, keys,
					func(int, cache.Entry[Value]) { count() }, func(int, cache.Token) { count() }))
			}
			got := calls.Load()
			returned.Store(true)
			w.settle()
			if got != want || elsewhere.Load() > 0 || late.Load() > 0 {
				w.Errorf("at the return there were %d callbacks: want %d; from other goroutines %d, after the return %d: want none",
					got, want, elsewhere.Load(), late.Load())
			}
		},
	},
	{
		name: "slices are neither changed nor kept",
		why: `The slices of keys and items are the caller's. The Provider does not write to them, and the caller may do so as soon
as the call has returned: nothing that is kept changes by it.`,
		check: func(w *world) {
			list := items(1, "c", "a", "b", "d")
			keys := []string{"c", "a", "b", "d"}
			given, asked := slices.Clone(list), slices.Clone(keys)
			unchanged := func(what string) {
				w.Helper()
				if !slices.Equal(list, given) || !slices.Equal(keys, asked) {
					w.Errorf("%s changed the slice that it was given", what)
				}
			}
			w.set(w.a, name, list...)
			unchanged("Set")
			w.has("after a Set", w.b, name, given)
			clear(list)
			w.has("when the slice that Set was given is used again", w.b, name, given)
			list = slices.Clone(given)
			w.must("Get", w.a.Get(w.ctx, name, keys, func(int, cache.Entry[Value]) {}))
			unchanged("Get")
			w.delete(w.a, name, keys[:3]...)
			unchanged("Delete")
			copy(keys, []string{"d", "d", "d"})
			w.has("when the slice that Delete was given is used again", w.b, name, given[3:], "a", "b", "c")
			if f, ok := w.a.(cache.Fenced[Value]); ok {
				copy(keys, asked)
				w.delete(w.b, name, "d")
				_, tokens := w.misses(w.a, name, keys...)
				unchanged("GetFenced")
				for i := range list {
					list[i].Token = tokens[i]
				}
				given = slices.Clone(list)
				_, err := f.SetIf(w.ctx, name, list)
				w.must("SetIf", err)
				unchanged("SetIf")
				clear(list)
				w.has("when the slice that SetIf was given is used again", w.b, name, given)
			}
		},
	},
	{
		name: "a ctx that has ended holds nobody up",
		why: `With a ctx that has ended a call returns: with an error, or with its work done. What is found is as it was stored,
and a Delete that returns nil has deleted.`,
		check: func(w *world) {
			w.set(w.a, name, items(1, "a", "b", "c")...)
			ended, cancel := context.WithCancel(w.ctx)
			cancel()
			call := func(what string, f func() error) (done bool) {
				w.Helper()
				return w.within(what+" with a ctx that has ended", w.async(f)) == nil
			}
			found := 0
			if call("Get", func() error {
				return w.a.Get(ended, name, []string{"a", "none"}, func(i int, e cache.Entry[Value]) {
					found++
					if i != 0 || e != item("a", 1).Entry {
						w.Errorf("Get with a ctx that has ended found %+v as %d", e, i)
					}
				})
			}) && found != 1 {
				w.Errorf("Get with a ctx that has ended returned nil, and called found %d times: want an error, or once", found)
			}
			if call("Set", func() error { return w.a.Set(ended, name, items(2, "b")) }) {
				w.has("after a Set with a ctx that has ended, which returned nil", w.b, name, items(2, "b"))
			}
			if call("Delete", func() error { return w.a.Delete(ended, name, []string{"a", "c"}) }) {
				w.has("after a Delete with a ctx that has ended, which returned nil", w.b, name, nil, "a", "c")
			}
			if p, ok := w.a.(cache.Prefixed); ok && call("DeletePrefix", func() error { return p.DeletePrefix(ended, name, "") }) {
				w.has("after a DeletePrefix with a ctx that has ended, which returned nil", w.b, name, nil, "a", "b", "c")
			}
			if f, ok := w.a.(cache.Fenced[Value]); ok {
				_, tokens := w.misses(w.a, name, "d")
				list := items(1, "d")
				list[0].Token = tokens[0]
				stored := 0
				if call("SetIf", func() (err error) { stored, err = f.SetIf(ended, name, list); return err }) {
					w.has("after a SetIf with a ctx that has ended, which returned nil", w.b, name, list[:stored], "none")
				}
			}
		},
	},
	{
		name: "calls beside each other do not mix",
		why: `All methods may be called at once from many goroutines. What is found under a key was stored under it, and what was
deleted, and not stored since, is gone.`,
		check: func(w *world) {
			const rounds = 20
			keys := []string{"a", "b", "c", "d", "e", "f"}
			outcomes := make([]<-chan error, len(keys))
			for i, own := range keys {
				p := w.both()[i%len(w.both())]
				outcomes[i] = w.async(func() error {
					for round := range rounds {
						if err := p.Set(w.ctx, name, items(int64(round), own, "all:"+own)); err != nil {
							return err
						}
						var wrong error
						seen := false
						err := p.Get(w.ctx, name, keys, func(j int, e cache.Entry[Value]) {
							if e.Value.Key != text(keys[j]) || j == i && e.Value.Version != int64(round) {
								wrong = fmt.Errorf("under %q in round %d of %q there is %+v", keys[j], round, own, e)
							}
							seen = seen || j == i
						})
						if err == nil && !seen {
							wrong = fmt.Errorf("under %q there is nothing after a Set", own)
						}
						if err := errors.Join(err, wrong, p.Delete(w.ctx, name, []string{own})); err != nil {
							return err
						}
						err = p.Get(w.ctx, name, []string{own}, func(_ int, e cache.Entry[Value]) {
							wrong = fmt.Errorf("after a Delete there is %+v under %q", e, own)
						})
						if err := errors.Join(err, wrong); err != nil {
							return err
						}
					}
					return nil
				})
			}
			for _, outcome := range outcomes {
				w.must("a goroutine with a key of its own", w.within("a goroutine with a key of its own", outcome))
			}
		},
	},
}

// goroutine names the one that runs.
func goroutine() string {
	buf := make([]byte, 64)
	line, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), " [")
	return line
}
