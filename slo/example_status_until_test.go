package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// June is judged when it is over: the status of midnight looks at July already, the one until midnight at June.
func ExampleTimeline_StatusUntil() {
	midnight := time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC)
	history, err := slo.NewSystemHistory("checkout", []slo.Observation{
		slo.Down("checkout", midnight.Add(-time.Hour)), slo.Up("checkout", midnight),
	}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	objective := slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Calendar(slo.Month, nil)}
	timeline, err := objective.Timeline(history, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range []slo.Status{timeline.Status(midnight), timeline.StatusUntil(midnight)} {
		fmt.Println(s.From.Month(), "consumed", s.Budget.Consumed, "breaching", s.Breaching, "down", s.Down)
	}
	// Output:
	// July consumed 0s breaching false down false
	// June consumed 1h0m0s breaching true down true
}
