package entity_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/entity"
)

// Seat is free, or somebody's.
type Seat struct{ Taken string }

// A swap is one write of two entities: both changes are published, or neither.
func ExampleHandle_MutateMany() {
	ctx := context.Background()
	seats := map[string]Seat{"1A": {"alice"}, "1B": {"bob"}, "1C": {}}
	reads := 0
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	handle, err := entity.Define(reg, "seat", func(_ context.Context, ids []string, found func(string, Seat)) error {
		reads++
		for _, id := range ids {
			found(id, seats[id])
		}
		return nil
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	changes, err := handle.MutateMany(ctx, []string{"1C", "1B", "1A"}, func(context.Context) error {
		seats["1A"], seats["1B"] = seats["1B"], seats["1A"]
		return nil
	}, nil)
	for _, c := range changes {
		fmt.Println(c.ID, c.Version, c.Prev.Taken, "to", c.Next.Taken)
	}
	fmt.Println(reads, "reads, one before the first write and one after it;", err)
	// Output:
	// 1A 1 alice to bob
	// 1B 1 bob to alice
	// 2 reads, one before the first write and one after it; <nil>
}
