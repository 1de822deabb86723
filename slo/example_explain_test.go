package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// Where do the figures of a status come from?
func ExampleTimeline_Explain() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	history, err := slo.NewSystemHistory("checkout",
		[]slo.Observation{
			{SystemID: "checkout", CheckID: "http", At: minute(0), Health: slo.Unhealthy},
			{SystemID: "checkout", CheckID: "http", At: minute(10), Health: slo.Healthy},
		},
		[]slo.Statement{{Source: "incident 7", Outages: []slo.Outage{
			{SystemID: "checkout", Start: minute(-5), End: minute(5), Impact: 0.5},
		}}}, nil)
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
	status := timeline.Status(minute(30))
	explanation, err := timeline.Explain(status.From, status.To, status.At)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, part := range explanation.Downtime {
		fmt.Println(part.Start.Format("15:04"), part.End.Format("15:04"), part.Impact, part.Counted)
		for _, source := range part.Sources {
			fmt.Println("  as said by", source.Kind, source.ID)
		}
	}
	fmt.Println("together", status.Budget.Consumed)
	// Output:
	// 11:55 12:00 0.5 2m30s
	//   as said by statement incident 7
	// 12:00 12:05 1 5m0s
	//   as said by feed http
	//   as said by statement incident 7
	// 12:05 12:10 1 5m0s
	//   as said by feed http
	// together 12m30s
}
