package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A promise is raised in the middle of a month. What came before is judged by what was promised then: the old terms stay
// as a revision.
func ExampleObjective() {
	day := func(n int) time.Time { return time.Date(2026, time.April, n, 0, 0, 0, 0, time.UTC) }
	objective := slo.Objective{
		ID: "checkout-uptime", SystemID: "checkout", Target: 99, Window: slo.Calendar(slo.Month, nil),
	}
	objective.Revisions = append(objective.Revisions, objective.Revision(day(16)))
	objective.Target = 99.9

	history, err := slo.NewSystemHistory("checkout", []slo.Observation{
		slo.Down("checkout", day(10)), slo.Up("checkout", day(10).Add(3*time.Hour)),
	}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	timeline, err := objective.Timeline(history, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	status := timeline.Status(day(20))
	fmt.Println("target", status.Target)
	fmt.Println("budget", status.Budget.Total) // 1 % of 15 days and 0.1 % of 15
	fmt.Println("left  ", status.Budget.Remaining)
	// Output:
	// target 99.9
	// budget 3h57m36s
	// left   57m36s
}

func ExampleObjective_Validate() {
	objective := slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 100.5, Window: slo.Days(30)}
	fmt.Println(objective.Validate())
	// Output:
	// slo: objective "checkout-uptime": target 100.5: want 0 to 100, with at most six decimals
}
