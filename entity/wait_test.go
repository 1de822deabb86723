package entity_test

import (
	"context"
	"errors"
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var waits = flag.Int("entity.waits", 50_000, "how often WaitUntil races with a writer; the full number is 1000000")

// waiting is a call of WaitUntil in a bubble that has not returned yet, or its error.
type waiting struct {
	done chan error
	took time.Duration
}

func (w *callWorld) wait(ctx context.Context, c entity.Condition) *waiting {
	call, begun := &waiting{done: make(chan error, 1)}, time.Now()
	go func() {
		err := w.reg.WaitUntil(ctx, c)
		call.took = time.Since(begun)
		call.done <- err
	}()
	synctest.Wait()
	return call
}

// returned says whether the call has, with which error and after how long.
func (c *waiting) returned(t *testing.T, want error, took time.Duration) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-c.done:
		if !errors.Is(err, want) || want == nil && err != nil || c.took != took {
			t.Errorf("WaitUntil returned %v after %v, want %v after %v", err, c.took, want, took)
		}
	default:
		t.Error("WaitUntil still waits")
	}
}

func (c *waiting) waits(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if len(c.done) > 0 {
		t.Errorf("WaitUntil returned %v, want it to wait", <-c.done)
	}
}

func TestWaitUntil(t *testing.T) {
	much := entity.Above("state.order.a.total", 100)
	onCalls(t, "returns at once when it is true", func(t *testing.T, w *callWorld) {
		w.write(200)
		w.wait(t.Context(), much).returned(t, nil, 0)
	})
	onCalls(t, "returns when a change makes it true", func(t *testing.T, w *callWorld) {
		call := w.wait(t.Context(), much)
		time.Sleep(time.Minute)
		w.write(100)
		call.waits(t)
		w.write(101)
		call.returned(t, nil, time.Minute)
	})
	onCalls(t, "returns when it was true for a moment", func(t *testing.T, w *callWorld) {
		call := w.wait(t.Context(), much)
		w.pulse(101)
		call.returned(t, nil, 0)
	})
	onCalls(t, "does not when it was so before the call", func(t *testing.T, w *callWorld) {
		w.watch("another, so that changes are looked at", succeed, entity.WatchOptions{})
		for range 100 { // the call may come before they have been looked at
			w.pulse(101)
			call := w.wait(t.Context(), much)
			call.waits(t)
			w.pulse(102)
			call.returned(t, nil, 0)
		}
	})
	onCalls(t, "waits for what does not exist yet, is removed, and comes again", func(t *testing.T, w *callWorld) {
		gone := w.wait(t.Context(), entity.Not(entity.Above("state.order.a.total", -1)))
		gone.returned(t, nil, 0)
		there := w.wait(t.Context(), entity.Above("state.order.a.total", -1))
		there.waits(t)
		w.write(0)
		there.returned(t, nil, 0)
		gone = w.wait(t.Context(), entity.Not(entity.Above("state.order.a.total", -1)))
		gone.waits(t)
		if _, err := w.h.Remove(t.Context(), "a", w.host.drop("a"), nil); err != nil {
			t.Fatal(err)
		}
		gone.returned(t, nil, 0)
	})
	onCalls(t, "with For waits that long from the call on", func(t *testing.T, w *callWorld) {
		w.write(200)
		time.Sleep(time.Hour)
		call := w.wait(t.Context(), much.For(time.Minute))
		time.Sleep(time.Minute - time.Microsecond)
		call.waits(t)
		time.Sleep(time.Microsecond)
		call.returned(t, nil, time.Minute)
	})
	onCalls(t, "with For begins anew when it breaks", func(t *testing.T, w *callWorld) {
		w.write(200)
		call := w.wait(t.Context(), much.For(time.Minute))
		time.Sleep(30 * time.Second)
		w.write(5)
		w.write(200)
		time.Sleep(59 * time.Second)
		call.waits(t)
		time.Sleep(time.Second)
		call.returned(t, nil, 90*time.Second)
	})
	onCalls(t, "returns ctx's error when that ends", func(t *testing.T, w *callWorld) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		call := w.wait(ctx, much)
		time.Sleep(time.Minute)
		call.returned(t, context.DeadlineExceeded, time.Minute)
		w.wait(ctx, much).returned(t, context.DeadlineExceeded, 0)
	})
	onCalls(t, "returns ErrClosed when the Registry is closed", func(t *testing.T, w *callWorld) {
		call := w.wait(t.Context(), much)
		if err := w.reg.Close(); err != nil {
			t.Error(err)
		}
		call.returned(t, entity.ErrClosed, 0)
		w.wait(t.Context(), much).returned(t, entity.ErrClosed, 0)
	})
	t.Run("returns ErrNotStarted before Start", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newCallWorld(t)
			w.write(200)
			w.wait(t.Context(), much).returned(t, entity.ErrNotStarted, 0)
		})
	})
	t.Run("returns when time alone makes it true", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newCallWorld(t)
			host := newGauges(bubbleClock{})
			h := define(t, w.reg, "gauge", host.read, &entity.KindOptions[Gauge]{Forecaster: host.forecast})
			start(t, w.reg)
			if _, err := h.Mutate(t.Context(), "a", host.set("a", gaugeLevel(50, -1)), nil); err != nil {
				t.Fatal(err)
			}
			level := w.wait(t.Context(), entity.Below("state.gauge.a.level", 30))
			low := w.wait(t.Context(), entity.Is("state.gauge.a.low", true).For(time.Minute))
			time.Sleep(20 * time.Second)
			level.waits(t)
			time.Sleep(time.Microsecond)
			level.returned(t, nil, 20*time.Second+time.Microsecond)
			time.Sleep(70 * time.Second)
			low.returned(t, nil, 90*time.Second+time.Microsecond)
		})
	})
}

