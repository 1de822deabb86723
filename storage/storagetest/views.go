package storagetest

import (
	"context"

	"github.com/slokeep/slokeep/storage"
)

// Those who break one of these read past the transaction, which is the commonest fault of adapters.
var viewLaws = []law{
	{
		name: "a transaction sees its facts",
		why: `FactsOf and FactsFrom with the ctx of a transaction show the facts that it has put, with those of their sources that
were there before, and not the links that it has deleted; PutFacts takes both into account.`,
		check: func(w *world) {
			w.base()
			w.tx(func(ctx context.Context) error {
				if err := change(ctx, w.store); err != nil {
					return err
				}
				got, err := factsOf(ctx, w.store, "a", "b", "c")
				w.same("FactsOf", got, []string{"b: both", "b: new", "b: restated", "b: stated", "c: restated", "c: stated"})
				w.must("FactsOf", err)
				got, err = factsFrom(ctx, w.store, "s")
				w.must("FactsFrom", err)
				w.same("FactsFrom", got, []string{showFact(fact("s", "stated", "b")), showFact(fact("s", "restated", "c"))})
				added, err := w.store.PutFacts(ctx, []storage.Fact{fact("", "new", "b"), fact("", "both", "a"), fact("", "own", "a")})
				w.must("PutFacts", err)
				w.flags("PutFacts of what it has put, of what is there, of what it has deleted", added, false, false, true)
				if err := w.store.DeleteFacts(ctx, []string{"b"}); err != nil {
					return err
				}
				got, err = factsOf(ctx, w.store, "a", "b", "c")
				w.same("FactsOf after DeleteFacts", got, []string{"a: own", "c: restated", "c: stated"})
				return err
			})
			w.facts("FactsOf after the commit", []string{"a", "b", "c"}, "a: own", "c: restated", "c: stated")
		},
	},
	{
		name: "a transaction sees its versions",
		why:  `Versions with the ctx of a transaction shows what it has bumped as it will be.`,
		check: func(w *world) {
			w.bump("a")
			w.tx(func(ctx context.Context) error {
				if _, err := w.store.Bump(ctx, versionKeys("a", "b")); err != nil {
					return err
				}
				got, err := w.store.Versions(ctx, versionKeys("b", "a", "c"))
				w.numbers("Versions", got, 1, 2, 0)
				return err
			})
		},
	},
	{
		name: "a transaction gets its records",
		why: `Get and Add with the ctx of a transaction show what it has put, added and deleted: a record that it has replaced as it
is now, none that it has deleted.`,
		check: func(w *world) {
			w.base()
			w.tx(func(ctx context.Context) error {
				if err := change(ctx, w.store); err != nil {
					return err
				}
				got, err := get(ctx, w.store, key("w", ""), key("x", ""), key("y", ""), key("z", ""))
				w.must("Get", err)
				w.same("Get", got, showAll(changed, showRecord))
				added, err := w.store.Add(ctx, []storage.Record{rec("z", "1", "again"), rec("y", "3", "again"), rec("w", "", "again")})
				w.flags("Add of what it has deleted, added, put", added, true, false, false)
				return err
			})
		},
	},
	{
		name: "a transaction lists its records",
		why: `List with the ctx of a transaction shows what it has put, added and deleted, in its place in the order, and counts
that for the Limit.`,
		check: func(w *world) {
			w.base()
			w.tx(func(ctx context.Context) error {
				if err := change(ctx, w.store); err != nil {
					return err
				}
				for limit := range len(changed) + 1 {
					for _, backward := range []bool{false, true} {
						r := storage.Range{Kind: day, Limit: limit, Backward: backward}
						got, err := list(ctx, w.store, r)
						w.must("List", err)
						w.same("List", got, showAll(filter(changed, r), showRecord))
					}
				}
				got, err := list(ctx, w.store, storage.Range{Kind: day, After: key("w", ""), To: key("y", "2")})
				w.same("List of a part", got, showAll(changed[1:3], showRecord))
				return err
			})
		},
	},
	{
		name: "who waited for a lock sees what its holder wrote",
		why: `What the engine reads under a lock it decides on, so that it must be what the holder before has left, not what was
there when the transaction began: READ COMMITTED, or a transaction that begins with its first lock.`,
		check: func(w *world) {
			w.base()
			var got []string
			locked := make(chan struct{}, 1)
			waits := func(s storage.Store) <-chan error {
				return w.async(func() error {
					return s.InTx(w.ctx, func(ctx context.Context) error {
						if _, err := s.Lock(ctx, "other", []string{"z"}); err != nil { // the transaction has begun, whatever begins it
							return err
						}
						locked <- struct{}{}
						if _, err := s.Lock(ctx, "order", []string{"o"}); err != nil {
							return err
						}
						var err error
						got, err = view(ctx, s)
						return err
					})
				})
			}
			var waiter <-chan error
			w.tx(func(ctx context.Context) error {
				if _, err := w.store.Lock(ctx, "order", []string{"o"}); err != nil {
					return err
				}
				waiter = waits(w.other)
				w.soon(locked) // in vain where one transaction runs at a time
				return change(ctx, w.store)
			})
			w.must("the one who waited", w.within("the one who waited", waiter))
			w.same("who waited sees", got, w.seen())
		},
	},
}

// changed are the records that change leaves of base's.
var changed = []storage.Record{
	rec("w", "", "new"), rec("x", "", "new"), rec("y", "1", "again"), rec("y", "2", "old"), rec("y", "3", "new"),
}
