package entity_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// A watch for an order that nobody has paid for half an hour. The clock is one that is moved by hand; the default is the
// time package's.
func ExampleRegistry_Watch() {
	type Order struct {
		Status string `json:"status"`
	}
	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	reg, err := entity.NewRegistry(&entity.Options{Clock: clock})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	rows := map[string]Order{}
	read := func(context.Context, []string) (map[string]Order, error) { return rows, nil }
	orders, err := entity.Define(reg, "order", entity.FromMap(read), nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := reg.Start(ctx); err != nil {
		log.Fatal(err)
	}
	clock.Settle = func() { _ = reg.Settle(ctx) }

	unpaid := entity.Is(entity.Path("order", "o-1", "status"), "placed").For(30 * time.Minute)
	stop, err := reg.Watch(ctx, unpaid, func(_ context.Context, f entity.Firing) error {
		fmt.Println(f.At.Format(time.TimeOnly), "send a reminder: it is still", f.Value)
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	err = entity.WithWrite(ctx, orders, "o-1", func(context.Context) error { rows["o-1"] = Order{"placed"}; return nil })
	if err != nil {
		log.Fatal(err)
	}
	clock.Advance(time.Hour)
	// Output:
	// 12:30:00 send a reminder: it is still placed
}