// TestWaitUntilMissesNothing has waiters that begin at any moment of a write. A writer goes on when the waiter has been
// told: it can be missed, then all stands still, and the deadline says so.
func TestWaitUntilMissesNothing(t *testing.T) {
	n := *waits
	if testing.Short() {
		n /= 10
	}
	host, reg := newTable[Order](), newRegistry(t, nil)
	h := define(t, reg, "order", host.read, nil)
	start(t, reg)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second+time.Duration(n)*time.Millisecond)
	defer cancel()
	conditions := [2]entity.Condition{entity.Is("state.order.a.total", 0), entity.Is("state.order.a.total", 1)}
	var turn atomic.Int64
	var work sync.WaitGroup
	work.Go(func() {
		for i := range n {
			for turn.Load() < int64(i) { // the waiter has begun, or is about to
				runtime.Gosched()
			}
			if _, err := h.Mutate(ctx, "a", host.set("a", Order{Total: i % 2}), nil); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range n {
		turn.Store(int64(i))
		if err := reg.WaitUntil(ctx, conditions[i%2]); err != nil {
			t.Errorf("wait %d of %d: %v", i, n, err)
			cancel()
			break
		}
	}
	turn.Store(int64(n))
	work.Wait()
}

func TestWaitsLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCallWorld(t)
		host := newGauges(bubbleClock{})
		var asked atomic.Int64
		h := define(t, w.reg, "gauge", host.read, &entity.KindOptions[Gauge]{
			Forecaster: func(ctx context.Context, questions []entity.Question, answer func(int, time.Time)) error {
				asked.Add(int64(len(questions)))
				return host.forecast(ctx, questions, answer)
			}})
		start(t, w.reg)
		set := func(change func(s *gaugeSpan)) {
			if _, err := h.Mutate(t.Context(), "a", host.set("a", change), nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		set(gaugeLevel(50, 0))
		before := runtime.NumGoroutine()
		for i := range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			call := w.wait(ctx, entity.Below("state.gauge.a.level", 30).For(time.Duration(1+i%2)*time.Hour))
			cancel()
			call.returned(t, context.Canceled, 0)
			call = w.wait(t.Context(), entity.Above("state.gauge.a.level", 30))
			call.returned(t, nil, 0)
		}
		asked.Store(0)
		set(gaugeLevel(40, 0))
		if n := asked.Load(); n != 1 {
			t.Errorf("after a write a Forecaster is asked %d questions, want when its entity flips, and nothing else", n)
		}
		if after := runtime.NumGoroutine(); after >= before+100 { // one that has just ended may still be counted
			t.Errorf("%d goroutines before 200 calls, %d after", before, after)
		}
	})
}
