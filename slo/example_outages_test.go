package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// An outage is whole, whoever is to blame for which part of it.
func ExampleTimeline_Outages() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	history, err := slo.NewSystemHistory("api", []slo.Observation{
		slo.Down("api", minute(0)), slo.Up("api", minute(3)),
		{SystemID: "api", At: minute(10), Health: slo.Unhealthy, UpstreamID: "database"}, slo.Down("api", minute(12)), slo.Up("api", minute(14)),
	}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	timeline, err := slo.Objective{ID: "api", SystemID: "api", Target: 99.9, Window: slo.Days(30)}.Timeline(history, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for outage := range timeline.Outages(minute(5), minute(60)) {
		fmt.Println(outage.Start.Format(time.TimeOnly), outage.End.Sub(outage.Start))
	}
	// Output:
	// 12:10:00 4m0s
}
