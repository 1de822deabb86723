package entity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// writeWorld is a host of one kind, "thing", with the changes that were delivered. The clock stands at noon.
type writeWorld[S any] struct {
	*table[S]
	t     testing.TB
	log   entity.Log
	reg   *entity.Registry
	h     *entity.Handle[S]
	clock *simclock.Clock

	// sick, where it is set, is what read does instead.
	sick func(ctx context.Context, ids []string, found func(string, S)) error

	deliveries sync.Mutex
	got        []entity.Typed[S]
}

func newWriteWorld[S any](t testing.TB, log entity.Log, opts *entity.KindOptions[S]) *writeWorld[S] {
	t.Helper()
	if log == nil {
		log = entity.NewMemory()
	}
	w := &writeWorld[S]{table: newTable[S](), t: t, log: log, clock: simclock.New(noon)}
	w.reg = newRegistry(t, &entity.Options{Log: log, Clock: w.clock, Poll: 5 * time.Millisecond})
	w.h = define(t, w.reg, "thing", w.lookUp, opts)
	if _, err := w.h.OnChange(func(_ context.Context, c entity.Typed[S]) error {
		w.deliveries.Lock()
		defer w.deliveries.Unlock()
		w.got = append(w.got, c)
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	start(t, w.reg)
	return w
}

func (w *writeWorld[S]) lookUp(ctx context.Context, ids []string, found func(string, S)) error {
	if w.sick != nil {
		return w.sick(ctx, ids, found)
	}
	return w.read(ctx, ids, found)
}

// delivered is all that was delivered so far.
func (w *writeWorld[S]) delivered() []entity.Typed[S] {
	w.t.Helper()
	settle(w.t, w.reg)
	w.deliveries.Lock()
	defer w.deliveries.Unlock()
	return slices.Clone(w.got)
}

// mutate sets a state through Mutate.
func (w *writeWorld[S]) mutate(id string, s S) entity.Typed[S] {
	w.t.Helper()
	c, err := w.h.Mutate(w.t.Context(), id, w.set(id, s), nil)
	if err != nil {
		w.t.Fatalf("Mutate %q: %v", id, err)
	}
	return c
}

func (w *writeWorld[S]) remove(id string) entity.Typed[S] {
	w.t.Helper()
	c, err := w.h.Remove(w.t.Context(), id, w.drop(id), nil)
	if err != nil {
		w.t.Fatalf("Remove %q: %v", id, err)
	}
	return c
}

func (w *writeWorld[S]) version(id string) int64 {
	w.t.Helper()
	v, err := w.h.Version(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// readsOf says how often f reads.
func (w *writeWorld[S]) readsOf(f func()) int {
	w.mu.Lock()
	before := w.reads
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads - before
}

// inLine prints a change of an Order on a line.
func inLine(c entity.Typed[Order]) string {
	state := func(o *Order) string {
		if o == nil {
			return "nothing"
		}
		return o.Status
	}
	return fmt.Sprintf("%s %d: %s to %s %v by %s", c.ID, c.Version, state(c.Prev), state(c.Next), c.Fields, c.Actor.Type)
}

func inLines(changes []entity.Typed[Order]) []string {
	var lines []string
	for _, c := range changes {
		lines = append(lines, inLine(c))
	}
	return lines
}

// bytesLog is a Memory that keeps states as bytes, and that more than one process could use.
type bytesLog struct{ *entity.Memory }

func newBytesLog() bytesLog { return bytesLog{entity.NewMemory()} }

func (bytesLog) Shared() bool { return true }

func (l bytesLog) Append(ctx context.Context, entries []entity.Entry) error {
	entries = slices.Clone(entries)
	var errs []error
	encode := func(state *any) {
		if *state == nil {
			return
		}
		raw, err := json.Marshal(*state)
		*state = json.RawMessage(raw)
		errs = append(errs, err)
	}
	for i := range entries {
		e := &entries[i]
		encode(&e.Head.State)
		encode(&e.Head.Published)
		encode(&e.Change.Prev)
		encode(&e.Change.Next)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return l.Memory.Append(ctx, entries)
}

// bothLogs runs a test on a Log that keeps states as they are, and on one that keeps bytes.
func bothLogs(t *testing.T, test func(t *testing.T, log entity.Log)) {
	t.Run("in memory", func(t *testing.T) { test(t, entity.NewMemory()) })
	t.Run("as bytes", func(t *testing.T) { test(t, newBytesLog()) })
}
