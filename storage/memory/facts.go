package memory

import (
	"context"
	"crypto/sha256"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

// facts are what is committed: each once, and under each system that it belongs to.
type facts struct {
	all     map[factKey]*fact
	systems map[string]*systemFacts
	sources map[sourceKey]*source
}

type factKey struct {
	kind string
	hash [sha256.Size]byte
}

type sourceKey struct{ kind, source string }

type fact struct {
	storage.Fact
	key   factKey
	links []string // systems that it belongs to by itself; none where it has a Source, which has them
}

// source is all facts of one (Kind, Source), and the systems that they belong to.
type source struct {
	facts   []*fact
	systems map[string]bool
}

// systemFacts are the facts of a system: those that stand for themselves, and those of its sources.
type systemFacts struct {
	facts   []*fact
	sources []sourceKey
}

// staged is a fact that a transaction has added. links are the systems that it brings.
type staged struct {
	*fact
	links []string
}

func newFacts() facts {
	return facts{map[factKey]*fact{}, map[string]*systemFacts{}, map[sourceKey]*source{}}
}

func (f *fact) source() sourceKey { return sourceKey{f.Kind, f.Source} }

// PutFacts writes facts; see [storage.Facts].
func (s *Store) PutFacts(ctx context.Context, list []storage.Fact) ([]bool, error) {
	if len(list) == 0 {
		return nil, nil
	}
	keys, locks := make([]factKey, len(list)), make([]string, len(list))
	for i := range list {
		keys[i] = factKey{list[i].Kind, list[i].Key()}
		locks[i] = keys[i].kind + string(keys[i].hash[:])
	}
	added := make([]bool, len(list))
	err := s.write(ctx, "storage fact", locks, func(t *tx) {
		mine := make(map[factKey]bool, len(list)+len(t.facts))
		for i := range t.facts {
			mine[t.facts[i].key] = true
		}
		for i := range list {
			if mine[keys[i]] || t.has(s, keys[i]) {
				continue
			}
			mine[keys[i]] = true
			added[i] = true
			t.facts = append(t.facts, staged{&fact{Fact: list[i], key: keys[i]}, list[i].Systems})
		}
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

// has reports whether a committed fact is there for the transaction.
func (t *tx) has(s *Store, key factKey) bool {
	f := s.facts.all[key]
	return f != nil && (f.Source != "" || slices.ContainsFunc(f.links, func(system string) bool { return !t.dropped[system] }))
}

// DeleteFacts takes the facts of systems away; see [storage.Facts].
func (s *Store) DeleteFacts(ctx context.Context, systems []string) error {
	if len(systems) == 0 {
		return nil
	}
	return s.write(ctx, "", nil, func(t *tx) {
		if t.dropped == nil {
			t.dropped = map[string]bool{}
		}
		for _, system := range systems {
			t.dropped[system] = true
		}
		kept := t.facts[:0]
		for _, f := range t.facts {
			f.links = slices.DeleteFunc(slices.Clone(f.links), func(system string) bool { return slices.Contains(systems, system) })
			if f.Source != "" || len(f.links) > 0 {
				kept = append(kept, f)
			}
		}
		t.facts = kept
	})
}

// FactsOf lists the facts of systems; see [storage.Facts].
func (s *Store) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	return func(yield func(storage.SystemFact, error) bool) {
		for _, system := range slices.Compact(slices.Sorted(slices.Values(systems))) {
			var list []*fact
			if err := s.read(ctx, func(t *tx) { list = t.factsOf(s, system) }); err != nil {
				yield(storage.SystemFact{}, err)
				return
			}
			for _, f := range list {
				if !yield(storage.SystemFact{SystemID: system, Fact: f.Fact}, nil) {
					return
				}
			}
		}
	}
}

// factsOf returns all that belongs to a system for the transaction. The list is not changed afterwards.
func (t *tx) factsOf(s *Store, system string) []*fact {
	var list []*fact
	sources := map[sourceKey]bool{}
	if of := s.facts.systems[system]; of != nil && !t.dropped[system] {
		list = of.facts[:len(of.facts):len(of.facts)]
		for _, key := range of.sources {
			sources[key] = true
		}
	}
	for i := range t.facts {
		switch f := &t.facts[i]; {
		case !slices.Contains(f.links, system):
		case f.Source == "":
			list = append(list, f.fact)
		default:
			sources[f.source()] = true
		}
	}
	for key := range sources {
		list = append(list, t.factsFrom(s, key)...)
	}
	return list
}

// FactsFrom lists the facts of sources; see [storage.Facts].
func (s *Store) FactsFrom(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
	return func(yield func(storage.Fact, error) bool) {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(sources))) {
			var list []*fact
			if err := s.read(ctx, func(t *tx) { list = t.factsFrom(s, sourceKey{kind, name}) }); err != nil {
				yield(storage.Fact{}, err)
				return
			}
			for _, f := range list {
				if !yield(f.Fact, nil) {
					return
				}
			}
		}
	}
}

func (t *tx) factsFrom(s *Store, key sourceKey) []*fact {
	var list []*fact
	if of := s.facts.sources[key]; of != nil {
		list = of.facts[:len(of.facts):len(of.facts)]
	}
	for i := range t.facts {
		if f := &t.facts[i]; f.source() == key {
			list = append(list, f.fact)
		}
	}
	return list
}

// add commits a fact.
func (fs *facts) add(f *staged) {
	fs.all[f.key] = f.fact
	if f.Source == "" {
		f.fact.links = f.links
		for _, system := range f.links {
			of := fs.of(system)
			of.facts = append(of.facts, f.fact)
		}
		return
	}
	key := f.source()
	from := fs.sources[key]
	if from == nil {
		from = &source{systems: map[string]bool{}}
		fs.sources[key] = from
	}
	from.facts = append(from.facts, f.fact)
	for _, system := range f.links {
		if !from.systems[system] {
			from.systems[system] = true
			of := fs.of(system)
			of.sources = append(of.sources, key)
		}
	}
}

func (fs *facts) of(system string) *systemFacts {
	of := fs.systems[system]
	if of == nil {
		of = &systemFacts{}
		fs.systems[system] = of
	}
	return of
}

// drop commits that a system has no facts any longer.
func (fs *facts) drop(system string) {
	of := fs.systems[system]
	if of == nil {
		return
	}
	delete(fs.systems, system)
	for _, key := range of.sources {
		delete(fs.sources[key].systems, system)
	}
	for _, f := range of.facts {
		f.links = slices.DeleteFunc(slices.Clone(f.links), func(link string) bool { return link == system })
		if len(f.links) == 0 {
			delete(fs.all, f.key)
		}
	}
}
