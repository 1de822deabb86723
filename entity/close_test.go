package entity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// TestCloseInTheMiddle closes a process while all that it can do is going on, from several goroutines. In a bubble a
// goroutine that is left over fails the test.
func TestCloseInTheMiddle(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		condition := entity.Is("state.order.never.total", 1)
		var mu sync.Mutex
		running, ended := 0, false
		handler := func(ctx context.Context, _ entity.Typed[Order]) error {
			mu.Lock()
			defer mu.Unlock()
			if ended {
				t.Error("a handler was called when Close had returned")
			}
			running++
			mu.Unlock()
			<-ctx.Done()
			time.Sleep(2 * time.Second) // it takes its time
			mu.Lock()
			running--
			return ctx.Err()
		}
		for _, opts := range []entity.SubscribeOptions{{}, {Parallel: 3}, {Group: "g"}, {Group: "h", Parallel: 5}} {
			p.on(handler, &opts)
		}
		if _, err := p.Watch(t.Context(), condition, func(context.Context, entity.Firing) error { return nil }, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)

		ctx, writers, others := t.Context(), sync.WaitGroup{}, sync.WaitGroup{}
		inWrite := make(chan struct{})
		for i := range 5 {
			writers.Go(func() {
				for n := 0; ; n++ {
					err := p.write(ctx, fmt.Sprint(i, "-", n%3))
					if err != nil {
						if !errors.Is(err, entity.ErrClosed) {
							t.Errorf("Mutate returned %v", err)
						}
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		others.Go(func() { // a write that has begun may commit
			c, err := p.orders.Mutate(ctx, "long", func(ctx context.Context) error {
				<-inWrite
				return w.host.set("long", Order{Total: 1})(ctx)
			}, nil)
			if err != nil || c.Version != 1 {
				t.Errorf("the write that had begun: %v, %v", c, err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.committed["long"] = append(w.committed["long"], c)
		})
		expectClosed := func(what string, f func() error) {
			others.Go(func() {
				if err := f(); !errors.Is(err, entity.ErrClosed) {
					t.Errorf("%s returned %v: want ErrClosed", what, err)
				}
			})
		}
		expectClosed("WaitUntil", func() error { return p.WaitUntil(ctx, condition) })
		expectClosed("Settle", func() error {
			for {
				if err := p.Settle(ctx); err != nil {
					return err
				}
			}
		})
		time.Sleep(50 * time.Millisecond)
		for range 3 {
			others.Go(func() {
				if err := p.Close(); err != nil {
					t.Errorf("Close returned %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				ended = true
				if running != 0 {
					t.Errorf("%d handlers run when Close has returned", running)
				}
			})
		}
		time.Sleep(10 * time.Second)
		writers.Wait()
		close(inWrite)
		others.Wait()
		p.close()
		for _, err := range p.told() {
			t.Errorf("OnError heard %v", err)
		}

		var h, g deliveryLedger
		next := w.begin()
		next.on(g.note, &entity.SubscribeOptions{Group: "g"})
		next.on(h.note, &entity.SubscribeOptions{Group: "h", Parallel: 5})
		time.Sleep(30 * time.Second)
		g.wants(w, "group g, in the next process", true)
		h.wants(w, "group h, in the next process", true)
	})
}

// TestEveryCallAfterCloseIsRefused closes before and after Start.
func TestEveryCallAfterCloseIsRefused(t *testing.T) {
	for _, started := range []bool{false, true} {
		t.Run(fmt.Sprint("started ", started), func(t *testing.T) {
			onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
				ctx := t.Context()
				p := w.process(entity.Options{})
				condition := entity.Is("state.order.a.total", 1)
				stop := p.on(new(deliveryLedger).note, nil)
				stopGroup := p.on(new(deliveryLedger).note, &entity.SubscribeOptions{Group: "g"})
				if started {
					start(t, p.Registry)
				}
				p.writes("a")
				p.close()
				p.close()
				stop()
				stopGroup()
				writes := 0
				write := func(context.Context) error { writes++; return nil }
				fire := func(context.Context, entity.Firing) error { return nil }
				for what, call := range map[string]func() error{
					"Start":    func() error { return p.Start(ctx) },
					"Settle":   func() error { return p.Settle(ctx) },
					"Define":   func() error { _, err := entity.Define(p.Registry, "x", w.host.read, nil); return err },
					"OnChange": func() error { _, err := p.orders.OnChange(new(deliveryLedger).note, nil); return err },
					"OnChange in a group": func() error {
						_, err := p.orders.OnChange(new(deliveryLedger).note, &entity.SubscribeOptions{Group: "h"})
						return err
					},
					"OnEvent": func() error {
						_, err := p.OnEvent("x", func(context.Context, entity.Event) error { return nil }, nil)
						return err
					},
					"Mutate":     func() error { _, err := p.orders.Mutate(ctx, "a", write, nil); return err },
					"MutateMany": func() error { _, err := p.orders.MutateMany(ctx, []string{"a", "b"}, write, nil); return err },
					"Remove":     func() error { _, err := p.orders.Remove(ctx, "a", write, nil); return err },
					"Refresh":    func() error { return p.orders.Refresh(ctx, "a") },
					"Get":        func() error { _, err := p.orders.Get(ctx, "a"); return err },
					"GetMany":    func() error { _, err := p.orders.GetMany(ctx, []string{"a"}); return err },
					"Watch":      func() error { _, err := p.Watch(ctx, condition, fire, nil); return err },
					"WaitUntil":  func() error { return p.WaitUntil(ctx, condition) },
					"Replay":     func() error { return p.Replay(ctx, entity.Pending{}) },
					"DropGroup":  func() error { return p.DropGroup(ctx, "g") },
					"Parked": func() error {
						for _, err := range p.Parked(ctx, "") {
							return err
						}
						return nil
					},
				} {
					if err := call(); !errors.Is(err, entity.ErrClosed) {
						t.Errorf("%s returned %v: want ErrClosed", what, err)
					}
				}
				if writes != 0 {
					t.Errorf("%d writes were run", writes)
				}
			})
		})
	}
}

func TestStartTwiceIsAConflict(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.begin()
		if err := p.Start(t.Context()); !errors.Is(err, entity.ErrConflict) {
			t.Errorf("Start returned %v", err)
		}
	})
}

// TestStartThatFailsCanBeRepeated has no Log at first.
func TestStartThatFailsCanBeRepeated(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		for _, call := range []string{"Last", "Positions"} {
			var broadcast, group deliveryLedger
			p := w.process(entity.Options{})
			p.on(broadcast.note, nil)
			p.on(group.note, &entity.SubscribeOptions{Group: call})
			p.end.set(func(_ context.Context, name string) error {
				if name == call {
					return errCut
				}
				return nil
			}, nil)
			if err := p.Start(t.Context()); !errors.Is(err, errCut) || !strings.HasPrefix(err.Error(), "entity: ") {
				t.Errorf("Start without %s returned %v", call, err)
			}
			if err := p.Settle(t.Context()); !errors.Is(err, entity.ErrNotStarted) {
				t.Errorf("Settle returned %v", err)
			}
			p.end.set(nil, nil)
			start(t, p.Registry)
			p.writes(call)
			time.Sleep(3 * time.Second)
			for _, got := range [][]string{broadcast.versions(), group.versions()} {
				if len(got) != 1 || got[0] != call+" 1" {
					t.Errorf("%s: delivered %v", call, got)
				}
			}
			p.close()
		}
	})
}

// TestCloseDoesNotWaitForADeadLog closes while Start or a subscription waits for a database that does not answer.
func TestCloseDoesNotWaitForADeadLog(t *testing.T) {
	for _, c := range []struct {
		name, call string
		do         func(p *deliveryProcess) error
	}{
		{"Start", "Last", func(p *deliveryProcess) error { return p.Start(context.Background()) }},
		{"Start with a group", "Positions", func(p *deliveryProcess) error {
			p.on(new(deliveryLedger).note, &entity.SubscribeOptions{Group: "g"})
			return p.Start(context.Background())
		}},
		{"a subscription", "Positions", func(p *deliveryProcess) error {
			start(p.w.t, p.Registry)
			_, err := p.orders.OnChange(new(deliveryLedger).note, &entity.SubscribeOptions{Group: "g"})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
				p := w.process(entity.Options{})
				p.end.set(func(ctx context.Context, name string) error {
					if name == c.call {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				}, nil)
				result := make(chan error, 1)
				go func() { result <- c.do(p) }()
				synctest.Wait()
				begun := time.Now()
				p.close()
				if took := time.Since(begun); took != 0 {
					t.Errorf("Close took %v", took)
				}
				if err := <-result; !errors.Is(err, entity.ErrClosed) {
					t.Errorf("it returned %v: want ErrClosed", err)
				}
			})
		})
	}
}

func TestOptionsOutOfBoundsAreRefused(t *testing.T) {
	for want, opts := range map[string]entity.Options{"Poll -1ns": {Poll: -1}, "LeaseTTL -1s": {LeaseTTL: -time.Second}} {
		if _, err := entity.NewRegistry(&opts); !errors.Is(err, entity.ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%+v: %v: want ErrInvalid, naming %s", opts, err, want)
		}
	}
}
