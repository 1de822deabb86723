package entity_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// The faults here are those of delivery that are known of an earlier system, by the numbers under which they were written
// down; each test fails for a Registry that has the fault.

// TestD41CrashAfterTheCommitLosesNothing has a writer that commits and then does nothing any more.
func TestD41CrashAfterTheCommitLosesNothing(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		writer := w.begin()
		time.Sleep(2 * time.Second)
		var broadcast, group deliveryLedger
		other := w.ready(broadcast.note, nil)
		other.on(group.note, &entity.SubscribeOptions{Group: "g"})
		writer.end.set(func(_ context.Context, call string) error {
			if call != "InTx" {
				return errCut
			}
			return nil
		}, nil)
		writer.writes("a", "b", "a")
		writer.end.cut()
		time.Sleep(15 * time.Second)
		broadcast.wants(w, "the broadcast", true)
		group.wants(w, "the group", true)
	})
}

// TestD43HandlerThatFailsIsTriedAgain misses no recovery: the handler of each second change fails the first time.
func TestD43HandlerThatFailsIsTriedAgain(t *testing.T) {
	onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
		var l deliveryLedger
		failed := map[int64]bool{}
		p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
			if c.Version%2 == 0 && !failed[c.Version] {
				failed[c.Version] = true
				return errDelivery
			}
			return l.note(ctx, c)
		}, &entity.SubscribeOptions{Group: group})
		for range 10 {
			p.writes("check")
		}
		time.Sleep(10 * time.Second)
		l.wants(w, "the handler", true)
		if len(failed) != 5 {
			t.Errorf("%d failed: want 5", len(failed))
		}
	})
}

// TestD44EachGroupGetsAll has five groups and fifty changes, of which the predecessor delivered 50 of 250.
func TestD44EachGroupGetsAll(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		groups := make([]deliveryLedger, 5)
		var all []*deliveryProcess
		for range 2 {
			p := w.begin()
			for i := range groups {
				p.on(groups[i].note, &entity.SubscribeOptions{Group: fmt.Sprint("slo-", i)})
			}
			all = append(all, p)
			time.Sleep(3 * time.Second)
		}
		for i := range 50 {
			all[i%2].writes(fmt.Sprint(i % 8))
		}
		time.Sleep(5 * time.Second)
		total := 0
		for i := range groups {
			groups[i].wants(w, fmt.Sprint("group ", i), true)
			total += len(groups[i].versions())
		}
		if total != 250 {
			t.Errorf("%d deliveries: want 250", total)
		}
	})
}

// TestD44bBroadcastsOfOneProcessDoNotShare has two of them and twenty changes, of which they got ten each.
func TestD44bBroadcastsOfOneProcessDoNotShare(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var one, two deliveryLedger
		p := w.ready(one.note, nil)
		p.on(two.note, nil)
		for range 20 {
			p.writes("a")
		}
		time.Sleep(3 * time.Second)
		one.wants(w, "one", true)
		two.wants(w, "two", true)
	})
}

// TestD45NamesMayHaveAnyCharacters has ids and groups that job queues refuse, and that look like each other's leases.
func TestD45NamesMayHaveAnyCharacters(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		names := []string{"a:b", "a:b:c", "wake:1:order:2", `a" "kind order" 0`, `a`, `a" "kind order`, "ä 日本 \t", "'; --", "%_", "/"}
		groups := make([]deliveryLedger, len(names))
		for i, name := range names {
			p.on(groups[i].note, &entity.SubscribeOptions{Group: name})
		}
		time.Sleep(3 * time.Second)
		p.writes(names...)
		p.writes(names...)
		time.Sleep(3 * time.Second)
		for i, name := range names {
			groups[i].wants(w, fmt.Sprintf("group %q", name), true)
		}
	})
}

// TestD46NextChangeOfAnEntityIsNotLost waits for a value that the first change does not bring, and has a second change
// after the first is handled, and while it is.
func TestD46NextChangeOfAnEntityIsNotLost(t *testing.T) {
	onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
		var l deliveryLedger
		p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
			time.Sleep(100 * time.Millisecond)
			return l.note(ctx, c)
		}, &entity.SubscribeOptions{Group: group})
		var waits sync.WaitGroup
		waits.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := p.WaitUntil(ctx, entity.Above("state.order.a.total", 2)); err != nil {
				t.Errorf("WaitUntil returned %v", err)
			}
		})
		p.writes("a")
		time.Sleep(time.Second)
		p.writes("a")
		time.Sleep(50 * time.Millisecond)
		p.writes("a")
		waits.Wait()
		time.Sleep(3 * time.Second)
		l.wants(w, "the handler", true)
	})
}

// TestD47AttemptsAreMadeOnEachLog counts them.
func TestD47AttemptsAreMadeOnEachLog(t *testing.T) {
	onEachDeliveryAndWay(t, func(t *testing.T, w *deliveryWorld, group string) {
		var l deliveryLedger
		p := w.ready(l.failing(func(entity.Typed[Order]) bool { return true }), &entity.SubscribeOptions{Group: group, Attempts: 4})
		p.writes("a")
		time.Sleep(time.Minute)
		if n := len(l.versions()); n != 4 {
			t.Errorf("%d attempts: want 4", n)
		}
	})
}

// TestD48NothingIsDroppedBeforeStart makes more changes than any buffer has room for.
func TestD48NothingIsDroppedBeforeStart(t *testing.T) {
	n := 10_500
	if testing.Short() {
		n = 3_000
	}
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		got, want := map[string]map[string]int64{}, map[string]int64{}
		in := func(who string) func(context.Context, entity.Typed[Order]) error {
			got[who] = map[string]int64{}
			return func(_ context.Context, c entity.Typed[Order]) error {
				if got[who][c.ID]++; got[who][c.ID] != c.Version {
					t.Errorf("%s: %s %d came as number %d", who, c.ID, c.Version, got[who][c.ID])
				}
				return nil
			}
		}
		p := w.process(entity.Options{})
		p.on(in("group"), &entity.SubscribeOptions{Group: "g", From: entity.Oldest})
		if w.log.Shared() {
			start(t, p.Registry) // of a Log that others use too, a broadcast begins there
		}
		p.on(in("broadcast"), nil)
		for i := range n {
			p.writes(fmt.Sprint(i % 3))
			want[fmt.Sprint(i%3)]++
		}
		if !w.log.Shared() {
			start(t, p.Registry)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		for who := range got {
			if !maps.Equal(got[who], want) {
				t.Errorf("%s: got %v: want %v", who, got[who], want)
			}
		}
	})
}
