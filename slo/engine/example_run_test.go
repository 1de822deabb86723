package engine_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

// A host runs it in a goroutine of its own for as long as it lives. What was missed before is made up for at once.
func ExampleEngine_Run() {
	ctx, cancel := context.WithCancel(context.Background())
	e, err := engine.New(memory.New(), nil)
	if err != nil {
		panic(err)
	}
	defer e.Close()
	created := time.Now().AddDate(0, 0, -7)
	if _, err := e.Create(ctx, slo.Objective{ID: "checkout", SystemID: "checkout", Target: 99.9, Window: slo.Days(30), CreatedAt: created}); err != nil {
		panic(err)
	}
	earned := make(chan streak.Achievement)
	_, err = e.OnAchievement(func(ctx context.Context, a streak.Achievement) error {
		select {
		case earned <- a:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, nil)
	if err != nil {
		panic(err)
	}
	if err := e.Entities().Start(ctx); err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	fmt.Println((<-earned).Type)
	cancel()
	fmt.Println(errors.Is(<-ended, context.Canceled))
	// Output:
	// first_steps
	// true
}
