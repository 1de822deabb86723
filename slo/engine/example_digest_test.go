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

// A week has one digest, and subscribers are told of it once.
func ExampleEngine_Digest() {
	ctx := context.Background()
	monday := time.Date(2026, time.March, 9, 9, 0, 0, 0, time.UTC)
	clock := simclock.New(monday.AddDate(0, 0, -14))
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	_, err = e.OnDigest(func(_ context.Context, d engine.Digest) error {
		fmt.Printf("%s: %d breaching (%+d), %d at risk (%+d), %d healthy (%+d)\n",
			d.Week, d.Breaching, d.Change.Breaching, d.AtRisk, d.Change.AtRisk, d.Healthy, d.Change.Healthy)
		fmt.Printf("worst: %s, %.1f %% left\n", d.Bottom[0].ObjectiveID, d.Bottom[0].BudgetRemainingPercent)
		return nil
	}, nil)
	if err != nil {
		panic(err)
	}
	if err := e.Entities().Start(ctx); err != nil {
		panic(err)
	}
	for _, id := range []string{"checkout", "search"} {
		if _, err := e.Create(ctx, slo.Objective{ID: id, SystemID: id, Target: 99.9, Window: slo.Days(30)}); err != nil {
			panic(err)
		}
	}
	clock.Advance(14 * 24 * time.Hour)
	sunday := monday.AddDate(0, 0, -1)
	if err := e.Observe(ctx, slo.Down("search", sunday), slo.Up("search", sunday.Add(time.Hour))); err != nil {
		panic(err)
	}
	for range 2 {
		if _, err := e.Digest(ctx, monday); err != nil {
			panic(err)
		}
	}
	if err := e.Settle(ctx); err != nil {
		panic(err)
	}
	// Output:
	// 2026-W11: 1 breaching (+1), 0 at risk (+0), 1 healthy (-1)
	// worst: search, -38.9 % left
}
