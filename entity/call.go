package entity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// calls are the firings of a plain watch that its function has not handled yet: a goroutine is at work on them, or will be.
type calls struct {
	queue    []Firing
	attempts int // of the first, so far
}

// patience is how long the watches that fire at one instant wait for one another.
const patience = time.Second

// enqueue has a firing handled after the earlier ones of the same watch.
func (t *timers) enqueue(a *arm, f Firing) {
	if at := micros(f.At); at != t.firedAt {
		t.launch()
		t.firedAt = at
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	if a.calls == nil {
		a.calls = &calls{}
		t.busy.Add(1)
		t.fired = append(t.fired, a)
	}
	a.calls.queue = append(a.calls.queue, f)
}

// launch begins the calls of the watches that have fired at one instant, in order: each when the first call of the one
// before has returned, but for those that take their time.
func (t *timers) launch() {
	arms := t.fired
	t.fired = nil
	if len(arms) == 0 {
		return
	}
	slices.SortFunc(arms, byName)
	t.reg.work.Go(func() {
		patient, cancel := context.WithTimeout(t.reg.ctx, patience)
		defer cancel()
		for _, a := range arms {
			called := make(chan struct{})
			t.reg.work.Go(func() { t.handle(a, called) })
			select {
			case <-called:
			case <-patient.Done():
			}
		}
	})
}

// handle calls the function of a plain watch for its firings, one after the other. called is closed after the first call.
func (t *timers) handle(a *arm, called chan struct{}) {
	opts, _ := a.opts.subscription().normal()
	ended := true // by the function itself, with runtime.Goexit
	defer func() {
		if ended {
			closeOnce(&called)
			t.reg.work.Go(func() { t.handle(a, nil) })
		}
	}()
	for f, attempts, ok := t.current(a); ok; f, attempts, ok = t.current(a) {
		if attempts > 0 {
			t.rest(opts.pause(attempts))
			if a.hasStopped() || t.reg.ctx.Err() != nil {
				continue
			}
		}
		t.attempt(a, &opts, f)
		closeOnce(&called)
	}
	ended = false
	closeOnce(&called)
}

func closeOnce(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// current is the firing that is to be handled now, and how often it was tried.
func (t *timers) current(a *arm) (f Firing, attempts int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || len(a.calls.queue) == 0 || t.reg.ctx.Err() != nil {
		a.calls = nil
		t.busy.Add(-1)
		t.reg.quiet.tell()
		return Firing{}, 0, false
	}
	return a.calls.queue[0], a.calls.attempts, true
}

var errEnded = errors.New("it ended its goroutine")

// attempt calls the function once, and takes the firing out of the queue unless it is to be tried again.
func (t *timers) attempt(a *arm, opts *SubscribeOptions, f Firing) {
	err := errEnded
	defer func() {
		a.mu.Lock()
		a.calls.attempts++
		attempts := a.calls.attempts
		given := err != nil && attempts >= opts.Attempts
		if err == nil || given {
			a.calls.attempts, a.calls.queue = 0, a.calls.queue[1:]
		}
		a.mu.Unlock()
		if given {
			t.reg.failed(fmt.Errorf("entity: watch %q: its firing at %s was passed over after %d attempts: %w",
				a.name, f.At.Format(time.RFC3339Nano), attempts, err))
		}
	}()
	ctx, cancel := context.WithTimeout(t.reg.ctx, opts.Timeout)
	defer cancel()
	err = guard(func() error { return a.fn(ctx, f) })
}

// rest waits before another attempt. Meanwhile the firings of the watch count as handed over.
func (t *timers) rest(d time.Duration) {
	t.busy.Add(-1)
	t.reg.quiet.tell()
	t.reg.rest(d)
	t.busy.Add(1)
}

func (a *arm) hasStopped() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stopped
}
