package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// An incident says all that it has to say in one statement. A later revision replaces it whole, and one without outages
// takes it back.
func ExampleStatement() {
	at := func(hour, minute int) time.Time { return time.Date(2026, time.March, 2, hour, minute, 0, 0, time.UTC) }
	outage := func(start, end time.Time) slo.Outage { return slo.Outage{SystemID: "checkout", Start: start, End: end} }
	revisions := []slo.Statement{
		{Source: "incident 7", Rev: 1, Outages: []slo.Outage{outage(at(12, 0), time.Time{})}}, // it is still on
		{Source: "incident 7", Rev: 2, Outages: []slo.Outage{outage(at(12, 0), at(12, 20)), outage(at(12, 30), at(12, 40))}},
		{Source: "incident 7", Rev: 3}, // it was the monitoring that was broken
	}
	objective := slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)}
	for n := range revisions {
		history, err := slo.NewSystemHistory("checkout", nil, revisions[:n+1], nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		timeline, err := objective.Timeline(history, nil, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(timeline.Status(at(13, 0)).Budget.Consumed)
	}
	// Output:
	// 1h0m0s
	// 30m0s
	// 0s
}
