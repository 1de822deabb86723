package entity_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

func TestGroupHandlesEachChangeInOneProcess(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var mail, audit deliveryLedger
		var all []*deliveryProcess
		for range 3 {
			p := w.begin()
			p.on(mail.note, &entity.SubscribeOptions{Group: "mail"})
			p.on(audit.note, &entity.SubscribeOptions{Group: "audit", Parallel: 4})
			all = append(all, p)
		}
		time.Sleep(3 * time.Second)
		for i := range 60 {
			all[i%3].writes(fmt.Sprint(i%11), fmt.Sprint(i%2))
			time.Sleep(time.Duration(i%3) * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		mail.wants(w, "mail", true)
		audit.wants(w, "audit", true)
	})
}

func TestNewGroupStartsWhereFromSays(t *testing.T) {
	for _, c := range []struct {
		from int64
		want []string
	}{
		{0, []string{"a 4", "a 5"}}, {entity.Oldest, []string{"a 1", "a 2", "a 3", "a 4", "a 5"}},
		{2, []string{"a 3", "a 4", "a 5"}}, {3, []string{"a 4", "a 5"}}, {4, []string{"a 5"}}, {1 << 60, nil},
	} {
		t.Run(fmt.Sprint(c.from), func(t *testing.T) {
			onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
				p := w.begin()
				p.writes("a", "a", "a")
				settle(t, p.Registry)
				var first, again deliveryLedger
				p.on(first.note, &entity.SubscribeOptions{Group: "g", From: c.from})
				p.writes("a", "a")
				time.Sleep(3 * time.Second)
				if diff := cmp.Diff(c.want, first.versions()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				p.close()
				p = w.begin()
				p.on(again.note, &entity.SubscribeOptions{Group: "g", From: entity.Oldest}) // of a group that is known, nothing
				time.Sleep(3 * time.Second)
				if got := again.versions(); got != nil {
					t.Errorf("the next process got %v again", got)
				}
			})
		})
	}
}

// TestGroupReadsFarBehindAndFarAhead has a group of a shared Log that reads thousands of old changes past the feed, while
// others are made.
func TestGroupReadsFarBehindAndFarAhead(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		writer := w.begin()
		for i := range 170 {
			writer.writes(fmt.Sprint(i % 5))
		}
		settle(t, writer.Registry)
		p := w.begin()
		for i := range 170 { // which p has not read when its lanes begin
			writer.writes(fmt.Sprint(i % 5))
		}
		settle(t, writer.Registry)
		var l deliveryLedger
		p.on(l.note, &entity.SubscribeOptions{Group: "g", From: entity.Oldest})
		time.Sleep(3 * time.Second)
		for i := range 170 {
			writer.writes(fmt.Sprint(i % 5))
		}
		time.Sleep(3 * time.Second)
		l.wants(w, "the group", true)
	})
}

func TestGroupGoesOnWhereItStopped(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		writer := w.begin()
		var l deliveryLedger
		for round := range 4 {
			p := w.process(entity.Options{})
			p.on(l.note, &entity.SubscribeOptions{Group: "g"})
			start(t, p.Registry)
			time.Sleep(2 * time.Second)
			writer.writes("a", "b", fmt.Sprint(round))
			time.Sleep(2 * time.Second)
			p.close()
			writer.writes("a", "b", fmt.Sprint(round)) // while nobody is there
		}
		p := w.begin()
		p.on(l.note, &entity.SubscribeOptions{Group: "g"})
		time.Sleep(3 * time.Second)
		l.wants(w, "the group", true)
	})
}

// TestStopLosesNothing ends the last handler of a group in the middle of its work. What it has not begun is left to who
// comes next, and nobody comes before it has ended.
func TestStopLosesNothing(t *testing.T) {
	for _, next := range []string{"in the same process", "in the same process with other options", "in another process"} {
		t.Run(next, func(t *testing.T) {
			onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
				p := w.begin()
				var l deliveryLedger
				running := map[string]int{}
				slow := func(ctx context.Context, c entity.Typed[Order]) error {
					if running[c.ID]++; running[c.ID] > 1 {
						t.Errorf("two calls at once for %s", c.ID)
					}
					time.Sleep(15 * time.Second)
					running[c.ID]--
					return l.note(ctx, c)
				}
				stop := p.on(slow, &entity.SubscribeOptions{Group: "g"})
				time.Sleep(2 * time.Second)
				p.writes("a", "a", "a", "b", "a")
				time.Sleep(20 * time.Second)
				stop()
				time.Sleep(time.Second)
				opts := &entity.SubscribeOptions{Group: "g"}
				switch next {
				case "in another process":
					w.begin().on(l.note, opts)
				case "in the same process":
					p.on(l.note, opts)
				default:
					opts.Parallel = 3
					p.on(l.note, opts)
				}
				p.writes("b", "a")
				time.Sleep(time.Minute)
				l.wants(w, "the group", true)
			})
		})
	}
}

func TestHandlersOfOneGroupShareItsWork(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		ledgers := make([]deliveryLedger, 3)
		var union deliveryLedger
		stops := make([]func(), 3)
		for i := range ledgers {
			stops[i] = p.on(func(ctx context.Context, c entity.Typed[Order]) error {
				_ = union.note(ctx, c)
				return ledgers[i].note(ctx, c)
			}, &entity.SubscribeOptions{Group: "g", Parallel: 2})
		}
		time.Sleep(2 * time.Second)
		for i := range 60 {
			p.writes(fmt.Sprint(i % 30))
		}
		time.Sleep(2 * time.Second)
		union.wants(w, "the group", true)
		for i := range ledgers {
			if ledgers[i].versions() == nil {
				t.Errorf("handler %d had nothing to do", i)
			}
		}
		stops[1]()
		before := len(ledgers[1].versions())
		for i := range 60 {
			p.writes(fmt.Sprint(i % 30))
		}
		time.Sleep(2 * time.Second)
		union.wants(w, "the group without one handler", true)
		if n := len(ledgers[1].versions()); n != before {
			t.Errorf("the handler that was stopped got %d more", n-before)
		}
	})
}

