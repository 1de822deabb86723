package entity_test

import (
	"context"
	"fmt"
	"log"

	"github.com/slokeep/slokeep/entity"
)

// Door is a host's own struct.
type Door struct{ Open bool }

// Two registries on one Log are as two processes on one database: what is written through one is heard in both.
func ExampleNewMemory() {
	ctx := context.Background()
	door, data := Door{}, entity.NewMemory()
	read := func(_ context.Context, ids []string, found func(string, Door)) error {
		found(ids[0], door) // there is but one
		return nil
	}
	process := func(name string) (*entity.Registry, *entity.Handle[Door]) {
		reg, err := entity.NewRegistry(&entity.Options{Log: data})
		if err != nil {
			log.Fatal(err)
		}
		doors, err := entity.Define(reg, "door", read, nil)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := doors.OnChange(func(_ context.Context, c entity.Typed[Door]) error {
			fmt.Println(name, "hears that", c.ID, "is open:", c.Next.Open)
			return nil
		}, nil); err != nil {
			log.Fatal(err)
		}
		if err := reg.Start(ctx); err != nil {
			log.Fatal(err)
		}
		return reg, doors
	}

	one, doors := process("one")
	defer one.Close()
	two, _ := process("two")
	defer two.Close()
	if _, err := doors.Mutate(ctx, "front", func(context.Context) error { door.Open = true; return nil }, nil); err != nil {
		log.Fatal(err)
	}
	for _, reg := range []*entity.Registry{one, two} {
		if err := reg.Settle(ctx); err != nil {
			log.Fatal(err)
		}
	}
	// Unordered output:
	// one hears that front is open: true
	// two hears that front is open: true
}
