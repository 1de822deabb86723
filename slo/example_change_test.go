package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// From one change to the next: what a two minutes' outage does, though nobody asks in between.
func ExampleTimeline_NextChange() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	history, err := slo.NewSystemHistory("checkout", []slo.Observation{
		slo.Down("checkout", noon), slo.Up("checkout", noon.Add(2*time.Minute)),
	}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	objective := slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)}
	timeline, err := objective.Timeline(history, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for at := timeline.NextChange(noon.Add(-time.Hour)); !at.IsZero(); at = timeline.NextChange(at) {
		s := timeline.Status(at)
		fmt.Print(at.Format("15:04:05.999999"), " down ", s.Down, ", ", s.Level)
		for _, f := range s.Firing {
			fmt.Print(", ", f.Severity, " ", f.Long)
		}
		fmt.Println()
	}
	// Output:
	// 12:00:00 down true, ok
	// 12:00:18 down true, critical
	// 12:00:51.84 down true, critical, page 1h0m0s
	// 12:02:00 down false, critical, page 1h0m0s
	// 12:06:55.680001 down false, critical
	// 13:01:42.000001 down false, ok
}
