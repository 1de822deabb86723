package entity_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// callWorld is a process with orders in a bubble, whose watches write down what they are told.
type callWorld struct {
	t    *testing.T
	host *table[Order]
	reg  *entity.Registry
	h    *entity.Handle[Order]

	mu   sync.Mutex
	told []string // calls
	errs []error  // that OnError heard
}

func newCallWorld(t *testing.T) *callWorld {
	w := &callWorld{t: t, host: newTable[Order]()}
	w.reg = newRegistry(t, &entity.Options{OnError: func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.errs = append(w.errs, err)
	}})
	w.h = define(t, w.reg, "order", w.host.read, nil)
	return w
}

func (w *callWorld) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, text)
}

// calls are what was told since the last time.
func (w *callWorld) calls() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.told
	w.told = nil
	return told
}

// watch watches for a total above 100 of the order "a".
func (w *callWorld) watch(name string, fn func(ctx context.Context) error, opts entity.WatchOptions) (stop func()) {
	w.t.Helper()
	opts.Name = name
	stop, err := w.reg.Watch(w.t.Context(), entity.Above("state.order.a.total", 100), func(ctx context.Context, f entity.Firing) error {
		w.note(fmt.Sprint(f.Watch, " ", f.Value))
		return fn(ctx)
	}, &opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return stop
}

// pulse makes the condition true and false again.
func (w *callWorld) pulse(total int) {
	w.t.Helper()
	for _, total := range []int{total, 0} {
		w.write(total)
	}
}

func (w *callWorld) write(total int) {
	w.t.Helper()
	if _, err := w.h.Mutate(w.t.Context(), "a", w.host.set("a", Order{Total: total}), nil); err != nil {
		w.t.Fatal(err)
	}
}

// heard are the errors that OnError heard.
func (w *callWorld) heard() []error {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.errs)
}

func (w *callWorld) expect(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.calls()); diff != "" {
		w.t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func succeed(context.Context) error { return nil }

func onCalls(t *testing.T, name string, f func(t *testing.T, w *callWorld)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newCallWorld(t)
			start(t, w.reg)
			f(t, w)
		})
	})
}

func TestCallsOfWatches(t *testing.T) {
	onCalls(t, "those of one instant begin in the order of their names", func(t *testing.T, w *callWorld) {
		names := []string{"j", "c", "a", "h", "b", "i", "g", "d", "f", "e"}
		for _, name := range names {
			w.watch(name, succeed, entity.WatchOptions{})
		}
		w.pulse(101)
		slices.Sort(names)
		for i := range names {
			names[i] += " 101"
		}
		w.expect(names...)
	})
	onCalls(t, "one that blocks holds up others of its instant for a second, and its own firings", func(t *testing.T, w *callWorld) {
		gate := make(chan struct{})
		w.watch("a", func(context.Context) error { <-gate; return nil }, entity.WatchOptions{})
		w.watch("b", succeed, entity.WatchOptions{})
		w.pulse(101)
		w.expect("a 101")
		time.Sleep(time.Second)
		w.expect("b 101")
		w.pulse(102)
		w.expect("b 102")
		close(gate)
		w.expect("a 102")
	})
	onCalls(t, "one that fails is made again after a pause, then after twice that", func(t *testing.T, w *callWorld) {
		begun := time.Now()
		w.watch("a", func(context.Context) error {
			w.note(time.Since(begun).String())
			return errors.New("not now")
		}, entity.WatchOptions{Attempts: 3, Backoff: 10 * time.Second})
		w.pulse(101)
		w.pulse(102)
		time.Sleep(time.Hour)
		w.expect("a 101", "0s", "a 101", "10s", "a 101", "30s", "a 102", "30s", "a 102", "40s", "a 102", "1m0s")
		if errs := w.heard(); len(errs) != 2 || !strings.Contains(errs[0].Error(), `watch "a"`) || !strings.Contains(errs[0].Error(), "not now") {
			t.Errorf("OnError heard %v, want both firings that were passed over", errs)
		}
	})
	onCalls(t, "while one waits for its next attempt, nothing is left to settle", func(t *testing.T, w *callWorld) {
		failed := false
		w.watch("a", func(context.Context) error {
			if !failed {
				failed = true
				return errors.New("not now")
			}
			return nil
		}, entity.WatchOptions{Backoff: time.Minute})
		begun := time.Now()
		w.pulse(101)
		w.pulse(102)
		settle(t, w.reg)
		if d := time.Since(begun); d >= time.Minute {
			t.Errorf("it took %v", d)
		}
		w.expect("a 101")
		time.Sleep(time.Minute)
		w.expect("a 101", "a 102")
	})
	for what, end := range map[string]func(){"panics": func() { panic("no") }, "ends its goroutine": runtime.Goexit} {
		onCalls(t, "one that "+what+" has failed", func(t *testing.T, w *callWorld) {
			w.watch("a", func(context.Context) error { end(); return nil }, entity.WatchOptions{Attempts: 2, Backoff: time.Second})
			w.watch("b", succeed, entity.WatchOptions{})
			for _, total := range []int{101, 102} {
				w.pulse(total)
				time.Sleep(time.Hour)
				w.expect(fmt.Sprint("a ", total), fmt.Sprint("b ", total), fmt.Sprint("a ", total))
			}
			if errs := w.heard(); len(errs) != 2 {
				t.Errorf("OnError heard %v, want two firings that were passed over", errs)
			}
			settle(t, w.reg)
		})
	}
	onCalls(t, "its context ends when it takes too long", func(t *testing.T, w *callWorld) {
		w.watch("a", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			entity.WatchOptions{Attempts: 2, Backoff: time.Second, Timeout: time.Minute})
		w.pulse(101)
		time.Sleep(59 * time.Second)
		w.expect("a 101")
		time.Sleep(3 * time.Second)
		w.expect("a 101")
		time.Sleep(time.Minute)
		if errs := w.heard(); len(errs) != 1 || !errors.Is(errs[0], context.DeadlineExceeded) {
			t.Errorf("OnError heard %v, want DeadlineExceeded", errs)
		}
	})
	onCalls(t, "one may stop its own watch", func(t *testing.T, w *callWorld) {
		var stop func()
		stop = w.watch("a", func(context.Context) error { stop(); return errors.New("not again") }, entity.WatchOptions{})
		w.pulse(101)
		w.pulse(102)
		time.Sleep(time.Hour)
		w.expect("a 101")
		settle(t, w.reg)
	})
	onCalls(t, "one may write what it watches, and begin another watch", func(t *testing.T, w *callWorld) {
		w.watch("a", func(ctx context.Context) error {
			w.write(5)
			w.watch("b", succeed, entity.WatchOptions{})
			return nil
		}, entity.WatchOptions{})
		w.write(200)
		w.expect("a 200")
		w.write(300)
		w.expect("a 300", "b 300")
	})
}

