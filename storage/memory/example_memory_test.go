package memory_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// A transaction sees what it has written; others do when it has committed.
func ExampleNew() {
	store, ctx := memory.New(), context.Background()
	shelf := storage.Range{Kind: "book"}
	count := func(ctx context.Context) (n int) {
		for range store.List(ctx, shelf) {
			n++
		}
		return n
	}
	err := store.InTx(ctx, func(tx context.Context) error {
		err := store.Put(tx, []storage.Record{{Key: storage.Key{Kind: "book", ID: "emma"}}})
		fmt.Println("inside:", count(tx), "outside:", count(ctx))
		return err
	})
	fmt.Println("committed:", count(ctx), err)
	// Output:
	// inside: 1 outside: 0
	// committed: 1 <nil>
}
