package entity_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

var watchWorlds = flag.Int("entity.watchworlds", 150,
	"how many random worlds the conditions over time are tried on; the full number is 3000")

// fewWatchWorlds is how many there are, with -short fewer.
func fewWatchWorlds() int {
	if testing.Short() {
		return max(1, *watchWorlds/6)
	}
	return *watchWorlds
}

// randomWrite writes to a gauge. Where it is not the first of its instant, it is of what does not drift: of that a
// Forecaster knows only how it is when the instant is over.
func (w *gaugeWorld) randomWrite(rng *rand.Rand, first bool) gaugeWrite {
	w.t.Helper()
	id := string(rune('a' + rng.IntN(3)))
	change := gaugeCount(rng.IntN(6))
	exists := !w.last(id).span.gone
	if !exists && !first {
		id, change = "d", gaugeMode("of no interest")
	}
	switch n := rng.IntN(10); {
	case n < 3:
		change = gaugeMode([]string{"on", "off"}[rng.IntN(2)])
	case n < 5 && first:
		change = gaugeLevel(rng.Int64N(100), rng.Int64N(11)-5)
	case n < 7 && first:
		change = gaugeSlope(rng.Int64N(11) - 5)
	case n == 7 && first && exists:
		w.remove(id)
		return w.last(id)
	}
	w.write(id, change)
	return w.last(id)
}

// last is how a gauge is after its last write.
func (w *gaugeWorld) last(id string) gaugeWrite {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	return gaugeWrite{id, w.host.now(id, w.host.clock.Now().UnixMicro())}
}

func TestWatchesFireWhenTheOracleSaysSo(t *testing.T) {
	for seed := range uint64(fewWatchWorlds()) {
		if t.Failed() {
			return
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { playWatches(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func playWatches(t *testing.T, rng *rand.Rand) {
	w := newGaugeWorld(t, nil)
	var writes []gaugeWrite
	pass := func() { w.clock.Advance(time.Duration(1+rng.Int64N(30e6)) * time.Microsecond) }
	for range 4 {
		writes = append(writes, w.randomWrite(rng, true))
		pass()
	}
	var got firings
	rules, begin := make([]*rule, 12), w.clock.Now().UnixMicro()
	for i := range rules {
		rules[i] = randomRule(rng, 1+rng.IntN(3), true)
		opts := entity.WatchOptions{Name: fmt.Sprint("plain", i), IfTrue: i%2 == 0}
		if _, err := w.reg.Watch(t.Context(), rules[i].condition(), got.note, &opts); err != nil {
			t.Fatal(err)
		}
		w.register(fmt.Sprint("named", i), rules[i].condition(), i%2 == 0)
	}
	for range 20 {
		pass()
		for i := range 1 + rng.IntN(2)*rng.IntN(3) {
			writes = append(writes, w.randomWrite(rng, i == 0))
		}
	}
	w.clock.Advance(200 * time.Second)
	edges := w.edges()
	for i, r := range rules {
		want := r.edges(writes, begin, w.clock.Now().UnixMicro(), i%2 == 0)
		compareEdges(t, fmt.Sprint("plain, ", r.condition()), want, got.at[fmt.Sprint("plain", i)])
		compareEdges(t, fmt.Sprint("named, ", r.condition()), want, edges[fmt.Sprint("named", i)])
	}
	if t.Failed() {
		t.Logf("begun at %s", time.UnixMicro(begin).UTC())
		for _, write := range writes {
			t.Log(write)
		}
	}
}

func compareEdges(t *testing.T, what string, want, got []time.Time) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s fired (-want +got):\n%s", what, diff)
	}
}

// register makes a named watch that nobody here handles: its firings stay in the Log.
func (w *gaugeWorld) register(name string, c entity.Condition, ifTrue bool) {
	w.t.Helper()
	stop, err := w.reg.Watch(w.t.Context(), c, func(context.Context, entity.Firing) error { return nil },
		&entity.WatchOptions{Name: name, Group: "g", IfTrue: ifTrue})
	if err != nil {
		w.t.Fatal(err)
	}
	stop()
}

// edges are the firings of named watches that lie in the Log. Their Versions must be 1, 2, 3, ...
func (w *gaugeWorld) edges() map[string][]time.Time {
	w.t.Helper()
	edges := map[string][]time.Time{}
	for c, err := range w.log.Changes(w.t.Context(), 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		if c.Kind == "watch" && c.Version > 0 {
			edges[c.ID] = append(edges[c.ID], c.At)
			if n := len(edges[c.ID]); c.Version != int64(n) {
				w.t.Errorf("firing %d of %s has Version %d", n, c.ID, c.Version)
			}
		}
	}
	return edges
}
