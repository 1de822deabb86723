package entitytest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// BusHarness says how to get at the Bus under test.
type BusHarness struct {
	// Open makes the ends that two processes have of one Bus; they may be the same value. What it needs to clean up it gives
	// to t.Cleanup.
	Open func(t testing.TB) (a, b entity.Bus)

	// Patience is how long the suite waits for what must happen, repeating its wakes. A fiftieth of it is how long it looks
	// whether what must not happen happens all the same. 0: 10 seconds.
	Patience time.Duration
}

// RunBus checks that a Bus keeps the laws of [entity.Bus], one subtest for each. A subtest that fails ends with the law in
// words. A Bus may lose wakes: the suite repeats each until it is heard.
func RunBus(t *testing.T, h BusHarness) {
	t.Helper()
	for _, l := range busLaws {
		t.Run(l.name, func(t *testing.T) { l.run(t, h) })
	}
}

// busLaw is one rule of the contract.
type busLaw struct {
	name  string
	why   string
	check func(w *busWorld)
}

func (l busLaw) run(t testing.TB, h BusHarness) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("The law: %s.\n%s", l.name, l.why)
		}
	}()
	w := &busWorld{TB: t, patience: h.Patience}
	if w.patience == 0 {
		w.patience = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*w.patience)
	defer w.background.Wait()
	defer cancel()
	w.ctx = ctx
	w.a, w.b = h.Open(t)
	l.check(w)
}

// busWorld is what the check of a law has: two ends of a Bus, and time.
type busWorld struct {
	testing.TB
	ctx        context.Context
	a, b       entity.Bus
	patience   time.Duration
	background sync.WaitGroup
}

// listener is a call of Listen that runs.
type listener struct {
	heard  atomic.Int64
	cancel context.CancelFunc
	result chan error
}

func (w *busWorld) listen(b entity.Bus) *listener {
	ctx, cancel := context.WithCancel(w.ctx)
	l := &listener{cancel: cancel, result: make(chan error, 1)}
	w.background.Go(func() { l.result <- b.Listen(ctx, func() { l.heard.Add(1) }) })
	return l
}

// ended waits for Listen to return.
func (w *busWorld) ended(l *listener) {
	w.Helper()
	select {
	case err := <-l.result:
		if err != nil {
			w.Errorf("Listen returned %v when its ctx had ended: want nil", err)
		}
	case <-time.After(w.patience):
		w.Fatalf("Listen has not returned %v after its ctx ended", w.patience)
	}
}

// reach wakes again and again until all the listeners have heard once more.
func (w *busWorld) reach(what string, b entity.Bus, listeners ...*listener) {
	w.Helper()
	before := make([]int64, len(listeners))
	for i, l := range listeners {
		before[i] = l.heard.Load()
	}
	for end := time.Now().Add(w.patience); ; time.Sleep(5 * time.Millisecond) {
		if err := b.Wake(w.ctx); err != nil {
			w.Errorf("%s: Wake: %v", what, err)
		}
		missing := 0
		for i, l := range listeners {
			if l.heard.Load() == before[i] {
				missing++
			}
		}
		if missing == 0 {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("%s: %d of %d listeners heard nothing within %v", what, missing, len(listeners), w.patience)
		}
	}
}

var busLaws = []busLaw{
	{
		name: "a wake reaches who listens, at every end",
		why: `Wake makes the Listen calls of all processes call their functions, those of the process that woke as well. One
wake may be lost; when somebody goes on waking, each listener hears.`,
		check: func(w *busWorld) {
			a, b := w.listen(w.a), w.listen(w.b)
			w.reach("a wake at one end", w.a, a, b)
			w.reach("a wake at the other end", w.b, a, b)
		},
	},
	{
		name: "a wake reaches all who listen at one end",
		why: `Several registries of a process may share its end of the Bus: each call of Listen is woken, and the end of one
leaves the others.`,
		check: func(w *busWorld) {
			one, two, three := w.listen(w.a), w.listen(w.a), w.listen(w.a)
			w.reach("a wake", w.b, one, two, three)
			two.cancel()
			w.ended(two)
			w.reach("a wake after one has left", w.b, one, three)
		},
	},
	{
		name: "listening ends with its ctx, and without an error",
		why: `Listen blocks until ctx ends, and then returns nil, soon, also where ctx had ended before the call: the end is
what the caller wanted.`,
		check: func(w *busWorld) {
			l := w.listen(w.a)
			w.reach("a wake", w.a, l)
			select {
			case err := <-l.result:
				w.Fatalf("Listen returned %v though its ctx has not ended", err)
			case <-time.After(w.patience / 50):
			}
			l.cancel()
			w.ended(l)
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			result := make(chan error, 1)
			w.background.Go(func() { result <- w.a.Listen(ctx, func() {}) })
			w.ended(&listener{result: result})
		},
	},
	{
		name: "who has stopped listening is not woken",
		why: `When Listen has returned, its function is not called any more, not even by a wake that was on its way: what it
wakes may be gone.`,
		check: func(w *busWorld) {
			for range 5 {
				gone, stays := w.listen(w.a), w.listen(w.a)
				w.reach("a wake", w.b, gone, stays)
				var waking sync.WaitGroup
				for range 3 { // wakes that are on their way
					waking.Go(func() { _ = w.b.Wake(w.ctx) })
				}
				gone.cancel()
				w.ended(gone)
				heard := gone.heard.Load()
				waking.Wait()
				for range 3 {
					w.reach("a wake", w.b, stays)
				}
				if n := gone.heard.Load() - heard; n > 0 {
					w.Errorf("after its Listen had returned, a function was called %d times", n)
				}
				stays.cancel()
				w.ended(stays)
			}
		},
	},
	{
		name: "a wake with nobody listening is no error",
		why:  `Wake returns nil where nobody listens, or not yet: it says that there may be something new, to whom it may concern.`,
		check: func(w *busWorld) {
			for _, b := range []entity.Bus{w.a, w.b} {
				if err := b.Wake(w.ctx); err != nil {
					w.Errorf("Wake returned %v: want nil", err)
				}
			}
		},
	},
	{
		name: "a bus may be used by many goroutines",
		why: `Wake and Listen are called at any time from any goroutine. A listener that comes or goes in the middle of a wake
neither stops the others nor makes them fail.`,
		check: func(w *busWorld) {
			ends := []entity.Bus{w.a, w.b}
			stays := w.listen(w.a)
			errs := make(chan error, 8)
			var work sync.WaitGroup
			for i := range 8 {
				work.Go(func() {
					for range 5 {
						ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
						err := errors.Join(ends[i%2].Wake(w.ctx), ends[(i+1)%2].Listen(ctx, func() {}))
						cancel()
						if err != nil {
							errs <- fmt.Errorf("goroutine %d: %w", i, err)
							return
						}
					}
				})
			}
			work.Wait()
			close(errs)
			for err := range errs {
				w.Error(err)
			}
			w.reach("a wake after all that", w.b, stays)
		},
	},
}
