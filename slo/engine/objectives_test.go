package engine_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// full is an objective in which nothing is zero that may be given to Create.
func full() slo.Objective {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return slo.Objective{
		ID: "checkout", Name: "Checkout", SystemID: "shop", CheckID: "http", Labels: map[string]string{"team": "payments"},
		Target: 99.95, Window: slo.Calendar(slo.Month, berlin), DependencyExclusion: slo.SelfOnly,
		NeverExcuse: []string{"cache", "db"}, ExcludeMaintenance: true, DegradedIsUp: true, UnknownIsDown: true,
		CountFrom: minutes(-100_000),
		Policy: slo.AlertPolicy{Rules: []slo.BurnRule{
			{Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Factor: 14.4},
			{Severity: slo.Ticket, Long: 72 * time.Hour, Short: 6 * time.Hour, Share: 10},
		}},
		Thresholds: slo.Thresholds{Warning: 40, Critical: 70, FastBurn: 6},
		CreatedAt:  minutes(-10_000),
	}
}

func TestAnObjectiveComesBackAsItWasCreated(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	want := full()
	created, err := h.Create(ctx, full())
	ok(t, err)
	equal(t, "created", want, created)
	got, err := h.Get(ctx, "checkout")
	ok(t, err)
	equal(t, "got", want, got)
	of, err := h.ForSystems(ctx, "shop", "another", "shop")
	ok(t, err)
	equal(t, "of systems", map[string][]slo.Objective{"shop": {want}}, of)
	young, err := h.Create(ctx, simple("young"))
	ok(t, err)
	equal(t, "created at", noon, young.CreatedAt)
	for name, st := range map[string]slo.Status{"checkout": h.status(t, "checkout"), "young": h.status(t, "young")} {
		if st.ObjectiveID != name || st.Availability != 100 {
			t.Errorf("status of %s: %+v", name, st)
		}
	}
}

// TestAStoredObjectiveStaysReadable holds the JSON in which objectives lie in stores. A field that is renamed, or written
// in another way, would be lost from all that are there: what this reads must stay.
func TestAStoredObjectiveStaysReadable(t *testing.T) {
	const stored = `{"id":"checkout","name":"Checkout","system":"shop","check":"http","labels":{"team":"payments"},` +
		`"created":"2026-02-23T13:20:00Z","updated":"2026-03-02T12:00:00Z","target":99.95,` +
		`"window":"calendar:month:Europe/Berlin","exclusion":"self-only","neverExcuse":["cache","db"],` +
		`"excludeMaintenance":true,"degradedIsUp":true,"unknownIsDown":true,"countFrom":"2025-12-23T01:20:00Z",` +
		`"rules":[{"severity":"page","longNs":3600000000000,"shortNs":300000000000,"factor":14.4},` +
		`{"severity":"ticket","longNs":259200000000000,"shortNs":21600000000000,"share":10}],` +
		`"warning":40,"critical":70,"fastBurn":6,` +
		`"revisions":[{"until":"2026-03-02T12:00:00Z","target":99.9,` +
		`"window":"calendar:month:Europe/Berlin","exclusion":"self-only","neverExcuse":["cache","db"],` +
		`"excludeMaintenance":true,"degradedIsUp":true,"unknownIsDown":true,"countFrom":"2025-12-23T01:20:00Z",` +
		`"rules":[{"severity":"page","longNs":3600000000000,"shortNs":300000000000,"factor":14.4},` +
		`{"severity":"ticket","longNs":259200000000000,"shortNs":21600000000000,"share":10}],` +
		`"warning":40,"critical":70,"fastBurn":6}]}`
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	o := full()
	o.Target = 99.9
	h.create(t, o)
	updated, err := h.Update(ctx, "checkout", func(o *slo.Objective) { o.Target = 99.95 }, nil)
	ok(t, err)
	equal(t, "record", stored, dump(t, h.store).Records["objective checkout "])
	read, err := h.Get(ctx, "checkout")
	ok(t, err)
	equal(t, "read", updated, read)
}

