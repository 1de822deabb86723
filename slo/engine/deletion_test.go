package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

func TestDeleteSystemLeavesNothing(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	for _, id := range []string{"api", "db"} {
		o := simple(id)
		o.CreatedAt = noon.AddDate(0, 0, -9)
		h.create(t, o)
	}
	other := slo.Objective{ID: "another on db", SystemID: "db", Target: 99, Window: slo.Days(7)}
	h.create(t, other)
	for _, c := range []call{
		outage("db", -60, -30), outage("api", -58, -28), needs("db", -1000, "disk"), needs("api", -1000, "db"), naming("db", "Orders"),
		stated("both", 1, incident("db", -20, -10), incident("api", -20, -15)), stated("db alone", 1, incident("db", -9, -8)),
		correcting(slo.Correction{ID: "c", Rev: 1, SystemID: "db", From: minutes(-50), Until: minutes(-49), Health: slo.Degraded}),
		maintaining(slo.Maintenance{ID: "m", Rev: 1, SystemID: "db", Start: minutes(-5), End: minutes(-4)}),
	} {
		ok(t, c.do(ctx, h.Engine))
	}
	ok(t, h.RunDaily(ctx, noon))
	equal(t, "downtimes before", []slo.Downtime{named(by("db", -58, -30)), self(-30, -28), named(by("db", -20, -15))}, h.downtimes(t, "api"))

	ok(t, h.DeleteSystem(ctx, "db"))
	ok(t, h.Settle(ctx))
	equal(t, "downtimes of what depends on it", []slo.Downtime{self(-58, -28), self(-20, -15)}, h.downtimes(t, "api"))
	left := dump(t, h.store, "api", "db", "disk")
	for key := range left.Records {
		about := strings.Fields(key)
		if slices.Contains(about[1:], "db") && key != "dependent db api" {
			t.Errorf("left: %s", key)
		}
	}
	for key := range left.Facts {
		if strings.HasPrefix(key, "db ") && !strings.HasPrefix(key, "db deletion ") {
			t.Errorf("left: %q", key)
		}
	}
	for _, id := range []string{"db", "another on db"} {
		_, err := h.Status(ctx, id)
		fails(t, "Status of "+id, err, engine.ErrNotFound)
		_, err = h.SLOs().Get(ctx, id)
		fails(t, "entity "+id, err, entity.ErrNotFound)
	}
	won, err := h.Achievements(ctx, []string{"db"})
	ok(t, err)
	equal(t, "achievements", 0, len(won["db"]))
	of, err := h.ForSystems(ctx, "db")
	ok(t, err)
	equal(t, "objectives", 0, len(of))

	// It is made again, and starts clean.
	h.create(t, simple("db"))
	ok(t, h.Observe(ctx, slo.Down("db", minutes(-60)), slo.Up("db", minutes(-55)))) // the first was said before
	equal(t, "downtimes when it is back", []slo.Downtime{self(-60, -55)}, h.downtimes(t, "db"))
	equal(t, "an edge of before does not come back", []slo.Downtime{self(-58, -28), self(-20, -15)}, h.downtimes(t, "api"))
	fails(t, "a revision that was used", h.Restate(ctx, slo.Statement{Source: "db alone", Rev: 1}), engine.ErrConflict)
	fails(t, "a revision that was used", h.Correct(ctx, slo.Correction{ID: "c", Rev: 1, SystemID: "db", From: minutes(-50), Until: minutes(-40)}), engine.ErrConflict)
	fails(t, "a revision that was used", h.SetMaintenance(ctx, slo.Maintenance{ID: "m", Rev: 1, SystemID: "db", Start: minutes(-5), End: minutes(-3)}), engine.ErrConflict)
	ok(t, stated("db alone", 1, incident("db", -9, -8)).do(ctx, h.Engine)) // it is known, and was deleted
	ok(t, stated("db alone", 0, incident("db", -3, -2)).do(ctx, h.Engine)) // it comes too late
	equal(t, "downtimes", []slo.Downtime{self(-60, -55)}, h.downtimes(t, "db"))
	ok(t, stated("db alone", 2, incident("db", -7, -6)).do(ctx, h.Engine))
	equal(t, "downtimes", []slo.Downtime{self(-60, -55), self(-7, -6)}, h.downtimes(t, "db"))

	h.clock.Advance(time.Hour)
	ok(t, h.SetUpstreams(ctx, "api", []string{"db"}, minutes(10)))
	for _, c := range []call{outage("db", 10, 30), outage("api", 20, 40)} {
		ok(t, c.do(ctx, h.Engine))
	}
	equal(t, "a new edge", []slo.Downtime{self(-58, -28), self(-20, -15), by("db", 20, 30), self(30, 40)}, h.downtimes(t, "api"))
}

func named(d slo.Downtime) slo.Downtime {
	d.UpstreamName = "Orders"
	return d
}

