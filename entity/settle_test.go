package entity_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// TestSettleWaitsForAllThatWasCommitted checks that when Settle has returned, all has been handled, and no sooner.
func TestSettleWaitsForAllThatWasCommitted(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p, other := w.begin(), w.begin()
		var broadcast, parallel, group deliveryLedger
		slow := func(l *deliveryLedger) func(context.Context, entity.Typed[Order]) error {
			return func(ctx context.Context, c entity.Typed[Order]) error {
				time.Sleep(700 * time.Millisecond)
				return l.note(ctx, c)
			}
		}
		p.on(slow(&broadcast), nil)
		p.on(slow(&parallel), &entity.SubscribeOptions{Parallel: 4})
		p.on(slow(&group), &entity.SubscribeOptions{Group: "g"})
		settle(t, p.Registry)
		for round := range 5 {
			for i := range 10 {
				[]*deliveryProcess{p, other}[i%2].writes(fmt.Sprint(i % (round + 1)))
			}
			settle(t, p.Registry)
			broadcast.wants(w, "a broadcast", true)
			parallel.wants(w, "a parallel one", true)
			group.wants(w, "a group", true)
		}
		begun := time.Now()
		settle(t, p.Registry)
		settle(t, other.Registry)
		if took := time.Since(begun); took > 10*time.Millisecond {
			t.Errorf("with nothing to wait for, Settle took %v", took)
		}
	})
}

// TestSettleWaitsForWhatHandlersCommit has handlers that write on and on, up to some number.
func TestSettleWaitsForWhatHandlersCommit(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		var l, group deliveryLedger
		p.on(func(ctx context.Context, c entity.Typed[Order]) error {
			_ = l.note(ctx, c)
			if c.ID != "chain" || c.Version == 40 {
				return nil
			}
			return errors.Join(p.write(ctx, "chain"), p.write(ctx, "other"))
		}, nil)
		p.on(group.note, &entity.SubscribeOptions{Group: "g"})
		settle(t, p.Registry)
		p.writes("chain")
		settle(t, p.Registry)
		l.wants(w, "the broadcast", true)
		group.wants(w, "the group", true)
		if n := len(l.versions()); n != 79 {
			t.Errorf("%d changes were made: want 79", n)
		}
	})
}

// TestSettleDoesNotWaitForNextAttempts has one handler that fails for ever: its next attempt is due in an hour.
func TestSettleDoesNotWaitForNextAttempts(t *testing.T) {
	onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
		var l deliveryLedger
		p := w.ready(l.failing(func(entity.Typed[Order]) bool { return true }), &entity.SubscribeOptions{Group: group, Backoff: time.Hour})
		p.writes("a", "a", "b")
		begun := time.Now()
		settle(t, p.Registry)
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("Settle took %v", took)
		}
		if got := l.versions(); len(got) != 2 {
			t.Errorf("tried: %v: want a 1 and b 1", got)
		}
	})
}

func TestSettleEndsWithItsContextAndTheLog(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.process(entity.Options{})
		if err := p.Settle(t.Context()); !errors.Is(err, entity.ErrNotStarted) {
			t.Errorf("before Start: %v", err)
		}
		start(t, p.Registry)
		p.on(func(context.Context, entity.Typed[Order]) error { time.Sleep(time.Hour); return nil }, nil)
		p.writes("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		if err := p.Settle(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if p.end != nil {
			p.end.cut()
			if err := p.Settle(t.Context()); !errors.Is(err, errCut) {
				t.Errorf("without a Log: %v", err)
			}
		}
	})
}

// TestSettleOfManyCostsNobodyTheirTurn has many who settle, write and subscribe at once.
func TestSettleOfManyCostsNobodyTheirTurn(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		var l deliveryLedger
		p.on(l.note, nil)
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				for n := range 6 {
					if err := p.write(t.Context(), fmt.Sprint(i)); err != nil {
						t.Error(err)
					}
					var own deliveryLedger
					stop := p.on(own.note, &entity.SubscribeOptions{Group: []string{"", fmt.Sprint("g", i)}[n%2]})
					if err := p.Settle(t.Context()); err != nil {
						t.Error(err)
					}
					stop()
				}
			})
		}
		all.Wait()
		settle(t, p.Registry)
		l.wants(w, "the broadcast", true)
	})
}

// TestSubscriptionThatWaitsForTheLogHoldsUpNobody stalls the Log for the one that joins a group, or starts.
func TestSubscriptionThatWaitsForTheLogHoldsUpNobody(t *testing.T) {
	for _, started := range []bool{false, true} {
		t.Run(fmt.Sprint("started ", started), func(t *testing.T) {
			onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
				var l, early, group deliveryLedger
				opts := &entity.SubscribeOptions{Group: "g"}
				p := w.process(entity.Options{})
				before, came, release := sharedStall("Positions")
				if started {
					start(t, p.Registry)
					time.Sleep(2 * time.Second)
				} else {
					p.on(group.note, opts)
				}
				p.on(early.note, nil)
				p.end.set(before, nil)
				done := make(chan error, 1)
				go func() {
					if !started {
						done <- p.Start(t.Context())
						return
					}
					_, err := p.orders.OnChange(group.note, opts)
					done <- err
				}()
				<-came
				begun := time.Now()
				stop := p.on(l.note, nil)
				stop()
				p.on(l.note, nil)
				p.writes("a", "b")
				if took := time.Since(begun); took != 0 {
					t.Errorf("others were held up for %v", took)
				}
				time.Sleep(2 * time.Second)
				release()
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				p.writes("a")
				time.Sleep(3 * time.Second)
				l.wants(w, "the broadcast that came meanwhile", true)
				early.wants(w, "the broadcast that came before", true)
				group.wants(w, "the group", true)
			})
		})
	}
}
