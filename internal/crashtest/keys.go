package crashtest

import (
	"context"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// factKey is what a fact is known by.
type factKey struct {
	kind string
	hash [sha256.Size]byte
}

func keyOf(f *storage.Fact) factKey { return factKey{f.Kind, f.Key()} }

// factDeletion is a fact that the engine itself writes, when a system is deleted.
const factDeletion = "deletion"

// keys finds out which facts an operation brings: it has an engine in memory do it, and looks at what that writes.
type keys struct {
	engine  *engine.Engine
	noted   *noting
	known   map[string][]factKey // by operation: what is told again need not be written again
	sources map[string][]string  // of facts, by kind
}

// noting keeps what an engine writes.
type noting struct {
	storage.Store
	facts []storage.Fact
}

func (n *noting) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	n.facts = append(n.facts, facts...)
	return n.Store.PutFacts(ctx, facts)
}

func newKeys(t testing.TB) *keys {
	t.Helper()
	k := &keys{noted: &noting{Store: memory.New()}, known: map[string][]factKey{}, sources: map[string][]string{}}
	var err error
	k.engine, err = engine.New(k.noted, &engine.Options{Clock: simclock.New(dawn.AddDate(100, 0, 0)), KeepTimelines: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.engine.Close() })
	return k
}

// of returns the keys of what an operation tells.
func (k *keys) of(t testing.TB, o *op) []factKey {
	t.Helper()
	if list, ok := k.known[o.ID]; ok {
		return list
	}
	k.noted.facts = k.noted.facts[:0]
	if err := o.tell(t.Context(), k.engine); err != nil {
		t.Fatalf("%s cannot be told: %v", o.ID, err)
	}
	list := make([]factKey, len(k.noted.facts))
	for i := range k.noted.facts {
		f := &k.noted.facts[i]
		list[i] = keyOf(f)
		if f.Source != "" && !slices.Contains(k.sources[f.Kind], f.Source) {
			k.sources[f.Kind] = append(k.sources[f.Kind], f.Source)
		}
	}
	k.known[o.ID] = list
	return list
}

// present returns the keys of all facts that are in a store, of the systems and of the sources that were ever told of.
func (k *keys) present(t testing.TB, store storage.Store, systems []string) map[factKey]bool {
	t.Helper()
	found := map[factKey]bool{}
	for f, err := range store.FactsOf(t.Context(), systems) {
		if err != nil {
			t.Fatal(err)
		}
		found[keyOf(&f.Fact)] = true
	}
	for kind, sources := range k.sources {
		for f, err := range store.FactsFrom(t.Context(), kind, sources) {
			if err != nil {
				t.Fatal(err)
			}
			found[keyOf(&f)] = true
		}
	}
	return found
}
