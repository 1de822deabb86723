package storagetest

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// hiding makes FactsOf pass over some facts.
func hiding(t *twist, good *memory.Store, hidden func(f storage.SystemFact) bool) {
	t.factsOf = func(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
		return changing(good.FactsOf(ctx, systems), func(list []storage.SystemFact) []storage.SystemFact {
			t.mu.Lock()
			defer t.mu.Unlock()
			return slices.DeleteFunc(list, hidden)
		})
	}
}

// inOrder makes FactsOf show a fact of a source for the systems of those alone that shows says, by when they were put.
func inOrder(t *twist, good *memory.Store, shows func(of, by int) bool) {
	var order []storage.Fact
	t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
		t.mu.Lock()
		for _, f := range facts {
			f.Systems, f.Data = slices.Clone(f.Systems), bytes.Clone(f.Data)
			order = append(order, f)
		}
		t.mu.Unlock()
		return good.PutFacts(ctx, facts)
	}
	hiding(t, good, func(f storage.SystemFact) bool {
		of := slices.IndexFunc(order, func(g storage.Fact) bool { return bytes.Equal(f.Data, g.Data) })
		for by, g := range order {
			if f.Source == g.Source && shows(of, by) && slices.Contains(g.Systems, f.SystemID) {
				return false
			}
		}
		return f.Source != ""
	})
}

var brokenFacts = []broken{
	{law: "a fact comes back as it was given", twist: func(t *twist, good *memory.Store) {
		t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
			facts = slices.Clone(facts)
			for i := range facts {
				facts[i].Data, _, _ = bytes.Cut(facts[i].Data, []byte{0})
			}
			return good.PutFacts(ctx, facts)
		}
	}},
	{law: "a fact is kept once", also: []string{
		"a transaction sees its facts",
	}, twist: func(t *twist, good *memory.Store) {
		first, extra := map[string][]string{}, map[string][]storage.Fact{} // a repetition adds its systems
		t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
			t.mu.Lock()
			for _, f := range facts {
				data := string(f.Data)
				if first[data] == nil {
					first[data] = f.Systems
				}
				for _, system := range f.Systems {
					if !slices.Contains(first[data], system) || len(f.Systems) < len(first[data]) {
						extra[system] = append(extra[system], f)
					}
				}
			}
			t.mu.Unlock()
			return good.PutFacts(ctx, facts)
		}
		t.factsOf = func(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
			return changing(good.FactsOf(ctx, systems), func(list []storage.SystemFact) []storage.SystemFact {
				t.mu.Lock()
				defer t.mu.Unlock()
				for _, system := range systems {
					for _, f := range extra[system] {
						list = append(list, storage.SystemFact{SystemID: system, Fact: f})
					}
				}
				return list
			})
		}
	}},
	{law: "who puts facts learns which were new", twist: func(t *twist, good *memory.Store) {
		t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
			added, err := good.PutFacts(ctx, facts)
			for i := range added {
				for j := range i {
					added[i] = added[i] || added[j] && bytes.Equal(facts[i].Data, facts[j].Data) && facts[i].Kind == facts[j].Kind
				}
			}
			return added, err
		}
	}},
	{law: "facts of different kinds are different", twist: func(t *twist, good *memory.Store) {
		kinds := map[string]string{}
		t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
			facts = slices.Clone(facts)
			t.mu.Lock()
			for i := range facts {
				data := string(facts[i].Data)
				if kinds[data] == "" {
					kinds[data] = facts[i].Kind
				}
				facts[i].Kind = kinds[data]
			}
			t.mu.Unlock()
			return good.PutFacts(ctx, facts)
		}
	}},
	{law: "facts are listed by system, as bytes", twist: func(t *twist, good *memory.Store) {
		t.factsOf = func(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
			return changing(good.FactsOf(ctx, systems), func(list []storage.SystemFact) []storage.SystemFact {
				slices.SortStableFunc(list, func(a, b storage.SystemFact) int {
					return strings.Compare(strings.ToLower(a.SystemID), strings.ToLower(b.SystemID))
				})
				return list
			})
		}
	}},
	{law: "many facts come in one call", twist: func(t *twist, good *memory.Store) {
		t.factsOf = func(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
			return good.FactsOf(ctx, systems[:min(99, len(systems))])
		}
	}},
}

