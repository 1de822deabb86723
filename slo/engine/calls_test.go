package engine_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// countedHost has objectives on systems of their own, all of which depend on one and have been down.
type countedHost struct {
	*host
	faults storagetest.Faults
	ids    []string
}

func newCountedHost(t *testing.T, objectives int) *countedHost {
	t.Helper()
	c := &countedHost{}
	health := func(context.Context, []string) (reports, error) { return nil, nil }
	store := c.faults.Wrap(memory.New())
	c.host = hostOn(t, untouched{store}, simclock.New(noon), engine.Options{Health: health, KeepTimelines: -1})
	words := []slo.Observation{slo.Down("upstream", minutes(-30))}
	for n := range objectives {
		id := fmt.Sprintf("objective-%05d", n)
		c.ids = append(c.ids, id)
		c.create(t, simple(id))
		ok(t, c.SetUpstreams(t.Context(), id, []string{"upstream"}, minutes(-5000)))
		words = append(words, slo.Down(id, minutes(-60)), slo.Up(id, minutes(-50)), slo.Down(id, minutes(-20)))
	}
	ok(t, c.Observe(t.Context(), words...))
	ok(t, c.Close())
	c.host = hostOn(t, store, c.clock, engine.Options{})
	ok(t, c.Settle(t.Context()))
	ok(t, c.Close())
	c.host = hostOn(t, untouched{store}, c.clock, engine.Options{Health: health, KeepTimelines: 1 << 30}) // it has kept nothing
	return c
}

// calls counts the calls of the store that a question takes.
func (c *countedHost) calls(t *testing.T, ask func() error) map[string]int {
	t.Helper()
	c.faults.Reset()
	ok(t, ask())
	return c.faults.Calls()
}

func TestTenThousandObjectivesTakeTheCallsOfOne(t *testing.T) {
	none, one, many := newCountedHost(t, 0), newCountedHost(t, 1), newCountedHost(t, inShort(10_000, 1_000))
	t.Run("to ask about", func(t *testing.T) { questionsTakeAFixedNumberOfCalls(t, one, many) })
	t.Run("to tell what they depend on", func(t *testing.T) { observeTakesAFixedNumberOfCalls(t, none, many) })
}

func questionsTakeAFixedNumberOfCalls(t *testing.T, one, many *countedHost) {
	ctx := t.Context()
	for _, q := range []struct {
		name       string
		ask        func(c *countedHost) error
		cold, warm map[string]int
	}{
		{
			"Statuses", func(c *countedHost) error { return second(c.Statuses(ctx, c.ids)) },
			map[string]int{"Versions": 3, "Get": 3, "FactsOf": 2}, map[string]int{"Versions": 1},
		},
		{
			"StatusesForSystems", func(c *countedHost) error { return second(c.StatusesForSystems(ctx, c.ids)) },
			map[string]int{"Versions": 1, "Get": 1}, map[string]int{"Versions": 1, "Get": 1},
		},
		{
			"Problems", func(c *countedHost) error { return second(c.Problems(ctx, c.ids)) },
			map[string]int{"Versions": 1, "Get": 1}, map[string]int{"Versions": 1, "Get": 1},
		},
		{
			"ForSystems", func(c *countedHost) error { return second(c.ForSystems(ctx, c.ids...)) },
			map[string]int{"Get": 2}, map[string]int{"Get": 2},
		},
		{
			"Streaks", func(c *countedHost) error { return second(c.Streaks(ctx, c.ids)) },
			nil, nil,
		},
		{
			"Achievements", func(c *countedHost) error { return second(c.Achievements(ctx, c.ids)) },
			nil, nil,
		},
		{
			"Milestones", func(c *countedHost) error { return second(c.Milestones(ctx, 20)) },
			nil, nil,
		},
	} {
		t.Run(q.name, func(t *testing.T) {
			for _, round := range []struct {
				name string
				want map[string]int
			}{{"cold", q.cold}, {"warm", q.warm}} {
				few := one.calls(t, func() error { return q.ask(one) })
				equal(t, round.name+": calls for one and for 10,000", few, many.calls(t, func() error { return q.ask(many) }))
				if round.want != nil {
					equal(t, round.name+": calls", round.want, few)
				}
			}
		})
	}
}

func TestStatusTakesOneCallOfTheStoreWhenNothingHasChanged(t *testing.T) {
	c := newCountedHost(t, 3)
	health := func() map[string]int {
		return c.calls(t, func() error { return second(c.StatusAt(t.Context(), c.ids[0], noon)) })
	}
	equal(t, "cold", map[string]int{"Versions": 3, "Get": 3, "FactsOf": 2}, health())
	equal(t, "warm", map[string]int{"Versions": 1}, health())
}

// untouched is a store whose refresher finds nothing to do.
type untouched struct{ storage.Store }

func (s untouched) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	if r.Kind == "touched" {
		return func(func(storage.Record, error) bool) {}
	}
	return s.Store.List(ctx, r)
}

