package storagetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slokeep/slokeep/storage"
)

var factLaws = []law{
	{
		name: "a fact comes back as it was given",
		why: `Kind, Source, Systems and Data come back byte for byte. Data is any bytes, NUL and invalid UTF-8 among them, none or
ten thousand: a BLOB or bytea, not text. Names are compared as bytes: not folded, normalized, trimmed or cut.`,
		check: func(w *world) {
			var facts []storage.Fact
			for i, id := range oddIDs() {
				f := fact([]string{"", id}[i%2], fmt.Sprint(i, "\x00\xff", id), id)
				if i%3 == 0 {
					f.Systems = append(f.Systems, "\U0010ffff other")
				}
				facts = append(facts, f)
			}
			facts = append(facts, fact("", "", "empty"), fact("long", strings.Repeat("0123456789", 1000), "long"))
			w.putFacts(facts...)
			for _, f := range facts {
				want := []string{f.Systems[0] + " " + showFact(f)}
				got, err := show(w.other.FactsOf(w.ctx, f.Systems[:1]), func(f storage.SystemFact) string {
					return f.SystemID + " " + showFact(f.Fact)
				})
				w.must("FactsOf", err)
				w.same(fmt.Sprintf("FactsOf of %q", f.Systems[:1]), got, want)
				if f.Source != "" {
					got, err := factsFrom(w.ctx, w.other, f.Source)
					w.must("FactsFrom", err)
					w.same(fmt.Sprintf("FactsFrom of %q", f.Source), got, []string{showFact(f)})
				}
			}
		},
	},
	{
		name: "a fact is kept once",
		why: `A fact is known by its Kind and the SHA-256 of its Data (Fact.Key makes it). One that is there stays as it is,
whatever Source and Systems it comes with now: INSERT ... ON CONFLICT DO NOTHING, and links to systems for those facts
alone that were new.`,
		check: func(w *world) {
			w.putFacts(fact("", "one", "a"), fact("", "one", "a", "b"), fact("s", "two", "a"))
			w.putFacts(fact("", "one", "a", "c"), fact("s", "one", "d"), fact("", "two", "e"), fact("s", "two", "e"))
			w.facts("FactsOf", []string{"a", "b", "c", "d", "e"}, "a: one", "a: two")
			got, err := factsFrom(w.ctx, w.other, "s")
			w.must("FactsFrom", err)
			w.same("FactsFrom", got, []string{showFact(fact("s", "two", "a"))})
		},
	},
	{
		name: "who puts facts learns which were new",
		why: `PutFacts returns a flag for each fact, in their order: whether this call wrote it. Of one that comes twice in a call
the first is new.`,
		check: func(w *world) {
			w.flags("the first time", w.putFacts(fact("", "one", "a"), fact("", "two", "a"), fact("", "one", "a")), true, true, false)
			w.flags("later", w.putFacts(fact("", "three", "a"), fact("", "two", "a"), fact("", "four", "b")), true, false, true)
		},
	},
	{
		name: "facts of different kinds are different",
		why:  `The Kind is a part of the key: the same Data under another Kind is another fact.`,
		check: func(w *world) {
			edges := fact("", "one", "a")
			edges.Kind = "edges"
			w.flags("PutFacts", w.putFacts(fact("", "one", "a"), edges), true, true)
			w.facts("FactsOf", []string{"a"}, "a: one", "a: one")
		},
	},
	{
		name: "facts are listed by system, as bytes",
		why: `FactsOf yields all of one system, then all of the next, in the order of the systems' bytes (COLLATE "C"), whatever the
order in which it was asked; a system that is asked for twice comes once. A fact that belongs to two of them comes
with each, and its SystemID says with which.`,
		check: func(w *world) {
			ids := oddIDs()
			for i, id := range ids {
				w.putFacts(fact("", "own "+id, id), fact("", "shared "+id, sorted(id, ids[(i+1)%len(ids)])...))
			}
			asked := append(slices.Clone(ids), ids[3], "nobody")
			slices.Reverse(asked)
			var got []string
			count := map[string]int{}
			for f, err := range w.other.FactsOf(w.ctx, asked) {
				w.must("FactsOf", err)
				if count[f.SystemID]++; len(got) == 0 || got[len(got)-1] != f.SystemID {
					got = append(got, f.SystemID)
				}
				if !slices.Contains(f.Systems, f.SystemID) {
					w.Errorf("FactsOf lists a fact of %q under %q", f.Systems, f.SystemID)
				}
			}
			w.same("the systems of FactsOf", got, ids)
			for _, id := range ids {
				if count[id] != 3 {
					w.Errorf("system %q has %d facts: want 3", id, count[id])
				}
			}
		},
	},
	{
		name: "many facts come in one call",
		why: `PutFacts and FactsOf take ten thousand as they take one: a database's limit of bound values, of a packet or of a page
of rows is the adapter's to work around.`,
		check: func(w *world) {
			n := many
			facts, systems := make([]storage.Fact, n), make([]string, n/10)
			for i := range facts {
				facts[i] = fact("", fmt.Sprint(i), fmt.Sprintf("%05d", i/10))
				systems[i/10] = facts[i].Systems[0]
			}
			if added := w.putFacts(facts...); len(added) != n || slices.Contains(added, false) {
				w.Errorf("not all of %d facts are new", n)
			}
			if added := w.putFacts(facts...); len(added) != n || slices.Contains(added, true) {
				w.Errorf("some of %d facts are new a second time", n)
			}
			got, err := factsOf(w.ctx, w.other, systems...)
			w.must("FactsOf", err)
			want := make([]string, n)
			for i := range want {
				want[i] = fmt.Sprintf("%05d: %d", i/10, i)
			}
			slices.Sort(want)
			w.same("FactsOf", got, want)
		},
	},
}

