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

// What live health knows and the feed has lost is recorded. Run does it every minute.
func ExampleEngine_Reconcile() {
	ctx, noon := context.Background(), time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	health := func(context.Context, []string) (map[string]engine.HealthReport, error) {
		return map[string]engine.HealthReport{"api": {Health: slo.Healthy, Since: noon.Add(-50 * time.Minute)}}, nil
	}
	e, err := engine.New(memory.New(), &engine.Options{Clock: simclock.New(noon), Health: health})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if _, err := e.Create(ctx, slo.Objective{ID: "api", SystemID: "api", Target: 99.9, Window: slo.Days(30)}); err != nil {
		panic(err)
	}
	if err := e.Observe(ctx, slo.Down("api", noon.Add(-time.Hour))); err != nil {
		panic(err)
	}

	for range 2 {
		downtimes, err := e.Downtimes(ctx, "api")
		if err != nil {
			panic(err)
		}
		status, err := e.Status(ctx, "api")
		fmt.Println("over:", !downtimes[0].End.IsZero(), "consumed:", status.Budget.Consumed, err)
		if err := e.Reconcile(ctx); err != nil {
			panic(err)
		}
	}
	// Output:
	// over: false consumed: 10m0s <nil>
	// over: true consumed: 10m0s <nil>
}
