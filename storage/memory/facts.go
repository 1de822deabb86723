package memory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

// facts are what is committed: each once, and under each system that it belongs to. Most are of one system and have no
// Source, and there may be millions of them: those have no pointers, so that they cost little more than their bytes.
type facts struct {
	plain   map[string]map[hash]int32 // by kind: the number of the system that it is of
	others  map[string]map[hash]*fact // by kind
	systems map[string]*systemFacts
	numbers []*systemFacts // systems by number; nil where all of it was deleted
	sources map[sourceKey]*source
}

type hash = [sha256.Size]byte

// factKey is what a fact is known by.
type factKey struct {
	kind string
	hash hash
}

type sourceKey struct{ kind, source string }

// fact is a fact that a transaction has added, or one that is not plain. Its Fact never changes, so that readers need no
// lock for it.
type fact struct {
	storage.Fact

	// links are the systems that it belongs to by itself. A committed fact with a Source has none: the source has them. One
	// that a transaction has added brings them.
	links []string
}

// newFact is a fact that a transaction has added, with its hash, which need not be kept.
type newFact struct {
	*fact
	hash hash
}

// source is all facts of one (Kind, Source), and the systems that they belong to.
type source struct {
	facts   []*fact
	systems map[string]bool
}

// systemFacts are the facts of a system: those that stand for themselves, and those of its sources.
type systemFacts struct {
	number  int32
	alone   []string // the system, and nothing else: the Systems that nearly all of its facts have
	plain   packed   // as others, grows at its end alone, so that readers may keep it
	others  []*fact
	sources []sourceKey
}

