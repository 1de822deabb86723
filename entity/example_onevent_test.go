package entity_test

import (
	"context"
	"fmt"
	"log"

	"github.com/slokeep/slokeep/entity"
)

// Changes get names that say what they mean to the host; listeners need not know the kind.
func ExampleRegistry_OnEvent() {
	type Door struct{ Open bool }
	ctx := context.Background()
	open := false
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	doors, err := entity.Define(reg, "door", func(_ context.Context, ids []string, found func(string, Door)) error {
		found("front", Door{open})
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}

	if err := doors.Derive(func(prev, next *Door) []string {
		if prev != nil && next != nil && !prev.Open && next.Open {
			return []string{"door.opened"}
		}
		return nil
	}); err != nil {
		log.Fatal(err)
	}
	if _, err := reg.OnEvent("door.opened", func(_ context.Context, e entity.Event) error {
		fmt.Println(e.Name, e.Change.ID, e.Change.Version)
		return nil
	}, nil); err != nil {
		log.Fatal(err)
	}
	if err := reg.Start(ctx); err != nil {
		log.Fatal(err)
	}

	for range 4 { // open it, close it, open it, close it
		if err := entity.WithWrite(ctx, doors, "front", func(context.Context) error { open = !open; return nil }); err != nil {
			log.Fatal(err)
		}
	}
	if err := reg.Settle(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// door.opened front 1
	// door.opened front 3
}
