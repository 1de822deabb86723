package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A database fails, two minutes later the service that needs it; the database is back first. What the database was down
// for is its fault, the rest is the service's own.
func ExampleUpstream() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	db, err := slo.NewSystemHistory("db", []slo.Observation{slo.Down("db", noon), slo.Up("db", noon.Add(10*time.Minute))}, nil, nil)
	if err != nil {
		panic(err)
	}
	api, err := slo.NewSystemHistory("api", []slo.Observation{
		slo.Down("api", noon.Add(2*time.Minute)), slo.Up("api", noon.Add(15*time.Minute)),
	}, nil, nil)
	if err != nil {
		panic(err)
	}

	objective := slo.Objective{
		ID: "api-uptime", SystemID: "api", Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly,
	}
	timeline, err := objective.Timeline(api, []slo.Upstream{{ID: "db", Name: "Orders database", History: db}}, nil)
	if err != nil {
		panic(err)
	}
	status := timeline.Status(noon.Add(time.Hour))
	for _, share := range status.Attribution {
		fmt.Println(share.Cause, share.UpstreamName, share.Duration)
	}
	fmt.Println("consumed", status.Budget.Consumed, "of all", status.Budget.ConsumedStrict)
	// Output:
	// self  5m0s
	// upstream Orders database 8m0s
	// consumed 5m0s of all 13m0s
}
