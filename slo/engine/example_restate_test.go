package engine_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

// An incident says what was down. It is told again, as a whole, when more is known, and taken back when it was none.
func ExampleEngine_Restate() {
	ctx, noon := context.Background(), time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	e, err := engine.New(memory.New(), &engine.Options{Clock: simclock.New(noon)})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	if _, err := e.Create(ctx, slo.Objective{ID: "api", SystemID: "api", Target: 99.9, Window: slo.Days(30)}); err != nil {
		panic(err)
	}

	outage := slo.Outage{SystemID: "api", Start: noon.Add(-time.Hour), End: noon.Add(-30 * time.Minute)}
	half := outage
	half.Impact = 0.5
	for _, s := range []slo.Statement{
		{Source: "incident 7", Rev: 1, Outages: []slo.Outage{outage}},
		{Source: "incident 7", Rev: 3, Outages: []slo.Outage{half}},
		{Source: "incident 7", Rev: 2}, // it comes too late
		{Source: "incident 7", Rev: 3}, // there is another one of that revision
		{Source: "incident 7", Rev: 4},
	} {
		err := e.Restate(ctx, s)
		status, _ := e.Status(ctx, "api")
		fmt.Printf("revision %d: consumed %v, conflict: %v\n", s.Rev, status.Budget.Consumed, errors.Is(err, engine.ErrConflict))
	}
	// Output:
	// revision 1: consumed 30m0s, conflict: false
	// revision 3: consumed 15m0s, conflict: false
	// revision 2: consumed 15m0s, conflict: false
	// revision 3: consumed 15m0s, conflict: true
	// revision 4: consumed 0s, conflict: false
}
