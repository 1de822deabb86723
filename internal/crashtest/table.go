package crashtest

import (
	"context"

	"github.com/slokeep/slokeep/storage"
)

// HostTable is what a store may have beside what all stores have, where a host has tables of its own in the same database:
// one such table, which the adapter's test writes and reads as a host would. If what [Open] returns is one, workers write a
// row of it in each transaction in which they write an account, and it is checked that both have happened or neither.
//
// The table is there when Open returns, and empty at first.
type HostTable interface {
	// CountUp adds 1 to the count of an id, which is 0 until then. It takes part in the transaction that ctx always has.
	CountUp(ctx context.Context, id string) error

	// Counts returns all counts but those that are 0, as the transaction sees them that ctx always has.
	Counts(ctx context.Context) (map[string]int64, error)
}

// tableOf returns the table that a store has, nil for none.
func tableOf(store storage.Store) HostTable {
	if m, ok := store.(*mortal); ok {
		store = m.Store // through whose InTx it is written nevertheless
	}
	table, _ := store.(HostTable)
	return table
}

// checkTable compares the host's table with accounts, whose heads are locked: each version was counted, and nothing else.
func (j *judge) checkTable(ctx context.Context, versions map[string]int64) error {
	j.t.Helper()
	table := tableOf(j.store)
	if table == nil {
		return nil
	}
	counts, err := table.Counts(ctx)
	if err != nil {
		return err
	}
	for id, version := range versions {
		if counts[id] != version {
			j.complain(miscounted, "%s has version %d and the count %d", id, version, counts[id])
		}
	}
	for id, n := range counts {
		if _, ok := versions[id]; !ok {
			j.complain(miscounted, "%s, which is no account, has the count %d", id, n)
		}
	}
	return nil
}
