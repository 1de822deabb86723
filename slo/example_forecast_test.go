package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func ExampleTimeline_Forecast() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	history, err := slo.NewSystemHistory("checkout", []slo.Observation{
		slo.Down("checkout", noon.Add(-10*time.Minute)), slo.Up("checkout", noon),
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
	forecast := timeline.Forecast(noon)
	fmt.Println("exhausted:", !forecast.ExhaustsAt.IsZero())
	fmt.Println("whole again:", forecast.RecoversAt.Format(time.DateTime))
	fmt.Println("a release that fails may take", forecast.Affordable)
	// Output:
	// exhausted: false
	// whole again: 2026-04-01 12:00:00
	// a release that fails may take 33m12s
}

// What does the outage that is on come to if it is over in half an hour?
func ExampleTimeline_EndingAt() {
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
	end := noon.Add(30 * time.Minute)
	fmt.Printf("%.1f %% of the budget is left\n", timeline.EndingAt(end).Status(end).Budget.RemainingPercent)
	// Output:
	// 30.6 % of the budget is left
}
