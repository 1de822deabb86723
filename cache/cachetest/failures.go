package cachetest

import (
	"errors"
	"fmt"

	"github.com/slokeep/slokeep/cache"
)

var failureLaws = []law{
	{
		name:  "who cannot do the work says so",
		needs: breaks,
		why: `A Provider that does not reach what it keeps returns an error from every method, rather than finding nothing,
storing nothing and deleting nothing as if that were the answer. When it reaches it again, it goes on.`,
		check: func(w *world) {
			w.set(w.a, name, items(1, "a", "b")...)
			mend := w.h.Break(w.TB, w.a)
			calls := map[string]func() error{
				"Get":    func() error { return w.a.Get(w.ctx, name, []string{"a"}, func(int, cache.Entry[Value]) {}) },
				"Set":    func() error { return w.a.Set(w.ctx, name, items(2, "a")) },
				"Delete": func() error { return w.a.Delete(w.ctx, name, []string{"a"}) },
			}
			if f, ok := w.a.(cache.Fenced[Value]); ok {
				calls["GetFenced"] = func() error {
					return f.GetFenced(w.ctx, name, []string{"a"}, func(int, cache.Entry[Value]) {}, func(int, cache.Token) {})
				}
				calls["SetIf"] = func() error {
					list := items(2, "a")
					list[0].Token = "any"
					_, err := f.SetIf(w.ctx, name, list)
					return err
				}
			}
			if p, ok := w.a.(cache.Prefixed); ok {
				calls["DeletePrefix"] = func() error { return p.DeletePrefix(w.ctx, name, "") }
			}
			for what, call := range calls {
				if err := w.within(what+" of a Provider that is cut off", w.async(call)); err == nil {
					w.Errorf("%s of a Provider that is cut off returned nil", what)
				}
			}
			mend()
			w.set(w.a, name, items(3, "a")...)
			w.has("when the Provider is mended", w.a, name, items(3, "a"))
		},
	},
	{
		name:  "what is no entry is nothing, and is told",
		needs: spoils,
		why: `Get of a key with something else under it, torn or of another type, does not call found for it, and returns an
error that matches cache.ErrUnreadable; the others of the batch are found. A fenced Provider calls missed. What is set then
takes its place, and Delete removes it.`,
		check: func(w *world) {
			w.set(w.a, name, items(1, "a", "b", "c")...)
			w.h.Spoil(w.TB, w.a, name, "b")
			keys := []string{"a", "b", "c"}
			check := func(what string, found []int, err error) {
				w.Helper()
				if !errors.Is(err, cache.ErrUnreadable) || fmt.Sprint(found) != "[0 2]" {
					w.Errorf("%s of 3 keys, the second of which is unreadable, found %v, and returned %v: want [0 2], ErrUnreadable",
						what, found, err)
				}
			}
			var found []int
			err := w.a.Get(w.ctx, name, keys, func(i int, _ cache.Entry[Value]) { found = append(found, i) })
			check("Get", sorted(found), err)
			if f, ok := w.a.(cache.Fenced[Value]); ok {
				var token cache.Token
				found = nil
				err := f.GetFenced(w.ctx, name, keys, func(i int, _ cache.Entry[Value]) { found = append(found, i) },
					func(_ int, t cache.Token) { token = t })
				check("GetFenced", sorted(found), err)
				list := items(2, "b")
				list[0].Token = token
				w.setIf("the token of an unreadable entry", w.a, 1, list...)
				w.has("after a SetIf over what was unreadable", w.b, name, list)
				w.h.Spoil(w.TB, w.a, name, "b")
			}
			w.set(w.a, name, items(3, "b")...)
			w.has("after a Set over what was unreadable", w.b, name, items(3, "b"))
			w.h.Spoil(w.TB, w.a, name, "b")
			w.delete(w.a, name, "b")
			w.has("after a Delete of what was unreadable", w.b, name, items(1, "a", "c"), "b")
		},
	},
}
