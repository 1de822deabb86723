package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// When must somebody look next, if all stays as it is? A timer for that instant replaces polling.
func ExampleTimeline_NextCrossing() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	history, err := slo.NewSystemHistory("checkout", []slo.Observation{slo.Down("checkout", noon)}, nil, nil)
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
	page := slo.BurnRule{Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Factor: 14.4}
	for _, crossing := range []slo.Crossing{
		{Metric: slo.MetricFiring, Comparison: slo.AtOrAbove, Rule: page},
		{Metric: slo.MetricRemainingPercent, Comparison: slo.AtOrBelow, Value: 20},
		{Metric: slo.MetricRemaining, Comparison: slo.Below, Duration: 0},
		{Metric: slo.MetricBurnRate, Comparison: slo.Above, Value: 1000}, // as fast as a total outage burns: never more
	} {
		at, err := timeline.NextCrossing(noon, crossing)
		if err != nil {
			fmt.Println(err)
			return
		}
		if at.IsZero() {
			fmt.Println("never")
			continue
		}
		fmt.Println(at.Format("15:04:05.999999"))
	}
	// Output:
	// 12:00:51.84
	// 12:34:33.6
	// 12:43:12.000001
	// never
}