// TestDeleteSystemIsTheSameWarmAndCold asks an Engine that has kept all there is, and one that has kept nothing, after each
// step in which a system is deleted, twice at one instant too, and told of again.
func TestDeleteSystemIsTheSameWarmAndCold(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	cold := hostOn(t, h.store, h.clock, engine.Options{KeepTimelines: -1})
	api := simple("api")
	api.DependencyExclusion = slo.SelfOnly
	h.create(t, api, simple("web"))
	deleteSystem := func(id string) call {
		return call{"DeleteSystem " + id, func(ctx context.Context, e *engine.Engine) error { return e.DeleteSystem(ctx, id) }, nil}
	}
	down := outage("db", -60, -30)
	for n, step := range []struct {
		call call
		want []slo.Downtime // of api
	}{
		{needs("api", -1000, "db"), nil},
		{outage("api", -58, -28), []slo.Downtime{self(-58, -28)}},
		{down, []slo.Downtime{by("db", -58, -30), self(-30, -28)}},
		{deleteSystem("db"), []slo.Downtime{self(-58, -28)}},
		{down, []slo.Downtime{self(-58, -28)}},
		{deleteSystem("db"), []slo.Downtime{self(-58, -28)}},
		{stated("x", 5, incident("api", -10, -5), incident("web", -10, -5)), []slo.Downtime{self(-58, -28), self(-10, -5)}},
		{stated("x", 3, incident("api", -9, -8)), []slo.Downtime{self(-58, -28), self(-10, -5)}},
		{deleteSystem("api"), nil},
		{stated("x", 4, incident("api", -9, -8)), nil},
		{stated("x", 5, incident("web", -10, -5), incident("api", -10, -5)), nil},
		{outage("api", -58, -28), []slo.Downtime{self(-58, -28)}},
		{stated("x", 6, incident("api", -3, -2)), []slo.Downtime{self(-58, -28), self(-3, -2)}},
	} {
		ok(t, step.call.do(ctx, h.Engine))
		if strings.HasSuffix(step.call.name, "api") {
			h.create(t, api)
		}
		for name, h := range map[string]*host{"warm": h, "cold": cold} {
			if diff := cmp.Diff(step.want, h.downtimes(t, "api")); diff != "" {
				t.Fatalf("%s, after step %d, %s (-want +got):\n%s", name, n, step.call, diff)
			}
		}
		equal(t, "web", cold.downtimes(t, "web"), h.downtimes(t, "web"))
	}
}

// TestAnEdgeToADeletedSystemDoesNotComeBack deletes a system of which nobody has said anything but that another depends on
// it.
func TestAnEdgeToADeletedSystemDoesNotComeBack(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"))
	ok(t, needs("api", -1000, "db").do(ctx, h.Engine))
	ok(t, h.DeleteSystem(ctx, "db"))
	for _, c := range []call{outage("db", -60, -30), outage("api", -58, -28)} {
		ok(t, c.do(ctx, h.Engine))
	}
	equal(t, "downtimes", []slo.Downtime{self(-58, -28)}, h.downtimes(t, "api"))
}

func TestDeletingASystemThatNobodyKnowsWritesNothing(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"))
	ok(t, h.Settle(ctx))
	before := graphRows(t, h)
	ok(t, h.DeleteSystem(ctx, "web"))
	equal(t, "rows", before, graphRows(t, h))
	for row, err := range h.store.Heads(ctx, "achievements", []string{"web"}) {
		ok(t, err)
		if row.Version != 0 {
			t.Errorf("an entity was made: %+v", row)
		}
	}
}

func TestADeletedSystemKeepsNoNameAndNoObjectiveOfIts(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, slo.Objective{ID: "o", SystemID: "db", Target: 99, Window: slo.Days(1)})
	ok(t, h.DeleteSystem(ctx, "db")) // it has objectives, and no facts
	_, err := h.Get(ctx, "o")
	fails(t, "Get", err, engine.ErrNotFound)
	h.create(t, slo.Objective{ID: "o", SystemID: "web", Target: 99, Window: slo.Days(1)})
	of, err := h.ForSystems(ctx, "db", "web")
	ok(t, err)
	equal(t, "objectives", []int{0, 1}, []int{len(of["db"]), len(of["web"])})
}

// Another process deletes the objective, and creates it on another system, when this one has read it.
func TestDeleteOfAnObjectiveThatHasMovedMeanwhileLeavesNothing(t *testing.T) {
	store := &meddling{Store: memory.New()}
	h := hostOn(t, store, simclock.New(noon), engine.Options{})
	h.create(t, simple("a"))
	move := func() {
		ok(t, h.Delete(t.Context(), "a"))
		h.create(t, slo.Objective{ID: "a", SystemID: "b", Target: 99, Window: slo.Days(7)})
	}
	store.lock.Store(&move)
	ok(t, h.Delete(context.WithValue(t.Context(), ofJob{}, true), "a"))
	equal(t, "records", map[string]string{}, dump(t, store, "a", "b").Records)
}

// A process whose clock is behind deletes a system again: that ends no less than before.
func TestADeletionByAClockThatIsBehindBringsNoEdgeBack(t *testing.T) {
	store := memory.New()
	h, behind := hostOn(t, store, simclock.New(noon), engine.Options{}), hostOn(t, store, simclock.New(minutes(-60)), engine.Options{})
	o := simple("api")
	o.DependencyExclusion = slo.SelfOnly
	h.create(t, o)
	ok(t, h.SetUpstreams(t.Context(), "api", []string{"db"}, minutes(-30)))
	ok(t, h.DeleteSystem(t.Context(), "db"))
	ok(t, behind.DeleteSystem(t.Context(), "db"))
	ok(t, h.Observe(t.Context(), slo.Down("db", minutes(-20)), slo.Down("api", minutes(-20))))
	equal(t, "down", true, h.status(t, "api").Down)
}