func TestHandlersOfOneGroupMustAgree(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		var l deliveryLedger
		stop := p.on(l.note, &entity.SubscribeOptions{Group: "billing"})
		p.on(l.note, &entity.SubscribeOptions{Group: "billing", Attempts: 10, Timeout: 30 * time.Second}) // the defaults, said
		for _, opts := range []entity.SubscribeOptions{
			{Attempts: 3}, {Backoff: time.Second}, {Timeout: time.Second}, {Parallel: 2}, {From: entity.Oldest},
		} {
			opts.Group = "billing"
			_, err := p.orders.OnChange(l.note, &opts)
			if !errors.Is(err, entity.ErrConflict) || !strings.Contains(fmt.Sprint(err), `"billing"`) || !strings.Contains(err.Error(), "kind order") {
				t.Errorf("%+v: %v: want ErrConflict, naming the group and its source", opts, err)
			}
			opts.Group = "another"
			p.on(l.note, &opts)() // a group of its own, that has ended
		}
		if _, err := p.OnEvent("paid", func(context.Context, entity.Event) error { return nil },
			&entity.SubscribeOptions{Group: "billing", Attempts: 3}); err != nil {
			t.Errorf("a group of the same name on another source: %v", err)
		}
		time.Sleep(2 * time.Second)
		p.writes("a")
		time.Sleep(2 * time.Second)
		l.wants(w, "the group", true)
		stop()
	})
}

// TestInterruptedCallIsMadeAgain closes the process while handlers run: what they leave undone is not to blame.
func TestInterruptedCallIsMadeAgain(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var l deliveryLedger
		attempts := 0
		opts := &entity.SubscribeOptions{Group: "g", Attempts: 2}
		var p *deliveryProcess
		for range 5 { // more often than Attempts
			p = w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
				if c.ID == "b" {
					return l.note(ctx, c)
				}
				attempts++
				<-ctx.Done()
				if context.Cause(ctx) == context.DeadlineExceeded {
					t.Error("the attempt took too long")
				}
				return ctx.Err()
			}, opts)
			p.writes("b", "a")
			time.Sleep(2 * time.Second)
			p.close()
		}
		for parked := range p.w.begin().Parked(t.Context(), "") {
			t.Errorf("parked: %+v", parked)
		}
		w.ready(l.note, opts)
		l.wants(w, "the group", true)
		if attempts != 5 {
			t.Errorf("%d attempts were interrupted: want 5", attempts)
		}
	})
}

// TestAttemptsAreCountedAcrossProcesses has each process try once, or a few times.
func TestAttemptsAreCountedAcrossProcesses(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var tried, l deliveryLedger
		handler := func(ctx context.Context, c entity.Typed[Order]) error {
			if _ = tried.note(ctx, c); c.ID == "a" && c.Version == 1 {
				return errDelivery
			}
			return l.note(ctx, c)
		}
		opts := &entity.SubscribeOptions{Group: "g", Attempts: 5, Backoff: 10 * time.Second}
		begun := time.Now()
		p := w.ready(handler, opts)
		p.writes("a", "a", "b")
		for range 8 {
			time.Sleep(19 * time.Second)
			p.close()
			p = w.ready(handler, opts)
		}
		if got := count(tried.versions(), "a 1"); got != 5 {
			t.Errorf("it was tried %d times: want 5", got)
		}
		parked := map[string]int{}
		for pending, err := range p.Parked(t.Context(), "g") {
			if err != nil {
				t.Fatal(err)
			}
			parked[fmt.Sprint(pending.Change.ID, " ", pending.Change.Version)] = pending.Attempts
		}
		if diff := cmp.Diff(map[string]int{"a 1": 5}, parked); diff != "" {
			t.Errorf("parked (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"a 2", "b 1"}, slices.Sorted(slices.Values(l.versions()))); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
		if at, want := slices.Max(l.instants(begun)), (2+10+20+40+60)*time.Second; at != want {
			t.Errorf("what waits behind it was handled after %v: want %v, when the fifth attempt was due", at, want)
		}
	})
}

// TestGroupsOfOneNameDoNotShareTheirPlaces has one name for what two sources give.
func TestGroupsOfOneNameDoNotShareTheirPlaces(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.process(entity.Options{})
		if err := p.orders.Derive(func(_, next *Order) []string { return []string{fmt.Sprint("total.", next.Total)} }); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		events := map[string]int{}
		note := func(_ context.Context, e entity.Event) error {
			mu.Lock()
			defer mu.Unlock()
			events[e.Name]++
			return nil
		}
		var l deliveryLedger
		opts := &entity.SubscribeOptions{Group: "g"}
		p.on(l.note, opts)
		for _, name := range []string{"total.1", "total.3"} {
			if _, err := p.OnEvent(name, note, opts); err != nil {
				t.Fatal(err)
			}
		}
		start(t, p.Registry)
		time.Sleep(2 * time.Second)
		p.writes("a", "a", "a", "b")
		time.Sleep(2 * time.Second)
		l.wants(w, "the changes", true)
		mu.Lock()
		defer mu.Unlock()
		if want := map[string]int{"total.1": 2, "total.3": 1}; !maps.Equal(events, want) {
			t.Errorf("events: %v: want %v", events, want)
		}
	})
}