var brokenSources = []broken{
	{law: "a fact belongs to the systems of its source's later facts", also: []string{
		"a new fact of a source brings the others back",
		"a transaction sees its facts",
	}, twist: func(t *twist, good *memory.Store) { inOrder(t, good, func(of, by int) bool { return by <= of }) }},
	{law: "a fact belongs to the systems of its source's earlier facts", also: []string{
		"a new fact of a source brings the others back",
		"a transaction sees its facts",
	}, twist: func(t *twist, good *memory.Store) { inOrder(t, good, func(of, by int) bool { return by >= of }) }},
	{law: "what is said without a source, by another, or of another kind is apart", twist: func(t *twist, good *memory.Store) {
		t.factsFrom = func(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
			return changing(good.FactsFrom(ctx, kind, sources), func(list []storage.Fact) []storage.Fact {
				others, _ := drain(good.FactsFrom(ctx, "correction", sources))
				return append(list, others...)
			})
		}
	}},
	{law: "facts are listed by source, each with the systems it was given", also: []string{
		"a transaction sees its facts",
		"facts of a source stay when their systems are deleted",
	}, twist: func(t *twist, good *memory.Store) {
		t.factsFrom = func(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
			return changing(good.FactsFrom(ctx, kind, sources), func(list []storage.Fact) []storage.Fact {
				all := map[string][]string{}
				for _, f := range list {
					all[f.Source] = sorted(slices.Concat(all[f.Source], f.Systems)...)
				}
				for i := range list {
					list[i].Systems = all[list[i].Source]
				}
				return list
			})
		}
	}},
	{law: "a fact whose systems are deleted at once is gone", twist: func(t *twist, good *memory.Store) {
		running, overlapped := 0, false
		t.deleteFacts = func(ctx context.Context, systems []string) error {
			t.mu.Lock()
			overlapped = overlapped || running > 0
			running++
			t.mu.Unlock()
			good.AfterCommit(ctx, func(context.Context) {
				t.mu.Lock()
				defer t.mu.Unlock()
				running--
			})
			return good.DeleteFacts(ctx, systems)
		}
		t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
			added, err := good.PutFacts(ctx, facts)
			t.mu.Lock()
			defer t.mu.Unlock()
			if overlapped {
				clear(added)
			}
			return added, err
		}
	}},
	{law: "deleted facts belong to their systems no longer", also: []string{
		"a new fact of a source brings the others back",
		"facts of a source stay when their systems are deleted",
	}, twist: func(t *twist, good *memory.Store) {
		t.deleteFacts = func(ctx context.Context, systems []string) error {
			return good.DeleteFacts(ctx, systems[:min(1, len(systems))])
		}
	}},
	{law: "a fact that was deleted can come again", also: []string{
		"a fact whose systems are deleted at once is gone",
		"a transaction sees its facts",
	}, twist: func(t *twist, good *memory.Store) {
		gone := map[string]bool{}
		t.deleteFacts = func(ctx context.Context, systems []string) error {
			list, _ := drain(good.FactsOf(ctx, systems))
			for _, f := range list {
				if f.Source == "" {
					gone[string(f.Data)] = true
				}
			}
			return good.DeleteFacts(ctx, systems)
		}
		t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
			added := make([]bool, len(facts))
			for i := range facts {
				if gone[string(facts[i].Data)] {
					continue
				}
				one, err := good.PutFacts(ctx, facts[i:i+1])
				if err != nil {
					return nil, err
				}
				added[i] = one[0]
			}
			return added, nil
		}
	}},
	{law: "facts of a source stay when their systems are deleted", twist: func(t *twist, good *memory.Store) {
		gone := map[string]bool{}
		t.deleteFacts = func(ctx context.Context, systems []string) error {
			list, _ := drain(good.FactsOf(ctx, systems))
			for _, f := range list {
				gone[string(f.Data)] = true
			}
			return good.DeleteFacts(ctx, systems)
		}
		t.factsFrom = func(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
			return changing(good.FactsFrom(ctx, kind, sources), func(list []storage.Fact) []storage.Fact {
				return slices.DeleteFunc(list, func(f storage.Fact) bool { return gone[string(f.Data)] })
			})
		}
	}},
	{law: "a new fact of a source brings the others back", twist: func(t *twist, good *memory.Store) {
		gone := map[string]bool{}
		t.deleteFacts = func(ctx context.Context, systems []string) error {
			list, _ := drain(good.FactsOf(ctx, systems))
			for _, f := range list {
				if f.Source != "" {
					gone[f.SystemID+" "+string(f.Data)] = true
				}
			}
			return good.DeleteFacts(ctx, systems)
		}
		hiding(t, good, func(f storage.SystemFact) bool { return gone[f.SystemID+" "+string(f.Data)] })
	}},
}
