package entity_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// Moon has a phase that time alone changes.
type Moon struct {
	Phase string `json:"phase"`
}

// moons are a host whose only moon has the phase "0", and from so many seconds after the beginning on the next.
type moons struct {
	clock  entity.Clock
	begun  time.Time
	phases []time.Duration
}

func (h *moons) read(_ context.Context, ids []string, found func(string, Moon)) error {
	phase := 0
	for _, at := range h.phases {
		if !h.clock.Now().Before(h.begun.Add(at)) {
			phase++
		}
	}
	found("moon", Moon{fmt.Sprint(phase)})
	return nil
}

func (h *moons) forecast(_ context.Context, questions []entity.Question, answer func(int, time.Time)) error {
	for i, q := range questions {
		for _, at := range h.phases {
			if at := h.begun.Add(at); at.After(q.From) {
				answer(i, at)
				break
			}
		}
	}
	return nil
}

func TestClockThatJumpsOverSeveralFlips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &adjustedClock{}
		host := &moons{clock: clock, begun: time.Now(), phases: []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 50 * time.Second}}
		reg := newRegistry(t, &entity.Options{Clock: clock})
		h := define(t, reg, "moon", host.read, &entity.KindOptions[Moon]{Forecaster: host.forecast})
		var mu sync.Mutex
		var got []string
		note := func(what string, at time.Time) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprint(what, " ", at.Sub(host.begun)))
		}
		if _, err := h.OnChange(func(_ context.Context, c entity.Typed[Moon]) error {
			note("phase "+c.Next.Phase, c.At)
			return nil
		}, nil); err != nil {
			t.Fatal(err)
		}
		start(t, reg)
		if err := h.Refresh(t.Context(), "moon"); err != nil {
			t.Fatal(err)
		}
		for phase := range 5 {
			watch(t, reg, fmt.Sprintf(`state.moon.moon.phase == "%d"`, phase), func(_ context.Context, f entity.Firing) error {
				note("watched "+f.Watch, f.At)
				return nil
			}, &entity.WatchOptions{Name: fmt.Sprint(phase)})
		}
		time.Sleep(5 * time.Second)
		clock.jump(30 * time.Second) // what the moon was meanwhile, nobody has seen; what it is now, it is since 30 s
		time.Sleep(5 * time.Second)
		settle(t, reg)
		time.Sleep(time.Minute)
		settle(t, reg)
		mu.Lock()
		defer mu.Unlock()
		want := map[string]int{"phase 3 30s": 1, "watched 3 30s": 1, "phase 4 50s": 1, "watched 4 50s": 1}
		count := map[string]int{}
		for _, line := range got {
			count[line]++
		}
		if diff := cmp.Diff(want, count); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestValueOfWhatAWriteMadeDrift(t *testing.T) {
	w := newGaugeWorld(t, nil)
	w.write("a", gaugeLevel(50, 0))
	var mu sync.Mutex
	got := map[string]any{}
	for name, group := range map[string]string{"plain": "", "named": "g"} {
		watch(t, w.reg, "state.gauge.a.level < 30", func(_ context.Context, f entity.Firing) error {
			mu.Lock()
			defer mu.Unlock()
			got[f.Watch] = f.Value
			return nil
		}, &entity.WatchOptions{Name: name, Group: group})
	}
	w.write("a", gaugeLevel(25, 0)) // which publishes nothing: what was published last, says 50
	settle(t, w.reg)
	if diff := cmp.Diff(map[string]any{"plain": 25.0, "named": 25.0}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// TestWatchThatIsRegisteredSlowly has a registration that looks, and then takes so long to write what it saw that the
// holder of the timers, who knows nothing of it, has gone on and written down how far it is.
func TestWatchThatIsRegisteredSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, log := newTable[Order](), newSharedLog()
		process := func(log entity.Log) (*entity.Registry, *entity.Handle[Order]) {
			reg := newRegistry(t, &entity.Options{Log: log})
			return reg, define(t, reg, "order", host.read, nil)
		}
		holder, h := process(log)
		start(t, holder)
		watch(t, holder, "state.order.a.total > 1000", ignore, &entity.WatchOptions{Name: "other", Group: "g"})
		end := &sharedEnd{Log: log}
		before, came, release := sharedStall("InTx")
		end.set(before, nil)
		slow, _ := process(end)
		var work sync.WaitGroup
		work.Go(func() {
			c := entity.Above("state.order.a.total", 100)
			if _, err := slow.Watch(t.Context(), c, ignore, &entity.WatchOptions{Name: "w", Group: "g"}); err != nil {
				t.Error(err)
			}
		})
		<-came
		time.Sleep(time.Minute)
		at := time.Now().UTC()
		for _, total := range []int{200, 0} {
			if _, err := h.Mutate(t.Context(), "a", host.set("a", Order{Total: total}), nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		settle(t, holder)
		if err := holder.Close(); err != nil {
			t.Fatal(err)
		}
		release()
		work.Wait()
		next, _ := process(log)
		start(t, next)
		time.Sleep(time.Minute)
		settle(t, next)
		var got []time.Time
		for c, err := range log.Changes(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if c.ID == "w" && c.Version > 0 {
				got = append(got, c.At)
			}
		}
		if diff := cmp.Diff([]time.Time{at}, got); diff != "" {
			t.Errorf("fired (-want +got):\n%s", diff)
		}
	})
}

// TestWhatIsOnItsWayIsWaitedFor has a relay that cannot be reached for a while, so that a change that breaks a For comes
// when the For would have been over.
func TestWhatIsOnItsWayIsWaitedFor(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write bool // at 9 s
		takes time.Duration
		want  []time.Duration
	}{
		{"a break that comes late is one", true, 0, nil},
		{"nothing is waited for where nothing is on its way", false, 10 * time.Second, []time.Duration{10 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host, log := newTable[Order](), newSharedLog()
				end := &sharedEnd{Log: log}
				reg := newRegistry(t, &entity.Options{Log: end, OnError: func(error) {}})
				h := define(t, reg, "order", host.read, nil)
				start(t, reg)
				begun := time.Now()
				var mu sync.Mutex
				var at, told []time.Duration
				for _, group := range []string{"", "g"} {
					watch(t, reg, "state.order.a.total > 100 for 10s", func(_ context.Context, f entity.Firing) error {
						mu.Lock()
						defer mu.Unlock()
						at, told = append(at, f.At.Sub(begun)), append(told, time.Since(begun))
						return nil
					}, &entity.WatchOptions{Name: "w", Group: group})
				}
				write := func(total int) {
					if _, err := h.Mutate(t.Context(), "a", host.set("a", Order{Total: total}), nil); err != nil {
						t.Fatal(err)
					}
				}
				write(200)
				time.Sleep(5 * time.Second)
				end.set(func(_ context.Context, call string) error {
					if call == "Relay" {
						return errCut
					}
					return nil
				}, nil)
				time.Sleep(4 * time.Second)
				if tt.write {
					write(0)
				}
				time.Sleep(6 * time.Second)
				end.set(nil, nil)
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				want := append(tt.want, tt.want...) // of the plain and the named one
				if diff := cmp.Diff(want, at); diff != "" {
					t.Errorf("fired (-want +got):\n%s", diff)
				}
				if len(told) > 0 && told[0] != tt.takes {
					t.Errorf("the plain one was told after %v, want %v", told[0], tt.takes)
				}
			})
		})
	}
}

