// Command quickstart lives through one incident. A database fails; two minutes later the checkout that depends on it does
// too, and is still down when the database is back. A watch fires when half of the checkout's error budget is spent, and
// the program prints what the incident has cost, whose fault it was, and what comes next. Time is simulated, everything is
// in memory, and nothing has to be set up.
//
//	go run ./examples/quickstart
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	keeper, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	if err != nil {
		return err
	}
	defer keeper.Close()

	// What is promised: up for 99.9 % of any 30 days, not counting what an upstream has caused.
	objective := slo.Objective{
		ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly,
	}
	if _, err := keeper.Ensure(ctx, objective); err != nil {
		return err
	}
	if err := keeper.SetUpstreams(ctx, "checkout", []string{"orders-db"}, clock.Now()); err != nil {
		return err
	}

	// Whom to call: nobody polls for this. The watch fires at the microsecond at which it becomes true.
	if err := keeper.Entities().Start(ctx); err != nil {
		return err
	}
	half := entity.Below(entity.Path("slo", objective.ID, "budgetRemainingPercent"), 50)
	_, err = keeper.Entities().Watch(ctx, half, func(_ context.Context, f entity.Firing) error {
		fmt.Printf("%s  half of the budget is spent\n", f.At.Format(time.TimeOnly))
		return nil
	}, nil)
	if err != nil {
		return err
	}

	// What happens, as the monitoring tells it.
	clock.Settle = func() { err = cmp.Or(err, keeper.Settle(ctx)) }
	for _, news := range []struct {
		after time.Duration
		word  func(system string, at time.Time) slo.Observation
		of    string
	}{
		{0, slo.Down, "orders-db"}, {2 * time.Minute, slo.Down, "checkout"}, {8 * time.Minute, slo.Up, "orders-db"},
	} {
		clock.Advance(news.after)
		word := news.word(news.of, clock.Now())
		fmt.Printf("%s  %s is %v\n", word.At.Format(time.TimeOnly), word.SystemID, word.Health)
		if err := keeper.Observe(ctx, word); err != nil {
			return err
		}
	}
	clock.Advance(25 * time.Minute)
	if err != nil {
		return err
	}
	return report(ctx, keeper, objective.ID)
}

// report asks, and prints the answers.
func report(ctx context.Context, keeper *engine.Engine, id string) error {
	status, err := keeper.Status(ctx, id)
	if err != nil {
		return err
	}
	forecast, err := keeper.Forecast(ctx, id)
	if err != nil {
		return err
	}
	budget := status.Budget
	fmt.Printf("%s  %s is to be up %v %% of 30 days:\n", status.At.Format(time.TimeOnly), status.SystemID, status.Target)
	fmt.Printf("  level        %v (down: %t, breaching: %t)\n", status.Level, status.Down, status.Breaching)
	fmt.Printf("  budget       %v, of which %v is left (%.2f %%)\n", budget.Total, budget.Remaining, budget.RemainingPercent)
	for _, share := range status.Attribution {
		fmt.Printf("  %-9v    caused by %v\n", share.Duration, cmp.Or(share.UpstreamID, "itself"))
	}
	fmt.Printf("  burn rate    %.1f times what the budget allows, over the last hour\n", status.BurnRate)
	for _, alert := range status.Firing {
		fmt.Printf("  %-9v    over %v and %v\n", alert.Severity, alert.Long, alert.Short)
	}
	fmt.Printf("  exhausted    %s, if it stays down\n", forecast.ExhaustsAt.Format(time.DateTime))
	return nil
}
