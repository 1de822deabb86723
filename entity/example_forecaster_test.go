package entity_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// A battery that loses a percent a minute. Nothing is written while it does; a Forecaster says when it crosses a value.
func ExampleForecaster() {
	type Battery struct {
		Percent float64 `json:"percent" entity:"drifts"`
	}
	full := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC) // when it had 100 percent
	clock := simclock.New(full)
	reg, err := entity.NewRegistry(&entity.Options{Clock: clock})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	read := func(_ context.Context, ids []string, found func(string, Battery)) error {
		found("phone", Battery{100 - clock.Now().Sub(full).Minutes()})
		return nil
	}
	forecast := func(_ context.Context, questions []entity.Question, answer func(i int, at time.Time)) error {
		for i, q := range questions {
			at := full.Add(time.Duration((100 - q.Value) * float64(time.Minute)))
			switch q.Comparison {
			case entity.Less, entity.AtMost: // it falls: what holds then, holds for good
				answer(i, at.Add(time.Microsecond))
			default: // and what does not hold now, never will
				if q.From.Before(at) {
					answer(i, q.From)
				}
			}
		}
		return nil
	}
	_, err = entity.Define(reg, "battery", read, &entity.KindOptions[Battery]{Forecaster: forecast})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	clock.Settle = func() { _ = reg.Settle(ctx) }
	_ = reg.Start(ctx)
	low := entity.Below(entity.Path("battery", "phone", "percent"), 20)
	_, err = reg.Watch(ctx, low, func(_ context.Context, f entity.Firing) error {
		fmt.Println(f.At.Format("15:04:05.000000"), "charge it")
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	clock.Advance(24 * time.Hour)
	// Output:
	// 13:20:00.000001 charge it
}
