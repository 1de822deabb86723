package storage_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// record writes a fact, and the next version of each system that it is about, unless it is known.
func record(ctx context.Context, s storage.Store, f storage.Fact) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.Lock(ctx, "source", []string{f.Source}); err != nil { // others wait here
			return err
		}
		added, err := s.PutFacts(ctx, []storage.Fact{f})
		if err != nil || !added[0] {
			return err
		}
		keys := make([]storage.VersionKey, len(f.Systems))
		for i, system := range f.Systems {
			keys[i] = storage.VersionKey{Kind: "history", ID: system}
		}
		_, err = s.Bump(ctx, keys)
		return err
	})
}

// A fact counts once, however often it is told. One of the same source belongs to the systems of the others.
func Example() {
	store, ctx := memory.New(), context.Background()
	down := storage.Fact{Kind: "statement", Source: "incident-7", Systems: []string{"checkout", "orders"}, Data: []byte("down")}
	withdrawn := storage.Fact{Kind: "statement", Source: "incident-7", Data: []byte("withdrawn")}
	for _, f := range []storage.Fact{down, down, withdrawn} {
		if err := record(ctx, store, f); err != nil {
			fmt.Println(err)
		}
	}
	for f, err := range store.FactsOf(ctx, []string{"orders"}) {
		fmt.Printf("%s: %s %v\n", f.SystemID, f.Data, err)
	}
	fmt.Println(store.Versions(ctx, []storage.VersionKey{{Kind: "history", ID: "orders"}}))
	// Output:
	// orders: down <nil>
	// orders: withdrawn <nil>
	// [1] <nil>
}
