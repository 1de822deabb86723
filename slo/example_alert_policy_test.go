package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A policy of one's own: a page when a twentieth of the budget is spent within two hours, by a total outage after 2 m 52.8 s.
func ExampleAlertPolicy() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	rule := slo.BurnRule{Severity: slo.Page, Long: 2 * time.Hour, Short: 10 * time.Minute, Share: 5}
	objective := slo.Objective{
		ID: "api-uptime", SystemID: "api", Target: 99, Window: slo.Days(4),
		Policy: slo.AlertPolicy{Rules: []slo.BurnRule{rule}},
	}
	h, err := slo.NewSystemHistory("api", []slo.Observation{slo.Up("api", noon.AddDate(0, -1, 0)), slo.Down("api", noon)}, nil, nil)
	if err != nil {
		panic(err)
	}
	timeline, err := objective.Timeline(h, nil, nil)
	if err != nil {
		panic(err)
	}
	at, err := timeline.NextCrossing(noon, slo.Crossing{Metric: slo.MetricFiring, Comparison: slo.AtOrAbove, Rule: rule})
	if err != nil {
		panic(err)
	}
	fmt.Println("fires after", at.Sub(noon))
	for _, f := range timeline.Status(at).Firing {
		fmt.Println(f.Severity, f.Long, f.Short)
	}
	// Output:
	// fires after 2m52.8s
	// page 2h0m0s 10m0s
}
