package storagetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

var rangeLaws = []law{
	{
		name: "a range is what is after After and before To",
		why: `List yields the records of the Kind whose (ID, Sub) is greater than After's and, unless To has neither an ID nor a
Sub, less than To's; at most Limit of them, all where it is 0. The two need not be there. Since the zero After is a
key too, the record without an ID and a Sub is in no range.`,
		check: func(w *world) { w.ranges(false) },
	},
	{
		name: "a range is listed backward from its end",
		why: `Backward turns the order around, and with it which records a Limit leaves: the last ones of the range, the very last
one first. After and To mean what they mean forward.`,
		check: func(w *world) { w.ranges(true) },
	},
}

// ranges compares random ranges with what a filter gives.
func (w *world) ranges(backward bool) {
	w.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"", "a", "a b", "b", "ba", "c"}
	pick := func() string { return names[rng.IntN(len(names))] }
	var records []storage.Record
	for i := range 20 {
		records = append(records, rec(pick(), pick(), fmt.Sprint(i)))
	}
	records = append(records, rec("", "", "in no range"))
	other := rec("a", "b", "of another kind")
	other.Kind = "week"
	w.put(append(records, other)...)
	slices.Reverse(records)
	slices.SortStableFunc(records, byKey)
	records = slices.CompactFunc(records, func(a, b storage.Record) bool { return a.Key == b.Key })
	for range 150 {
		r := storage.Range{
			Kind: day, After: storage.Key{Kind: "any", ID: pick(), Sub: pick()}, To: storage.Key{Kind: "one", ID: pick(), Sub: pick()},
			Limit: rng.IntN(6), Backward: backward,
		}
		if rng.IntN(3) == 0 {
			r.To = storage.Key{}
		}
		got, err := list(w.ctx, w.other, r)
		w.must("List", err)
		w.same(fmt.Sprintf("List of %+v", r), got, showAll(filter(records, r), showRecord))
	}
}

// filter is List, of records that are sorted.
func filter(records []storage.Record, r storage.Range) []storage.Record {
	compare := func(a, b storage.Key) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sub, b.Sub)) }
	var found []storage.Record
	for _, record := range records {
		bounded := r.To.ID != "" || r.To.Sub != ""
		if compare(record.Key, r.After) > 0 && (!bounded || compare(record.Key, r.To) < 0) {
			found = append(found, record)
		}
	}
	if r.Backward {
		slices.Reverse(found)
	}
	if r.Limit > 0 && len(found) > r.Limit {
		found = found[:r.Limit]
	}
	return found
}
