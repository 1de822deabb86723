package storagetest_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// What a caller does who is told that a commit failed, when it did not.
func ExampleFaults() {
	var faults storagetest.Faults
	store, ctx := faults.Wrap(memory.New()), context.Background()
	lend := func() (lent bool, err error) {
		err = store.InTx(ctx, func(ctx context.Context) error {
			added, err := store.Add(ctx, []storage.Record{{Key: storage.Key{Kind: "loan", ID: "emma"}}})
			lent = err == nil && added[0]
			return err
		})
		return lent, err
	}
	faults.Fail(storagetest.Fault{Method: "InTx", N: 1, When: storagetest.After})
	fmt.Println(lend())
	fmt.Println(lend())
	fmt.Println(faults.Calls())
	// Output:
	// true storagetest: fault
	// false <nil>
	// map[Add:2 InTx:2]
}