func TestWatchKeepsItsOptions(t *testing.T) {
	onCalls(t, "whatever becomes of the caller's", func(t *testing.T, w *callWorld) {
		opts := entity.WatchOptions{Name: "a", Attempts: 2, Backoff: time.Second}
		_, err := w.reg.Watch(t.Context(), entity.Above("state.order.a.total", 100), func(_ context.Context, f entity.Firing) error {
			w.note(f.Watch)
			return errors.New("no")
		}, &opts)
		if err != nil {
			t.Fatal(err)
		}
		opts = entity.WatchOptions{Name: "b", Attempts: 5}
		w.pulse(101)
		time.Sleep(time.Hour)
		w.expect("a", "a")
	})
}

func TestNoCallBeginsWhenAWatchHasEnded(t *testing.T) {
	onCalls(t, "with stop, also not for what fired before", func(t *testing.T, w *callWorld) {
		gate := make(chan struct{})
		stop := w.watch("a", func(context.Context) error { <-gate; return nil }, entity.WatchOptions{})
		w.pulse(101)
		w.pulse(102)
		w.expect("a 101")
		stop()
		stop()
		close(gate)
		w.pulse(103)
		w.expect()
		settle(t, w.reg)
	})
	onCalls(t, "with its ctx", func(t *testing.T, w *callWorld) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := w.reg.Watch(ctx, entity.Above("state.order.a.total", 100), func(context.Context, entity.Firing) error {
			w.note("called")
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.pulse(101)
		w.expect("called")
		cancel()
		synctest.Wait()
		w.pulse(102)
		w.expect()
	})
	onCalls(t, "with Close, which waits for the one that runs", func(t *testing.T, w *callWorld) {
		w.watch("a", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			w.note("returned")
			return ctx.Err()
		}, entity.WatchOptions{})
		w.pulse(101)
		w.pulse(102)
		w.expect("a 101")
		if err := w.reg.Close(); err != nil {
			t.Error(err)
		}
		w.expect("returned")
		if errs := w.heard(); len(errs) > 0 {
			t.Errorf("OnError heard %v", errs)
		}
	})
}

func TestWatchesOfAProcessThatHasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCallWorld(t)
		w.watch("before", succeed, entity.WatchOptions{})
		w.watch("at once", succeed, entity.WatchOptions{IfTrue: true})
		w.watch("stopped", succeed, entity.WatchOptions{})()
		w.pulse(101)
		w.write(102)
		w.expect()
		start(t, w.reg)
		w.expect("at once 102")
		w.pulse(103)
		w.pulse(104)
		w.expect("at once 104", "before 104") // 103 came while it was true
	})
}
