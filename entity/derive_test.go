package entity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// heard collects the events that listeners got, "event kind id version".
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) listen(t *testing.T, reg *entity.Registry, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := reg.OnEvent(name, func(_ context.Context, e entity.Event) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.lines = append(h.lines, fmt.Sprintf("%s %s %s %d", e.Name, e.Change.Kind, e.Change.ID, e.Change.Version))
			return nil
		}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *heard) sorted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(slices.Values(h.lines))
}

func derive(t *testing.T, w *writeWorld[Order], f func(prev, next *Order) []string) {
	t.Helper()
	if err := w.h.Derive(f); err != nil {
		t.Fatal(err)
	}
}

func TestDeriveGivesChangesTheirNames(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Order](t, log, nil)
		derive(t, w, func(prev, next *Order) []string {
			switch {
			case prev == nil:
				return []string{"created"}
			case next == nil:
				return []string{"removed"}
			case prev.Status != "paid" && next.Status == "paid":
				return []string{"paid", "settled", "paid"}
			}
			return nil
		})
		var h heard
		h.listen(t, w.reg, "created", "paid", "settled", "removed", "never")
		w.mutate("a", order("open"))
		w.mutate("a", order("paid"))
		w.mutate("a", order("sent"))
		w.remove("a")
		w.delivered()
		want := []string{"created thing a 1", "paid thing a 2", "removed thing a 4", "settled thing a 2"}
		if diff := cmp.Diff(want, h.sorted()); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestDeriversOfAKindAreUnited(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	names := func(names ...string) func(_, _ *Order) []string { return func(_, _ *Order) []string { return names } }
	twice := names("shared", "b", "")
	derive(t, w, names("a", "shared"))
	derive(t, w, twice)
	derive(t, w, twice)
	var h heard
	h.listen(t, w.reg, "a", "shared", "b")
	w.mutate("x", order("open"))
	w.delivered()
	if diff := cmp.Diff([]string{"a thing x 1", "b thing x 1", "shared thing x 1"}, h.sorted()); diff != "" {
		t.Errorf("each event once (-want +got):\n%s", diff)
	}
	// One that comes later sees what comes later.
	derive(t, w, names("late"))
	h.listen(t, w.reg, "late")
	w.mutate("x", order("paid"))
	w.delivered()
	if got := h.sorted(); !slices.Contains(got, "late thing x 2") || len(got) != 7 {
		t.Errorf("got %v", got)
	}
}

func TestEventsOfSeveralKindsUnderOneName(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	links := newTable[Link]()
	h := define(t, w.reg, "link", links.read, nil)
	silent := newTable[Link]()
	quiet := define(t, w.reg, "silent", silent.read, nil)
	derive(t, w, func(_, next *Order) []string { return []string{"bad"} })
	if err := h.Derive(func(_, next *Link) []string { return []string{"bad"} }); err != nil {
		t.Fatal(err)
	}
	var got heard
	got.listen(t, w.reg, "bad")
	w.mutate("a", order("open"))
	if _, err := h.Mutate(t.Context(), "l", links.set("l", Link{Status: "offline"}), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := quiet.Mutate(t.Context(), "q", silent.set("q", Link{Status: "offline"}), nil); err != nil {
		t.Fatal(err)
	}
	w.delivered()
	if diff := cmp.Diff([]string{"bad link l 1", "bad thing a 1"}, got.sorted()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDeriverThatPanicsDoesNotSilenceTheOthers(t *testing.T) {
	var mu sync.Mutex
	var errs []error
	reg := newRegistry(t, &entity.Options{OnError: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}})
	tb := newTable[Order]()
	h := define(t, reg, "order", tb.read, nil)
	for _, f := range []func(_, _ *Order) []string{
		func(_, next *Order) []string { panic(errPanic) },
		func(_, _ *Order) []string { return []string{"good"} },
	} {
		if err := h.Derive(f); err != nil {
			t.Fatal(err)
		}
	}
	var got heard
	got.listen(t, reg, "good")
	start(t, reg)
	if _, err := h.Mutate(t.Context(), "a", tb.set("a", order("open")), nil); err != nil {
		t.Fatal(err)
	}
	settle(t, reg)
	if diff := cmp.Diff([]string{"good order a 1"}, got.sorted()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(errs) != 1 || !errors.Is(errs[0], errPanic) || !strings.Contains(errs[0].Error(), "derive events of order") {
		t.Errorf("OnError heard %v", errs)
	}
}

func TestBadDeriversAndListeners(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	listen := func(context.Context, entity.Event) error { return nil }
	for name, call := range map[string]func() error{
		"a nil derive":   func() error { return w.h.Derive(nil) },
		"no event":       func() error { _, err := w.reg.OnEvent("", listen, nil); return err },
		"a blank event":  func() error { _, err := w.reg.OnEvent(" \n", listen, nil); return err },
		"a long event":   func() error { _, err := w.reg.OnEvent(strings.Repeat("e", 257), listen, nil); return err },
		"an event's NUL": func() error { _, err := w.reg.OnEvent("a\x00b", listen, nil); return err },
		"a nil handler":  func() error { _, err := w.reg.OnEvent("e", nil, nil); return err },
	} {
		if err := call(); !errors.Is(err, entity.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

// An event's Change has its states with their type, also from a Log that stores bytes.
func TestEventHasTheTypedChange(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Order](t, log, nil)
		derive(t, w, func(_, _ *Order) []string { return []string{"e"} })
		var got []entity.Typed[Order]
		if _, err := w.reg.OnEvent("e", func(_ context.Context, e entity.Event) error {
			c, ok := entity.As[Order](e.Change)
			if _, other := entity.As[Link](e.Change); !ok || other {
				t.Errorf("as an Order: %t; as a Link: %t", ok, other)
			}
			got = append(got, c)
			return nil
		}, nil); err != nil {
			t.Fatal(err)
		}
		w.mutate("a", order("open"))
		w.mutate("a", order("paid"))
		if diff := cmp.Diff(w.delivered(), got); diff != "" {
			t.Errorf("(-as changes +as events):\n%s", diff)
		}
	})
}
