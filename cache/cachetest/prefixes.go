package cachetest

import "fmt"

var prefixLaws = []law{
	{
		name:  "a prefix removes the keys that begin with it, and no others",
		needs: prefixed,
		why: `DeletePrefix removes what is under every key of the scope that begins with the prefix, its separator included: the
prefix "system:" is about "system:7" and "system:", and neither about "system" nor about "systems:7".`,
		check: func(w *world) {
			in := []string{"system:7", "system:7:x", "system:", "system::"}
			out := []string{"system", "systems:7", "System:7", "a:system:7", "syste", " system:7"}
			w.set(w.a, name, items(1, append(in, out...)...)...)
			w.deletePrefix(w.b, name, "system:")
			for _, p := range w.both() {
				w.has(`after a DeletePrefix of "system:"`, p, name, items(1, out...), in...)
			}
		},
	},
	{
		name:  "a prefix may go up to any separator",
		needs: prefixed,
		why: `A key has up to four separators, and can be removed by what is up to each of them. What begins differently after
an earlier one stays.`,
		check: func(w *world) {
			prefixes := []string{"a:b:c:d:", "a:b:c:", "a:b:", "a:"}
			keys := []string{"a:b:c:d:e", "a:b:c:x:e", "a:b:x:d:e", "a:x:c:d:e", "x:b:c:d:e"}
			w.set(w.a, name, items(1, keys...)...)
			for i, prefix := range prefixes {
				w.deletePrefix(w.b, name, prefix)
				w.has("after a DeletePrefix of "+text(prefix), w.a, name, items(1, keys[i+1:]...), keys[:i+1]...)
			}
		},
	},
	{
		name:  "the empty prefix is the whole scope, and no other",
		needs: prefixed,
		why: `DeletePrefix with "" removes all that the scope has, and nothing of another scope, whatever that is called; and
neither does another prefix: the keys "b:" in the scope "a:" are not those of the scope "a:b:".`,
		check: func(w *world) {
			keys := []string{"c", "b:c", "b:b:c"}
			for _, scope := range []string{"a:", "a:b:", "b:"} {
				w.set(w.a, scope, items(1, keys...)...)
			}
			w.deletePrefix(w.a, "a:", "b:")
			w.has(`after a DeletePrefix of "b:"`, w.b, "a:", items(1, "c"), "b:c", "b:b:c")
			w.has(`after a DeletePrefix of "b:" in "a:"`, w.b, "a:b:", items(1, keys...))
			w.has(`after a DeletePrefix of "b:" in "a:"`, w.b, "b:", items(1, keys...))
			w.deletePrefix(w.b, "a:", "")
			w.has(`after a DeletePrefix of ""`, w.a, "a:", nil, keys...)
			w.has(`after a DeletePrefix of "" in "a:"`, w.a, "a:b:", items(1, keys...))
			w.has(`after a DeletePrefix of "" in "a:"`, w.a, "b:", items(1, keys...))
		},
	},
	{
		name:  "a prefix is bytes, no pattern",
		needs: prefixed,
		why:   `The bytes of a prefix mean themselves, also where they are a wildcard, an escape, or no UTF-8 elsewhere.`,
		check: func(w *world) {
			keys := []string{"*:1", "?:1", "[a]:1", "a%:1", "_:1", "\\:1", "{a}:1", "\xff:1", "\x00:1", "ab:1", "x:1"}
			w.set(w.a, name, items(1, keys...)...)
			for i, key := range keys[:9] {
				w.deletePrefix(w.b, name, key[:len(key)-1])
				w.has("after a DeletePrefix of "+text(key[:len(key)-1]), w.a, name, items(1, keys[i+1:]...), keys[:i+1]...)
			}
		},
	},
	{
		name:  "what is set after a DeletePrefix is kept",
		needs: prefixed,
		why: `A DeletePrefix is about what was there before: what is set after it is found, until the next one. A prefix without
any key is no error.`,
		check: func(w *world) {
			w.deletePrefix(w.a, name, "none:")
			for i := range 3 {
				list := items(int64(i), "a:b:1", "a:2", "3")
				w.set(w.a, name, list...)
				w.has("after a Set that follows a DeletePrefix", w.b, name, list)
				w.deletePrefix(w.b, name, []string{"a:b:", "a:", ""}[i])
				w.has("after a DeletePrefix", w.a, name, list[i+1:], []string{"a:b:1", "a:2", "3"}[:i+1]...)
			}
		},
	},
	{
		name:  "a prefix may have many keys",
		needs: prefixed,
		why:   `DeletePrefix removes all that there are, 1,000 too.`,
		check: func(w *world) {
			keys := make([]string, w.h.Keeps-1)
			for i := range keys {
				keys[i] = fmt.Sprint("many:", i)
			}
			w.set(w.a, name, items(1, append(keys, "few:1")...)...)
			w.deletePrefix(w.b, name, "many:")
			w.has("after a DeletePrefix", w.a, name, items(1, "few:1"), keys...)
		},
	},
}
