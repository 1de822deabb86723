package cachetest

import (
	"strings"

	"github.com/slokeep/slokeep/cache"
)

var keyLaws = []law{
	{
		name: "scopes do not meet",
		why: `An entry is under a key of a scope, and both count: the scope "a:" with the key "b:c" is another place than "a:b:"
with the key "c", and so is the same key in another scope.`,
		check: func(w *world) {
			places := []struct{ scope, key string }{{"a:", "b:c"}, {"a:b:", "c"}, {"a:", "c"}, {"b:", "b:c"}, {"A:", "b:c"}}
			for i, at := range places {
				w.set(w.a, at.scope, item(at.key, int64(i)))
			}
			for i, at := range places {
				w.has("after Sets in several scopes", w.b, at.scope, items(int64(i), at.key))
			}
			w.delete(w.b, "a:", "b:c")
			w.has("after a Delete", w.a, "a:", items(2, "c"), "b:c")
			for i, at := range places[1:] {
				w.has("after a Delete of \"b:c\" in \"a:\"", w.a, at.scope, items(int64(i+1), at.key))
			}
		},
	},
	{
		name: "keys are bytes",
		why: `A key may hold any bytes: spaces, line ends, NUL, what is no UTF-8, what is a pattern or an escape elsewhere. Two
keys are equal when they have the same bytes: neither case nor space at the ends nor Unicode's equivalences matter.`,
		check: func(w *world) {
			keys := oddKeys()
			var all []cache.Item[Value]
			for i, key := range keys {
				all = append(all, item(key, int64(i)))
			}
			w.set(w.a, name, all...)
			w.has("after a Set", w.b, name, all)
			for i, key := range keys {
				w.delete(w.a, name, key)
				w.has("after a Delete of "+text(key), w.b, name, all[i+1:], keys[:i+1]...)
			}
		},
	},
	{
		name: "keys and names may be long",
		why: `A key has up to 512 bytes, and a scope's name up to 256. All of them count: two that differ in the last byte are
different.`,
		check: func(w *world) {
			long := strings.Repeat("n", cache.MaxName-2)
			scopes := []string{long + "a:", long + "b:", long[1:] + "a:"}
			prefix := strings.Repeat("k", cache.MaxKey-1)
			keys := []string{prefix + "a", prefix + "b", prefix}
			for i, scope := range scopes {
				w.set(w.a, scope, items(int64(i), keys...)...)
			}
			for i, scope := range scopes {
				w.has("after a Set", w.b, scope, items(int64(i), keys...))
			}
			w.delete(w.a, scopes[0], keys[0])
			w.has("after a Delete", w.b, scopes[0], items(0, keys[1:]...), keys[0])
			w.has("after a Delete in another scope", w.b, scopes[1], items(1, keys...))
		},
	},
}

// oddKeys are keys that a careless Provider takes for each other, or for something else.
func oddKeys() []string {
	return []string{
		"a", "A", " a", "a ", "a\x00", "\x00", "\xff", "\xff\xfe", "\uFFFD", "é", "e\u0301", "a\nb", "a\r\nb", "*", "a*", "?",
		"[a]", "{a}", "{a}b", "%", "_", "a%", "%61", "'", "\"", "\\", "`", "$1", "0", "00", "-1", "nil", "null", ":", "::", "a:",
		":a", "a:b", "a::b", "a/b", "../a", "a|b", "a,b", "a b", "ä日\U0001F600",
	}
}
