package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The probe's own network was gone for ten minutes. A correction says how the system was meanwhile; the feed stays as it
// was heard.
func ExampleCorrection() {
	at := func(hour, minute int) time.Time { return time.Date(2026, time.March, 2, hour, minute, 0, 0, time.UTC) }
	feed := []slo.Observation{slo.Down("checkout", at(12, 0)), slo.Up("checkout", at(12, 40))}
	correction := slo.Correction{
		ID: "probe-network", Rev: 1, SystemID: "checkout",
		From: at(12, 10), Until: at(12, 20), Health: slo.Healthy, Reason: "the probe had no network",
	}
	objective := slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)}
	for _, corrections := range [][]slo.Correction{nil, {correction}} {
		history, err := slo.NewSystemHistory("checkout", feed, nil, corrections)
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
	// 40m0s
	// 30m0s
}
