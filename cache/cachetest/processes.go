package cachetest

// What holds within a process holds between two, where the Provider is fenced: law 2 of package cache. Where it is not, the
// suite's two Scopes are one, and these are laws of one process.
var processLaws = []law{
	{
		name: "what one process stored another one reads",
		why:  `Law 2. Two Scopes of one name at the two ends of a store share what they have loaded.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			w.fresh("at first", s, "a", "b")
			w.fresh("at the other end", other, "a", "b")
			w.loaded("after the same reads at both ends", 2)
		},
	},
	{
		name: "another process's invalidation makes a load old",
		why: `Law 2. After Invalidate has returned in one process, a load that began before in another one is given to nobody
there who asks after, although it still runs there and nobody told that process; and what it returns is not stored.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			w.invalidatedWhileLoading(s, other, "a", false, func() { w.invalidate(other, "a") })
			w.invalidatedWhileLoading(s, other, "b", true, func() { w.invalidate(other, "b") })
		},
	},
	{
		name:  "another process's invalidation of a prefix makes a load old",
		needs: prefixed,
		why:   `Law 2. The same holds for InvalidatePrefix, also of a key that neither process has ever seen before.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			w.invalidatedWhileLoading(s, other, "eu:a", false, func() { w.invalidatePrefix(other, "eu:") })
			w.invalidatedWhileLoading(s, other, "eu:b", true, func() { w.invalidatePrefix(other, "eu:") })
			w.invalidatedWhileLoading(s, other, "us:a", true, func() { w.invalidatePrefix(other, "") })
		},
	},
	{
		name: "another process's invalidation makes old only its keys of a batch",
		why:  `Law 2. Of a batch that loads in another process only the keys that were invalidated are loaded again.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			w.batchInvalidatedWhileLoading(s, other)
		},
	},
	{
		name: "another process's invalidation is seen by a batch that begins after",
		why: `Law 2. A GetMany that begins after another process's Invalidate has returned does not wait for what is being loaded
from before, alone or in a batch.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			alone, batch := w.slow(), w.slow()
			first := w.get(w.ctx, s, "a", alone.load)
			second := w.getMany(w.ctx, s, batch.batch, "b", "c")
			alone.began()
			batch.began()
			w.write("a", "b", "c")
			w.invalidate(other, "a", "b", "c")
			w.getMany(w.ctx, s, w.quickly, "a", "b", "c").gives("after an Invalidate", w.truth("a"), w.truth("b"), w.truth("c"))
			alone.release()
			batch.release()
			_, _ = first.wait(), second.wait()
			w.settle()
			w.fresh("after the end of the old loads", other, "a", "b", "c")
		},
	},
	{
		name:  "a store that forgets makes nothing stale appear",
		needs: forgets,
		why: `Law 2. A server that is restarted or flushed forgets values, never invalidations: what was loaded before an
Invalidate is not stored after it, although the store does not know any more that there was one.`,
		check: func(w *world) {
			s, other := w.scopes(nil, nil)
			forgetful := func(key string) func() {
				return func() {
					w.invalidate(other, key)
					w.h.Forget(w.TB, w.a)
				}
			}
			w.invalidatedWhileLoading(s, other, "a", false, forgetful("a"))
			w.invalidatedWhileLoading(s, other, "b", true, forgetful("b"))
		},
	},
}
