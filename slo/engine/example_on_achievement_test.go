package engine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

func ExampleEngine_OnAchievement() {
	ctx := context.Background()
	clock := simclock.New(time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC))
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	_, err = e.OnAchievement(func(_ context.Context, a streak.Achievement) error {
		fmt.Printf("%s has earned %s\n", a.SystemID, a.Type)
		return nil
	}, nil)
	if err != nil {
		panic(err)
	}
	if err := e.Entities().Start(ctx); err != nil {
		panic(err)
	}
	if _, err := e.Create(ctx, slo.Objective{ID: "checkout", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)}); err != nil {
		panic(err)
	}
	for range 8 {
		clock.Advance(24 * time.Hour)
		if err := e.RunDaily(ctx, clock.Now()); err != nil {
			panic(err)
		}
		if err := e.Settle(ctx); err != nil {
			panic(err)
		}
	}
	achievements, err := e.Achievements(ctx, []string{"checkout"})
	if err != nil {
		panic(err)
	}
	for _, a := range achievements["checkout"] {
		fmt.Println(a.Type, a.At.Format(time.DateOnly))
	}
	// Output:
	// checkout has earned first_steps
	// checkout has earned iron_uptime
	// first_steps 2026-03-03
	// iron_uptime 2026-03-10
}
