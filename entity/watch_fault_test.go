package entity_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

var errDown = errors.New("the database is down")

// faultWorld is a process whose read and Forecaster fail when they are told to.
type faultWorld struct {
	*gaugeWorld
	mu       sync.Mutex
	read     func() error                                      // nil: as it is
	forecast func(c entity.Question) (at time.Time, err error) // nil: as it is
	errs     []error
}

func newFaultWorld(t *testing.T) *faultWorld {
	t.Helper()
	clock := simclock.New(noon)
	w := &faultWorld{gaugeWorld: &gaugeWorld{t: t, clock: clock, host: newGauges(clock), log: entity.NewMemory()}}
	w.reg = newRegistry(t, &entity.Options{Clock: clock, Log: w.log, OnError: func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.errs = append(w.errs, err)
	}})
	w.h = define(t, w.reg, "gauge", func(ctx context.Context, ids []string, found func(string, Gauge)) error {
		if read, _ := w.faults(); read != nil {
			if err := read(); err != nil {
				return err
			}
		}
		return w.host.read(ctx, ids, found)
	}, &entity.KindOptions[Gauge]{Forecaster: func(ctx context.Context, questions []entity.Question, answer func(int, time.Time)) error {
		_, forecast := w.faults()
		if forecast == nil {
			return w.host.forecast(ctx, questions, answer)
		}
		for i, q := range questions {
			at, err := forecast(q)
			if err != nil {
				return err
			}
			answer(i, at)
		}
		return nil
	}})
	clock.Settle = func() { settle(t, w.reg) }
	return w
}

func (w *faultWorld) faults() (read func() error, forecast func(entity.Question) (time.Time, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.read, w.forecast
}

// set sets what fails, and forgets what OnError heard.
func (w *faultWorld) set(read func() error, forecast func(entity.Question) (time.Time, error)) (errs []error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	errs = w.errs
	w.read, w.forecast, w.errs = read, forecast, nil
	return errs
}

func TestFaultsWhenSomethingIsDue(t *testing.T) {
	fail := func() error { return errDown }
	panics := func() error { panic("no") }
	forecastFails := func(entity.Question) (time.Time, error) { return time.Time{}, errDown }
	forecastPanics := func(entity.Question) (time.Time, error) { panic("no") }
	for _, tt := range []struct {
		name     string
		read     func() error
		forecast func(entity.Question) (time.Time, error)
	}{
		{"a read that fails", fail, nil},
		{"a read that panics", panics, nil},
		{"a Forecaster that fails", nil, forecastFails},
		{"a Forecaster that panics", nil, forecastPanics},
		{"both", fail, forecastFails},
	} {
		t.Run(tt.name+" is told and tried again, and what was due is as of its instant", func(t *testing.T) {
			w := newFaultWorld(t)
			start(t, w.reg)
			w.write("a", gaugeLevel(50, -1))
			var got firings
			for name, text := range map[string]string{
				"level": "state.gauge.a.level < 30", "low": "state.gauge.a.low == true", "held": "state.gauge.a.level < 25 for 5s",
				"back": "state.gauge.a.level > 15",
			} {
				watch(t, w.reg, text, got.note, &entity.WatchOptions{Name: name})
				watch(t, w.reg, text, got.note, &entity.WatchOptions{Name: name + ", named", Group: "g"})
			}
			w.at(19)
			w.set(tt.read, tt.forecast)
			w.at(45) // all that is due until then fails
			if errs := w.set(nil, nil); len(errs) == 0 {
				t.Error("OnError heard nothing")
			}
			w.at(60) // it is tried again within a second
			w.write("a", gaugeLevel(50, 0))
			w.at(100)
			for name, want := range map[string]float64{"level": 20.000001, "low": 30.000001, "held": 30.000001, "back": 60} {
				for _, name := range []string{name, name + ", named"} {
					if diff := cmp.Diff([]float64{want}, got.seconds(name)); diff != "" {
						t.Errorf("%s fired (-want +got):\n%s", name, diff)
					}
				}
			}
			if errs := w.set(nil, nil); len(errs) > 0 {
				t.Errorf("OnError still hears %v", errs)
			}
		})
	}
}

func TestFaultsWhenAWatchBegins(t *testing.T) {
	for _, opts := range []*entity.WatchOptions{{Name: "w"}, {Name: "w", Group: "g"}} {
		t.Run("are the caller's, and nothing is watched: "+opts.Group, func(t *testing.T) {
			w := newFaultWorld(t)
			start(t, w.reg)
			w.set(func() error { return errDown }, nil)
			var got firings
			_, err := w.reg.Watch(t.Context(), entity.Is("state.gauge.a.mode", "on"), got.note, opts)
			if !errors.Is(err, errDown) {
				t.Errorf("Watch: got %v, want that of read", err)
			}
			if err := w.reg.WaitUntil(t.Context(), entity.Is("state.gauge.a.mode", "on")); !errors.Is(err, errDown) {
				t.Errorf("WaitUntil: got %v, want that of read", err)
			}
			if errs := w.set(nil, nil); len(errs) > 0 {
				t.Errorf("OnError heard %v, too", errs)
			}
			w.write("a", gaugeMode("on"))
			w.at(10)
			if len(got.at) > 0 {
				t.Errorf("it fired: %v", got.at)
			}
		})
	}
	t.Run("at Start it is tried until it succeeds", func(t *testing.T) {
		w := newFaultWorld(t)
		var got firings
		watch(t, w.reg, `state.gauge.a.mode == "on"`, got.note, &entity.WatchOptions{Name: "w"})
		w.set(func() error { return errDown }, nil)
		start(t, w.reg)
		w.at(10)
		if errs := w.set(nil, nil); len(errs) == 0 || !strings.Contains(errs[0].Error(), `"w"`) || !errors.Is(errs[0], errDown) {
			t.Errorf("OnError heard %v, want that of read, and of which watch", errs)
		}
		w.at(20)
		w.write("a", gaugeMode("on"))
		w.at(30)
		if diff := cmp.Diff([]float64{20}, got.seconds("w")); diff != "" {
			t.Errorf("fired (-want +got):\n%s", diff)
		}
	})
	t.Run("a state that cannot be encoded is one", func(t *testing.T) {
		w := newFaultWorld(t)
		start(t, w.reg)
		things := newTable[Thing]()
		things.put("a", Thing{Grade: 13})
		define(t, w.reg, "thing", things.read, nil)
		var panicked *entity.PanicError
		if _, err := w.reg.Watch(t.Context(), entity.Is("state.thing.a.grade", "grade 13"), ignore, nil); !errors.As(err, &panicked) {
			t.Errorf("got %v, want a PanicError", err)
		}
	})
}

func TestForecastersThatAnswerOddly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(q entity.Question) (time.Time, error)
		want   []float64 // of level < 30
	}{
		{"never", func(entity.Question) (time.Time, error) { return time.Time{}, nil }, nil},
		{"in the past, which is now", func(q entity.Question) (time.Time, error) { return q.From.Add(-time.Hour), nil }, []float64{10}},
		{"so far ahead that no clock gets there", func(q entity.Question) (time.Time, error) {
			return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), nil
		}, nil},
		{"within a microsecond, which is its beginning", func(q entity.Question) (time.Time, error) {
			return after(20).Add(999 * time.Nanosecond), nil
		}, []float64{20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newFaultWorld(t)
			start(t, w.reg)
			w.write("a", gaugeLevel(50, -1))
			var got firings
			watch(t, w.reg, "state.gauge.a.level < 30", got.note, &entity.WatchOptions{Name: "w"})
			w.at(10)
			w.set(nil, tt.answer)
			w.write("a", gaugeCount(1)) // so that it is asked again
			settle(t, w.reg)
			w.at(200)
			if diff := cmp.Diff(tt.want, got.seconds("w")); diff != "" {
				t.Errorf("fired (-want +got):\n%s", diff)
			}
			if errs := w.set(nil, nil); len(errs) > 0 {
				t.Errorf("OnError heard %v", errs)
			}
		})
	}
	t.Run("to what was not asked, which is a panic of its own", func(t *testing.T) {
		w := newFaultWorld(t)
		defer w.set(nil, nil)
		tank := newTable[Tank]()
		define(t, w.reg, "tank", tank.read, &entity.KindOptions[Tank]{Forecaster: func(_ context.Context, q []entity.Question, answer func(int, time.Time)) error {
			answer(len(q), noon)
			return nil
		}})
		start(t, w.reg)
		var panicked *entity.PanicError
		if _, err := w.reg.Watch(t.Context(), entity.Below("state.tank.a.level", 1), ignore, nil); !errors.As(err, &panicked) {
			t.Errorf("got %v, want a PanicError", err)
		}
	})
}

