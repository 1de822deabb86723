// Command quickstart judges one incident. A database fails; two minutes later the checkout that depends on it does too,
// and is still down when the database is back. The program prints what that has cost of the checkout's error budget so
// far, whose fault it was, and what comes next. Everything is in memory, and nothing has to be set up.
//
//	go run ./examples/quickstart
package main

import (
	"cmp"
	"fmt"
	"log"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func main() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

	// What happened, as the monitoring told it: this is all that a program has to keep.
	database, err := slo.NewSystemHistory("orders-db",
		[]slo.Observation{slo.Down("orders-db", minute(0)), slo.Up("orders-db", minute(10))}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	checkout, err := slo.NewSystemHistory("checkout", []slo.Observation{slo.Down("checkout", minute(2))}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}

	// What was promised: up for 99.9 % of any 30 days. Then the two are laid over each other.
	objective := slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)}
	timeline, err := objective.Timeline(checkout, []slo.Upstream{{ID: "orders-db", History: database}}, nil)
	if err != nil {
		log.Fatal(err)
	}

	// A timeline answers for any instant, and says what comes if all stays as it is, or if what is down ends.
	now := minute(15)
	status := timeline.Status(now)
	budget := status.Budget
	exhausted := timeline.Forecast(now).ExhaustsAt
	recovered := timeline.EndingAt(now).Forecast(now).RecoversAt

	fmt.Printf("%s is to be up %v %% of %v. At %s:\n",
		status.SystemID, status.Target, objective.Window, now.Format(time.DateTime))
	fmt.Printf("  level        %v (down: %t, breaching: %t)\n", status.Level, status.Down, status.Breaching)
	fmt.Printf("  budget       %v, of which %v is left (%.2f %%)\n", budget.Total, budget.Remaining, budget.RemainingPercent)
	fmt.Printf("  spent        %v\n", budget.Consumed)
	for _, share := range status.Attribution {
		fmt.Printf("    %-9v  caused by %v\n", share.Duration, cmp.Or(share.UpstreamID, "itself"))
	}
	fmt.Printf("  burn rate    %.1f times what the budget allows, over the last hour\n", status.BurnRate)
	fmt.Printf("  exhausted    %s, if it stays down\n", exhausted.Format(time.DateTime))
	fmt.Printf("  whole again  %s, if it is repaired now\n", recovered.Format(time.DateTime))
}
