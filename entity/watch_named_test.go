package entity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// reopen closes the process and begins another on the same Log. What happens between is the caller's.
func (w *gaugeWorld) reopen(between func()) {
	w.t.Helper()
	settle(w.t, w.reg)
	if err := w.reg.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.clock.Settle = nil
	if between != nil {
		between()
	}
	w.open()
	start(w.t, w.reg)
	settle(w.t, w.reg)
}

func (w *gaugeWorld) expectEdges(want ...float64) {
	w.t.Helper()
	settle(w.t, w.reg)
	var got []float64
	for _, at := range w.edges()["w"] {
		got = append(got, at.Sub(noon).Seconds())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("fired (-want +got):\n%s", diff)
	}
}

func (w *gaugeWorld) registerText(text string) {
	w.t.Helper()
	c, err := entity.ParseCondition(text)
	if err != nil {
		w.t.Fatal(err)
	}
	w.register("w", c, false)
}

func TestNamedWatchesGoOnInAnotherProcess(t *testing.T) {
	for _, tt := range []struct {
		name, condition string
		play            func(w *gaugeWorld)
		want            []float64
	}{
		{"what waits for an edge", "state.gauge.a.level < 30", func(w *gaugeWorld) {
			w.at(10)
			w.reopen(nil)
		}, []float64{20.000001}},
		{"what has fired does not again", "state.gauge.a.level < 30", func(w *gaugeWorld) {
			w.at(30)
			w.reopen(nil)
			w.reopen(nil)
		}, []float64{20.000001}},
		{"an edge that comes meanwhile", "state.gauge.a.level < 30", func(w *gaugeWorld) {
			w.at(10)
			w.reopen(func() { w.clock.Advance(time.Minute) })
		}, []float64{20.000001}},
		{"a For that runs", "state.gauge.a.level < 30 for 20s", func(w *gaugeWorld) {
			w.at(30)
			w.reopen(nil)
		}, []float64{40.000001}},
		{"a For that ends meanwhile", "state.gauge.a.level < 30 for 20s", func(w *gaugeWorld) {
			w.at(30)
			w.reopen(func() { w.clock.Advance(time.Minute) })
		}, []float64{40.000001}},
		{"a For of what was written", `state.gauge.a.mode == "on" for 20s`, func(w *gaugeWorld) {
			w.at(10)
			w.write("a", gaugeMode("on"))
			w.at(20)
			w.reopen(nil)
			w.at(25)
			w.reopen(nil)
		}, []float64{30}},
		{"a Rearm that is not reached", "state.gauge.a.level < 30 rearm 40", func(w *gaugeWorld) {
			w.at(30)
			w.write("a", gaugeLevel(35, 0))
			w.reopen(nil)
			w.write("a", gaugeLevel(25, 0))
		}, []float64{20.000001}},
		{"a Rearm that is", "state.gauge.a.level < 30 rearm 40", func(w *gaugeWorld) {
			w.at(30)
			w.write("a", gaugeLevel(40, 0))
			w.reopen(nil)
			w.write("a", gaugeLevel(25, 0))
		}, []float64{20.000001, 30}},
		{"what was true when it began", "state.gauge.a.level > 30", func(w *gaugeWorld) {
			w.reopen(nil)
			w.at(10)
			w.write("a", gaugeLevel(10, 0))
			w.reopen(nil)
			w.at(20)
			w.write("a", gaugeLevel(60, 0))
		}, []float64{20}},
		{"changes and pulses of a time when nobody was there", `state.gauge.a.mode == "on"`, func(w *gaugeWorld) {
			w.reopen(func() {
				w.open() // writes only
				w.clock.Settle = nil
				for i := range 3 {
					w.at(float64(10 + 10*i))
					w.write("a", gaugeMode("on"))
					w.write("a", gaugeMode("off"))
				}
			})
		}, []float64{10, 20, 30}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newGaugeWorld(t, nil)
			w.write("a", gaugeLevel(50, -1))
			w.registerText(tt.condition)
			tt.play(w)
			w.at(1000)
			w.expectEdges(tt.want...)
			w.reopen(nil)
			w.expectEdges(tt.want...)
		})
	}
}

