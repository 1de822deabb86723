package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// tellBoth tells the processes, and when that is acknowledged the Engine in memory.
func (d *driver) tellBoth(ctx context.Context, o operation) error {
	if err := d.tell(ctx, o); err != nil {
		return err
	}
	if err := o.tell(ctx, d.oracle, d.clock.Now()); err != nil {
		return fmt.Errorf("%s, which a process took, is refused in memory: %w", o.kind(), err)
	}
	return nil
}

// tell tells one process after the other until one has acknowledged.
func (d *driver) tell(ctx context.Context, o operation) error {
	began, doubts := time.Now(), 0
	_, err := again[struct{}](ctx, d, -1, "/tell", o, func(err error) {
		d.report.failed(err)
		if errors.Is(err, errInDoubt) {
			doubts++
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %w", o.kind(), err)
	}
	d.report.told(o.kind(), time.Since(began), doubts)
	return nil
}

// again calls a process until it answers: that of a number, or with -1 each time another. failed hears of each failure.
func again[A any](ctx context.Context, d *driver, number int, path string, q any, failed func(error)) (a A, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errLate)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		n := number
		if n < 0 {
			n = rand.IntN(d.processes)
		}
		p, err := d.fleet.slots[n].get(ctx)
		if err == nil {
			a, err = call[A](ctx, p, path, q)
		}
		if err == nil || errors.Is(err, errRefused) {
			return a, err
		}
		if ctx.Err() != nil {
			return a, fmt.Errorf("%w; the last was: %w", context.Cause(ctx), err)
		}
		failed(err)
		pause(ctx, wait)
	}
}
