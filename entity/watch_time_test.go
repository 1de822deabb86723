package entity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func after(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }

// firings collects when watches fired, by name.
type firings struct {
	mu sync.Mutex
	at map[string][]time.Time
}

func (f *firings) note(_ context.Context, firing entity.Firing) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = map[string][]time.Time{}
	}
	f.at[firing.Watch] = append(f.at[firing.Watch], firing.At)
	return nil
}

// tankWorld is a host of tanks on a clock that is moved by hand.
func tankWorld(t *testing.T, log entity.Log) (*simclock.Clock, *tanks, *entity.Registry, *entity.Handle[Tank]) {
	t.Helper()
	clock := simclock.New(noon)
	host := &tanks{clock: clock, flow: map[string]flow{}}
	reg := newRegistry(t, &entity.Options{Clock: clock, Log: log})
	h := define(t, reg, "tank", host.read, &entity.KindOptions[Tank]{Forecaster: host.forecast})
	clock.Settle = func() { settle(t, reg) }
	return clock, host, reg, h
}

func watch(t *testing.T, reg *entity.Registry, text string, fn func(context.Context, entity.Firing) error, opts *entity.WatchOptions) {
	t.Helper()
	c, err := entity.ParseCondition(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Watch(t.Context(), c, fn, opts); err != nil {
		t.Fatal(err)
	}
}

func TestWatchFiresAtTheMicrosecondOfTheCrossing(t *testing.T) {
	for _, c := range []struct {
		name, condition string
		want            []float64 // seconds after noon
	}{
		{"a level that falls by 1 a second from 100", "state.tank.a.level < 20", []float64{80.000001}},
		{"for a while", "state.tank.a.level < 20 for 1m", []float64{140.000001}},
		{"a band", "20 < state.tank.a.level < 50", []float64{50.000001}},
		{"a field that flips by time alone", "state.tank.a.low == true", []float64{80.000001}},
		{"the end of what was true when the watch began", "not state.tank.a.level > 30", []float64{70}},
		{"two that are true in turn", "state.tank.a.level < 20 and state.tank.a.level > 10", []float64{80.000001}},
		{"a tank that does not exist", "state.tank.none.level < 20", nil},
		{"true from the beginning", "state.tank.a.level > 50", nil},
		{"true from the beginning, for a while", "state.tank.a.level > 50 for 30s", []float64{30}},
		{"broken before the while is over", "state.tank.a.level > 50 for 51s", nil},
		{"broken as the while is over", "state.tank.a.level > 50 for 50s", nil},
	} {
		for _, named := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				clock, host, reg, h := tankWorld(t, nil)
				var got firings
				start(t, reg)
				if _, err := h.Mutate(t.Context(), "a", host.pour("a", 100, 1), nil); err != nil {
					t.Fatal(err)
				}
				opts := &entity.WatchOptions{Name: "w"}
				if named {
					opts.Group = "g"
				}
				watch(t, reg, c.condition, got.note, opts)
				if err := clock.AdvanceTo(noon.Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				var want []time.Time
				for _, s := range c.want {
					want = append(want, after(s))
				}
				if diff := cmp.Diff(want, got.at["w"]); diff != "" {
					t.Errorf("named %t: fired (-want +got):\n%s", named, diff)
				}
			})
		}
	}
}

func TestFieldThatFlipsByTimeIsPublishedThen(t *testing.T) {
	clock, host, reg, h := tankWorld(t, nil)
	var got []entity.Typed[Tank]
	if _, err := h.OnChange(func(_ context.Context, c entity.Typed[Tank]) error {
		got = append(got, c)
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	start(t, reg)
	if _, err := h.Mutate(t.Context(), "a", host.pour("a", 100, 1), nil); err != nil {
		t.Fatal(err)
	}
	if err := clock.AdvanceTo(noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("got %d changes, want 2: %v", len(got), got)
	}
	if c := got[1]; !c.At.Equal(after(80.000001)) || c.Version != 2 || !c.Next.Low || c.Actor != entity.Observed || c.Prev.Level != 100 {
		t.Errorf("got %+v %+v", c, c.Next)
	}
}