// TestWhatWasBeforeAWatchIsNotOfItsConcern has changes and a nudge that were committed before a watch began, and get their
// Positions afterwards.
func TestWhatWasBeforeAWatchIsNotOfItsConcern(t *testing.T) {
	for name, group := range map[string]string{"a plain one": "", "a named one": "g"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host, log := newGauges(bubbleClock{}), newSharedLog()
				end := &sharedEnd{Log: log}
				reg := newRegistry(t, &entity.Options{Log: end, OnError: func(error) {}})
				h := define(t, reg, "gauge", host.read, &entity.KindOptions[Gauge]{Forecaster: host.forecast})
				end.set(func(_ context.Context, call string) error {
					if call == "Relay" {
						return errCut
					}
					return nil
				}, nil)
				start(t, reg)
				set := func(change func(s *gaugeSpan)) {
					time.Sleep(time.Second)
					if _, err := h.Mutate(t.Context(), "a", host.set("a", change), nil); err != nil {
						t.Fatal(err)
					}
				}
				set(gaugeMode("on"))
				set(gaugeSlope(-1))
				set(gaugeMode("off"))
				var got firings
				watch(t, reg, "state.gauge.a.mode == \"on\"", got.note, &entity.WatchOptions{Name: "w", Group: group})
				time.Sleep(time.Minute)
				end.set(nil, nil)
				time.Sleep(time.Minute)
				settle(t, reg)
				if len(got.at) > 0 {
					t.Errorf("it fired at %v", got.at)
				}
				set(gaugeMode("on"))
				settle(t, reg)
				if len(got.at["w"]) != 1 {
					t.Errorf("afterwards it fired at %v, want once", got.at)
				}
			})
		})
	}
}

// TestHolderThatDoesNotKnowTheKind has one process that holds the timers, writes down how far it is, and cannot judge a
// watch of a kind that it has not defined.
func TestHolderThatDoesNotKnowTheKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, log := newTable[Order](), newSharedLog()
		holder := newRegistry(t, &entity.Options{Log: log, OnError: func(error) {}})
		h := define(t, holder, "other", newTable[Order]().read, nil)
		start(t, holder)
		watch(t, holder, "state.other.a.total > 1000", ignore, &entity.WatchOptions{Name: "other", Group: "g"})
		reg := newRegistry(t, &entity.Options{Log: log, OnError: func(error) {}})
		orders := define(t, reg, "order", host.read, nil)
		watch(t, reg, "state.order.a.total > 100", ignore, &entity.WatchOptions{Name: "w", Group: "g"})
		for _, total := range []int{200, 0} {
			if _, err := orders.Mutate(t.Context(), "a", host.set("a", Order{Total: total}), nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			time.Sleep(10 * time.Second)
			if err := h.Refresh(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			settle(t, holder)
		}
		if err := holder.Close(); err != nil {
			t.Fatal(err)
		}
		start(t, reg)
		time.Sleep(time.Minute)
		settle(t, reg)
		w := &gaugeWorld{t: t, log: log}
		if n := len(w.edges()["w"]); n != 1 {
			t.Errorf("it fired %d times, want once", n)
		}
	})
}