func TestCreateRefusesWhatIsWrong(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("there"))
	before := dump(t, h.store, "there", "x")
	for name, wrong := range map[string]func(o *slo.Objective){
		"no id":                      func(o *slo.Objective) { o.ID = "" },
		"an id that is too long":     func(o *slo.Objective) { o.ID = strings.Repeat("x", 257) },
		"an id with NUL":             func(o *slo.Objective) { o.ID = "a\x00b" },
		"an id that is no UTF-8":     func(o *slo.Objective) { o.ID = "a\xffb" },
		"no system":                  func(o *slo.Objective) { o.SystemID = "" },
		"a system with NUL":          func(o *slo.Objective) { o.SystemID = "\x00" },
		"a check that is too long":   func(o *slo.Objective) { o.CheckID = strings.Repeat("x", 257) },
		"a name that is too long":    func(o *slo.Objective) { o.Name = strings.Repeat("x", 16<<10+1) },
		"a label without a key":      func(o *slo.Objective) { o.Labels = map[string]string{"": "x"} },
		"a target above 100":         func(o *slo.Objective) { o.Target = 100.5 },
		"a target of seven decimals": func(o *slo.Objective) { o.Target = 99.1234567 },
		"no window":                  func(o *slo.Objective) { o.Window = slo.Window{} },
		"a window of eleven years":   func(o *slo.Objective) { o.Window = slo.Days(3651) },
		"a blank upstream":           func(o *slo.Objective) { o.NeverExcuse = []string{""} },
		"a rule without a severity": func(o *slo.Objective) {
			o.Policy.Rules = []slo.BurnRule{{Long: time.Hour, Short: time.Minute, Factor: 1}}
		},
		"thresholds that are reversed": func(o *slo.Objective) { o.Thresholds = slo.Thresholds{Warning: 90, Critical: 10} },
		"history counts from 1960":     func(o *slo.Objective) { o.CountFrom = time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC) },
		"revisions":                    func(o *slo.Objective) { o.Revisions = []slo.Revision{o.Revision(minutes(-1))} },
		"updated already":              func(o *slo.Objective) { o.UpdatedAt = minutes(-1) },
		"created ahead":                func(o *slo.Objective) { o.CreatedAt = noon.Add(61 * time.Second) },
		"created in 1969":              func(o *slo.Objective) { o.CreatedAt = time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC) },
	} {
		t.Run(name, func(t *testing.T) {
			o := simple("x")
			wrong(&o)
			created, err := h.Create(ctx, o)
			fails(t, "Create", err, engine.ErrInvalid)
			equal(t, "created", slo.Objective{}, created)
			_, err = h.Ensure(ctx, o)
			fails(t, "Ensure", err, engine.ErrInvalid)
			_, err = h.Apply(ctx, []slo.Objective{o}, nil)
			fails(t, "Apply", err, engine.ErrInvalid)
			_, err = h.Apply(ctx, []slo.Objective{o}, &engine.ApplyOptions{DryRun: true})
			fails(t, "a dry run", err, engine.ErrInvalid)
		})
	}
	created, err := h.Create(ctx, slo.Objective{ID: "there", SystemID: "elsewhere", Target: 90, Window: slo.Days(1)})
	fails(t, "an id that is taken", err, engine.ErrConflict)
	equal(t, "created", slo.Objective{}, created)
	equal(t, "rows", before, dump(t, h.store, "there", "x"))
	h.create(t, simple("x"))
}

func TestEveryCallRefusesIDsThatAreNone(t *testing.T) {
	h := newHost(t, engine.Options{})
	h.create(t, simple("there"))
	ctx := t.Context()
	calls := map[string]func(id string) error{
		"Get":       func(id string) error { _, err := h.Get(ctx, id); return err },
		"Update":    func(id string) error { _, err := h.Update(ctx, id, func(*slo.Objective) {}, nil); return err },
		"Delete":    func(id string) error { return h.Delete(ctx, id) },
		"Status":    func(id string) error { _, err := h.Status(ctx, id); return err },
		"StatusAt":  func(id string) error { _, err := h.StatusAt(ctx, id, noon); return err },
		"Statuses":  func(id string) error { _, err := h.Statuses(ctx, []string{"there", id}); return err },
		"BurnRate":  func(id string) error { _, err := h.BurnRate(ctx, id, 0); return err },
		"Downtimes": func(id string) error { _, err := h.Downtimes(ctx, id); return err },
		"Explain":   func(id string) error { _, err := h.Explain(ctx, id, minutes(-60), noon); return err },
		"Forecast":  func(id string) error { _, err := h.Forecast(ctx, id); return err },
		"Backtest":  func(id string) error { _, err := h.Backtest(ctx, id, minutes(-60), noon); return err },
		"History":   func(id string) error { _, err := h.History(ctx, id, minutes(-60), noon, time.Minute); return err },
		"Timeline":  func(id string) error { _, err := h.Timeline(ctx, id); return err },
	}
	ofSystems := map[string]func(id string) error{
		"ForSystems":         func(id string) error { _, err := h.ForSystems(ctx, id); return err },
		"StatusesForSystems": func(id string) error { _, err := h.StatusesForSystems(ctx, []string{id}); return err },
		"Problems":           func(id string) error { _, err := h.Problems(ctx, []string{id}); return err },
		"DeleteSystem":       func(id string) error { return h.DeleteSystem(ctx, id) },
		"SetSystemName":      func(id string) error { return h.SetSystemName(ctx, id, "n") },
		"SetUpstreams of":    func(id string) error { return h.SetUpstreams(ctx, id, nil, noon) },
		"SetUpstreams on":    func(id string) error { return h.SetUpstreams(ctx, "there", []string{id}, noon) },
	}
	bad := []string{"", strings.Repeat("x", 257), "a\x00", "\xff"}
	for name, call := range calls {
		for _, id := range bad {
			fails(t, fmt.Sprintf("%s(%.9q)", name, id), call(id), engine.ErrInvalid)
		}
		err := call("nobody")
		fails(t, name+" of an unknown one", err, engine.ErrNotFound)
		fails(t, name+" of an unknown one", err, storage.ErrNotFound)
		if !strings.Contains(fmt.Sprint(err), `"nobody"`) {
			t.Errorf("%s does not name the objective: %v", name, err)
		}
		ok(t, call("there"))
		if name == "Delete" {
			h.create(t, simple("there"))
		}
	}
	for name, call := range ofSystems {
		for _, id := range bad {
			fails(t, fmt.Sprintf("%s(%.9q)", name, id), call(id), engine.ErrInvalid)
		}
		ok(t, call("nobody"))
	}
}

