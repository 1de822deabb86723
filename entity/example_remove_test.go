package entity_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/entity"
)

func ExampleHandle_Remove() {
	type Session struct{ User string }
	ctx := context.Background()
	table := map[string]Session{"s-1": {"alice"}}
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	sessions, err := entity.Define(reg, "session", func(_ context.Context, ids []string, found func(string, Session)) error {
		for _, id := range ids {
			if s, ok := table[id]; ok {
				found(id, s)
			}
		}
		return nil
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	logOut := func(context.Context) error {
		delete(table, "s-1")
		return nil
	}

	_, err = sessions.Remove(ctx, "s-1", func(context.Context) error { return nil }, nil)
	fmt.Println(err) // the write did not delete it
	c, err := sessions.Remove(ctx, "s-1", logOut, &entity.MutateOptions{Actor: entity.Actor{Type: "user", ID: "alice"}})
	fmt.Println(c.Version, c.Prev.User, c.Next == nil, c.Actor.Type, err)
	c, err = sessions.Remove(ctx, "s-1", logOut, nil)
	fmt.Println(c.Version, err) // there was nothing to remove
	// Output:
	// entity: read broke its contract: kind "session": it finds "s-1" after its removal in the same transaction
	// 1 alice true user <nil>
	// 0 <nil>
}
