package cachetest

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var entryLaws = []law{
	{
		name: "what was set is found, also by others",
		why: `Get calls found with the entry that Set was given: with its value as it was, whatever text and number are in
it, or absent. Whoever shares the store finds it, too.`,
		check: func(w *world) {
			list := []cache.Item[Value]{item("a", 1), absent("b"), item("c", -1<<63), item("d", 1<<63-1), item("e", 0)}
			list[2].Entry.Value.Key = "\x00 \"ä\u2028日\U0001F600"
			list[4].Entry.Value = Value{}
			w.set(w.a, name, list...)
			for _, p := range w.both() {
				w.has("after a Set", p, name, list)
			}
		},
	},
	{
		name: "found is called once for each key that has an entry, with its index",
		why: `The index is that of the key among the keys of this call. For a key without an entry found is not called, and that
is no error.`,
		check: func(w *world) {
			w.set(w.a, name, items(1, "a", "b", "c")...)
			keys := []string{"none", "c", "nothing", "a"}
			calls := map[int][]string{}
			w.must("Get", w.a.Get(w.ctx, name, keys, func(i int, e cache.Entry[Value]) { calls[i] = append(calls[i], e.Value.Key) }))
			want := map[int][]string{1: {text("c")}, 3: {text("a")}}
			if got := fmt.Sprint(calls); got != fmt.Sprint(want) {
				w.Errorf("Get of %q, where there are \"a\", \"b\" and \"c\", called found with %s: want %v", keys, got, want)
			}
		},
	},
	{
		name: "a Set replaces what was there",
		why:  `A later Set stands in place of the one before: its value, its absence, and its TTL.`,
		check: func(w *world) {
			w.set(w.a, name, items(1, "a", "b", "c")...)
			w.set(w.a, name, item("a", 2), absent("b"))
			w.has("after a second Set", w.b, name, []cache.Item[Value]{item("a", 2), absent("b"), item("c", 1)})
			w.set(w.b, name, item("b", 3))
			w.has("after a third Set", w.a, name, []cache.Item[Value]{item("a", 2), item("b", 3), item("c", 1)})

			short := []cache.Item[Value]{item("a", 4), item("d", 4)}
			short[0].TTL, short[1].TTL = 10*time.Millisecond, 10*time.Millisecond
			w.set(w.a, name, short...)
			w.set(w.a, name, item("a", 5))
			w.sleepUntil(time.Now().Add(short[0].TTL + w.h.Grain))
			w.has("when the TTL of what was replaced is over", w.b, name, items(5, "a"), "d")
		},
	},
	{
		name: "what was deleted is gone, and nothing else",
		why: `When Delete has returned, no end of the store gives what was stored before under the keys. A key without an entry
is no error. Other keys stay.`,
		check: func(w *world) {
			w.set(w.a, name, append(items(1, "a", "b", "c"), absent("d"))...)
			w.delete(w.b, name, "a", "none", "d")
			for _, p := range w.both() {
				w.has("after a Delete", p, name, items(1, "b", "c"), "a", "none", "d")
			}
			w.set(w.a, name, items(2, "a", "none")...)
			w.has("after a Set that follows a Delete", w.b, name, items(2, "a", "none"))
			w.delete(w.a, name, "a", "b", "none")
			w.has("after a second Delete", w.b, name, items(1, "c"), "a", "b", "none")
		},
	},
	{
		name: "an entry is given for its TTL, and no longer",
		why: `Each item has its own TTL, of 1 nanosecond to 365 days, absent ones too. When it is over, the entry is not given
any more: at the latest after the grain of the Provider's clock, which the Harness says.`,
		check: func(w *world) {
			for ttl := 100 * time.Millisecond; ; ttl *= 2 {
				list := []cache.Item[Value]{item("a", 1), absent("b"), item("c", 1), item("d", 1)}
				list[0].TTL, list[1].TTL, list[2].TTL, list[3].TTL = ttl, ttl, 1, cache.MaxTTL
				began := time.Now()
				w.set(w.a, name, list...)
				over := time.Now().Add(ttl + w.h.Grain)
				got := show(w.entries(w.b, name, "a", "b", "d"))
				want := show([]*cache.Entry[Value]{&list[0].Entry, &list[1].Entry, &list[3].Entry})
				if time.Since(began) >= ttl && got != want {
					continue // it took too long to tell
				}
				if got != want {
					w.Errorf("before the TTL is over there is\n%s\nwant\n%s", got, want)
				}
				w.sleepUntil(over)
				for _, p := range w.both() {
					w.has("when the TTL is over", p, name, list[3:], "a", "b", "c")
				}
				return
			}
		},
	},
	{
		name: "a batch may be large",
		why: `One call may be about 1,000 keys: each of them is set, found and deleted, or the call returns an error. A Provider
that is bounded to fewer says in the Harness how many it keeps.`,
		check: func(w *world) {
			keys := make([]string, w.h.Keeps)
			for i := range keys {
				keys[i] = fmt.Sprint("key:", i)
			}
			all := items(1, keys...)
			w.set(w.a, name, all...)
			w.has("after a Set", w.b, name, all)
			w.delete(w.a, name, keys[1:]...)
			w.has("after a Delete", w.b, name, all[:1], keys[1:]...)
		},
	},
}