func TestQuestionsRefusePeriodsThatAreNone(t *testing.T) {
	h := newHost(t, engine.Options{})
	h.create(t, simple("api"))
	ctx := t.Context()
	old, far := time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 1, 0, time.UTC)
	for name, err := range map[string]error{
		"StatusAt 1969":         second(h.StatusAt(ctx, "api", old)),
		"StatusAt 2200":         second(h.StatusAt(ctx, "api", far)),
		"StatusAt zero":         second(h.StatusAt(ctx, "api", time.Time{})),
		"a lookback below zero": second(h.BurnRate(ctx, "api", -time.Second)),
		"History from 1969":     second(h.History(ctx, "api", old, noon, time.Hour)),
		"History to 2200":       second(h.History(ctx, "api", noon, far, time.Hour)),
		"History backwards":     second(h.History(ctx, "api", noon, minutes(-1), time.Hour)),
		"History of no step":    second(h.History(ctx, "api", minutes(-1), noon, 0)),
		"History of 100,001":    second(h.History(ctx, "api", minutes(-100_000), noon, time.Minute)),
		"Explain backwards":     second(h.Explain(ctx, "api", noon, minutes(-1))),
		"Backtest backwards":    second(h.Backtest(ctx, "api", noon, minutes(-1))),
		"Backtest ahead":        second(h.Backtest(ctx, "api", minutes(1), minutes(2))),
	} {
		fails(t, name, err, engine.ErrInvalid)
	}
	points, err := h.History(ctx, "api", minutes(-99_999), noon, time.Minute)
	ok(t, err)
	equal(t, "points", 100_000, len(points))
	equal(t, "first and last", []time.Time{minutes(-99_999), noon}, []time.Time{points[0].At, points[len(points)-1].At})
	points, err = h.History(ctx, "api", noon, noon, time.Hour)
	ok(t, err)
	equal(t, "one point", 1, len(points))
}

func second[T any](_ T, err error) error { return err }

func TestEnsureBringsAllTermsToWhatIsGiven(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	created, err := h.Ensure(ctx, full())
	ok(t, err)
	equal(t, "created", full(), created)
	h.clock.Advance(time.Hour)
	o := slo.Objective{ID: "checkout", SystemID: "shop", CheckID: "http", Target: 99, Window: slo.Days(7)}
	ensured, err := h.Ensure(ctx, o)
	ok(t, err)
	want := o
	want.Revisions, want.CreatedAt, want.UpdatedAt = []slo.Revision{full().Revision(noon.Add(time.Hour))}, full().CreatedAt, noon.Add(time.Hour)
	equal(t, "ensured", want, ensured)
	for name, wrong := range map[string]func(o *slo.Objective){
		"another system": func(o *slo.Objective) { o.SystemID = "other" },
		"another check":  func(o *slo.Objective) { o.CheckID = "" },
	} {
		other := o
		wrong(&other)
		_, err := h.Ensure(ctx, other)
		fails(t, name, err, engine.ErrInvalid)
	}
	got, err := h.Get(ctx, "checkout")
	ok(t, err)
	equal(t, "in the end", want, got)
}

