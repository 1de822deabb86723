package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// An observation holds until the next one says otherwise. The same words in another order, or twice, change nothing.
func ExampleObservation() {
	at := func(hour, minute int) time.Time { return time.Date(2026, time.March, 2, hour, minute, 0, 0, time.UTC) }
	heard := []slo.Observation{
		slo.Up("checkout", at(12, 30)), // heard first, although it happened last
		slo.Down("checkout", at(12, 0)),
		{SystemID: "checkout", At: at(12, 20), Health: slo.Degraded, Impact: 0.25, Note: "one zone of four"},
		slo.Down("checkout", at(12, 0)),
	}
	history, err := slo.NewSystemHistory("checkout", heard, nil, nil)
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
	for _, minute := range []int{10, 20, 25, 30, 45} {
		status := timeline.Status(at(12, minute))
		fmt.Printf("12:%d down %-5t consumed %v\n", minute, status.Down, status.Budget.Consumed)
	}
	// Output:
	// 12:10 down true  consumed 10m0s
	// 12:20 down true  consumed 20m0s
	// 12:25 down true  consumed 21m15s
	// 12:30 down false consumed 22m30s
	// 12:45 down false consumed 22m30s
}
