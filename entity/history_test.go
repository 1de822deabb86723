package entity_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// Link is the predecessor's satellite connection.
type Link struct {
	Status string            `json:"status"`
	Region string            `json:"region"`
	Limits map[string]string `json:"limits"`
	Lag    *float64          `json:"lag"`
}

// since asks since when a field has been as it is.
func (w *writeWorld[S]) since(id, field string) (time.Time, bool) {
	w.t.Helper()
	at, known, err := w.h.InStateSince(w.t.Context(), id, field)
	if err != nil {
		w.t.Fatal(err)
	}
	return at, known
}

func (w *writeWorld[S]) count(id, field string, lookback time.Duration) int {
	w.t.Helper()
	n, err := w.h.TransitionCount(w.t.Context(), id, field, lookback)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestInStateSince(t *testing.T) {
	online, offline := Link{Status: "online"}, Link{Status: "offline"}
	const hour = time.Hour
	type step struct {
		after time.Duration
		do    func(w *writeWorld[Link])
	}
	set := func(s Link) func(*writeWorld[Link]) { return func(w *writeWorld[Link]) { w.mutate("a", s) } }
	remove := func(w *writeWorld[Link]) { w.remove("a") }
	past := func(s Link) func(*writeWorld[Link]) { return func(w *writeWorld[Link]) { w.put("a", s) } }
	refresh := func(w *writeWorld[Link]) {
		if err := w.h.Refresh(w.t.Context(), "a"); err != nil {
			w.t.Fatal(err)
		}
	}
	never := time.Time{}
	for _, c := range []struct {
		name   string
		steps  []step
		status time.Time // zero: not known
		region time.Time
	}{
		{"nothing was ever published", nil, never, never},
		{"a creation", []step{{0, set(online)}}, noon, noon},
		{"a field that changed and one that did not", []step{{0, set(online)}, {hour, set(offline)}}, noon.Add(hour), noon},
		{"a write that changed nothing", []step{{0, set(online)}, {hour, set(online)}}, noon, noon},
		{"there and back: since it came back", []step{{0, set(online)}, {hour, set(offline)}, {hour, set(online)}}, noon.Add(2 * hour), noon},
		{"two changes at one instant", []step{{0, set(online)}, {hour, set(offline)}, {0, set(online)}}, noon.Add(hour), noon},
		{"it was there before anybody looked", []step{{0, past(online)}, {hour, refresh}}, never, never},
		{"and changed then", []step{{0, past(online)}, {hour, refresh}, {hour, set(offline)}}, noon.Add(2 * hour), never},
		{"it was there before the first write", []step{{0, past(online)}, {hour, set(offline)}}, noon.Add(hour), never},
		{"a removal", []step{{0, set(online)}, {hour, remove}}, never, never},
		{"a removal and a re-creation is not without a break", []step{{0, set(online)}, {hour, remove}, {hour, set(online)}},
			noon.Add(2 * hour), noon.Add(2 * hour)},
		{"a removal and a re-creation at one instant", []step{{0, set(online)}, {hour, remove}, {0, set(online)}}, noon.Add(hour), noon.Add(hour)},
		{"a removal of what was never published", []step{{0, past(online)}, {0, remove}}, never, never},
		{"what a refresh found, since it did", []step{{0, set(online)}, {hour, past(offline)}, {hour, refresh}}, noon.Add(2 * hour), noon},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothLogs(t, func(t *testing.T, log entity.Log) {
				w := newWriteWorld[Link](t, log, nil)
				w.mutate("other", offline)
				for _, s := range c.steps {
					w.clock.Advance(s.after)
					s.do(w)
				}
				w.clock.Advance(5 * time.Second)
				for field, want := range map[string]time.Time{"status": c.status, "region": c.region} {
					at, known := w.since("a", field)
					if known == want.IsZero() || !at.Equal(want) {
						t.Errorf("%s since %s, known %t; want %s", field, at, known, want)
					}
					d, known, err := w.h.InStateFor(t.Context(), "a", field)
					if err != nil || known == want.IsZero() || known && d != w.clock.Now().Sub(want) || !known && d != 0 {
						t.Errorf("%s for %s, known %t, %v; since %s", field, d, known, err, want)
					}
				}
			})
		})
	}
}

// Values are compared as states are, whatever their text: here is what the predecessor's log of texts took for the same.
func TestInStateSinceTellsValuesApart(t *testing.T) {
	w := newWriteWorld[Link](t, nil, nil)
	for i, s := range []Link{
		{}, {Status: "null"}, {Status: `"null"`}, {Status: "42"}, {Status: `"42"`}, {Status: ""},
	} {
		w.clock.Advance(time.Second)
		w.mutate("a", s)
		if at, known := w.since("a", "status"); !known || !at.Equal(w.clock.Now()) {
			t.Errorf("state %d: since %s, known %t", i, at, known)
		}
	}
	created := noon.Add(time.Second)
	if at, _ := w.since("a", "lag"); !at.Equal(created) {
		t.Errorf("nil, all the time, since %s", at)
	}
	w.mutate("a", Link{Lag: new(0.0), Limits: map[string]string{"x": "1", "y": "2"}})
	at, _ := w.since("a", "lag")
	w.clock.Advance(time.Second)
	w.mutate("a", Link{Lag: new(0.0), Limits: map[string]string{"y": "2", "x": "1"}, Status: "x"})
	for _, field := range []string{"lag", "limits"} {
		if again, known := w.since("a", field); !known || !again.Equal(at) {
			t.Errorf("%s since %s, not %s", field, again, at)
		}
	}
}

