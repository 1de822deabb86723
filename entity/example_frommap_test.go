package entity_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/entity"
)

// A host that has a function which returns a map has a Read.
func ExampleFromMap() {
	type Lamp struct{ On bool }
	lookUp := func(_ context.Context, ids []string) (map[string]Lamp, error) {
		lamps := map[string]Lamp{}
		for _, id := range ids {
			if id == "desk" || id == "hall" {
				lamps[id] = Lamp{On: id == "hall"}
			}
		}
		return lamps, nil
	}

	reg, err := entity.NewRegistry(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	lamps, err := entity.Define(reg, "lamp", entity.FromMap(lookUp), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(lamps.GetMany(context.Background(), []string{"desk", "hall", "attic"}))
	fmt.Println(lamps.Get(context.Background(), "attic"))
	// Output:
	// map[desk:{false} hall:{true}] <nil>
	// {false} entity: not found: lamp "attic"
}