func newFacts() facts {
	return facts{
		plain: map[string]map[hash]int32{}, others: map[string]map[hash]*fact{},
		systems: map[string]*systemFacts{}, sources: map[sourceKey]*source{},
	}
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
		for i := range list {
			if added[i] = !t.has(s, keys[i]); added[i] {
				t.keys[keys[i]] = true
				t.facts = append(t.facts, newFact{s.facts.keep(list[i]), keys[i].hash})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

// keep makes a fact of its own of one whose slices are the caller's.
func (fs *facts) keep(f storage.Fact) *fact {
	f.Data = bytes.Clone(f.Data)
	if known := fs.known(f.Systems); known != nil {
		f.Systems = known
	} else {
		f.Systems = slices.Clone(f.Systems)
	}
	return &fact{f, f.Systems}
}

// known returns the same list of systems where there is one to share.
func (fs *facts) known(systems []string) []string {
	if len(systems) == 1 {
		if of := fs.systems[systems[0]]; of != nil {
			return of.alone
		}
	}
	return nil
}

// has reports whether a fact is there for the transaction.
func (t *tx) has(s *Store, key factKey) bool {
	if t.keys[key] {
		return true
	}
	if number, ok := s.facts.plain[key.kind][key.hash]; ok {
		return !t.dropped[s.facts.numbers[number].alone[0]]
	}
	f := s.facts.others[key.kind][key.hash]
	return f != nil && (f.Source != "" || slices.ContainsFunc(f.links, func(system string) bool { return !t.dropped[system] }))
}

// DeleteFacts takes the facts of systems away; see [storage.Facts].
func (s *Store) DeleteFacts(ctx context.Context, systems []string) error {
	if len(systems) == 0 {
		return nil
	}
	return s.write(ctx, "", nil, func(t *tx) {
		for _, system := range systems {
			t.dropped[system] = true
		}
		t.facts = slices.DeleteFunc(t.facts, func(f newFact) bool {
			f.links = without(f.links, systems...)
			gone := f.Source == "" && len(f.links) == 0
			if gone {
				delete(t.keys, factKey{f.Kind, f.hash})
			}
			return gone
		})
	})
}

// without returns the systems that are not among others. The list may be shared, and stays as it is.
func without(systems []string, others ...string) []string {
	return slices.DeleteFunc(slices.Clone(systems), func(system string) bool { return slices.Contains(others, system) })
}

// FactsOf lists the facts of systems; see [storage.Facts].
func (s *Store) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	return func(yield func(storage.SystemFact, error) bool) {
		for _, system := range slices.Compact(slices.Sorted(slices.Values(systems))) {
			var plain packed
			var list []*fact
			if err := s.read(ctx, func(t *tx) { plain, list = t.factsOf(s, system) }); err != nil {
				yield(storage.SystemFact{}, err)
				return
			}
			alone := []string{system}
			for kind, data := range plain.all() {
				f := storage.Fact{Kind: kind, Systems: alone, Data: data}
				if !yield(storage.SystemFact{SystemID: system, Fact: f}, nil) {
					return
				}
			}
			for _, f := range list {
				if !yield(storage.SystemFact{SystemID: system, Fact: f.Fact}, nil) {
					return
				}
			}
		}
	}
}

// factsOf returns all that belongs to a system for the transaction. It is not changed afterwards.
func (t *tx) factsOf(s *Store, system string) (plain packed, list []*fact) {
	var sources []sourceKey
	if of := s.facts.systems[system]; of != nil && !t.dropped[system] {
		plain, list, sources = of.plain, slices.Clip(of.others), slices.Clip(of.sources)
	}
	for _, f := range t.facts {
		switch {
		case !slices.Contains(f.links, system):
		case f.Source == "":
			list = append(list, f.fact)
		case !slices.Contains(sources, f.source()):
			sources = append(sources, f.source())
		}
	}
	for _, key := range sources {
		list = append(list, t.factsFrom(s, key)...)
	}
	return plain, list
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

// factsFrom returns all facts of a source for the transaction. The list is not changed afterwards.
func (t *tx) factsFrom(s *Store, key sourceKey) []*fact {
	var list []*fact
	if of := s.facts.sources[key]; of != nil {
		list = slices.Clip(of.facts)
	}
	for _, f := range t.facts {
		if f.Source != "" && f.source() == key {
			list = append(list, f.fact)
		}
	}
	return list
}

// add commits a fact.
func (fs *facts) add(f newFact) {
	if f.Source == "" && len(f.Systems) == 1 {
		of := fs.of(f.Systems[0])
		of.plain = of.plain.append(f.Kind, f.Data)
		put(fs.plain, f, of.number)
		return
	}
	put(fs.others, f, f.fact)
	if f.Source != "" {
		fs.addToSource(f.fact)
		return
	}
	for _, system := range f.links {
		of := fs.of(system)
		of.others = append(of.others, f.fact)
	}
}

func put[V any](byKind map[string]map[hash]V, f newFact, v V) {
	of := byKind[f.Kind]
	if of == nil {
		of = map[hash]V{}
		byKind[f.Kind] = of
	}
	of[f.hash] = v
}

func (fs *facts) addToSource(f *fact) {
	key := f.source()
	from := fs.sources[key]
	if from == nil {
		from = &source{systems: map[string]bool{}}
		fs.sources[key] = from
	}
	from.facts = append(from.facts, f)
	for _, system := range f.links {
		if !from.systems[system] {
			from.systems[system] = true
			of := fs.of(system)
			of.sources = append(of.sources, key)
		}
	}
	f.links = nil
}

func (fs *facts) of(system string) *systemFacts {
	of := fs.systems[system]
	if of == nil {
		of = &systemFacts{number: int32(len(fs.numbers)), alone: []string{system}}
		fs.systems[system] = of
		fs.numbers = append(fs.numbers, of)
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
	fs.numbers[of.number] = nil
	for kind, data := range of.plain.all() {
		delete(fs.plain[kind], sha256.Sum256(data))
	}
	for _, key := range of.sources {
		delete(fs.sources[key].systems, system)
	}
	for _, f := range of.others {
		f.links = without(f.links, system)
		if len(f.links) == 0 {
			delete(fs.others[f.Kind], f.Key())
		}
	}
}
