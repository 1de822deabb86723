package slo_test

import (
	"cmp"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The list that people want to see: what was down, from when to when, and whose fault it was.
func ExampleTimeline_Downtimes() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	database, err := slo.NewSystemHistory("db", []slo.Observation{slo.Down("db", minute(0)), slo.Up("db", minute(10))}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	checkout, err := slo.NewSystemHistory("checkout", []slo.Observation{slo.Down("checkout", minute(2))}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	objective := slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)}
	timeline, err := objective.Timeline(checkout, []slo.Upstream{{ID: "db", Name: "orders", History: database}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for d := range timeline.Downtimes(minute(30)) {
		end := "still on"
		if !d.End.IsZero() {
			end = d.End.Format("15:04")
		}
		fmt.Println(d.Start.Format("15:04"), end, d.Cause, cmp.Or(d.UpstreamName, "-"))
	}
	// Output:
	// 12:02 12:10 upstream orders
	// 12:10 still on self -
}
