package storage

import (
	"context"
	"iter"
)

// History is what was worked out from the facts of a system at one version of it. What is in it is the engine's affair.
type History struct {
	SystemID string // 1 to 256 bytes
	Version  int64
	Data     []byte
}

// HistoryCache is what a [Store] may be beside: the engine finds out with a type assertion, and then reads one row of a
// system where it would read all of its facts. It is a cache: all that is in it can be worked out again, the engine uses a
// history only where its Version is the system's, and no answer is another one without it. A Store that reads facts as fast
// as it would read these, as storage/memory does, needs none.
//
// What is said of Store holds for these two methods: a history is a row of the same transactions.
type HistoryCache interface {
	// Histories lists what is kept of the systems, which are in any order, in byte order of their IDs; one that is asked for
	// twice comes once. A system of which nothing is kept is passed over. [Facts.DeleteFacts] deletes what is kept of its
	// systems.
	Histories(ctx context.Context, systems []string) iter.Seq2[History, error]

	// PutHistories keeps the histories, which are sorted and distinct by system, each in place of an older version. One that
	// is not newer than what is kept is passed over, whichever came first.
	PutHistories(ctx context.Context, histories []History) error
}
