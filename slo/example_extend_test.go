package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A program that runs on adds each observation as it comes: the history and the timeline grow, nothing is built anew.
func ExampleTimeline_Extend() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	history, err := slo.NewSystemHistory("api", []slo.Observation{slo.Up("api", noon)}, nil, nil)
	if err != nil {
		panic(err)
	}
	objective := slo.Objective{ID: "api-uptime", SystemID: "api", Target: 99.9, Window: slo.Days(30)}
	timeline, err := objective.Timeline(history, nil, nil)
	if err != nil {
		panic(err)
	}
	for _, heard := range []slo.Observation{slo.Down("api", noon.Add(time.Minute)), slo.Up("api", noon.Add(4*time.Minute))} {
		if history, err = history.Add(heard); err != nil {
			panic(err)
		}
		if timeline, err = timeline.Extend(history, nil, nil); err != nil {
			panic(err)
		}
		now := heard.At.Add(time.Minute)
		fmt.Println(now.Format(time.TimeOnly), timeline.Status(now).Budget.Remaining)
	}
	// Output:
	// 12:02:00 42m12s
	// 12:05:00 40m12s
}
