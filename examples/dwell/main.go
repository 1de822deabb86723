// Command dwell watches a battery that runs down: it wants to hear when the charge has been low for ten minutes on end, and
// then not again before the battery was charged. Nothing is polled, and nobody writes while the charge falls: the host says
// when it will cross a value, and one timer waits for that. The clock is moved by hand, so that an afternoon takes no time.
//
//	go run ./examples/dwell
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	clock := simclock.New(noon)
	reg, err := entity.NewRegistry(&entity.Options{Clock: clock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	clock.Settle = func() { // the clock waits for those who react
		if err := reg.Settle(ctx); err != nil {
			log.Print(err)
		}
	}

	b := &battery{clock: clock, since: noon, units: 100 * percent, flow: draining}
	batteries, err := entity.Define(reg, "battery", b.read, &entity.KindOptions[Battery]{Forecaster: b.forecast})
	if err != nil {
		return err
	}
	if err := reg.Start(ctx); err != nil {
		return err
	}

	low, err := entity.ParseCondition("state.battery.b1.percent < 20 for 10m rearm 25")
	if err != nil {
		return err
	}
	_, err = reg.Watch(ctx, low, func(_ context.Context, f entity.Firing) error {
		_, err := fmt.Fprintf(out, "%s  LOW for ten minutes: %v %%\n", f.At.Format(micros), f.Value)
		return err
	}, nil)
	if err != nil {
		return err
	}

	fmt.Fprintf(out, "watching: %s\n", low)
	for _, step := range []struct {
		at   time.Duration // after noon
		what string
		flow int64
	}{
		{150 * time.Minute, "charging", charging},
		{160 * time.Minute, "draining: it did not get to 25, so the watch stays quiet", draining},
		{180 * time.Minute, "charging", charging},
		{210 * time.Minute, "draining: it got beyond 25, so the watch may fire again", draining},
		{260 * time.Minute, "charging: it was low, but not for ten minutes", charging},
		{270 * time.Minute, "draining", draining},
		{300 * time.Minute, "charging", charging},
	} {
		if err := clock.AdvanceTo(noon.Add(step.at)); err != nil {
			return err
		}
		change, err := batteries.Mutate(ctx, "b1", func(context.Context) error {
			b.set(step.flow)
			return nil
		}, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s  %.0f %%, %s\n", change.At.Format(micros), change.Next.Percent, step.what)
		if err := reg.Settle(ctx); err != nil { // the watch is to know of the change before the clock goes on
			return err
		}
	}
	return wait(ctx, out, clock, reg, b)
}

const micros = "15:04:05.000000"

// wait waits, in another goroutine, for the battery to be nearly full, while this one moves the clock.
func wait(ctx context.Context, out io.Writer, clock *simclock.Clock, reg *entity.Registry, b *battery) error {
	full := entity.Above(entity.Path("battery", "b1", "percent"), 95)
	done := make(chan error, 1)
	go func() { done <- reg.WaitUntil(ctx, full) }()

	var at time.Time
	question := entity.Question{ID: "b1", Field: "percent", Comparison: entity.Greater, Value: 95, From: clock.Now()}
	err := b.forecast(ctx, []entity.Question{question}, func(_ int, when time.Time) { at = when })
	if err != nil {
		return err
	}
	if err := clock.AdvanceTo(at.Add(-time.Microsecond)); err != nil {
		return err
	}
	select {
	case err := <-done:
		return fmt.Errorf("WaitUntil returned %v before %v", err, at)
	default:
		fmt.Fprintf(out, "%s  waiting until %s\n", clock.Now().Format(micros), full)
	}
	clock.Advance(time.Microsecond)
	err = <-done
	fmt.Fprintf(out, "%s  WaitUntil has returned\n", clock.Now().Format(micros))
	return err
}
