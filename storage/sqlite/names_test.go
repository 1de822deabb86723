package sqlite_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
)

// lookAlikes are IDs that are easily taken for each other, or for SQL.
var lookAlikes = []string{
	"caf\u00e9", "cafe\u0301", "Caf\u00e9", "CAF\u00c9", "cafe", "a", "A", "\u0430", "a ", " a", "a\u00a0", "a\u200b", "\ufeffa", "K", "\u212a",
	"'", "''", `"`, "`", `\`, "'; DROP TABLE store_facts; --", "%", "_", "?", "?1", ":a", "$a", "NULL", "null", "1", "01", "1.0", "1e3", "x'00'",
	"\n", "\t", "\r\n", "[]", `{"a":1}`, "\uffff", "\U0010ffff", strings.Repeat("\u20ac", 85) + "!", strings.Repeat("\U0001f600", 64),
}

func TestNamesAndNotesComeBackAsTheyWere(t *testing.T) {
	path := newFile(t)
	s := openStore(t, path, nil)
	e, err := engine.New(s, nil)
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	note := func(id string) string { return id + strings.Repeat("'\u00e9\n", 10_000/4) }
	var facts []storage.Fact
	for _, id := range lookAlikes {
		_, err := e.Create(t.Context(), slo.Objective{ID: id, Name: note(id), SystemID: id, Target: 99, Window: slo.Days(30)})
		must(t, err)
		facts = append(facts, fact("", note(id), id), fact(id, "of "+note(id), id))
	}
	must(t, putFacts(t.Context(), s, facts...))
	must(t, e.Settle(t.Context()))

	want := slices.Sorted(slices.Values(lookAlikes))
	other := openStore(t, path, nil)
	reopened, err := engine.New(other, nil)
	must(t, err)
	t.Cleanup(func() { must(t, reopened.Close()) })
	var got []string
	for o, err := range reopened.List(t.Context(), "") {
		must(t, err)
		got = append(got, o.ID)
		if o.SystemID != o.ID || o.Name != note(o.ID) {
			t.Errorf("objective %q is on %q and called %.40q", o.ID, o.SystemID, o.Name)
		}
	}
	same(t, "objectives", got, want)
	got = nil
	for h, err := range other.Heads(t.Context(), "slo", nil) {
		must(t, err)
		got = append(got, h.ID)
	}
	same(t, "entities", got, want)
	got = nil
	for f, err := range other.FactsOf(t.Context(), lookAlikes) {
		must(t, err)
		got = append(got, fmt.Sprintf("%s %q %s", f.SystemID, f.Source, f.Data))
	}
	slices.Sort(got)
	var all []string
	for _, f := range facts {
		all = append(all, fmt.Sprintf("%s %q %s", f.Systems[0], f.Source, f.Data))
	}
	same(t, "facts", got, slices.Sorted(slices.Values(all)))
	for _, id := range lookAlikes {
		if err := e.Delete(t.Context(), id); err != nil {
			t.Errorf("Delete(%q): %v", id, err)
		}
		if _, err := reopened.Get(t.Context(), id); !errors.Is(err, entity.ErrNotFound) {
			t.Errorf("Get(%q) after its deletion: %v", id, err)
		}
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %.2000q\nwant %.2000q", what, got, want)
	}
}
