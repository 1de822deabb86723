package entity_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// pourAt is a write at an instant.
type pourAt struct {
	s           float64 // seconds after noon
	level, loss float64
}

// A drifting field alone is no change, but prev is what was published, not what it has drifted to since.
func TestPrevOfWhatDriftsIsWhatWasPublished(t *testing.T) {
	log := entity.NewMemory()
	clock, host, reg, h := tankWorld(t, log)
	var got []entity.Typed[Tank]
	if _, err := h.OnChange(func(_ context.Context, c entity.Typed[Tank]) error {
		got = append(got, c)
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	start(t, reg)
	for _, p := range []pourAt{
		{0, 100, 1}, {10, 70, 1}, {20, 60, 1} /* both drift */, {30, 10, 1} /* low */, {31, 5, 1}, {40, 90, 0}, {50, 80, 0},
	} {
		if err := clock.AdvanceTo(after(p.s)); err != nil {
			t.Fatal(err)
		}
		c, err := h.Mutate(t.Context(), "a", host.pour("a", p.level, p.loss), nil)
		if err != nil || c.Version > 0 && c.Next.Level != p.level {
			t.Fatalf("at %v s: %+v, %v", p.s, c, err)
		}
	}
	if err := h.Refresh(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Remove(t.Context(), "a", func(context.Context) error {
		host.mu.Lock()
		defer host.mu.Unlock()
		delete(host.flow, "a")
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	settle(t, reg)
	type line struct {
		Version    int64
		Prev, Next *Tank
		Fields     []string
	}
	var lines []line
	for _, c := range got {
		lines = append(lines, line{c.Version, c.Prev, c.Next, c.Fields})
	}
	full, low, refilled := &Tank{100, false}, &Tank{10, true}, &Tank{90, false}
	want := []line{
		{1, nil, full, []string{"level", "low"}}, {2, full, low, []string{"low"}}, {3, low, refilled, []string{"low"}},
		{4, refilled, nil, []string{"level", "low"}},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if n, err := h.TransitionCount(t.Context(), "a", "low", time.Hour); n != 3 || err != nil {
		t.Errorf("low had %d transitions, %v", n, err)
	}
	for interval, err := range log.Intervals(t.Context(), "tank", "a", "level", noon) {
		t.Errorf("what drifts has an interval: %+v, %v", interval, err)
	}
}

// A write that leaves the present as it is, but not what comes, moves the timers: nothing else would tell them.
func TestWriteThatChangesTheFutureAlone(t *testing.T) {
	for name, write := range map[string]func(ctx context.Context, host *tanks, h *entity.Handle[Tank]) error{
		"a Mutate": func(ctx context.Context, host *tanks, h *entity.Handle[Tank]) error {
			c, err := h.Mutate(ctx, "a", host.pour("a", 100, 2), nil)
			if c.Version != 0 {
				t.Errorf("published was %+v", c)
			}
			return err
		},
		"a MutateMany": func(ctx context.Context, host *tanks, h *entity.Handle[Tank]) error {
			changes, err := h.MutateMany(ctx, []string{"a", "b"}, host.pour("a", 100, 2), nil)
			if len(changes) != 0 {
				t.Errorf("published was %+v", changes)
			}
			return err
		},
		"a Refresh": func(ctx context.Context, host *tanks, h *entity.Handle[Tank]) error {
			if err := host.pour("a", 100, 2)(ctx); err != nil {
				return err
			}
			return h.Refresh(ctx, "a")
		},
	} {
		for _, loss := range []float64{0, 1} {
			t.Run(name, func(t *testing.T) {
				clock, host, reg, h := tankWorld(t, nil)
				start(t, reg)
				if _, err := h.Mutate(t.Context(), "a", host.pour("a", 100, loss), nil); err != nil {
					t.Fatal(err)
				}
				var got firings
				watch(t, reg, "state.tank.a.level < 20", got.note, &entity.WatchOptions{Name: "w"})
				settle(t, reg)
				if err := write(t.Context(), host, h); err != nil {
					t.Fatal(err)
				}
				if err := clock.AdvanceTo(noon.Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]time.Time{after(40.000001)}, got.at["w"]); diff != "" {
					t.Errorf("from a loss of %v to 2: fired (-want +got):\n%s", loss, diff)
				}
				at, known, err := h.InStateSince(t.Context(), "a", "low")
				if err != nil || !known || !at.Equal(after(40.000001)) {
					t.Errorf("low since %s, %t, %v", at, known, err)
				}
			})
		}
	}
}

// Time by itself brings what was forecast. Where it brings nothing, nothing is written.
func TestForecastThatDoesNotComeTrue(t *testing.T) {
	clock, log := simclock.New(noon), entity.NewMemory()
	reg := newRegistry(t, &entity.Options{Clock: clock, Log: log})
	clock.Settle = func() { settle(t, reg) }
	tb := newTable[Tank]()
	asked := 0
	h := define(t, reg, "tank", tb.read, &entity.KindOptions[Tank]{
		Forecaster: func(_ context.Context, questions []entity.Question, answer func(int, time.Time)) error {
			asked += len(questions)
			for i, q := range questions {
				answer(i, q.From.Add(time.Second)) // the boy who cried wolf
			}
			return nil
		},
	})
	start(t, reg)
	if _, err := h.Mutate(t.Context(), "a", tb.set("a", Tank{Level: 100}), nil); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	n := 0
	for _, err := range log.Changes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 1 || asked != 61 {
		t.Errorf("%d changes and nudges were written, and the Forecaster was asked %d times; want 1 and 61", n, asked)
	}
}
