package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
)

// graphRows is all that is known of the graph, with the versions of its systems.
func graphRows(t *testing.T, h *host) []any {
	t.Helper()
	var keys []storage.VersionKey
	for _, id := range graph {
		keys = append(keys, storage.VersionKey{Kind: "system", ID: id})
	}
	versions, err := h.store.Versions(t.Context(), keys)
	ok(t, err)
	return []any{dump(t, h.store, graph...), versions}
}

func TestFactsThatAreWrongChangeNothing(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"))
	soon, late := noon.Add(time.Minute), noon.Add(time.Minute+time.Microsecond)
	old, far := time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 1000, time.UTC)
	long := strings.Repeat("x", 257)

	observe := func(change func(o *slo.Observation)) call {
		o := slo.Down("api", minutes(-1))
		change(&o)
		return observing(slo.Down("db", minutes(-2)), o, slo.Up("db", minutes(-1)))
	}
	restate := func(change func(s *slo.Statement)) call {
		s := slo.Statement{Source: "incident", Rev: 1, Outages: []slo.Outage{incident("api", -2, -1)}}
		change(&s)
		return call{fmt.Sprintf("Restate(%.99v)", s), func(ctx context.Context, e *engine.Engine) error {
			return e.Restate(ctx, slo.Statement{Source: "good", Outages: []slo.Outage{incident("db", -2, -1)}}, s)
		}, nil}
	}
	correct := func(change func(c *slo.Correction)) call {
		c := slo.Correction{ID: "c", Rev: 1, SystemID: "api", From: minutes(-2), Until: minutes(-1), Health: slo.Healthy}
		change(&c)
		return call{fmt.Sprintf("Correct(%.99v)", c), func(ctx context.Context, e *engine.Engine) error {
			return e.Correct(ctx, slo.Correction{ID: "good", SystemID: "db", From: minutes(-2), Until: minutes(-1)}, c)
		}, nil}
	}
	maintain := func(change func(m *slo.Maintenance)) call {
		m := slo.Maintenance{ID: "m", Rev: 1, SystemID: "api", Start: minutes(-2), End: minutes(-1)}
		change(&m)
		return call{fmt.Sprintf("SetMaintenance(%.99v)", m), func(ctx context.Context, e *engine.Engine) error {
			return e.SetMaintenance(ctx, slo.Maintenance{ID: "good", SystemID: "db", Start: minutes(-2), End: minutes(-1)}, m)
		}, nil}
	}
	before := graphRows(t, h)
	for _, c := range []call{
		observe(func(o *slo.Observation) { o.SystemID = "" }),
		observe(func(o *slo.Observation) { o.SystemID = long }),
		observe(func(o *slo.Observation) { o.SystemID = "a\x00" }),
		observe(func(o *slo.Observation) { o.SystemID = "\xff" }),
		observe(func(o *slo.Observation) { o.CheckID = long }),
		observe(func(o *slo.Observation) { o.At = time.Time{} }),
		observe(func(o *slo.Observation) { o.At = old }),
		observe(func(o *slo.Observation) { o.At = late }),
		observe(func(o *slo.Observation) { o.At = noon.Add(61 * time.Second) }),
		observe(func(o *slo.Observation) { o.At = far }),
		observe(func(o *slo.Observation) { o.Health = 9 }),
		observe(func(o *slo.Observation) { o.Impact = 1.5 }),
		observe(func(o *slo.Observation) { o.Impact = 0.0001 }),
		observe(func(o *slo.Observation) { o.Health, o.Impact = slo.Healthy, 1 }),
		observe(func(o *slo.Observation) { o.UpstreamID = "api" }),
		observe(func(o *slo.Observation) { o.Note = strings.Repeat("x", 16<<10+1) }),

		restate(func(s *slo.Statement) { s.Source = "" }),
		restate(func(s *slo.Statement) { s.Source = long }),
		restate(func(s *slo.Statement) { s.Outages[0].SystemID = "" }),
		restate(func(s *slo.Statement) { s.Outages[0].Start = late }),
		restate(func(s *slo.Statement) { s.Outages[0].Start, s.Outages[0].End = late, time.Time{} }),
		restate(func(s *slo.Statement) { s.Outages[0].End = late }),
		restate(func(s *slo.Statement) { s.Outages[0].End = minutes(-3) }),
		restate(func(s *slo.Statement) { s.Outages[0].Start = old }),
		restate(func(s *slo.Statement) { s.Outages[0].Health = slo.Healthy }),
		restate(func(s *slo.Statement) { s.Outages[0].UpstreamID = "api" }),

		correct(func(c *slo.Correction) { c.ID = "" }),
		correct(func(c *slo.Correction) { c.SystemID = "\x00" }),
		correct(func(c *slo.Correction) { c.From, c.Until = late, far.Add(-time.Hour) }),
		correct(func(c *slo.Correction) { c.From = old }),
		correct(func(c *slo.Correction) { c.Until = c.From }),
		correct(func(c *slo.Correction) { c.Until = far }),
		correct(func(c *slo.Correction) { c.Impact = 0.5 }),

		maintain(func(m *slo.Maintenance) { m.ID = long }),
		maintain(func(m *slo.Maintenance) { m.SystemID = "" }),
		maintain(func(m *slo.Maintenance) { m.Start = old }),
		maintain(func(m *slo.Maintenance) { m.End = far }),
		maintain(func(m *slo.Maintenance) { m.End = m.Start }),

		depending(edges{"api", []string{"db", "api"}, minutes(-1)}),
		depending(edges{"api", []string{"db", ""}, minutes(-1)}),
		depending(edges{"api", []string{"db", long}, minutes(-1)}),
		depending(edges{"", []string{"db"}, minutes(-1)}),
		depending(edges{"api", []string{"db"}, time.Time{}}),
		depending(edges{"api", []string{"db"}, old}),
		depending(edges{"api", []string{"db"}, late}),
		depending(edges{"api", []string{"db"}, far}),

		naming("", "x"),
		naming("api", strings.Repeat("x", 16<<10+1)),
		naming("api", "\xff"),
	} {
		fails(t, fmt.Sprintf("%.120s", c), c.do(ctx, h.Engine), engine.ErrInvalid)
	}
	equal(t, "rows", before, graphRows(t, h))

	// What is only just allowed is taken.
	for _, c := range []call{
		observe(func(o *slo.Observation) { o.At = soon }),
		observe(func(o *slo.Observation) { o.At = time.Unix(0, 0) }),
		restate(func(s *slo.Statement) { s.Outages[0].Start, s.Outages[0].End = soon, soon }),
		correct(func(c *slo.Correction) { c.From, c.Until = soon, far.Add(-time.Microsecond) }),
		maintain(func(m *slo.Maintenance) { m.Start, m.End = minutes(100), far.Add(-time.Microsecond) }),
		depending(edges{"api", []string{"db", "db"}, soon}),
		depending(edges{"api", nil, time.Unix(0, 0)}),
		naming("api", strings.Repeat("x", 16<<10)),
	} {
		ok(t, c.do(ctx, h.Engine))
	}
}

