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

// The probe was broken for a while: people know that the system was healthy then.
func ExampleEngine_Correct() {
	ctx, noon := context.Background(), time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	e, err := engine.New(memory.New(), &engine.Options{Clock: simclock.New(noon)})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if _, err := e.Create(ctx, slo.Objective{ID: "api", SystemID: "api", Target: 99.9, Window: slo.Days(30)}); err != nil {
		panic(err)
	}
	if err := e.Observe(ctx, slo.Down("api", noon.Add(-time.Hour)), slo.Up("api", noon.Add(-10*time.Minute))); err != nil {
		panic(err)
	}
	err = e.Correct(ctx, slo.Correction{
		ID: "ticket 12", SystemID: "api", From: noon.Add(-50 * time.Minute), Until: noon.Add(-20 * time.Minute),
		Health: slo.Healthy, Reason: "the probe had no network",
	})
	if err != nil {
		panic(err)
	}
	downtimes, err := e.Downtimes(ctx, "api")
	for _, d := range downtimes {
		fmt.Println(d.Start.Format(time.TimeOnly), d.End.Format(time.TimeOnly), err)
	}
	// Output:
	// 11:00:00 11:10:00 <nil>
	// 11:40:00 11:50:00 <nil>
}
