package entity_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// At one instant a clock calls what was registered first: a watch that is due then waits for its turn, whatever is written
// and delivered meanwhile.
func TestAWatchWaitsForItsTurnAtAnInstant(t *testing.T) {
	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	reg := newRegistry(t, &entity.Options{Clock: clock})
	host := newTable[Order]()
	orders := define(t, reg, "order", host.read, nil)
	var due atomic.Bool
	news := make(chan struct{}, 1)
	watch(t, reg, `state.order.slow.status == "open" for 1h`, func(context.Context, entity.Firing) error {
		due.Store(true)
		return nil
	}, nil)
	watch(t, reg, `state.order.quick.total > 0`, func(context.Context, entity.Firing) error {
		news <- struct{}{}
		return nil
	}, nil)
	start(t, reg)
	set := func(id string, o Order) {
		if _, err := orders.Mutate(t.Context(), id, host.set(id, o), nil); err != nil {
			t.Fatal(err)
		}
	}
	inTurn := true
	clock.AfterFunc(time.Hour, func() {
		for range 3 { // its goroutine goes to work, and is at rest again
			set("quick", Order{Total: 1})
			<-news
			set("quick", Order{})
		}
		inTurn = !due.Load()
	})
	set("slow", Order{Status: "open"})
	clock.Settle = func() { settle(t, reg) }
	clock.Advance(time.Hour)
	if !inTurn {
		t.Error("it fired before what was registered first had run")
	}
	if !due.Load() {
		t.Error("it has not fired when its turn had come")
	}
}

// Who settles wants all that is due, and is not to wait for a clock that waits for it.
func TestSettlingInAFunctionThatIsDueDoesNotWaitForTheClock(t *testing.T) {
	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	reg := newRegistry(t, &entity.Options{Clock: clock})
	host := newTable[Order]()
	orders := define(t, reg, "order", host.read, nil)
	var due atomic.Bool
	watch(t, reg, `state.order.slow.status == "open" for 1h`, func(context.Context, entity.Firing) error {
		due.Store(true)
		return nil
	}, nil)
	start(t, reg)
	fired := false
	clock.AfterFunc(time.Hour, func() {
		settle(t, reg)
		fired = due.Load()
	})
	if _, err := orders.Mutate(t.Context(), "slow", host.set("slow", Order{Status: "open"}), nil); err != nil {
		t.Fatal(err)
	}
	settle(t, reg)
	clock.Advance(time.Hour)
	if !fired {
		t.Error("what is due had not fired when Settle returned")
	}
}
