package entity_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

func TestBroadcastsGetEveryChangeInEveryProcess(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		ledgers := map[string]*deliveryLedger{}
		var all []*deliveryProcess
		for i := range 3 {
			p := w.process(entity.Options{})
			for j := range 3 {
				l := &deliveryLedger{}
				ledgers[fmt.Sprintf("subscriber %d of process %d", j, i)] = l
				p.on(l.note, &entity.SubscribeOptions{Parallel: j}) // 0, 1 and 2
			}
			start(t, p.Registry)
			all = append(all, p)
		}
		for i := range 40 {
			all[i%3].writes(fmt.Sprint(i%7), "a")
			if i%9 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(3 * time.Second)
		for who, l := range ledgers {
			l.wants(w, who, true)
		}
	})
}

func TestBroadcastGetsWhatComesAfterItsSubscription(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		p.writes("a", "a", "b")
		settle(t, p.Registry)
		var l deliveryLedger
		stop := p.on(l.note, nil)
		p.writes("a", "b")
		settle(t, p.Registry)
		stop()
		p.writes("a", "b")
		settle(t, p.Registry)
		stop() // once more is nothing
		if diff := cmp.Diff([]string{"a 3", "b 2"}, l.versions()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestSubscriptionsBeforeStartGetWhatComesFromThenOn(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p, writer := w.process(entity.Options{}), w.process(entity.Options{})
		writer.writes("z") // the first change of all has been made before
		var broadcast, group, stopped deliveryLedger
		p.on(broadcast.note, nil)
		p.on(group.note, &entity.SubscribeOptions{Group: "g"})
		p.on(stopped.note, nil)()
		want := []string{"a 1", "a 2"}
		if w.log.Shared() {
			want = want[1:] // of a Log that others use too, from Start on
			p.writes("a")
			settled := w.begin()
			settle(t, settled.Registry)
			start(t, p.Registry)
		} else {
			p.writes("a")
			start(t, p.Registry)
		}
		p.writes("a")
		settle(t, p.Registry)
		time.Sleep(5 * time.Second)
		for who, l := range map[string]*deliveryLedger{"broadcast": &broadcast, "group": &group} {
			if diff := cmp.Diff(want, l.versions()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", who, diff)
			}
		}
		if got := stopped.versions(); got != nil {
			t.Errorf("one that was stopped before Start got %v", got)
		}
	})
}

// TestNoSubscriberIsAConcernOfOthers has a subscriber that misbehaves next to one that does not, and to the writer.
func TestNoSubscriberIsAConcernOfOthers(t *testing.T) {
	type handler func(context.Context, entity.Typed[Order]) error
	for _, c := range []struct {
		name string
		make func(p *deliveryProcess, stop *func()) handler
	}{
		{"one that sleeps", func(*deliveryProcess, *func()) handler {
			return func(context.Context, entity.Typed[Order]) error { time.Sleep(20 * time.Second); return nil }
		}},
		{"one that panics", func(*deliveryProcess, *func()) handler {
			return func(context.Context, entity.Typed[Order]) error { panic("boom") }
		}},
		{"one that panics with an error", func(*deliveryProcess, *func()) handler {
			return func(context.Context, entity.Typed[Order]) error { panic(errDelivery) }
		}},
		{"one that ends its goroutine", func(*deliveryProcess, *func()) handler {
			return func(context.Context, entity.Typed[Order]) error { runtime.Goexit(); return nil }
		}},
		{"one that returns errors", func(*deliveryProcess, *func()) handler {
			return func(context.Context, entity.Typed[Order]) error { return errDelivery }
		}},
		{"one that returns a nil pointer as an error", func(*deliveryProcess, *func()) handler {
			return func(context.Context, entity.Typed[Order]) error { var err *deliveryError; return err }
		}},
		{"one that blocks until its context ends", func(*deliveryProcess, *func()) handler {
			return func(ctx context.Context, _ entity.Typed[Order]) error { <-ctx.Done(); return ctx.Err() }
		}},
		{"one that mutates the entity that it was told about", func(p *deliveryProcess, _ *func()) handler {
			return func(ctx context.Context, c entity.Typed[Order]) error {
				if c.Version > 20 {
					return nil
				}
				return p.write(ctx, c.ID)
			}
		}},
		{"one that mutates others", func(p *deliveryProcess, _ *func()) handler {
			return func(ctx context.Context, c entity.Typed[Order]) error {
				if strings.HasPrefix(c.ID, "other") {
					return nil
				}
				return p.write(ctx, "other"+c.ID)
			}
		}},
		{"one that subscribes others", func(p *deliveryProcess, _ *func()) handler {
			return func(context.Context, entity.Typed[Order]) error {
				_, err := p.orders.OnChange(new(deliveryLedger).note, nil)
				return err
			}
		}},
		{"one that joins a group", func(p *deliveryProcess, _ *func()) handler {
			return func(_ context.Context, c entity.Typed[Order]) error {
				_, err := p.orders.OnChange(new(deliveryLedger).note, &entity.SubscribeOptions{Group: "new " + c.ID})
				return err
			}
		}},
		{"one that stops itself", func(_ *deliveryProcess, stop *func()) handler {
			return func(context.Context, entity.Typed[Order]) error { (*stop)(); return nil }
		}},
		{"one that refreshes", func(p *deliveryProcess, _ *func()) handler {
			return func(ctx context.Context, c entity.Typed[Order]) error {
				return p.orders.Refresh(ctx, c.ID, "a", "none")
			}
		}},
	} {
		for _, group := range []string{"", "g"} {
			t.Run(fmt.Sprintf("%s, in group %q", c.name, group), func(t *testing.T) {
				onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
					p := w.process(entity.Options{})
					var good, worker deliveryLedger
					var stop func()
					bad := c.make(p, &stop)
					p.on(good.note, nil)
					p.on(worker.note, &entity.SubscribeOptions{Group: "worker"})
					stop = p.on(bad, &entity.SubscribeOptions{Group: group})
					start(t, p.Registry)
					before := time.Now()
					for range 4 {
						p.writes("a", "b", "c")
					}
					if took := time.Since(before); took != 0 {
						t.Errorf("the writer was held up for %v", took)
					}
					time.Sleep(3 * time.Second)
					good.wants(w, "a broadcast beside it", true)
					worker.wants(w, "a group beside it", true)
				})
			})
		}
	}
}

