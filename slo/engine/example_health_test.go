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

// The feed has lost a recovery; the host knows of it. It ends the outage in answers about now, and in nothing that is
// recorded.
func ExampleHealthFunc() {
	ctx, noon := context.Background(), time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	health := func(_ context.Context, systems []string) (map[string]engine.HealthReport, error) {
		fmt.Println("asked for", systems)
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

	status, err := e.Status(ctx, "api")
	fmt.Println("now:", status.Down, status.Budget.Consumed, status.Live, err)
	status, err = e.StatusAt(ctx, "api", noon)
	fmt.Println("recorded:", status.Down, status.Budget.Consumed, status.Live, err)
	// Output:
	// asked for [api]
	// now: false 10m0s true <nil>
	// recorded: true 1h0m0s false <nil>
}
