package slo_test

import (
	"cmp"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The checkout depends on a database, and fails with it: of its twelve minutes, eight are the database's.
func ExampleTimeline() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	database, err := slo.NewSystemHistory("db", []slo.Observation{slo.Down("db", minute(0)), slo.Up("db", minute(10))}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	checkout, err := slo.NewSystemHistory("checkout",
		[]slo.Observation{slo.Down("checkout", minute(2)), slo.Up("checkout", minute(14))}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	objective := slo.Objective{
		ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly,
	}
	timeline, err := objective.Timeline(checkout, []slo.Upstream{{ID: "db", Name: "orders", History: database}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	status := timeline.Status(minute(60))
	fmt.Println("consumed", status.Budget.Consumed, "of", status.Budget.Total)
	fmt.Println("availability", status.Availability, "strict", status.StrictAvailability)
	for _, share := range status.Attribution {
		fmt.Println(share.Cause, cmp.Or(share.UpstreamName, "-"), share.Duration)
	}
	// Output:
	// consumed 4m0s of 43m12s
	// availability 99.99074074074075 strict 99.97222222222223
	// self - 4m0s
	// upstream orders 8m0s
}
