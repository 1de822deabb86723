package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

// model is a Store as simple as can be: what the laws say, without transactions.
type model struct {
	facts    []modelFact
	sources  map[string]map[string]bool // the systems of each source
	versions map[string]int64
	records  map[storage.Key]string
}

type modelFact struct {
	storage.Fact
	systems []string // that it belongs to by itself
}

func newModel() *model {
	return &model{sources: map[string]map[string]bool{}, versions: map[string]int64{}, records: map[storage.Key]string{}}
}

func (m *model) clone() *model {
	c := &model{slices.Clone(m.facts), map[string]map[string]bool{}, maps.Clone(m.versions), maps.Clone(m.records)}
	for source, systems := range m.sources {
		c.sources[source] = maps.Clone(systems)
	}
	return c
}

func (m *model) putFact(f storage.Fact) bool {
	if slices.ContainsFunc(m.facts, func(old modelFact) bool { return bytes.Equal(old.Data, f.Data) }) {
		return false
	}
	m.facts = append(m.facts, modelFact{f, f.Systems})
	if m.sources[f.Source] == nil {
		m.sources[f.Source] = map[string]bool{}
	}
	for _, system := range f.Systems {
		m.sources[f.Source][system] = true
	}
	return true
}

func (m *model) deleteFacts(system string) {
	for _, systems := range m.sources {
		delete(systems, system)
	}
	var kept []modelFact
	for _, f := range m.facts {
		f.systems = slices.DeleteFunc(slices.Clone(f.systems), func(s string) bool { return s == system })
		if f.Source != "" || len(f.systems) > 0 {
			kept = append(kept, f)
		}
	}
	m.facts = kept
}

func (m *model) delete(k storage.Key) {
	maps.DeleteFunc(m.records, func(old storage.Key, _ string) bool {
		return old == k || k.Sub == "" && old.ID == k.ID
	})
}

// view is what look sees of the model.
func (m *model) view() []string {
	var facts []string
	for _, f := range m.facts {
		for _, system := range names {
			if f.Source == "" && slices.Contains(f.systems, system) || f.Source != "" && m.sources[f.Source][system] {
				facts = append(facts, fmt.Sprintf("%s: %s", system, f.Data))
			}
		}
	}
	slices.Sort(facts)
	var versions []int64
	for _, name := range names {
		versions = append(versions, m.versions[name])
	}
	var records []storage.Record
	for k, data := range m.records {
		records = append(records, storage.Record{Key: k, Data: []byte(data)})
	}
	slices.SortFunc(records, byKey)
	return slices.Concat(facts, []string{fmt.Sprint(versions)}, showAll(records, showRecord))
}

// look shows the same of a Store.
func look(ctx context.Context, s storage.Store) ([]string, error) {
	facts, factsErr := factsOf(ctx, s, names...)
	versions, versionsErr := s.Versions(ctx, versionKeys(names...))
	records, err := list(ctx, s, storage.Range{Kind: day})
	return slices.Concat(facts, []string{fmt.Sprint(versions)}, records), errors.Join(factsErr, versionsErr, err)
}

// names are those of the systems, versions and records that random steps touch.
var names = []string{"a", "b", "c", "d"}

// step does something random to a Store and to the model, and compares what they answer.
func (m *model) step(ctx context.Context, s storage.Store, rng *rand.Rand) error {
	pick := func() string { return names[rng.IntN(len(names))] }
	differ := func(what string, got, want any, err error) error {
		if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			err = fmt.Errorf("%s: got %v, want %v", what, got, want)
		}
		return err
	}
	k := key(pick(), []string{"", "1", "2"}[rng.IntN(3)])
	switch rng.IntN(8) {
	case 0, 1:
		source := []string{"", "s", "t"}[rng.IntN(3)]
		f := fact(source, fmt.Sprint(source, rng.IntN(12)), sorted(pick(), pick())...)
		if source != "" && rng.IntN(3) == 0 {
			f.Systems = nil
		}
		added, err := s.PutFacts(ctx, []storage.Fact{f, f})
		return differ("PutFacts", added, []bool{m.putFact(f), false}, err)
	case 2:
		system := pick()
		m.deleteFacts(system)
		return s.DeleteFacts(ctx, []string{system})
	case 3:
		id := pick()
		m.versions[id]++
		now, err := s.Bump(ctx, versionKeys(id))
		return differ("Bump", now, []int64{m.versions[id]}, err)
	case 4:
		m.delete(k)
		return s.Delete(ctx, []storage.Key{k})
	case 5:
		_, there := m.records[k]
		if !there {
			m.records[k] = "added"
		}
		added, err := s.Add(ctx, []storage.Record{{Key: k, Data: []byte("added")}})
		return differ("Add", added, []bool{!there}, err)
	default:
		m.records[k] = fmt.Sprint(rng.Uint32())
		return s.Put(ctx, []storage.Record{{Key: k, Data: []byte(m.records[k])}})
	}
}

var modelLaws = []law{
	{
		name: "a long run of transactions gives what a model gives",
		why: `Random transactions of a few steps, some of which are rolled back, are done to the Store and to a model that is as
simple as can be. What the transaction sees, and what others see afterwards, is the same. Where only this law fails,
look for what two of the steps do to each other.`,
		check: func(w *world) {
			const transactions, steps = 80, 8
			rng := rand.New(rand.NewPCG(3, 4))
			m := newModel()
			for i := range transactions {
				next := m.clone()
				err := w.store.InTx(w.ctx, func(ctx context.Context) error {
					for range 1 + rng.IntN(steps) {
						if err := next.step(ctx, w.store, rng); err != nil {
							return err
						}
						got, err := look(ctx, w.store)
						if w.same(fmt.Sprint("in transaction ", i), got, next.view()); err != nil {
							return err
						}
					}
					if i%4 == 0 {
						return errBoom
					}
					return nil
				})
				if err == nil {
					m = next
				} else if !errors.Is(err, errBoom) {
					w.Fatalf("transaction %d: %v", i, err)
				}
				got, err := look(w.ctx, w.other)
				w.must("reading", err)
				if w.same(fmt.Sprint("after transaction ", i), got, m.view()); w.Failed() {
					return
				}
			}
		},
	},
}
