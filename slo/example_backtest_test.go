package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// What would the SRE workbook's alerts have done on a day with one short and one long outage?
func ExampleTimeline_Backtest() {
	at := func(hour, minute int) time.Time { return time.Date(2026, time.March, 2, hour, minute, 0, 0, time.UTC) }
	history, err := slo.NewSystemHistory("checkout", []slo.Observation{
		slo.Down("checkout", at(9, 0)), slo.Up("checkout", at(9, 0).Add(30*time.Second)),
		slo.Down("checkout", at(12, 0)), slo.Up("checkout", at(12, 10)),
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
	backtest, err := timeline.Backtest(at(0, 0), at(0, 0).AddDate(0, 0, 1))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, firing := range backtest.Intervals {
		fmt.Printf("%-6s %3.0fh  %s to %s\n", firing.Severity, firing.Long.Hours(),
			firing.Start.Format("15:04:05.000"), firing.End.Format("15:04:05.000"))
	}
	if page := backtest.Quality[slo.Page]; page.Detection != nil { // a page overlapped an outage that mattered
		fmt.Printf("pages: precision %v, recall %v, after %v on average\n", *page.Precision, *page.Recall, *page.Detection)
	}
	// Output:
	// page     1h  12:00:51.840 to 12:14:55.680
	// page     6h  12:01:39.600 to 12:39:49.200
	// ticket  24h  12:03:49.200 to 14:09:38.400
	// ticket  72h  12:03:49.200 to 18:09:38.400
	// pages: precision 1, recall 1, after 1m15.72s on average
}
