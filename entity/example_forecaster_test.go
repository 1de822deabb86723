package entity_test

import (
	"context"
	"errors"
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
	read := entity.FromMap(func(context.Context, []string) (map[string]Battery, error) {
		return map[string]Battery{"phone": {100 - clock.Now().Sub(full).Minutes()}}, nil
	})
	forecast := func(_ context.Context, questions []entity.Question, answer func(i int, at time.Time)) error {
		for i, q := range questions {
			at := full.Add(time.Duration((100 - q.Value) * float64(time.Minute)))
			switch q.Comparison {
			case entity.Less: // it falls: what holds then, holds for good
				answer(i, at.Add(time.Microsecond))
			case entity.AtMost:
				answer(i, at)
			default: // and what does not hold now, never will
				if q.From.Before(at) {
					answer(i, q.From)
				}
			}
		}
		return nil
	}
	_, errDefine := entity.Define(reg, "battery", read, &entity.KindOptions[Battery]{Forecaster: forecast})
	ctx := context.Background()
	low := entity.Below(entity.Path("battery", "phone", "percent"), 20)
	_, errWatch := reg.Watch(ctx, low, func(_ context.Context, f entity.Firing) error {
		fmt.Println(f.At.Format("15:04:05.000000"), "charge it")
		return nil
	}, nil)
	if err := errors.Join(errDefine, errWatch, reg.Start(ctx)); err != nil {
		log.Fatal(err)
	}
	clock.Settle = func() { _ = reg.Settle(ctx) }
	clock.Advance(24 * time.Hour)
	// Output:
	// 13:20:00.000001 charge it
}