// adjustedClock is the bubble's clock, set to another time.
type adjustedClock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *adjustedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *adjustedClock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

func (c *adjustedClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

func TestClocksThatAreSet(t *testing.T) {
	for _, tt := range []struct {
		name  string
		jumps map[time.Duration]time.Duration // by when, of the bubble
		takes time.Duration                   // until it fires, of the bubble
	}{
		{"forward beyond what is due: it is due as soon as the clock is looked at", map[time.Duration]time.Duration{5 * time.Second: time.Hour}, 6 * time.Second},
		{"back: it comes later", map[time.Duration]time.Duration{5 * time.Second: -time.Minute}, 80 * time.Second},
		{"back a little, just before it is due: the alarm that was too early is set anew", map[time.Duration]time.Duration{19 * time.Second: -30 * time.Millisecond}, 20030 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := &adjustedClock{}
				host := newGauges(clock)
				reg := newRegistry(t, &entity.Options{Clock: clock})
				h := define(t, reg, "gauge", host.read, &entity.KindOptions[Gauge]{Forecaster: host.forecast})
				start(t, reg)
				begun := time.Now()
				if _, err := h.Mutate(t.Context(), "a", host.set("a", gaugeLevel(50, -1)), nil); err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				var got []time.Time // when it fired, by the clock, and when it was told, by the bubble
				watch(t, reg, "state.gauge.a.level < 30", func(_ context.Context, f entity.Firing) error {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, f.At, time.Now().UTC())
					return nil
				}, nil)
				for _, at := range slices.Sorted(func(yield func(time.Duration) bool) {
					for at := range tt.jumps {
						yield(at)
					}
				}) {
					time.Sleep(at - time.Since(begun))
					clock.jump(tt.jumps[at])
				}
				time.Sleep(time.Second)
				if _, err := h.Mutate(t.Context(), "b", host.set("b", gaugeLevel(50, 0)), nil); err != nil {
					t.Fatal(err) // whatever is written makes it look at the clock
				}
				time.Sleep(5 * time.Minute)
				mu.Lock()
				defer mu.Unlock()
				want := []time.Time{begun.Add(20*time.Second + time.Microsecond).UTC(), begun.Add(tt.takes).UTC()}
				near := cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() <= 2*time.Microsecond })
				if diff := cmp.Diff(want, got, near); diff != "" {
					t.Errorf("fired, and was told (-want +got):\n%s", diff)
				}
			})
		})
	}
}
