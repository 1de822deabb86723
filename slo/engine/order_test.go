package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

var orders = flag.Int("orders", 50, "how many random worlds are told in other orders; 1000 is all of it")

// TestOrderDoesNotMatter tells the same facts in other orders, again and again, late, and from many goroutines at once.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range inShort(*orders, 15) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 9))
			d := newDrawer(rng)
			calls, objectives := d.calls(3+rng.IntN(25)), d.objectives()
			first := tell(t, calls, nil, objectives, 0)
			for range 3 {
				again := slices.Clone(calls)
				for range rng.IntN(6) {
					again = append(again, pick(rng, calls))
				}
				rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
				late := rng.IntN(len(again))
				got := tell(t, again[:late], again[late:], objectives, rng.IntN(len(objectives)+1))
				if diff := cmp.Diff(first, got); diff != "" {
					t.Fatalf("in this order, %d of them late:\n%s\n\n(-first order +this one):\n%s", len(again)-late, show(again), diff)
				}
			}
			if diff := cmp.Diff(first, tellAtOnce(t, calls, objectives)); diff != "" {
				t.Fatalf("from many goroutines (-one after the other +at once):\n%s", diff)
			}
		})
	}
}

// tell makes the calls, the late ones an hour later, and asks a day after that. Some of the objectives are created in
// between.
func tell(t *testing.T, calls, late []call, objectives []slo.Objective, after int) map[string]answers {
	t.Helper()
	h := hostOn(t, caches[(len(calls)+after)%len(caches)].make(), simclock.New(noon), engine.Options{})
	defer h.Close()
	h.create(t, objectives[after:]...)
	for _, c := range calls {
		ok(t, c.do(t.Context(), h.Engine))
	}
	h.create(t, objectives[:after]...)
	if len(calls)%2 == 0 {
		ask(t, h, idsOf(objectives))
	}
	h.clock.Advance(time.Hour)
	for _, c := range late {
		ok(t, c.do(t.Context(), h.Engine))
	}
	return tomorrow(t, h, objectives)
}

// tomorrow asks a day after noon.
func tomorrow(t *testing.T, h *host, objectives []slo.Objective) map[string]answers {
	t.Helper()
	ok(t, h.clock.AdvanceTo(noon.AddDate(0, 0, 1)))
	return ask(t, h, idsOf(objectives))
}

func tellAtOnce(t *testing.T, calls []call, objectives []slo.Objective) map[string]answers {
	t.Helper()
	h := hostOn(t, caches[len(calls)%len(caches)].make(), simclock.New(noon), engine.Options{})
	defer h.Close()
	h.create(t, objectives...)
	var group sync.WaitGroup
	for _, part := range slices.Collect(slices.Chunk(calls, 5)) {
		group.Go(func() {
			for _, c := range part {
				if err := c.do(t.Context(), h.Engine); err != nil {
					t.Errorf("%s: %v", c, err)
				}
			}
		})
	}
	group.Wait()
	return tomorrow(t, h, objectives)
}
