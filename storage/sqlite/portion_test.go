package sqlite_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/slokeep/slokeep/storage"
)

// More than a portion of one system, of one source and of one ID, among others with few.
func TestManyRowsOfOneKeyComeInPortions(t *testing.T) {
	if testing.Short() {
		t.Skip("many rows in one goroutine")
	}
	t.Parallel()
	s := openStore(t, newFile(t), nil)
	const many = 9000
	facts := []storage.Fact{fact("few", "few", "a", "z"), fact("", "one", "a"), fact("", "two", "z")}
	records := []storage.Record{record("a", "", ""), record("m", "", ""), record("z", "1", "")}
	for n := range many {
		switch n % 4 {
		case 0, 1:
			facts = append(facts, fact("", fmt.Sprint(n), "m"))
		case 2:
			facts = append(facts, fact("", fmt.Sprint(n), "b", "m"))
		default:
			facts = append(facts, fact("many", fmt.Sprint(n), "m"))
		}
		records = append(records, record("m", fmt.Sprintf("%06d", n), "data"))
	}
	want := map[string]int{"a": 2, "b": many / 4, "m": many, "z": 2}
	must(t, errors.Join(putFacts(t.Context(), s, facts...), s.Put(t.Context(), records)))
	got, last, seen := map[string]int{}, "", map[string]bool{}
	for f, err := range s.FactsOf(t.Context(), []string{"z", "m", "b", "a", "none"}) {
		must(t, err)
		if f.SystemID < last || seen[f.SystemID+string(f.Data)] {
			t.Fatalf("%s after %s, or %q twice", f.SystemID, last, f.Data)
		}
		last, seen[f.SystemID+string(f.Data)] = f.SystemID, true
		got[f.SystemID]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("facts %v, want %v", got, want)
	}
	n := 0
	for _, err := range s.FactsFrom(t.Context(), "observation", []string{"few", "many", "none"}) {
		must(t, err)
		n++
	}
	if n != many/4+1 {
		t.Errorf("%d facts of the sources, want %d", n, many/4+1)
	}
	var keys []string
	for r, err := range s.Get(t.Context(), []storage.Key{{Kind: "day", ID: "z"}, {Kind: "day", ID: "m"}, {Kind: "day", ID: "a"}}) {
		must(t, err)
		keys = append(keys, r.ID+r.Sub)
	}
	if len(keys) != len(records) || !slices.IsSorted(keys) || len(slices.Compact(keys)) != len(records) {
		t.Errorf("%d records, sorted %v, want %d", len(keys), slices.IsSorted(keys), len(records))
	}
	must(t, s.DeleteFacts(t.Context(), []string{"m"}))
	got = map[string]int{}
	for f, err := range s.FactsOf(t.Context(), []string{"a", "b", "m", "z"}) {
		must(t, err)
		got[f.SystemID]++
	}
	if delete(want, "m"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("facts %v after m's were deleted", got)
	}
	checkWhole(t, s)
}
