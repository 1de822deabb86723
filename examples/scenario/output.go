package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// output prints. What others than the player tell it is gathered, in whatever order, until flush prints it in one order.
type output struct {
	out    *bufio.Writer
	events bool

	mu       sync.Mutex
	firings  []entity.Firing
	gathered []event
	failures []error
}

// event is something that is told at an instant, with what it is sorted by.
type event struct {
	rank     string
	position int64
	body     any
}

// fired is the function of all watches.
func (o *output) fired(_ context.Context, f entity.Firing) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.firings = append(o.firings, f)
	return nil
}

// happened gathers an event.
func (o *output) happened(rank string, position int64, body any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gathered = append(o.gathered, event{rank, position, body})
}

// fail gathers an error that belongs to no step; nil is none.
func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.failures = append(o.failures, fmt.Errorf("scenario: %w", err))
	}
}

// flush prints what was gathered at an instant: events, then firings by the ids of their watches.
func (o *output) flush(now time.Time) {
	o.mu.Lock()
	events, firings := o.gathered, o.firings
	o.gathered, o.firings = nil, nil
	o.mu.Unlock()
	slices.SortStableFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.position, b.position))
	})
	for _, e := range events {
		o.print(now, "event", e.body)
	}
	slices.SortStableFunc(firings, func(a, b entity.Firing) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Watch, b.Watch))
	})
	for _, f := range firings {
		o.print(f.At, "fired", firedResult{f.Watch, f.Value})
	}
}

// print prints one line: what all of them begin with, and the fields of a result.
func (o *output) print(at time.Time, op string, result any) {
	line, err := object(head{at.UTC(), op}, result)
	if err != nil {
		o.fail(err)
	}
	_, _ = o.out.Write(line) // if it fails it goes on failing, until end tells
}

// end prints what is left, and returns all that failed beside the steps.
func (o *output) end() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.out.Flush()
	return errors.Join(append(o.failures, err)...)
}

type head struct {
	At time.Time `json:"at"`
	Op string    `json:"op"`
}

// object makes one JSON object of two, as a line.
func object(head, rest any) ([]byte, error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(head); err != nil {
		return nil, err
	}
	line.Truncate(line.Len() - len("}\n"))
	line.WriteByte(',')
	joint := line.Len()
	if err := enc.Encode(rest); err != nil {
		return nil, err
	}
	text := line.Bytes()
	return slices.Delete(text, joint, joint+len("{")), nil
}

// The Engine's log tells what no caller hears: changes that were given up, which are events, and errors.

var _ slog.Handler = (*output)(nil)

// Enabled implements [slog.Handler].
func (o *output) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements [slog.Handler].
func (o *output) WithAttrs([]slog.Attr) slog.Handler { return o }

// WithGroup implements [slog.Handler].
func (o *output) WithGroup(string) slog.Handler { return o }

// Handle implements [slog.Handler].
func (o *output) Handle(_ context.Context, r slog.Record) error {
	err := errors.New(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if cause, ok := a.Value.Any().(error); ok {
			err = fmt.Errorf("%s: %w", r.Message, cause)
		}
		return true
	})
	if d, ok := errors.AsType[*entity.DeliveryError](err); ok {
		if o.events {
			o.happened("3 parked", d.Change.Position, parkedEvent{"parked", d.Group, d.Change.Kind, d.Change.ID, d.Change.Version, d.Err.Error()})
		}
		return nil
	}
	o.fail(err)
	return nil
}
