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

// A target is raised. What was judged before stays as it was, unless the update is retroactive.
func ExampleEngine_Update() {
	ctx, clock := context.Background(), simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if _, err := e.Create(ctx, slo.Objective{ID: "api", SystemID: "api", Target: 99, Window: slo.Days(30)}); err != nil {
		panic(err)
	}
	yesterday := clock.Now()
	if err := e.Observe(ctx, slo.Down("api", yesterday.Add(-2*time.Hour)), slo.Up("api", yesterday.Add(-time.Hour))); err != nil {
		panic(err)
	}
	clock.Advance(24 * time.Hour)

	for _, opts := range []*engine.UpdateOptions{nil, {Retroactive: true}} {
		o, err := e.Update(ctx, "api", func(o *slo.Objective) { o.Target = 99.9 }, opts)
		if err != nil {
			panic(err)
		}
		status, err := e.StatusAt(ctx, "api", yesterday)
		fmt.Printf("%d revisions; yesterday: target %v, breaching %v %v\n", len(o.Revisions), status.Target, status.Breaching, err)
	}
	// Output:
	// 1 revisions; yesterday: target 99, breaching false <nil>
	// 0 revisions; yesterday: target 99.9, breaching true <nil>
}
