package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

var worlds = flag.Int("worlds", 20, "how many random worlds are compared with the oracle; 400 is all of it")

// TestAnswersAreThoseOfTheFacts compares all that Engines answer with timelines that are made of the facts directly,
// after each call: with timelines that are kept, that seldom are and that never are, after the refresher and before it,
// and inside transactions that come to nothing.
func TestAnswersAreThoseOfTheFacts(t *testing.T) {
	for seed := range inShort(*worlds, 5) {
		for _, kind := range caches {
			t.Run(fmt.Sprintf("seed %d, %s", seed, kind.name), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(seed), 7))
				d := newDrawer(rng)
				calls, objectives := d.calls(4+rng.IntN(26)), d.objectives()
				compareWithFacts(t, kind.make(), kind.shared(t), rng, calls, objectives)
			})
		}
	}
}

func compareWithFacts(t *testing.T, store storage.Store, shared cache.Provider[[]byte], rng *rand.Rand, calls []call, objectives []slo.Objective) {
	ctx := t.Context()
	clock := simclock.New(noon)
	k := &known{names: map[string]string{}}
	ids := idsOf(objectives)
	engines := []*host{
		hostOn(t, store, clock, engine.Options{Cache: shared}),
		hostOn(t, store, clock, engine.Options{Cache: shared, KeepTimelines: 9000}),
		hostOn(t, store, clock, engine.Options{Cache: shared, KeepTimelines: -1}),
		hostOn(t, store, clock, engine.Options{Cache: shared}), // it is seldom asked
	}
	alone := hostOn(t, memory.New(), clock, engine.Options{MaxStale: 24 * time.Hour}) // it hears of all, so it never asks
	check := func(what string, list []*host) {
		t.Helper()
		want := k.expect(t, objectives, clock.Now())
		for i, h := range append(slices.Clip(list), alone) {
			if diff := cmp.Diff(want, ask(t, h, ids)); diff != "" {
				t.Fatalf("%s, engine %d (-want +got):\n%s", what, i, diff)
			}
		}
	}
	for i, o := range objectives {
		created, err := engines[0].Create(ctx, o)
		ok(t, err)
		objectives[i] = created
		alone.create(t, o)
	}
	for i, c := range calls {
		if chance(rng, 20) {
			h := pick(rng, []*host{engines[0], alone})
			other := pick(rng, calls) // another one than is made in its place
			came(t, h, other, func(in context.Context) {
				inside := *k
				inside.names = map[string]string{}
				maps.Copy(inside.names, k.names)
				other.note(&inside)
				for _, o := range objectives {
					st, err := h.Status(in, o.ID)
					ok(t, err)
					equal(t, "in a transaction", inside.timeline(t, o).Status(clock.Now()), st)
				}
				if chance(rng, 50) {
					check("beside a transaction", engines[:2])
				}
			})
			if chance(rng, 50) {
				check("after a transaction that failed", engines[:1])
			}
		}
		if chance(rng, 15) {
			clock.Advance(time.Duration(rng.Int64N(int64(3 * time.Hour))))
		}
		ok(t, c.do(ctx, pick(rng, engines).Engine))
		ok(t, c.do(ctx, alone.Engine))
		c.note(k)
		if chance(rng, 50) {
			ok(t, engines[0].Settle(ctx))
		}
		check(fmt.Sprintf("after call %d, %s", i, c), engines[:3])
		if chance(rng, 10) {
			check("long after", engines[3:])
		}
		if chance(rng, 10) {
			n := rng.IntN(len(objectives))
			was := objectives[n]
			target, opts := pick(rng, []float64{99.9, 99, 50}), &engine.UpdateOptions{Retroactive: chance(rng, 30)}
			for _, h := range []*host{engines[1], alone} {
				o, err := h.Update(ctx, was.ID, func(o *slo.Objective) {
					o.Target, o.DependencyExclusion, o.UnknownIsDown = target, slo.SelfOnly-o.DependencyExclusion, !o.UnknownIsDown
				}, opts)
				ok(t, err)
				objectives[n] = o
			}
			check("after an update", engines[:3])
		}
	}
	check("at the end", engines)
}

var errNothing = errors.New("it comes to nothing")

// came makes a call in a transaction that comes to nothing.
func came(t *testing.T, h *host, c call, inside func(ctx context.Context)) {
	t.Helper()
	err := h.store.InTx(t.Context(), func(ctx context.Context) error {
		ok(t, c.do(ctx, h.Engine))
		inside(ctx)
		return errNothing
	})
	fails(t, "the transaction", err, errNothing)
}

// TestANewestWordIsAddedToWhatIsKnown goes on and on at the end of a feed, which is what Engines are mostly told, and
// sometimes a little before it.
func TestANewestWordIsAddedToWhatIsKnown(t *testing.T) {
	for seed := range inShort(*worlds, 5) {
		rng := rand.New(rand.NewPCG(uint64(seed), 8))
		d := newDrawer(rng)
		objectives := d.objectives()
		h := hostOn(t, caches[seed%len(caches)].make(), simclock.New(noon), engine.Options{})
		k := &known{names: map[string]string{}}
		for i, o := range objectives {
			created, err := h.Create(t.Context(), o)
			ok(t, err)
			objectives[i] = created
		}
		for _, c := range []call{
			depending(edges{"api", []string{"db", "cache"}, noon.AddDate(0, 0, -2)}), depending(edges{"web", []string{"api"}, noon.AddDate(0, 0, -1)}),
		} {
			ok(t, c.do(t.Context(), h.Engine))
			c.note(k)
		}
		at := noon
		for range 30 {
			at = at.Add(time.Duration(rng.Int64N(int64(time.Minute))))
			o := d.observation()
			o.At = at.Add(-pick(rng, []time.Duration{0, 0, 0, time.Second, 4 * time.Minute, 10 * time.Minute}))
			ok(t, h.clock.AdvanceTo(at))
			ok(t, h.Observe(t.Context(), o))
			k.observations = append(k.observations, o)
			if chance(rng, 70) {
				ok(t, h.Settle(t.Context()))
			}
			if chance(rng, 10) { // another Engine begins with what it finds
				ok(t, h.Close())
				h = hostOn(t, h.store, h.clock, engine.Options{})
			}
			if diff := cmp.Diff(k.expect(t, objectives, at), ask(t, h, idsOf(objectives))); diff != "" {
				t.Fatalf("seed %d, after %+v (-want +got):\n%s", seed, o, diff)
			}
		}
		ok(t, h.Close())
	}
}