// The Clock may stand before the change, if another process, or this one before it was set, made it later.
func TestInStateForIsNeverNegative(t *testing.T) {
	clock := &jumpClock{now: noon}
	reg := newRegistry(t, &entity.Options{Clock: clock})
	tb := newTable[Link]()
	h := define(t, reg, "link", tb.read, nil)
	if _, err := h.Mutate(t.Context(), "a", tb.set("a", Link{}), nil); err != nil {
		t.Fatal(err)
	}
	clock.set(noon.Add(-time.Hour))
	if d, known, err := h.InStateFor(t.Context(), "a", "status"); d != 0 || !known || err != nil {
		t.Errorf("got %s, %t, %v", d, known, err)
	}
}

func TestTransitionCount(t *testing.T) {
	const minute = time.Minute
	flips := func(before ...time.Duration) []time.Duration { return before }
	for _, c := range []struct {
		name     string
		flips    []time.Duration // before now
		lookback time.Duration
		want     int
	}{
		{"nothing was ever published", nil, time.Hour, 0},
		{"the first value is a transition", flips(minute), time.Hour, 1},
		{"three within ten minutes", flips(3*minute, 2*minute, minute), 10 * minute, 3},
		{"one an hour and one half a minute ago, within five minutes", flips(time.Hour, 30*time.Second), 5 * minute, 1},
		{"one at the beginning of the lookback counts", flips(5*minute, minute), 5 * minute, 2},
		{"one just before does not", flips(5*minute+time.Microsecond, minute), 5 * minute, 1},
		{"one now counts", flips(minute, 0), 0, 1},
		{"none now", flips(minute), 0, 0},
		{"several at one instant", flips(minute, minute, minute), minute, 3},
		{"the longest lookback there is", flips(time.Hour, minute), 1<<63 - 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothLogs(t, func(t *testing.T, log entity.Log) {
				w := newWriteWorld[Link](t, log, nil)
				now := noon.Add(24 * time.Hour)
				for i, before := range c.flips {
					if err := w.clock.AdvanceTo(now.Add(-before)); err != nil {
						t.Fatal(err)
					}
					w.mutate("a", Link{Status: []string{"online", "offline"}[i%2]})
					w.mutate("b", Link{Status: []string{"online", "offline"}[i%2]})
				}
				if err := w.clock.AdvanceTo(now); err != nil {
					t.Fatal(err)
				}
				if got := w.count("a", "status", c.lookback); got != c.want {
					t.Errorf("got %d, want %d", got, c.want)
				}
				want := 0
				if len(c.flips) > 0 && c.flips[0] <= c.lookback {
					want = 1
				}
				if got := w.count("a", "region", c.lookback); got != want {
					t.Errorf("of a field that never changed: got %d, want %d", got, want)
				}
			})
		})
	}
}

func TestTransitionCountOverRemovals(t *testing.T) {
	w := newWriteWorld[Link](t, nil, nil)
	w.mutate("a", Link{Status: "online"})
	w.remove("a")
	if got := w.count("a", "status", time.Hour); got != 1 {
		t.Errorf("a removal gives no value: got %d, want 1", got)
	}
	w.mutate("a", Link{Status: "online"})
	if got := w.count("a", "status", time.Hour); got != 2 {
		t.Errorf("after the re-creation: got %d, want 2", got)
	}
}

func TestHistoryOfWhatHasNone(t *testing.T) {
	_, _, reg, h := tankWorld(t, nil)
	links := define(t, reg, "link", readNone[Link], nil)
	ctx := t.Context()
	for name, ask := range map[string]func(field string) error{
		"InStateSince":    func(field string) error { _, _, err := h.InStateSince(ctx, "a", field); return err },
		"InStateFor":      func(field string) error { _, _, err := h.InStateFor(ctx, "a", field); return err },
		"TransitionCount": func(field string) error { _, err := h.TransitionCount(ctx, "a", field, time.Hour); return err },
	} {
		for _, field := range []string{"level", "nonesuch", "", "Low"} {
			err := ask(field)
			if !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), `kind "tank"`) || !strings.Contains(err.Error(), "want a field that does not drift") {
				t.Errorf("%s of %q: got %v", name, field, err)
			}
		}
		if err := ask("low"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := links.TransitionCount(ctx, "a", "status", -1); !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), "lookback -1ns") {
		t.Errorf("a negative lookback: got %v", err)
	}
}

// A field has one state at each instant, and as many transitions as it had states: against a list of all of them.
func TestHistoryAgainstAList(t *testing.T) {
	w := newWriteWorld[Link](t, nil, nil)
	values := []string{"a", "b", "b", "a", "", "a", "a", "b", "-", "-", "b"} // "-": it is gone
	var flips []time.Time
	last := "-"
	for i, v := range values {
		w.clock.Advance(time.Duration(i%3) * time.Second)
		if v == "-" {
			w.remove("x")
		} else {
			w.mutate("x", Link{Status: v})
		}
		if v != last && v != "-" {
			flips = append(flips, w.clock.Now())
		}
		last = v
		at, known := w.since("x", "status")
		if known != (v != "-") || known && !at.Equal(flips[len(flips)-1]) {
			t.Errorf("step %d: since %s, known %t", i, at, known)
		}
		for lookback := range 10 {
			from := w.clock.Now().Add(-time.Duration(lookback) * time.Second)
			want := len(flips) - max(0, slices.IndexFunc(append(flips, w.clock.Now()), func(at time.Time) bool { return !at.Before(from) }))
			if got := w.count("x", "status", time.Duration(lookback)*time.Second); got != want {
				t.Errorf("step %d, within %d s: got %d, want %d", i, lookback, got, want)
			}
		}
	}
}
