package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// compare asks all processes about all objectives, and the Engine in memory. The one that may be behind is asked last.
func (d *driver) compare(ctx context.Context, q question, told time.Time) error {
	q.Objectives = slices.Sorted(slices.Values(d.drawer.ids))
	right, err := q.ask(ctx, d.oracle, d.clock.Now())
	if err != nil {
		return fmt.Errorf("ask the Engine in memory: %w", err)
	}
	for number := range d.processes {
		if number >= d.fleet.exact() {
			pause(ctx, time.Until(told.Add(maxStale)))
		}
		if err := d.check(ctx, number, q, right); err != nil {
			return err
		}
	}
	return nil
}

// check asks one process.
func (d *driver) check(ctx context.Context, number int, q question, right answers) error {
	began := time.Now()
	said, err := again[answers](ctx, d, number, "/ask", q, func(error) {})
	if err != nil {
		return fmt.Errorf("ask process %d: %w", number, err)
	}
	d.report.asked(len(said), time.Since(began))
	if list := said.differences(right); len(list) > 0 {
		return &difference{fmt.Sprintf("process %d says otherwise than the Engine in memory", number), list}
	}
	return nil
}

// difference is an error that says where something is not as it should be.
type difference struct {
	what string
	list []string
}

func (d *difference) Error() string {
	const enough = 10
	text := d.what + ":\n  " + strings.Join(d.list[:min(enough, len(d.list))], "\n  ")
	if more := len(d.list) - enough; more > 0 {
		text += fmt.Sprintf("\n  and %d more", more)
	}
	return text
}