// TestWhatLiesAMinuteAheadCountsWhenItsTimeComes says what clocks that differ may say.
func TestWhatLiesAMinuteAheadCountsWhenItsTimeComes(t *testing.T) {
	h := newHost(t, engine.Options{})
	h.create(t, simple("api"))
	ok(t, h.Observe(t.Context(), slo.Up("api", minutes(-60)), slo.Down("api", minutes(1))))
	for _, down := range []bool{false, true} {
		if st := h.status(t, "api"); st.Down != down || st.Budget.Consumed != 0 {
			t.Errorf("%v: down %v, consumed %v", st.At, st.Down, st.Budget.Consumed)
		}
		h.clock.Advance(time.Minute)
	}
	equal(t, "consumed", time.Minute, h.status(t, "api").Budget.Consumed)
}

func TestTenThousandObservationsInOneCall(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"))
	var words []slo.Observation
	for n := range 5000 {
		at := minutes(-20_000 + float64(2*n))
		words = append(words, slo.Down("api", at), slo.Up("api", at.Add(time.Second)))
	}
	ok(t, h.Observe(ctx, words...))
	equal(t, "consumed", 5000*time.Second, h.status(t, "api").Budget.Consumed)
	before := graphRows(t, h)
	ok(t, h.Observe(ctx, words...))
	equal(t, "rows when it is repeated", before, graphRows(t, h))
	words[9_999].Impact = 7
	words[0].Note = "new"
	fails(t, "the last is wrong", h.Observe(ctx, words...), engine.ErrInvalid)
	equal(t, "rows when the last one is wrong", before, graphRows(t, h))
}