// observeTakesAFixedNumberOfCalls counts what Observe itself asks the store, and says that all that depend on the system
// are refreshed afterwards.
func observeTakesAFixedNumberOfCalls(t *testing.T, none, many *countedHost) {
	observe := func(c *countedHost) map[string]int {
		t.Helper()
		e, err := engine.New(c.store, &engine.Options{Clock: c.clock})
		ok(t, err)
		defer e.Close()
		c.faults.Reset()
		ok(t, e.Observe(t.Context(), slo.Up("upstream", minutes(-10))))
		return c.faults.Calls()
	}
	want := map[string]int{"InTx": 1, "Lock": 1, "PutFacts": 1, "Bump": 1, "Put": 1}
	equal(t, "calls without dependents", want, observe(none))
	equal(t, "calls with 10,000 dependents", want, observe(many))
	e := hostOn(t, many.store.(untouched).Store, many.clock, engine.Options{})
	ok(t, e.Settle(t.Context()))
	for _, id := range []string{many.ids[0], many.ids[len(many.ids)-1]} {
		st := e.status(t, id)
		equal(t, "the upstream's share", 10*time.Minute, st.Attribution[len(st.Attribution)-1].Duration)
	}
}

// quietCache is untouched, and keeps histories.
type quietCache struct {
	untouched
	storage.HistoryCache
}

// newCachedHost is a counted host whose store has kept a history of each system, with an Engine that has kept nothing.
func newCachedHost(t *testing.T, objectives int) *countedHost {
	t.Helper()
	c := &countedHost{}
	store := c.faults.Wrap(storagetest.WithHistories(memory.New()))
	c.host = hostOn(t, store, simclock.New(noon), engine.Options{})
	var words []slo.Observation
	for n := range objectives {
		id := fmt.Sprintf("objective-%05d", n)
		c.ids = append(c.ids, id)
		o := simple(id)
		o.CreatedAt = noon.AddDate(0, 0, -2)
		c.create(t, o)
		ok(t, c.SetUpstreams(t.Context(), id, []string{"upstream"}, minutes(-5000)))
		words = append(words, slo.Down(id, minutes(-60)), slo.Up(id, minutes(-50)))
	}
	ok(t, c.Observe(t.Context(), append(words, slo.Down("upstream", minutes(-30)))...))
	ok(t, c.Settle(t.Context()))
	ok(t, c.Close())
	c.host = hostOn(t, quietCache{untouched{store}, store.(storage.HistoryCache)}, c.clock, engine.Options{KeepTimelines: 1 << 30})
	return c
}

func TestWhereTheCacheHasAllNoFactsAreRead(t *testing.T) {
	ctx := t.Context()
	few, many := newCachedHost(t, 10), newCachedHost(t, inShort(1_000, 300))
	for _, round := range []struct {
		name string
		want map[string]int
	}{
		{"cold", map[string]int{"Versions": 3, "Get": 3, "Histories": 2}},
		{"warm", map[string]int{"Versions": 1}},
	} {
		for _, c := range []*countedHost{few, many} {
			got := c.calls(t, func() error { return second(c.Statuses(ctx, c.ids)) })
			equal(t, fmt.Sprintf("%s: calls for %d", round.name, len(c.ids)), round.want, got)
		}
	}
	for _, c := range []*countedHost{few, many} {
		c.host = hostOn(t, c.store, c.clock, engine.Options{})
		calls := c.calls(t, func() error { return c.RunDaily(ctx, noon) })
		pages := (len(c.ids) + 499) / 500
		equal(t, "calls for facts", 0, calls["FactsOf"]+calls["PutHistories"])
		equal(t, fmt.Sprintf("transactions for %d", len(c.ids)), pages, calls["Append"]/2) // of objectives, and of what they have achieved
		for method, n := range few.faults.Calls() {
			if most := pages * (n + 1); calls[method] > most {
				t.Errorf("%s: %d calls for %d objectives, want at most %d", method, calls[method], len(c.ids), most)
			}
		}
	}
}

// TestARefreshOfManySystemsTakesTheCallsOfOne counts what Observe and the refresher ask the store: when they have kept
// nothing, and when they have. Lock, PutFacts, Bump and what reads wait for an answer; the others may go with the commit.
func TestARefreshOfManySystemsTakesTheCallsOfOne(t *testing.T) {
	for _, n := range []int{1, 400} {
		c := newCachedHost(t, n)
		store := c.store.(quietCache).Store
		e := hostOn(t, store, c.clock, engine.Options{KeepTimelines: 1 << 30})
		for round, want := range []map[string]int{
			{"Get": 6, "Versions": 3, "Histories": 2, "FactsOf": 1}, // dependents, members, progress; objectives, names, names of upstreams
			{"Get": 3, "Versions": 1},
		} {
			for method, calls := range map[string]int{
				"InTx": 1, "Lock": 1, "PutFacts": 1, "Bump": 1, "Put": 1, // Observe
			} {
				want[method] += calls
			}
			for method, calls := range map[string]int{"InTx": 2, "Lock": 1, "Append": 1, "PutHistories": 1, "Delete": 1} { // the refresher
				want[method] += calls
			}
			var words []slo.Observation
			for _, id := range c.ids {
				word := slo.Down(id, minutes(float64(round-20)))
				if round == 1 {
					word.Health = slo.Healthy
				}
				words = append(words, word)
			}
			c.faults.Reset()
			ok(t, e.Observe(t.Context(), words...))
			for touched(t, store.(interface{ Unwrap() entity.Log }).Unwrap().(storage.Store)) { // which counts nothing
				time.Sleep(time.Millisecond)
			}
			calls := c.faults.Calls()
			delete(calls, "List") // it looks again, when nothing is left
			equal(t, fmt.Sprintf("calls for %d systems, round %d", n, round), want, calls)
			ok(t, e.Settle(t.Context())) // it has kept what it has read
		}
	}
}
