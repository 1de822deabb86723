package entity_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// Server is up or down.
type Server struct{ Up bool }

func ExampleHandle_InStateSince() {
	ctx := context.Background()
	clock := simclock.New(time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC))
	reg, err := entity.NewRegistry(&entity.Options{Clock: clock})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	up := false
	servers, err := entity.Define(reg, "server", func(_ context.Context, ids []string, found func(string, Server)) error {
		found(ids[0], Server{up})
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(servers.InStateFor(ctx, "web-1", "Up")) // nothing was ever published

	for range 3 { // at 9:10 up, at 9:20 down, at 9:30 up
		clock.Advance(10 * time.Minute)
		if err := entity.WithWrite(ctx, servers, "web-1", func(context.Context) error { up = !up; return nil }); err != nil {
			log.Fatal(err)
		}
	}
	clock.Advance(5 * time.Minute)

	fmt.Println(servers.InStateSince(ctx, "web-1", "Up"))
	fmt.Println(servers.InStateFor(ctx, "web-1", "Up"))
	fmt.Println(servers.TransitionCount(ctx, "web-1", "Up", 15*time.Minute))
	// Output:
	// 0s false <nil>
	// 2026-03-02 09:30:00 +0000 UTC true <nil>
	// 5m0s true <nil>
	// 2 <nil>
}
