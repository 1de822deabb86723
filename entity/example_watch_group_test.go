package entity_test

import (
	"context"
	"fmt"
	"log"

	"github.com/slokeep/slokeep/entity"
)

// A watch with a Name and a Group belongs to all processes: it stays in the Log, goes on in the next process where it was,
// and each firing is handled once. Here the second process only follows the first.
func ExampleRegistry_Watch_group() {
	type Stock struct {
		Pieces int `json:"pieces"`
	}
	ctx := context.Background()
	store := entity.NewMemory() // a database in a real program
	pieces := 100
	process := func(name string, work func(sell func(n int))) {
		reg, err := entity.NewRegistry(&entity.Options{Log: store})
		if err != nil {
			log.Fatal(err)
		}
		defer reg.Close()
		stocks, err := entity.Define(reg, "stock", func(_ context.Context, ids []string, found func(string, Stock)) error {
			found("tea", Stock{pieces})
			return nil
		}, nil)
		if err != nil {
			log.Fatal(err)
		}
		if err := reg.Start(ctx); err != nil {
			log.Fatal(err)
		}
		few := entity.Below(entity.Path("stock", "tea", "pieces"), 10).Rearm(50)
		_, err = reg.Watch(ctx, few, func(_ context.Context, f entity.Firing) error {
			fmt.Println(name, "orders more, for time", f.Version, "at", f.Value)
			return nil
		}, &entity.WatchOptions{Name: "tea is short", Group: "purchase"})
		if err != nil {
			log.Fatal(err)
		}
		work(func(n int) {
			_ = entity.WithWrite(ctx, stocks, "tea", func(context.Context) error { pieces -= n; return nil })
			_ = reg.Settle(ctx)
		})
	}
	process("the first", func(sell func(n int)) { sell(91) })
	process("the second", func(sell func(n int)) { sell(4); sell(-10); sell(10); sell(-60); sell(60) })
	// Output:
	// the first orders more, for time 1 at 9
	// the second orders more, for time 2 at 5
}
