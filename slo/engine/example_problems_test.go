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

// What is wrong with the systems of a page, in one call.
func ExampleEngine_Problems() {
	ctx, noon := context.Background(), time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	e, err := engine.New(memory.New(), &engine.Options{Clock: simclock.New(noon)})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	for _, system := range []string{"api", "db", "web"} {
		if _, err := e.Create(ctx, slo.Objective{ID: system + "-uptime", SystemID: system, Target: 99.9, Window: slo.Days(30)}); err != nil {
			panic(err)
		}
	}
	err = e.Observe(ctx,
		slo.Down("api", noon.Add(-50*time.Minute)), slo.Up("api", noon.Add(-time.Minute)),
		slo.Down("db", noon.Add(-time.Minute)))
	if err != nil {
		panic(err)
	}

	systems := []string{"api", "db", "web"}
	problems, err := e.Problems(ctx, systems)
	for _, system := range systems {
		for _, p := range problems[system] {
			fmt.Println(p.Status.ObjectiveID, p.Trouble, p.Status.Budget.Remaining, err)
		}
	}
	// Output:
	// api-uptime breaching -5m48s <nil>
	// db-uptime down 42m12s <nil>
}
