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

// A job that was off for some nights ends with the same days as one that ran each night.
func ExampleEngine_RunDaily() {
	ctx := context.Background()
	monday := time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)
	clock := simclock.New(monday)
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if _, err := e.Create(ctx, slo.Objective{ID: "checkout", SystemID: "checkout", Target: 99, Window: slo.Days(1)}); err != nil {
		panic(err)
	}
	clock.Advance(4 * 24 * time.Hour)
	tuesday := monday.AddDate(0, 0, 1)
	if err := e.Observe(ctx, slo.Down("checkout", tuesday), slo.Up("checkout", tuesday.Add(time.Hour))); err != nil {
		panic(err)
	}
	if err := e.RunDaily(ctx, clock.Now()); err != nil {
		panic(err)
	}
	first, err := streak.ParseDate("2026-03-02")
	if err != nil {
		panic(err)
	}
	last, err := streak.ParseDate("2026-03-05")
	if err != nil {
		panic(err)
	}
	days, err := e.Days(ctx, "checkout", first, last)
	if err != nil {
		panic(err)
	}
	for _, d := range days {
		fmt.Printf("%s %.2f %% %s, streak %d\n", d.Date, d.Availability, d.Outcome, d.Streak.Current)
	}
	// Output:
	// 2026-03-02 100.00 % met, streak 1
	// 2026-03-03 95.83 % missed, streak 0
	// 2026-03-04 100.00 % met, streak 1
	// 2026-03-05 100.00 % met, streak 2
}
