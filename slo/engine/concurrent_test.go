package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

// TestWhoHasWrittenReadsAtLeastThat has goroutines tell two Engines on one store of systems of their own, which all depend
// on one that is told of as well, and ask one or the other at once.
func TestWhoHasWrittenReadsAtLeastThat(t *testing.T) {
	store, clock := memory.New(), simclock.New(noon)
	engines := []*host{hostOn(t, store, clock, engine.Options{}), hostOn(t, store, clock, engine.Options{KeepTimelines: 60_000})}
	ctx := t.Context()
	var group sync.WaitGroup
	for n := range 6 {
		id := fmt.Sprint("system-", n)
		for k := range 2 {
			engines[0].create(t, slo.Objective{ID: fmt.Sprint(id, "-", k), SystemID: id, Target: 99.9, Window: slo.Days(30)})
		}
		ok(t, engines[0].SetUpstreams(ctx, id, []string{"upstream"}, minutes(-50_000)))
		group.Go(func() {
			var total time.Duration
			for k := range 60 {
				at := minutes(-1000 + float64(10*k))
				if k%7 == 6 { // it comes late
					at = minutes(-20_000 + float64(10*k))
				}
				length := time.Duration(k+1) * time.Second
				total += length
				h := engines[(n+k)%2]
				if err := h.Observe(ctx, slo.Down(id, at), slo.Up(id, at.Add(length)), slo.Down("upstream", at), slo.Up("upstream", at.Add(time.Second))); err != nil {
					t.Errorf("Observe: %v", err)
					return
				}
				for _, h := range engines {
					list, err := h.Statuses(ctx, []string{id + "-0", id + "-1"})
					if err != nil {
						t.Errorf("Statuses: %v", err)
						return
					}
					for _, st := range list {
						if st.Budget.Consumed != total {
							t.Errorf("%s: consumed %v, want %v", st.ObjectiveID, st.Budget.Consumed, total)
							return
						}
					}
				}
			}
		})
	}
	group.Wait()
	for _, h := range engines {
		ok(t, h.Settle(ctx))
	}
	cold := hostOn(t, store, clock, engine.Options{KeepTimelines: -1})
	for n := range 6 {
		id := fmt.Sprintf("system-%d-0", n)
		equal(t, id, cold.downtimes(t, id), engines[0].downtimes(t, id))
		equal(t, id, cold.status(t, id), engines[1].status(t, id))
	}
}

// TestCallsAtOnceAreNoConflict has everything written at once that locks more than one thing, in an order of its own. One
// call waits for the other; none is given up for it.
func TestCallsAtOnceAreNoConflict(t *testing.T) {
	store, clock := memory.New(), simclock.New(noon)
	engines := []*host{hostOn(t, store, clock, engine.Options{}), hostOn(t, store, clock, engine.Options{})}
	ctx := t.Context()
	var forwards, backwards []slo.Objective
	var words []slo.Observation
	for n := range 20 {
		o := simple(fmt.Sprintf("o%02d", n))
		o.SystemID = fmt.Sprintf("s%02d", 19-n)
		forwards = append(forwards, o)
		o.Target = 99
		backwards = append([]slo.Objective{o}, backwards...)
		words = append(words, slo.Down(o.SystemID, minutes(-20)))
		ok(t, engines[0].SetUpstreams(ctx, o.SystemID, []string{fmt.Sprintf("s%02d", n)}[:n%2], minutes(-1000)))
	}
	var group sync.WaitGroup
	for n, do := range []func(h *host, round int) error{
		func(h *host, round int) error {
			return second(h.Apply(ctx, forwards[round%5:], &engine.ApplyOptions{Delete: true}))
		},
		func(h *host, round int) error {
			return second(h.Apply(ctx, backwards[round%7:], &engine.ApplyOptions{Delete: true}))
		},
		func(h *host, round int) error {
			for i := range words {
				words[i].At = minutes(-20 + float64(round)/10)
			}
			return h.Observe(ctx, words...)
		},
		func(h *host, round int) error {
			return h.Restate(ctx, slo.Statement{Source: "x", Rev: int64(round), Outages: []slo.Outage{incident("s19", -9, -8), incident("s00", -9, -8)}})
		},
		func(h *host, round int) error {
			o := simple(fmt.Sprint("another ", round))
			o.SystemID = fmt.Sprintf("s%02d", round%20)
			return second(h.Create(ctx, o))
		},
		func(h *host, round int) error {
			return h.SetUpstreams(ctx, fmt.Sprintf("needs-%d", round%5), []string{fmt.Sprintf("s%02d", (round+7)%20)}, minutes(-100+float64(round)))
		},
		func(h *host, round int) error { return h.DeleteSystem(ctx, fmt.Sprintf("s%02d", (round*7)%20)) },
		func(h *host, _ int) error { return h.RunDaily(ctx, noon) },
		func(h *host, _ int) error { return h.Settle(ctx) },
	} {
		group.Go(func() {
			for round := range 25 {
				if err := do(engines[(n+round)%2], round); err != nil {
					t.Errorf("call %d, round %d: %v", n, round, err)
				}
			}
		})
	}
	group.Wait()
}