func TestOneRevisionSaysOneThing(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"), simple("db"))
	first := []call{
		stated("incident", 2, incident("api", -10, -5), slo.Outage{SystemID: "api", Start: minutes(-4), End: minutes(-3), Health: slo.Unhealthy, Impact: 1}),
		correcting(slo.Correction{ID: "c", Rev: 2, SystemID: "api", From: minutes(-10), Until: minutes(-5), Health: slo.Unhealthy}),
		maintaining(slo.Maintenance{ID: "m", Rev: 2, SystemID: "api", Start: minutes(-10), End: minutes(-5)}),
	}
	for _, c := range first {
		ok(t, c.do(ctx, h.Engine))
	}
	before := graphRows(t, h)
	for _, same := range append(first,
		stated("incident", 2, incident("api", -4, -3), incident("api", -10, -5), incident("api", -4, -3)), // it means the same
		correcting(slo.Correction{ID: "c", Rev: 2, SystemID: "api", From: minutes(-10), Until: minutes(-5), Health: slo.Unhealthy, Impact: 1}),
	) {
		ok(t, same.do(ctx, h.Engine))
	}
	equal(t, "rows when it is said again", before, graphRows(t, h))
	for name, err := range map[string]error{
		"another outage":     h.Restate(ctx, slo.Statement{Source: "good", Outages: []slo.Outage{incident("api", -2, -1)}}, slo.Statement{Source: "incident", Rev: 2, Outages: []slo.Outage{incident("db", -10, -5)}}),
		"none":               h.Restate(ctx, slo.Statement{Source: "incident", Rev: 2}),
		"two in one call":    h.Restate(ctx, slo.Statement{Source: "x", Rev: 2}, slo.Statement{Source: "x", Rev: 2, Outages: []slo.Outage{incident("db", -10, -5)}}),
		"another correction": h.Correct(ctx, slo.Correction{ID: "c", Rev: 2, SystemID: "api", From: minutes(-10), Until: minutes(-5), Health: slo.Healthy}),
		"another reason":     h.Correct(ctx, slo.Correction{ID: "c", Rev: 2, SystemID: "api", From: minutes(-10), Until: minutes(-5), Health: slo.Unhealthy, Reason: "r"}),
		"another window":     h.SetMaintenance(ctx, slo.Maintenance{ID: "m", Rev: 2, SystemID: "api", Start: minutes(-10), End: minutes(-4)}),
		"a cancelled window": h.SetMaintenance(ctx, slo.Maintenance{ID: "m", Rev: 2, SystemID: "api", Start: minutes(-10), End: minutes(-5), Cancelled: true}),
	} {
		fails(t, name, err, engine.ErrConflict)
	}
	equal(t, "rows when it is contradicted", before, graphRows(t, h))
	ok(t, stated("incident", 1, incident("db", -10, -5)).do(ctx, h.Engine))
	ok(t, stated("incident", 1, incident("db", -10, -5)).do(ctx, h.Engine))
	fails(t, "an older one is contradicted", stated("incident", 1).do(ctx, h.Engine), engine.ErrConflict)
	equal(t, "downtimes", []slo.Downtime(nil), h.downtimes(t, "db"))
	ok(t, stated("incident", 3, incident("db", -2, -1)).do(ctx, h.Engine))
	equal(t, "downtimes of the other", []slo.Downtime{self(-10, -5)}, h.downtimes(t, "api"))
	equal(t, "downtimes", []slo.Downtime{self(-2, -1)}, h.downtimes(t, "db"))
}

