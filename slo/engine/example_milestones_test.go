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

func ExampleEngine_Milestones() {
	ctx := context.Background()
	clock := simclock.New(time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC))
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if err := e.SetSystemName(ctx, "sys-17", "Checkout"); err != nil {
		panic(err)
	}
	if _, err := e.Create(ctx, slo.Objective{ID: "checkout", SystemID: "sys-17", Target: 99.9, Window: slo.Days(30)}); err != nil {
		panic(err)
	}
	noon := clock.Now().Add(36 * time.Hour)
	clock.Advance(48 * time.Hour)
	if err := e.Observe(ctx, slo.Down("sys-17", noon), slo.Up("sys-17", noon.Add(30*time.Second))); err != nil {
		panic(err)
	}
	if err := e.RunDaily(ctx, clock.Now()); err != nil {
		panic(err)
	}
	milestones, err := e.Milestones(ctx, 10)
	if err != nil {
		panic(err)
	}
	for _, m := range milestones {
		fmt.Println(m.At.Format(time.DateTime), m.SystemName, m.Type)
	}
	// Output:
	// 2026-03-03 12:00:30 Checkout rapid_recovery
	// 2026-03-03 00:00:00 Checkout first_steps
}
