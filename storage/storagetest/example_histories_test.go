package storagetest_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// A cache gives what it was given last, of the newest version; it goes with the facts that it was worked out from.
func ExampleWithHistories() {
	store, ctx := storagetest.WithHistories(memory.New()), context.Background()
	show := func() {
		for h, err := range store.Histories(ctx, []string{"api", "db"}) {
			fmt.Printf("%s %d %s %v\n", h.SystemID, h.Version, h.Data, err)
		}
	}
	for _, list := range [][]storage.History{
		{{SystemID: "api", Version: 2, Data: []byte("down twice")}, {SystemID: "db", Version: 1, Data: []byte("fine")}},
		{{SystemID: "api", Version: 1, Data: []byte("down once")}}, // which comes late
	} {
		if err := store.PutHistories(ctx, list); err != nil {
			fmt.Println(err)
		}
	}
	show()
	fmt.Println(store.DeleteFacts(ctx, []string{"api"}))
	show()
	// Output:
	// api 2 down twice <nil>
	// db 1 fine <nil>
	// <nil>
	// db 1 fine <nil>
}
