package entity_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/entity"
)

// A computed state moves on when its sources do. Refresh publishes what has become of it.
func ExampleHandle_Refresh() {
	type Team struct{ Members, Absent int }
	ctx := context.Background()
	members, absent := 5, 0
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	teams, err := entity.Define(reg, "team", func(_ context.Context, ids []string, found func(string, Team)) error {
		found(ids[0], Team{members, absent})
		return nil
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	refresh := func() {
		err := teams.Refresh(ctx, "platform")
		version, _ := teams.Version(ctx, "platform")
		fmt.Println(version, err)
	}

	refresh() // the first look takes it as it is
	absent = 2
	refresh()
	refresh() // nothing has changed since
	members = 6
	refresh()
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 1 <nil>
	// 2 <nil>
}
