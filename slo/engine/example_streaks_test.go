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

func ExampleEngine_Streaks() {
	ctx := context.Background()
	clock := simclock.New(time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC))
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if _, err := e.Create(ctx, slo.Objective{ID: "checkout", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)}); err != nil {
		panic(err)
	}
	clock.Advance(12 * 24 * time.Hour)
	if err := e.RunDaily(ctx, clock.Now()); err != nil {
		panic(err)
	}
	streaks, err := e.Streaks(ctx, []string{"checkout", "unknown"})
	if err != nil {
		panic(err)
	}
	for id, s := range streaks {
		fmt.Println(id, s.Current, "days, since", s.Start)
	}
	// Output:
	// checkout 12 days, since 2026-03-02
}
