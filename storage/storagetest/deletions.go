package storagetest

import (
	"context"

	"github.com/slokeep/slokeep/storage"
)

var deletionLaws = []law{
	{
		name: "deleted facts belong to their systems no longer",
		why: `DeleteFacts takes away the links to the systems. A fact without a Source that has no link left goes, and one that
belongs to another system stays with that one.`,
		check: func(w *world) {
			w.putFacts(fact("", "a alone", "a"), fact("", "a and b", "a", "b"), fact("", "b alone", "b"), fact("", "c", "c"))
			w.deleteFacts("a", "c", "nobody")
			w.facts("FactsOf", []string{"a", "b", "c"}, "b: a and b", "b: b alone")
			w.deleteFacts("b")
			w.facts("FactsOf", []string{"a", "b", "c"})
		},
	},
	{
		name: "a fact that was deleted can come again",
		why: `A fact without a Source is gone with its last link: the same one is new then, and belongs to all its Systems.
While it belongs to one system still, it is there: it is not new, and gets no link back.`,
		check: func(w *world) {
			f := fact("", "one", "a", "b")
			w.putFacts(f)
			w.deleteFacts("a")
			w.flags("while it belongs to b", w.putFacts(f), false)
			w.facts("FactsOf", []string{"a", "b"}, "b: one")
			w.deleteFacts("b")
			w.flags("when it was gone", w.putFacts(f), true)
			w.facts("FactsOf", []string{"a", "b"}, "a: one", "b: one")
		},
	},
	{
		name: "a fact whose systems are deleted at once is gone",
		why: `Of two transactions that each delete one of a fact's systems the second sees what the first has left. If each went
by what was there before both, the fact would stay, belong to nothing, and never be new again.`,
		check: func(w *world) {
			f := fact("", "one", "a", "b")
			w.putFacts(f)
			second := make(chan error, 1)
			w.tx(func(ctx context.Context) error {
				if err := w.store.DeleteFacts(ctx, []string{"a"}); err != nil {
					return err
				}
				if _, err := w.store.Versions(ctx, []storage.VersionKey{{Kind: "system", ID: "a"}}); err != nil { // so that nothing is put off
					return err
				}
				over := make(chan struct{})
				go func() {
					defer close(over)
					second <- w.other.DeleteFacts(w.ctx, []string{"b"})
				}()
				w.soon(over) // or it waits, and so it may
				return nil
			})
			w.must("the second", w.within("the second", second))
			w.facts("FactsOf", []string{"a", "b"})
			w.flags("when it was gone", w.putFacts(f), true)
		},
	},
	{
		name: "facts of a source stay when their systems are deleted",
		why: `A fact with a Source is never deleted: which revisions a source has stated must be known for ever, or an old one
would count again. FactsFrom still gives it, PutFacts still has it, and it belongs to no system.`,
		check: func(w *world) {
			w.putFacts(fact("s", "first", "a"), fact("s", "second", "b"))
			w.deleteFacts("a", "b")
			w.facts("FactsOf", []string{"a", "b"})
			w.flags("a repetition", w.putFacts(fact("s", "first", "a")), false)
			w.facts("FactsOf after a repetition", []string{"a", "b"})
			got, err := factsFrom(w.ctx, w.other, "s")
			w.must("FactsFrom", err)
			w.same("FactsFrom", got, []string{showFact(fact("s", "first", "a")), showFact(fact("s", "second", "b"))})
		},
	},
	{
		name: "a new fact of a source brings the others back",
		why: `When a system was deleted and a source names it anew, in a new fact, all facts of that source belong to it again;
to a system that was deleted and is not named, they do not.`,
		check: func(w *world) {
			w.putFacts(fact("s", "first", "a", "b"), fact("s", "second", "c"))
			w.deleteFacts("a", "b")
			w.putFacts(fact("s", "third", "a"))
			w.facts("FactsOf", []string{"a", "b", "c"}, "a: first", "a: second", "a: third", "c: first", "c: second", "c: third")
		},
	},
}
