package engine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

// An Engine in memory, on a clock that is moved by hand. Without a Clock it takes the time package.
func ExampleNew() {
	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer e.Close()

	ctx := context.Background()
	_, err = e.Create(ctx, slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)})
	if err != nil {
		panic(err)
	}
	if err := e.Observe(ctx, slo.Down("checkout", clock.Now())); err != nil {
		panic(err)
	}
	clock.Advance(10 * time.Minute)
	status, err := e.Status(ctx, "checkout-uptime")
	fmt.Println(status.Down, status.Budget.Remaining, err)
	// Output: true 33m12s <nil>
}
