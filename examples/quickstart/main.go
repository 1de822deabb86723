// Command quickstart lives through one incident. A database fails; two minutes later the checkout that depends on it does
// too, and is still down when the database is back. A watch fires when half of the checkout's error budget is spent, and
// the program prints what the incident has cost, whose fault it was, and what comes next. Time is simulated, and nothing
// has to be set up.
//
//	go run ./examples/quickstart [-db FILE]
//
// Everything is in memory, or in FILE, an SQLite database that is made if need be. Where that has the incident already, it is
// told once more, which changes nothing, and the answers are those of the first time.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/sqlite"
)

var db = flag.String("db", "", "the SQLite file that keeps everything; without it memory does")

func main() {
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: quickstart [-db FILE]")
		os.Exit(2)
	}
	if err := run(context.Background(), *db); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file string) error {
	if file == "" {
		return live(ctx, memory.New())
	}
	store, err := sqlite.Open(ctx, file, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(live(ctx, store), store.Close()); err != nil {
		return err
	}
	fmt.Printf("everything is kept in %s; the next run with it finds it there\n", file)
	return nil
}

// What is promised: up for 99.9 % of any 30 days, not counting what an upstream has caused.
var objective = slo.Objective{
	ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly,
}

// What happens, as the monitoring tells it.
var (
	begin = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	end   = begin.Add(35 * time.Minute)
	news  = []slo.Observation{
		slo.Down("orders-db", begin),
		slo.Down("checkout", begin.Add(2*time.Minute)),
		slo.Up("orders-db", begin.Add(10*time.Minute)),
	}
)

func live(ctx context.Context, store storage.Store) error {
	clock := simclock.New(begin)
	keeper, err := engine.New(store, &engine.Options{Clock: clock})
	if err != nil {
		return err
	}
	defer keeper.Close()

	_, err = keeper.Get(ctx, objective.ID)
	known := err == nil
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return err
	}
	if known { // it was lived through before, up to its end
		if err := clock.AdvanceTo(end); err != nil {
			return err
		}
	}
	if _, err := keeper.Ensure(ctx, objective); err != nil {
		return err
	}
	if err := keeper.SetUpstreams(ctx, "checkout", []string{"orders-db"}, begin); err != nil {
		return err
	}
	if known {
		fmt.Println("known from before; told once more, it is still the same")
		err = keeper.Observe(ctx, news...)
	} else {
		err = suffer(ctx, keeper, clock)
	}
	if err != nil {
		return err
	}
	return report(ctx, keeper, objective.ID)
}

// suffer lives through the incident, step by step.
func suffer(ctx context.Context, keeper *engine.Engine, clock *simclock.Clock) error {
	// Whom to call: nobody polls for this. The watch fires at the microsecond at which it becomes true.
	if err := keeper.Entities().Start(ctx); err != nil {
		return err
	}
	half := entity.Below(entity.Path("slo", objective.ID, "budgetRemainingPercent"), 50)
	_, err := keeper.Entities().Watch(ctx, half, func(_ context.Context, f entity.Firing) error {
		fmt.Printf("%s  half of the budget is spent\n", f.At.Format(time.TimeOnly))
		return nil
	}, nil)
	if err != nil {
		return err
	}
	clock.Settle = func() { err = cmp.Or(err, keeper.Settle(ctx)) }
	for _, word := range news {
		if err := clock.AdvanceTo(word.At); err != nil {
			return err
		}
		fmt.Printf("%s  %s is %v\n", word.At.Format(time.TimeOnly), word.SystemID, word.Health)
		if err := keeper.Observe(ctx, word); err != nil {
			return err
		}
	}
	if err := clock.AdvanceTo(end); err != nil {
		return err
	}
	return err
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
		fmt.Printf("  %-9v    an alert is firing, for what burnt over %v and %v\n", alert.Severity, alert.Long, alert.Short)
	}
	switch {
	case forecast.ExhaustsAt.IsZero():
		fmt.Println("  exhausted    never, as it is up")
	case status.Exhausted:
		fmt.Println("  exhausted    already")
	default:
		fmt.Printf("  exhausted    %s, if it stays down\n", forecast.ExhaustsAt.Format(time.DateTime))
	}
	return nil
}
