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

// What is observed may come late, twice and in any order: it counts when it happened, not when it was heard of.
func ExampleEngine_Observe() {
	ctx, noon := context.Background(), time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	e, err := engine.New(memory.New(), &engine.Options{Clock: simclock.New(noon)})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if _, err := e.Create(ctx, slo.Objective{ID: "api", SystemID: "api", Target: 99.9, Window: slo.Days(30)}); err != nil {
		panic(err)
	}

	recovered := slo.Up("api", noon.Add(-20*time.Minute))
	for _, words := range [][]slo.Observation{
		{recovered},
		{slo.Down("api", noon.Add(-30*time.Minute)), recovered}, // the first word was on its way for long
	} {
		if err := e.Observe(ctx, words...); err != nil {
			panic(err)
		}
		downtimes, err := e.Downtimes(ctx, "api")
		if err != nil {
			panic(err)
		}
		fmt.Println(len(downtimes), "downtimes")
		for _, d := range downtimes {
			fmt.Println(d.Start.Format(time.TimeOnly), d.End.Format(time.TimeOnly), d.Cause)
		}
	}
	fmt.Println(e.Observe(ctx, slo.Down("api", noon.Add(time.Hour))))
	// Output:
	// 0 downtimes
	// 1 downtimes
	// 11:30:00 11:40:00 self
	// slo: invalid: observation of "api": at 2026-03-02T13:00:00Z: want not more than a minute after now, 2026-03-02T12:00:00Z
}