func sorted(ids ...string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// oddIDs are IDs that a database may confuse, each valid, sorted as bytes.
func oddIDs() []string {
	long := "ü"
	for len(long) < 253 {
		long += "☃"
	}
	return sorted(
		"a", "A", "\u00e4", "a\u0308", "a ", " a", "ab", "a\tb", "a\nb", "a'b", `a"b`, "a`b", `a\b`, "a%", "a_", "a;--b", "a/b", "a:b",
		"a\u00a0", "a\u200b", "ß", "ss", "i", "I", "ı", "İ", "1", "01", "1.0", "null", "NULL", "$1", "?", "{}", "[]",
		"\uffff", "\U00010000", "\U0010ffff", "\x7f", "~", long, long+"1",
	)
}

var sourceLaws = []law{
	{
		name: "a fact belongs to the systems of its source's later facts",
		why: `All facts of one (Kind, Source) belong together: when a new one names another system, the older ones belong to it too.
The simplest way to have it: link systems not to the fact but to its (Kind, Source), and let FactsOf find the facts of
the sources of a system.`,
		check: func(w *world) {
			w.putFacts(fact("s", "first", "a"))
			w.putFacts(fact("s", "second", "b", "c"))
			w.facts("of later systems", []string{"b", "c"}, "b: first", "b: second", "c: first", "c: second")
		},
	},
	{
		name: "a fact belongs to the systems of its source's earlier facts",
		why: `A statement that no longer names a system still says something about it: that it takes back what it said. So a new
fact belongs to all systems that its source has named so far, also where it names none itself.`,
		check: func(w *world) {
			w.putFacts(fact("s", "first", "a"), fact("s", "second", "b"))
			w.putFacts(fact("s", "third", "c"))
			w.facts("of an earlier system", []string{"a"}, "a: first", "a: second", "a: third")
			w.flags("of one that names no system any longer, PutFacts", w.putFacts(fact("s", "withdrawn")), true)
			w.facts("with one that names no system any longer", []string{"a"}, "a: first", "a: second", "a: third", "a: withdrawn")
		},
	},
	{
		name: "what is said without a source, by another, or of another kind is apart",
		why: `A source is a (Kind, Source) pair: the same name under another Kind is another one. Facts with an empty Source have
nothing in common, and FactsFrom finds none of them.`,
		check: func(w *world) {
			correction := fact("s", "corrected", "b")
			correction.Kind = "correction"
			w.putFacts(fact("s", "stated", "a"), correction, fact("S", "other", "c"), fact("", "alone", "d"), fact("", "too", "e"))
			w.facts("FactsOf", []string{"a", "b", "c", "d", "e"}, "a: stated", "b: corrected", "c: other", "d: alone", "e: too")
			got, err := factsFrom(w.ctx, w.other, "", "s")
			w.must("FactsFrom", err)
			w.same("FactsFrom", got, []string{showFact(fact("s", "stated", "a"))})
		},
	},
	{
		name: "facts are listed by source, each with the systems it was given",
		why: `FactsFrom lists the facts of all the sources that it is asked for, each once, whatever the order, and of a source
that has none nothing. Systems are those that the fact itself came with, not those of its source: who replaces a
statement needs to know what it named.`,
		check: func(w *world) {
			facts := []storage.Fact{fact("s", "first", "a"), fact("s", "second", "b", "c"), fact("t", "third", "a")}
			w.putFacts(append(facts, fact("u", "fourth", "a"))...)
			want := showAll(facts, showFact)
			slices.Sort(want)
			got, err := factsFrom(w.ctx, w.other, "t", "nobody", "s", "t")
			w.must("FactsFrom", err)
			w.same("FactsFrom", got, want)
		},
	},
}
