package cachetest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var tokenLaws = []law{
	{
		name:  "a miss has a token",
		needs: fenced,
		why: `GetFenced calls missed once for each key without an entry, with its index and a token that is not empty, and found
for the others. As long as the key is not deleted, all who miss it get the same token, at both ends of the store: who asks
takes no token from others.`,
		check: func(w *world) {
			w.set(w.a, name, items(1, "b", "d")...)
			keys := []string{"a", "b", "c", "d", "e"}
			_, first := w.misses(w.a, name, keys...)
			for i, key := range keys {
				if want := i%2 == 0; (first[i] != "") != want {
					w.Errorf("the token of %q is %q: want one: %t", key, first[i], want)
				}
			}
			for _, p := range w.both() {
				if _, again := w.misses(p, name, keys...); !slices.Equal(again, first) {
					w.Errorf("the tokens of %q are %q, and then, without a Delete, %q", keys, first, again)
				}
			}
		},
	},
	{
		name:  "SetIf stores with the token of a miss",
		needs: fenced,
		why: `As long as the key was not deleted, SetIf with the token that was given with a miss stores what Set would: in place
of what is there, absent too, for its TTL. It does not matter which end of the store gave the token, nor whether somebody
else has stored meanwhile.`,
		check: func(w *world) {
			list := w.withTokens(w.a, item("a", 1), absent("b"), item("c", 1))
			list[2].TTL = 10 * time.Millisecond
			w.setIf("the tokens of misses", w.b, 3, list...)
			over := time.Now().Add(list[2].TTL + w.h.Grain)
			w.has("after a SetIf", w.a, name, list[:2])
			again := slices.Clone(list[:2])
			again[0].Entry, again[1].Entry = item("a", 2).Entry, item("b", 2).Entry
			w.setIf("the same tokens again", w.a, 2, again...)
			w.has("after a second SetIf", w.b, name, again)
			w.sleepUntil(over)
			w.has("when the TTL is over", w.b, name, again, "c")
		},
	},
	{
		name:  "SetIf stores those with the newest token, and counts them",
		needs: fenced,
		why: `SetIf decides for each item alone: those whose token is their key's are stored, the others leave what is there, and
the count is of those that were stored.`,
		check: func(w *world) {
			list := w.withTokens(w.a, items(1, "a", "b", "c", "d")...)
			w.delete(w.b, name, "a", "c")
			w.set(w.b, name, items(9, "c")...)
			w.setIf("two tokens from before a Delete, and two others", w.a, 2, list...)
			w.has("after a SetIf with four items, two of them old", w.b, name, append(items(9, "c"), list[1], list[3]), "a")
			w.setIf("tokens from before a Delete alone", w.a, 0, list[0], list[2])
		},
	},
	{
		name:  "a Delete makes the tokens from before old",
		needs: fenced,
		why: `What was loaded before a Delete is not stored after it: whether there was an entry or not, whichever end of the
store deleted, and also where the key had never been stored or deleted before. Each Delete makes another token, and those of
all misses before stay old.`,
		check: func(w *world) {
			var old []cache.Item[Value]
			for i := range 4 {
				list := w.withTokens(w.a, item("a", int64(i)))
				if i%2 == 1 {
					w.setIf("the newest token", w.a, 1, list...)
				}
				w.delete(w.both()[i%len(w.both())], name, "a")
				old = append(old, list...)
				for _, it := range old {
					w.setIf("a token from before a Delete", w.a, 0, it)
				}
				w.has("after a Delete and a SetIf with what was loaded before", w.b, name, nil, "a")
			}
			list := w.withTokens(w.b, item("a", 9))
			w.setIf("the newest token", w.a, 1, list...)
			w.has("after a SetIf", w.b, name, list)
		},
	},
	{
		name:  "a DeletePrefix makes the tokens of its keys old",
		needs: fenced | prefixed,
		why: `A DeletePrefix is a Delete of every key that begins with the prefix, of those too that were never stored, missed or
deleted: what was loaded before it is not stored. So it is at each separator, and for the whole scope. The tokens of other
keys stay.`,
		check: func(w *world) {
			const key = "a:b:c:d:e"
			others := []string{"a", "b:b", "ab:c"}
			for prefix := range cache.Prefixes(key) {
				list := w.withTokens(w.a, items(1, key)...)
				beside := w.withTokens(w.a, items(2, others...)...)
				w.deletePrefix(w.b, name, prefix)
				w.setIf("a token from before a DeletePrefix of "+text(prefix), w.a, 0, list...)
				w.has("after a DeletePrefix of "+text(prefix), w.b, name, nil, key)
				if prefix != "" {
					w.setIf("the tokens of other keys, after a DeletePrefix of "+text(prefix), w.a, len(beside), beside...)
				}
				list = w.withTokens(w.a, items(3, key)...)
				w.setIf("a token from after a DeletePrefix of "+text(prefix), w.a, 1, list...)
				w.delete(w.a, name, append(others, key)...)
			}
		},
	},
	{
		name:  "tokens of different keys are independent",
		needs: fenced,
		why: `A Delete makes old the tokens of its keys, and no others: not of keys in the same batch, of keys that begin with
the same bytes, or of the same key in another scope.`,
		check: func(w *world) {
			list := w.withTokens(w.a, items(1, "k1", "k2", "k", "k1:", "k1:x", "K1")...)
			_, tokens := w.misses(w.a, "other:", "k1")
			elsewhere := items(1, "k1")
			elsewhere[0].Token = tokens[0]
			w.delete(w.b, name, "k1")
			w.setIf("tokens of which one was before a Delete", w.a, len(list)-1, list...)
			w.has("after a Delete of one of the keys, and a SetIf", w.b, name, list[1:], "k1")
			stored, err := w.a.(cache.Fenced[Value]).SetIf(w.ctx, "other:", elsewhere)
			if err != nil || stored != 1 {
				w.Errorf("SetIf in another scope than that of a Delete returned %d, %v: want 1, nil", stored, err)
			}
		},
	},
	{
		name:  "a Delete and a SetIf are one step each",
		needs: fenced,
		why: `Between the removal of the entry and the new token, and between the look at the token and the store, there is
nothing: else a load that is just being stored gets in between, and stays.`,
		check: func(w *world) {
			const rounds = 150
			loader, deleter := w.a.(cache.Fenced[Value]), w.b
			var truth atomic.Int64
			stop := make(chan struct{})
			loading := w.async(func() error {
				for round := 0; ; round++ {
					select {
					case <-stop:
						return nil
					default:
					}
					list := items(0, "a")
					err := loader.GetFenced(w.ctx, name, []string{"a"}, func(int, cache.Entry[Value]) {},
						func(_ int, t cache.Token) { list[0].Token = t })
					list[0].Entry.Value.Version = truth.Load()
					time.Sleep(time.Duration(round%3) * time.Microsecond)
					if err == nil && list[0].Token != "" {
						_, err = loader.SetIf(w.ctx, name, list)
					}
					if err != nil {
						return err
					}
					time.Sleep(time.Microsecond)
				}
			})
			deleting := w.async(func() error {
				for range rounds {
					now := truth.Add(1)
					var stale error
					err := deleter.Delete(w.ctx, name, []string{"a"})
					for range 2 {
						if err == nil {
							err = deleter.Get(w.ctx, name, []string{"a"}, func(_ int, e cache.Entry[Value]) {
								if e.Value.Version < now {
									stale = fmt.Errorf("after the Delete that followed write %d there is what write %d left", now, e.Value.Version)
								}
							})
						}
						time.Sleep(time.Microsecond)
					}
					if err == nil {
						err = stale
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			err := w.within("Deletes", deleting)
			close(stop)
			w.must("Deletes beside a load", err)
			w.must("loads beside Deletes", w.within("loads", loading))
		},
	},
	{
		name:  "a marker that was forgotten makes no old token valid",
		needs: fenced | forgets,
		why: `Where the marker that tokens are counted on is missing, a miss makes one that starts at a random number of 63 bits.
If it started at 0, the tokens after the loss would be those of before, and what was loaded before a Delete would be stored
after it.`,
		check: func(w *world) {
			var old []cache.Item[Value]
			for range 4 {
				old = append(old, w.withTokens(w.a, item("a", 1))...)
				w.delete(w.b, name, "a")
				old = append(old, w.withTokens(w.a, item("a", 1))...)
				w.h.Forget(w.TB, w.a)
				list := w.withTokens(w.a, item("a", 2))
				for _, it := range old {
					if it.Token == list[0].Token {
						w.Errorf("after the loss of the marker a miss has the token %q, which was given before", it.Token)
					}
					w.setIf("a token from before the loss of the marker", w.a, 0, it)
				}
				w.setIf("a token from after the loss of the marker", w.a, 1, list...)
				w.delete(w.a, name, "a")
			}
		},
	},
	{
		name:  "SetIf makes no marker",
		needs: fenced | forgets,
		why: `Where the marker is missing, SetIf stores nothing and makes none, neither one that fits its token nor another: what
was deleted in the time that was forgotten cannot be known. Nor does a Delete make one that an old token fits.`,
		check: func(w *world) {
			list := w.withTokens(w.a, item("a", 1))
			w.h.Forget(w.TB, w.a)
			for range 2 {
				w.setIf("a token whose marker is lost", w.a, 0, list...)
			}
			w.delete(w.b, name, "a")
			w.setIf("a token whose marker is lost, after a Delete", w.a, 0, list...)
			w.has("after a SetIf without a marker", w.b, name, nil, "a")
		},
	},
	{
		name:  "SetIf stores nothing without a token",
		needs: fenced,
		why: `The empty token is none: with it nothing is stored, whether the key was ever seen or not. A Scope that could not
read the key has no other.`,
		check: func(w *world) {
			w.misses(w.a, name, "seen")
			w.setIf("empty tokens", w.a, 0, items(1, "seen", "never")...)
			w.has("after a SetIf with empty tokens", w.b, name, nil, "seen", "never")
		},
	},
}

// misses asks a fenced provider for keys, and returns the entries and the tokens in their order.
func (w *world) misses(p cache.Provider[Value], scope string, keys ...string) ([]*cache.Entry[Value], []cache.Token) {
	w.Helper()
	found, tokens := make([]*cache.Entry[Value], len(keys)), make([]cache.Token, len(keys))
	calls := make([]int, len(keys))
	w.must("GetFenced", p.(cache.Fenced[Value]).GetFenced(w.ctx, scope, keys,
		func(i int, e cache.Entry[Value]) { calls[i]++; found[i] = &e },
		func(i int, t cache.Token) { calls[i]++; tokens[i] = t }))
	for i, n := range calls {
		if n != 1 || found[i] == nil && tokens[i] == "" {
			w.Errorf("GetFenced made %d callbacks for %q, with the token %q: want one, of found, or of missed with a token",
				n, keys[i], tokens[i])
		}
	}
	return found, tokens
}

// withTokens gives items the tokens of misses.
func (w *world) withTokens(p cache.Provider[Value], items ...cache.Item[Value]) []cache.Item[Value] {
	w.Helper()
	keys := make([]string, len(items))
	for i, it := range items {
		keys[i] = it.Key
	}
	_, tokens := w.misses(p, name, keys...)
	for i := range items {
		items[i].Token = tokens[i]
	}
	return items
}

// setIf stores items, and wants so many of them stored.
func (w *world) setIf(what string, p cache.Provider[Value], want int, items ...cache.Item[Value]) {
	w.Helper()
	stored, err := p.(cache.Fenced[Value]).SetIf(w.ctx, name, items)
	w.must("SetIf", err)
	if stored != want {
		w.Errorf("SetIf with %s stored %d of %d: want %d", what, stored, len(items), want)
	}
}