func TestEnsureOnManyEnginesAtOnceIsEnsureOnOne(t *testing.T) {
	store, clock := memory.New(), simclock.New(noon)
	a, b := hostOn(t, store, clock, engine.Options{}), hostOn(t, store, clock, engine.Options{})
	var group sync.WaitGroup
	for n := range 40 {
		h := []*host{a, b}[n%2]
		group.Go(func() {
			o, err := h.Ensure(t.Context(), full())
			if err != nil || !cmp.Equal(o, full()) {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
	group.Wait()
	versions, err := store.Versions(t.Context(), []storage.VersionKey{{Kind: "objective", ID: "checkout"}})
	ok(t, err)
	equal(t, "writes", []int64{1}, versions)
}

func TestNobodySharesMemoryWithAnObjective(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	given := full()
	created, err := h.Create(ctx, given)
	ok(t, err)
	spoil := func(o *slo.Objective) {
		o.Labels["team"], o.NeverExcuse[0], o.Policy.Rules[0].Factor = "spoilt", "spoilt", 1
		for i := range o.Revisions {
			o.Revisions[i].NeverExcuse[0] = "spoilt"
		}
	}
	spoil(&given)
	var stolen *slo.Objective
	updated, err := h.Update(ctx, "checkout", func(o *slo.Objective) { stolen, o.Target = o, 99 }, nil)
	ok(t, err)
	want, err := h.Get(ctx, "checkout")
	ok(t, err)
	spoil(&created)
	spoil(stolen)
	equal(t, "updated", want, updated)
	spoil(&updated)
	tl, err := h.Timeline(ctx, "checkout")
	ok(t, err)
	o := tl.Objective()
	equal(t, "the timeline's", want, o)
	spoil(&o)
	got, err := h.Get(ctx, "checkout")
	ok(t, err)
	equal(t, "in the end", want, got)
	equal(t, "the timeline's, in the end", want, tl.Objective())
}

func TestDeleteLeavesATombstone(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	ok(t, h.Entities().Start(ctx))
	var changes []entity.Typed[engine.SLOState]
	_, err := h.SLOs().OnChange(func(_ context.Context, c entity.Typed[engine.SLOState]) error {
		changes = append(changes, c)
		return nil
	}, nil)
	ok(t, err)
	h.create(t, simple("api"))
	ok(t, h.Observe(ctx, slo.Down("api", minutes(-1))))
	ok(t, h.Settle(ctx))
	ok(t, h.Delete(ctx, "api"))
	fails(t, "deleted twice", h.Delete(ctx, "api"), engine.ErrNotFound)
	h.create(t, slo.Objective{ID: "api", SystemID: "web", Target: 90, Window: slo.Days(1)})
	ok(t, h.Settle(ctx))
	var text []string
	for _, c := range changes {
		state := "gone"
		if c.Next != nil {
			state = fmt.Sprintf("%s %v down=%v", c.Next.SystemID, c.Next.Target, c.Next.Down)
		}
		text = append(text, fmt.Sprint(c.Version, " ", state))
	}
	equal(t, "changes", []string{"1 api 99.9 down=false", "2 api 99.9 down=true", "3 gone", "4 web 90 down=false"}, text)
	equal(t, "status", 90.0, h.status(t, "api").Target)
	of, err := h.ForSystems(ctx, "api", "web")
	ok(t, err)
	if len(of["api"]) != 0 || len(of["web"]) != 1 {
		t.Errorf("of systems: %v", of)
	}
	if list := h.downtimes(t, "api"); list != nil {
		t.Errorf("downtimes of another system: %v", list)
	}
}

func TestARecreatedObjectiveStartsAnew(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"))
	h.clock.Advance(time.Hour)
	_, err := h.Update(ctx, "api", func(o *slo.Objective) { o.Target = 90 }, nil)
	ok(t, err)
	h.status(t, "api") // so that it is kept
	ok(t, h.Delete(ctx, "api"))
	_, err = h.Status(ctx, "api")
	fails(t, "a deleted one", err, engine.ErrNotFound)
	h.create(t, simple("api"))
	o, err := h.Get(ctx, "api")
	ok(t, err)
	want := simple("api")
	want.CreatedAt = noon.Add(time.Hour)
	equal(t, "objective", want, o)
	equal(t, "target", 99.9, h.status(t, "api").Target)
}

func TestListGoesOverAllPages(t *testing.T) {
	h := newHost(t, engine.Options{KeepTimelines: -1})
	ctx := t.Context()
	var want []string
	for n := range 1200 {
		id := fmt.Sprintf("objective-%04d", n)
		want = append(want, id)
		h.create(t, slo.Objective{ID: id, SystemID: "s", Target: 99, Window: slo.Days(1)})
	}
	list := func(after string, most int) (ids []string) {
		for o, err := range h.List(ctx, after) {
			ok(t, err)
			if ids = append(ids, o.ID); len(ids) == most {
				break
			}
		}
		return ids
	}
	equal(t, "all", want, list("", 0))
	equal(t, "after one", want[701:], list("objective-0700", 0))
	equal(t, "after none", want[701:], list("objective-0700x", 0))
	equal(t, "five", want[:5], list("", 5))
	equal(t, "after the last", []string(nil), list("z", 0))
	of, err := h.StatusesForSystems(ctx, []string{"s"})
	ok(t, err)
	var ids []string
	for _, st := range of["s"] {
		ids = append(ids, st.ObjectiveID)
	}
	equal(t, "of the system", want, ids)
	ok(t, h.Close())
	for _, err := range h.List(ctx, "") {
		fails(t, "a closed engine's list", err, engine.ErrClosed)
	}
}

func TestStatusesMayNameOneTwice(t *testing.T) {
	for _, keep := range []int{0, -1} {
		h := newHost(t, engine.Options{KeepTimelines: keep})
		h.create(t, simple("a"), simple("b"))
		for range 2 {
			list, err := h.Statuses(t.Context(), []string{"b", "a", "b"})
			ok(t, err)
			equal(t, "statuses", []slo.Status{h.status(t, "b"), h.status(t, "a"), h.status(t, "b")}, list)
		}
		ok(t, h.Observe(t.Context(), slo.Down("b", minutes(-1))))
		list, err := h.Statuses(t.Context(), []string{"b", "b"})
		ok(t, err)
		equal(t, "down", []bool{true, true}, []bool{list[0].Down, list[1].Down})
		none, err := h.Statuses(t.Context(), nil)
		ok(t, err)
		equal(t, "none", 0, len(none))
	}
}

// meanwhile is a store that does something when an objective was written and the facts of a system were read after that,
// once.
type meanwhile struct {
	*memory.Store
	system string
	do     func()
	armed  bool
}

func (s *meanwhile) Put(ctx context.Context, records []storage.Record) error {
	s.armed = s.armed || slices.ContainsFunc(records, func(r storage.Record) bool { return r.Kind == "objective" })
	return s.Store.Put(ctx, records)
}

func (s *meanwhile) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	return func(yield func(storage.SystemFact, error) bool) {
		for f, err := range s.Store.FactsOf(ctx, systems) {
			if !yield(f, err) {
				return
			}
		}
		if s.armed && slices.Contains(systems, s.system) {
			s.armed = false
			s.do()
		}
	}
}

// TestWhatIsObservedWhileAnObjectiveIsCreatedIsRefreshed has a system, or its upstream, go down after Create has looked at
// them and before it commits. The refresher cannot find the objective then.
func TestWhatIsObservedWhileAnObjectiveIsCreatedIsRefreshed(t *testing.T) {
	for _, system := range []string{"api", "db"} {
		t.Run(system, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &meanwhile{Store: memory.New(), system: system}
				e, err := engine.New(store, nil)
				ok(t, err)
				defer e.Close()
				ctx, now := t.Context(), time.Now()
				ok(t, e.SetUpstreams(ctx, "api", []string{"db"}, now.Add(-time.Hour)))
				if system == "db" {
					ok(t, e.Observe(ctx, slo.Down("api", now.Add(-time.Hour)), slo.Up("db", now.Add(-2*time.Hour))))
				}
				ok(t, e.Settle(ctx))
				store.do = func() {
					go func() {
						if err := e.Observe(ctx, slo.Down(system, now.Add(-time.Minute))); err != nil {
							t.Error(err)
						}
						if err := e.Settle(ctx); err != nil {
							t.Error(err)
						}
					}()
					synctest.Wait()
				}
				o := simple("api")
				o.DependencyExclusion = slo.SelfOnly
				_, err = e.Create(ctx, o)
				ok(t, err)
				synctest.Wait()
				ok(t, e.Settle(ctx))
				st, err := e.Status(ctx, "api")
				ok(t, err)
				version, err := e.SLOs().Version(ctx, "api")
				ok(t, err)
				equal(t, "down", system == "api", st.Down)
				equal(t, "changes of the entity", int64(2), version)
			})
		})
	}
}
