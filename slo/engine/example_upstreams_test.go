package engine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

// A database fails, two minutes later the service that needs it; the database is back first.
func ExampleEngine_SetUpstreams() {
	ctx, noon := context.Background(), time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute-60) * time.Minute) }
	e, err := engine.New(memory.New(), &engine.Options{Clock: simclock.New(noon)})
	if err != nil {
		panic(err)
	}
	defer e.Close()

	_, err = e.Create(ctx, slo.Objective{
		ID: "api-uptime", SystemID: "api", Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly,
	})
	if err != nil {
		panic(err)
	}
	if err := e.SetUpstreams(ctx, "api", []string{"db"}, noon.AddDate(-1, 0, 0)); err != nil {
		panic(err)
	}
	if err := e.SetSystemName(ctx, "db", "Orders database"); err != nil {
		panic(err)
	}
	if err := e.Observe(ctx, slo.Down("db", at(0)), slo.Down("api", at(2)), slo.Up("db", at(30)), slo.Up("api", at(32))); err != nil {
		panic(err)
	}

	downtimes, err := e.Downtimes(ctx, "api-uptime")
	if err != nil {
		panic(err)
	}
	for _, d := range downtimes {
		fmt.Printf("%s to %s: %v %q\n", d.Start.Format(time.TimeOnly), d.End.Format(time.TimeOnly), d.Cause, d.UpstreamName)
	}
	status, err := e.Status(ctx, "api-uptime")
	fmt.Println("consumed", status.Budget.Consumed, "of all", status.Budget.ConsumedStrict, err)
	// Output:
	// 11:02:00 to 11:30:00: upstream "Orders database"
	// 11:30:00 to 11:32:00: self ""
	// consumed 2m0s of all 30m0s <nil>
}
