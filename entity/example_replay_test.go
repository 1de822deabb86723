package entity_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/slokeep/slokeep/entity"
)

// Letter is a host's own struct.
type Letter struct{ Text string }

// What a group fails on is parked, and given to it again when somebody has seen to the cause.
func ExampleRegistry_Replay() {
	ctx := context.Background()
	letter, paper := Letter{}, false
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	letters, err := entity.Define(reg, "letter", entity.FromMap(func(context.Context, []string) (map[string]Letter, error) {
		return map[string]Letter{"l-1": letter}, nil
	}), nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := letters.OnChange(func(_ context.Context, c entity.Typed[Letter]) error {
		if !paper {
			return errors.New("out of paper")
		}
		fmt.Printf("printed %q, replayed: %t\n", c.Next.Text, c.Replayed)
		return nil
	}, &entity.SubscribeOptions{Group: "printer", Attempts: 1}); err != nil {
		log.Fatal(err)
	}
	if err := reg.Start(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := letters.Mutate(ctx, "l-1", func(context.Context) error { letter.Text = "Dear Zoë"; return nil }, nil); err != nil {
		log.Fatal(err)
	}
	if reg.Settle(ctx) == nil {
		paper = true
	}
	for parked, err := range reg.Parked(ctx, "printer") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("parked:", parked.Change.ID, "for", parked.Error)
		if err := reg.Replay(ctx, parked); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// parked: l-1 for out of paper
	// printed "Dear Zoë", replayed: true
}