type deliveryError struct{ text string }

func (e *deliveryError) Error() string { return e.text } // which panics where e is nil

func TestNoCallBeginsAfterStop(t *testing.T) {
	for _, opts := range []entity.SubscribeOptions{
		{}, {Parallel: 4}, {Group: "g"}, {Group: "g", Parallel: 4},
	} {
		t.Run(fmt.Sprintf("%q at %d", opts.Group, opts.Parallel), func(t *testing.T) {
			onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
				p := w.begin()
				var stopped atomic.Bool
				var after, ended atomic.Int64
				stop := p.on(func(ctx context.Context, c entity.Typed[Order]) error {
					if stopped.Load() {
						after.Add(1)
					}
					time.Sleep(10 * time.Second)
					if ctx.Err() == nil {
						ended.Add(1)
					}
					return nil
				}, &opts)
				time.Sleep(time.Second)
				p.writes("a", "b", "c", "d", "e", "f", "a", "b") // of several shards
				time.Sleep(5 * time.Second)
				synctest.Wait()
				stop()
				stopped.Store(true)
				time.Sleep(time.Minute)
				if n := after.Load(); n != 0 {
					t.Errorf("%d calls began after stop had returned", n)
				}
				if n, want := ended.Load(), int64(max(opts.Parallel, 1)); n != want {
					t.Errorf("%d of the %d calls that ran went on to their end", n, want)
				}
			})
		})
	}
}

func TestSubscribeOptionsOutOfBoundsAreRefused(t *testing.T) {
	reg := newRegistry(t, nil)
	orders := define(t, reg, "order", newTable[Order]().read, nil)
	handler := new(deliveryLedger).note
	for _, c := range []struct {
		want string
		opts entity.SubscribeOptions
	}{
		{`Group " \t"`, entity.SubscribeOptions{Group: " \t"}},
		{`Group "g\x00"`, entity.SubscribeOptions{Group: "g\x00"}},
		{`Group "g\xff"`, entity.SubscribeOptions{Group: "g\xff"}},
		{"Group", entity.SubscribeOptions{Group: strings.Repeat("g", 257)}},
		{"From 1", entity.SubscribeOptions{From: 1}},
		{"From -1", entity.SubscribeOptions{From: entity.Oldest}},
		{"From -2", entity.SubscribeOptions{Group: "g", From: -2}},
		{"Attempts -1", entity.SubscribeOptions{Attempts: -1}},
		{"Backoff -1ns", entity.SubscribeOptions{Backoff: -1}},
		{"Timeout -1ns", entity.SubscribeOptions{Timeout: -1}},
		{"Parallel -1", entity.SubscribeOptions{Parallel: -1}},
		{"Parallel 17", entity.SubscribeOptions{Parallel: entity.Shards + 1}},
	} {
		_, change := orders.OnChange(handler, &c.opts)
		_, event := reg.OnEvent("paid", func(context.Context, entity.Event) error { return nil }, &c.opts)
		for _, err := range []error{change, event} {
			if !errors.Is(err, entity.ErrInvalid) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("%+v: %v: want ErrInvalid, naming %s", c.opts, err, c.want)
			}
		}
	}
	_, change := orders.OnChange(nil, nil)
	_, event := reg.OnEvent("paid", nil, nil)
	_, blank := reg.OnEvent(" ", func(context.Context, entity.Event) error { return nil }, nil)
	for want, err := range map[string]error{`handler "nil"`: errors.Join(change, event), `event " "`: blank} {
		if !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want ErrInvalid, naming %s", err, want)
		}
	}
	for _, opts := range []*entity.SubscribeOptions{
		nil, {Parallel: entity.Shards}, {Group: strings.Repeat("g", 256), From: entity.Oldest}, {Group: "ä", From: 1 << 60},
	} {
		if _, err := orders.OnChange(handler, opts); err != nil {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func TestSubscribersOfOneKindHearOfNoOther(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.process(entity.Options{})
		other := define(t, p.Registry, "refund", w.host.read, nil)
		var l deliveryLedger
		var mu sync.Mutex
		var events []string
		if _, err := other.OnChange(l.note, nil); err != nil {
			t.Fatal(err)
		}
		if err := p.orders.Derive(func(_, next *Order) []string { return []string{"order.written", fmt.Sprint("order.", next.Total)} }); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"order.2", "refund.1"} {
			if _, err := p.OnEvent(name, func(_ context.Context, e entity.Event) error {
				mu.Lock()
				defer mu.Unlock()
				events = append(events, fmt.Sprint(e.Name, " ", e.Change.ID))
				return nil
			}, &entity.SubscribeOptions{Group: "g"}); err != nil {
				t.Fatal(err)
			}
		}
		start(t, p.Registry)
		time.Sleep(time.Second)
		p.writes("a", "a", "a", "b", "b")
		time.Sleep(3 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(events)
		if diff := cmp.Diff([]string{"order.2 a", "order.2 b"}, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if got := l.versions(); got != nil {
			t.Errorf("the subscriber of another kind got %v", got)
		}
	})
}