func TestRegisteringANamedWatchAgain(t *testing.T) {
	t.Run("with the same condition changes nothing", func(t *testing.T) {
		w := newGaugeWorld(t, nil)
		w.write("a", gaugeLevel(50, -1))
		for range 3 {
			w.registerText("state.gauge.a.level < 30 for 20s")
			w.clock.Advance(15 * time.Second)
			w.registerText("state.gauge.a.level < 30 for 20s")
		}
		w.at(100)
		w.expectEdges(40.000001)
	})
	t.Run("with another one begins anew, and its firings go on counting", func(t *testing.T) {
		w := newGaugeWorld(t, nil)
		w.write("a", gaugeLevel(50, -1))
		w.registerText("state.gauge.a.level < 30")
		w.at(25)
		w.registerText("state.gauge.a.level < 20")
		w.registerText("state.gauge.a.level < 30 rearm 31") // true: it waits for the round to come
		w.at(50)
		w.write("a", gaugeLevel(50, -1))
		w.at(100)
		w.expectEdges(20.000001, 70.000001)
	})
	t.Run("while the other one's edges are being written down, it is the new one that stays", func(t *testing.T) {
		w := newGaugeWorld(t, nil)
		w.write("a", gaugeMode("off"))
		pulse := func() {
			w.write("a", gaugeMode("on"))
			w.write("a", gaugeMode("off"))
		}
		texts := []string{"state.gauge.a.mode == \"on\"", "state.gauge.a.mode == \"on\" and state.gauge.a.count == 0"}
		w.registerText(texts[1])
		for i := range 100 {
			var other sync.WaitGroup
			other.Go(pulse)
			w.registerText(texts[i%2])
			other.Wait()
			settle(t, w.reg)
			for row, err := range w.log.Watches(t.Context(), "w") {
				if err != nil || row.Condition != texts[i%2] {
					t.Fatalf("round %d: the row has the condition %q, want %q (%v)", i, row.Condition, texts[i%2], err)
				}
			}
			before := len(w.edges()["w"])
			pulse()
			settle(t, w.reg)
			if n := len(w.edges()["w"]) - before; n != 1 {
				t.Fatalf("round %d: it fired %d times, want once", i, n)
			}
		}
	})
	t.Run("with IfTrue fires when it is new, and no more", func(t *testing.T) {
		w := newGaugeWorld(t, nil)
		w.write("a", gaugeLevel(50, -1))
		for range 3 {
			w.register("w", entity.Above("state.gauge.a.level", 30), true)
			w.clock.Advance(time.Second)
		}
		w.at(50)
		w.expectEdges(0)
	})
}

func TestDropWatch(t *testing.T) {
	w := newGaugeWorld(t, nil)
	w.write("a", gaugeLevel(50, -1))
	w.registerText("state.gauge.a.level < 30")
	if err := w.reg.DropWatch(t.Context(), "w"); err != nil {
		t.Fatal(err)
	}
	w.at(25)
	w.expectEdges()
	if err := w.reg.DropWatch(t.Context(), "w"); !errors.Is(err, entity.ErrNotFound) {
		t.Errorf("twice: got %v, want ErrNotFound", err)
	}
	for range w.log.Watches(t.Context(), "w") {
		t.Error("it is still in the Log")
	}
	// What comes after it under its name is another, also where it looks the same.
	w.registerText("state.gauge.a.level < 20 for 10s")
	w.at(35)
	if err := w.reg.DropWatch(t.Context(), "w"); err != nil {
		t.Fatal(err)
	}
	w.registerText("state.gauge.a.level < 20 for 10s")
	w.at(100)
	w.expectEdges(45)
}

func TestKindsThatAreDefinedAfterTheirWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, log := newTable[Order](), entity.NewMemory()
		var got firings
		var heard []error
		begin := func() (*entity.Registry, *entity.Handle[Order]) {
			reg := newRegistry(t, &entity.Options{Log: log, OnError: func(err error) { heard = append(heard, err) }})
			start(t, reg)
			synctest.Wait() // it has looked for named watches, and does not know the kind yet
			h := define(t, reg, "order", host.read, nil)
			watch(t, reg, "state.order.a.total > 100", got.note, &entity.WatchOptions{Name: "w", Group: "g"})
			return reg, h
		}
		first, _ := begin()
		settle(t, first)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		reg, h := begin()
		synctest.Wait() // and not Settle, which has it look once more
		if _, err := h.Mutate(t.Context(), "a", host.set("a", Order{Total: 200}), nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(got.at["w"]); n != 1 {
			t.Errorf("it fired %d times, want once", n)
		}
		if err := reg.Close(); err != nil {
			t.Fatal(err)
		}
		if len(heard) != 1 || !errors.Is(heard[0], entity.ErrInvalid) {
			t.Errorf("OnError heard %v, want once that a watch cannot be armed", heard)
		}
	})
}

func TestFiringsOfAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, log := newTable[Order](), newSharedLog()
		var bus entity.LocalBus
		var mu sync.Mutex
		var got []string
		var handles []*entity.Handle[Order]
		for process := range 3 {
			reg := newRegistry(t, &entity.Options{Log: log, Bus: &bus})
			handles = append(handles, define(t, reg, "order", host.read, nil))
			if process == 1 {
				start(t, reg) // before or after the watch is made
			}
			for _, group := range []string{"mail", "log"} {
				_, err := reg.Watch(t.Context(), entity.Above("state.order.a.total", 100), func(_ context.Context, f entity.Firing) error {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, fmt.Sprintf("%s %s %d %v", group, f.Watch, f.Version, f.Value))
					if group == "mail" && f.Version == 2 && len(got) < 8 {
						return errors.New("not yet")
					}
					return nil
				}, &entity.WatchOptions{Name: "much for " + group, Group: group, IfTrue: true})
				if err != nil {
					t.Fatal(err)
				}
			}
			if process != 1 {
				start(t, reg)
			}
			if process == 0 {
				time.Sleep(time.Minute)
			}
		}
		time.Sleep(time.Minute)
		for i := range 3 {
			for _, total := range []int{101 + i, 0} {
				if _, err := handles[i].Mutate(t.Context(), "a", host.set("a", Order{Total: total}), nil); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
		}
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(got)
		want := []string{"log much for log 1 101", "log much for log 2 102", "log much for log 3 103",
			"mail much for mail 1 101", "mail much for mail 2 102", "mail much for mail 3 103"}
		for len(got) > 6 && slices.Index(got, "mail much for mail 2 102") != slices.Index(got, "mail much for mail 3 103")-1 {
			i := slices.Index(got, "mail much for mail 2 102") // tried again with the same Version until it succeeded
			got = slices.Delete(got, i, i+1)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("handled (-want +got):\n%s", diff)
		}
	})
}

func TestIfTrueIsHandledAlsoByWhoStartsLater(t *testing.T) {
	for name, log := range map[string]entity.Log{"on a Memory": entity.NewMemory(), "on a shared Log": newSharedLog()} {
		t.Run(name, func(t *testing.T) {
			host := newTable[Order]()
			host.put("a", Order{Total: 200})
			other := newRegistry(t, &entity.Options{Log: log, OnError: func(error) {}}) // it moves the firing on before the group's process has started
			start(t, other)
			reg := newRegistry(t, &entity.Options{Log: log})
			define(t, reg, "order", host.read, nil)
			var got firings
			watch(t, reg, "not state.order.a.total < 100", got.note, &entity.WatchOptions{Name: "w", Group: "g", IfTrue: true})
			settle(t, other)
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
			start(t, reg)
			if err := reg.WaitUntil(t.Context(), entity.Is("state.order.a.total", 200)); err != nil {
				t.Fatal(err)
			}
			settle(t, reg)
			if n := len(got.at["w"]); n != 1 {
				t.Errorf("it was handled %d times, want once", n)
			}
		})
	}
}

// TestNamedWatchesAreArmedWhateverElseBegins registers one just when the process takes over the timers, falls asleep, or
// both.
func TestNamedWatchesAreArmedWhateverElseBegins(t *testing.T) {
	host := newTable[Order]()
	for i := range 200 {
		reg, err := entity.NewRegistry(nil)
		if err != nil {
			t.Fatal(err)
		}
		h := define(t, reg, "order", host.read, nil)
		start(t, reg)
		var got firings
		watch(t, reg, "state.order.a.total > 100", got.note, &entity.WatchOptions{Name: "w", Group: "g"})
		if i%2 == 0 {
			settle(t, reg)
		}
		for _, total := range []int{0, 200, 0} {
			if _, err := h.Mutate(t.Context(), "a", host.set("a", Order{Total: total}), nil); err != nil {
				t.Fatal(err)
			}
		}
		settle(t, reg)
		if n := len(got.at["w"]); n != 1 {
			t.Fatalf("round %d: it fired %d times, want once", i, n)
		}
		if err := reg.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
