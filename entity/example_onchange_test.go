package entity_test

import (
	"context"
	"fmt"
	"log"

	"github.com/slokeep/slokeep/entity"
)

// Parcel is a host's own struct.
type Parcel struct{ Status string }

func ExampleHandle_OnChange() {
	ctx := context.Background()
	table := map[string]Parcel{}
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	parcels, err := entity.Define(reg, "parcel", entity.FromMap(func(context.Context, []string) (map[string]Parcel, error) {
		return table, nil // it has but one
	}), nil)
	if err != nil {
		log.Fatal(err)
	}

	if _, err := parcels.OnChange(func(_ context.Context, c entity.Typed[Parcel]) error {
		if c.Prev == nil {
			fmt.Println(c.ID, "is new:", c.Next.Status)
		} else {
			fmt.Println(c.ID, "went from", c.Prev.Status, "to", c.Next.Status)
		}
		return nil
	}, nil); err != nil {
		log.Fatal(err)
	}
	if err := reg.Start(ctx); err != nil {
		log.Fatal(err)
	}

	for _, status := range []string{"packed", "sent", "delivered"} {
		if _, err := parcels.Mutate(ctx, "p-1", func(context.Context) error {
			table["p-1"] = Parcel{status}
			return nil
		}, nil); err != nil {
			log.Fatal(err)
		}
	}
	if err := reg.Settle(ctx); err != nil { // as a test does, before it looks
		log.Fatal(err)
	}
	// Output:
	// p-1 is new: packed
	// p-1 went from packed to sent
	// p-1 went from sent to delivered
}