// everyCall is all that can be asked of an Engine, and told it.
func everyCall(h *host) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Observe":        func(ctx context.Context) error { return h.Observe(ctx, slo.Down("api", minutes(-3))) },
		"Observe none":   func(ctx context.Context) error { return h.Observe(ctx) },
		"Restate":        stated("incident", 7, incident("api", -2, -1)).with(h),
		"Restate none":   func(ctx context.Context) error { return h.Restate(ctx) },
		"Correct":        correcting(slo.Correction{ID: "c", SystemID: "api", From: minutes(-2), Until: minutes(-1)}).with(h),
		"Correct none":   func(ctx context.Context) error { return h.Correct(ctx) },
		"SetMaintenance": maintaining(slo.Maintenance{ID: "m", SystemID: "api", Start: minutes(-2), End: minutes(-1)}).with(h),
		"SetUpstreams":   needs("api", -1000, "db").with(h),
		"SetSystemName":  naming("api", "The API").with(h),
		"Create":         func(ctx context.Context) error { return second(h.Create(ctx, simple("new"))) },
		"Ensure":         func(ctx context.Context) error { return second(h.Ensure(ctx, simple("another"))) },
		"Update": func(ctx context.Context) error {
			return second(h.Update(ctx, "api", func(o *slo.Objective) { o.Target = 90 }, nil))
		},
		"Delete":             func(ctx context.Context) error { return h.Delete(ctx, "other") },
		"DeleteSystem":       func(ctx context.Context) error { return h.DeleteSystem(ctx, "gone") },
		"Apply":              func(ctx context.Context) error { return second(h.Apply(ctx, []slo.Objective{simple("applied")}, nil)) },
		"Get":                func(ctx context.Context) error { return second(h.Get(ctx, "api")) },
		"ForSystems":         func(ctx context.Context) error { return second(h.ForSystems(ctx, "api")) },
		"Status":             func(ctx context.Context) error { return second(h.Status(ctx, "api")) },
		"StatusAt":           func(ctx context.Context) error { return second(h.StatusAt(ctx, "api", minutes(-5))) },
		"Statuses":           func(ctx context.Context) error { return second(h.Statuses(ctx, []string{"api"})) },
		"Statuses none":      func(ctx context.Context) error { return second(h.Statuses(ctx, nil)) },
		"StatusesForSystems": func(ctx context.Context) error { return second(h.StatusesForSystems(ctx, []string{"api"})) },
		"Problems":           func(ctx context.Context) error { return second(h.Problems(ctx, []string{"api"})) },
		"Downtimes":          func(ctx context.Context) error { return second(h.Downtimes(ctx, "api")) },
		"Explain":            func(ctx context.Context) error { return second(h.Explain(ctx, "api", minutes(-9), noon)) },
		"Forecast":           func(ctx context.Context) error { return second(h.Forecast(ctx, "api")) },
		"BurnRate":           func(ctx context.Context) error { return second(h.BurnRate(ctx, "api", time.Hour)) },
		"Backtest":           func(ctx context.Context) error { return second(h.Backtest(ctx, "api", minutes(-9), noon)) },
		"History":            func(ctx context.Context) error { return second(h.History(ctx, "api", minutes(-9), noon, time.Minute)) },
		"Timeline":           func(ctx context.Context) error { return second(h.Timeline(ctx, "api")) },
		"List": func(ctx context.Context) error {
			for _, err := range h.List(ctx, "") {
				return err
			}
			return nil
		},
		"Reconcile": func(ctx context.Context) error { return h.Reconcile(ctx) },
		"Settle":    func(ctx context.Context) error { return h.Settle(ctx) },
	}
}

func (c call) with(h *host) func(ctx context.Context) error {
	return func(ctx context.Context) error { return c.do(ctx, h.Engine) }
}

// busyHost has something for each of everyCall.
func busyHost(t *testing.T) *host {
	t.Helper()
	health := hostHealth{}
	h := newHost(t, engine.Options{Health: health.ask})
	h.create(t, simple("api"), simple("other"), simple("gone"))
	ok(t, h.Observe(t.Context(), slo.Down("gone", minutes(-9)), slo.Down("api", minutes(-9))))
	ok(t, h.Settle(t.Context()))
	return h
}

func TestACancelledCallChangesNothing(t *testing.T) {
	h := busyHost(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	before := graphRows(t, h)
	for name, call := range everyCall(h) {
		fails(t, name, call(cancelled), context.Canceled)
	}
	equal(t, "rows", before, graphRows(t, h))
	for name, call := range everyCall(h) {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
}

func TestAClosedEngineAnswersNothing(t *testing.T) {
	h := busyHost(t)
	before := graphRows(t, h)
	ok(t, h.Close())
	ok(t, h.Close())
	for name, call := range everyCall(h) {
		fails(t, name, call(t.Context()), engine.ErrClosed)
	}
	equal(t, "rows", before, graphRows(t, h))
	again := hostOn(t, h.store, h.clock, engine.Options{})
	for name, call := range everyCall(again) {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s of another engine: %v", name, err)
		}
	}
}

func TestNewRefusesWhatIsWrong(t *testing.T) {
	if _, err := engine.New(nil, nil); err == nil {
		t.Error("no store is no error")
	} else {
		fails(t, "no store", err, engine.ErrInvalid)
	}
	h := newHost(t, engine.Options{})
	for name, opts := range map[string]engine.Options{
		"MaxStale": {MaxStale: -1}, "Poll": {Poll: -1}, "LeaseTTL": {LeaseTTL: -1},
	} {
		_, err := engine.New(h.store, &opts)
		fails(t, name, err, engine.ErrInvalid)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}
