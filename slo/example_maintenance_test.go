package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// Of an outage of two hours the first lies in a planned window, which this objective takes for good time.
func ExampleMaintenance() {
	night := time.Date(2026, time.March, 2, 1, 0, 0, 0, time.UTC)
	h, err := slo.NewSystemHistory("api", []slo.Observation{slo.Down("api", night), slo.Up("api", night.Add(2*time.Hour))}, nil, nil)
	if err != nil {
		panic(err)
	}
	objective := slo.Objective{ID: "api-uptime", SystemID: "api", Target: 99, Window: slo.Days(30), ExcludeMaintenance: true}
	timeline, err := objective.Timeline(h, nil, []slo.Maintenance{
		{ID: "MW-7", SystemID: "api", Start: night.Add(-time.Hour), End: night.Add(time.Hour)},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(timeline.Status(night.Add(12 * time.Hour)).Budget.Consumed)
	// Output: 1h0m0s
}
