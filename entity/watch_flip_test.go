package entity_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// gaugeLog records the changes of gauges, one line each.
type gaugeLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *gaugeLog) note(_ context.Context, c entity.Typed[Gauge]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := fmt.Sprintf("%s %s %d %s", c.At.Sub(noon), c.ID, c.Version, c.Actor.Type)
	if c.Next != nil {
		line += fmt.Sprintf(" low %t", c.Next.Low)
	}
	l.lines = append(l.lines, line)
	return nil
}

func (l *gaugeLog) follow(t *testing.T, w *gaugeWorld) {
	t.Helper()
	if _, err := w.h.OnChange(l.note, nil); err != nil {
		t.Fatal(err)
	}
}

func (l *gaugeLog) expect(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if diff := cmp.Diff(want, l.lines); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestWhatTimeChangesIsPublishedAtItsInstant(t *testing.T) {
	for _, tt := range []struct {
		name string
		play func(w *gaugeWorld)
		want []string
	}{
		{"once, and again when it flips back", func(w *gaugeWorld) {
			w.write("a", gaugeLevel(50, -1))
			w.at(40)
			w.write("a", gaugeSlope(2))
		}, []string{"0s a 1 system low false", "30.000001s a 2 observed low true", "45s a 3 observed low false"}},
		{"not when a write comes before", func(w *gaugeWorld) {
			w.write("a", gaugeLevel(50, -1))
			w.at(30)
			w.write("a", gaugeLevel(20, 0))
		}, []string{"0s a 1 system low false"}},
		{"by the write, when that flips it", func(w *gaugeWorld) {
			w.write("a", gaugeLevel(50, -1))
			w.at(10)
			w.write("a", gaugeLevel(10, 0))
		}, []string{"0s a 1 system low false", "10s a 2 system low true"}},
		{"after a write that changes only how fast it drifts, from where it stands still too", func(w *gaugeWorld) {
			w.write("a", gaugeLevel(50, 0))
			w.at(10)
			w.write("a", gaugeSlope(-3))
			w.at(12)
			w.write("a", gaugeSlope(-2))
		}, []string{"0s a 1 system low false", "24.000001s a 2 observed low true"}},
		{"not of what was removed, and anew of what comes again", func(w *gaugeWorld) {
			w.write("a", gaugeLevel(50, -1))
			w.at(10)
			w.remove("a")
			w.at(100)
			w.write("a", gaugeLevel(21, -1))
		}, []string{"0s a 1 system low false", "10s a 2 system", "1m40s a 3 system low false", "1m41.000001s a 4 observed low true"}},
		{"several of one instant by their ids", func(w *gaugeWorld) {
			for _, id := range []string{"b", "c", "a"} {
				w.write(id, gaugeLevel(50, -1))
			}
		}, []string{"0s b 1 system low false", "0s c 1 system low false", "0s a 1 system low false",
			"30.000001s a 2 observed low true", "30.000001s b 2 observed low true", "30.000001s c 2 observed low true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newGaugeWorld(t, nil)
			var log gaugeLog
			log.follow(t, w)
			tt.play(w)
			w.at(1000)
			log.expect(t, tt.want...)
		})
	}
}

func TestProcessThatStartsLate(t *testing.T) {
	for name, log := range map[string]func() entity.Log{
		"on a Memory": func() entity.Log { return entity.NewMemory() }, "on a shared Log": func() entity.Log { return newSharedLog() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newGaugeWorld(t, log())
			w.write("a", gaugeLevel(50, -1))
			w.register("below 30", entity.Below("state.gauge.a.level", 30), false)
			w.register("below 30 for 10s", entity.Below("state.gauge.a.level", 30).For(10*time.Second), false)
			w.register("low", entity.Is("state.gauge.a.low", true), false)
			settle(t, w.reg)
			if err := w.reg.Close(); err != nil {
				t.Fatal(err)
			}
			// While nobody is there the level falls below 30 at 20 s, below 20 at 30 s, is back by a write that nobody but the
			// Log sees, and falls twice more: below 30 at 80 s, and below 20 at 90 s.
			w.clock.Settle = nil
			w.open()
			w.clock.Settle = nil
			w.at(50)
			w.write("a", gaugeLevel(60, -1))
			w.at(1000)
			start(t, w.reg)
			settle(t, w.reg)
			w.at(1001)
			want := map[string][]time.Time{
				"below 30":         {after(20.000001), after(80.000001)},
				"below 30 for 10s": {after(30.000001), after(90.000001)},
				"low":              {after(90.000001)}, // what is not published is not seen: the first time nobody was there
			}
			if diff := cmp.Diff(want, w.edges()); diff != "" {
				t.Errorf("fired (-want +got):\n%s", diff)
			}
			var flips []string
			for c, err := range w.log.Changes(t.Context(), 0) {
				if err != nil {
					t.Fatal(err)
				}
				if c.Kind == "gauge" && c.Actor == entity.Observed {
					flips = append(flips, fmt.Sprint(c.At.Sub(noon), " ", c.Version))
				}
			}
			if diff := cmp.Diff([]string{"1m30.000001s 2"}, flips); diff != "" {
				t.Errorf("published by time (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWatchesOfAProcessWithoutTheTimers(t *testing.T) {
	w := newGaugeWorld(t, newSharedLog())
	other := newRegistry(t, &entity.Options{Clock: w.clock, Log: w.log})
	define(t, other, "gauge", w.host.read, &entity.KindOptions[Gauge]{Forecaster: w.host.forecast})
	start(t, other)
	var got firings
	for text, name := range map[string]string{"state.gauge.a.level < 30": "level", "state.gauge.a.low == true": "low"} {
		watch(t, other, text, got.note, &entity.WatchOptions{Name: name})
	}
	w.clock.Settle = func() {
		settle(t, w.reg)
		settle(t, other)
	}
	w.write("a", gaugeLevel(50, 0))
	w.at(5)
	w.write("a", gaugeSlope(-1)) // which publishes nothing, and is known to the other process all the same
	w.at(100)
	for name, want := range map[string]float64{"level": 25.000001, "low": 35.000001} {
		if diff := cmp.Diff([]float64{want}, got.seconds(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
