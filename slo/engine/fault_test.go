package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
	"github.com/slokeep/slokeep/streak"
)

// faultyHost is a host whose store can fail.
type faultyHost struct {
	*host
	faults *storagetest.Faults
	inner  *memory.Store
}

// newFaultyHost has a few objectives with a past, on systems that others have to do with.
func newFaultyHost(t *testing.T) *faultyHost {
	t.Helper()
	f := &faultyHost{faults: &storagetest.Faults{}, inner: memory.New()}
	health := hostHealth{reports: reports{"web": {Health: slo.Healthy, Since: minutes(-2)}}}
	f.host = hostOn(t, f.faults.Wrap(storagetest.WithHistories(f.inner)), simclock.New(noon), engine.Options{Health: health.ask, Poll: time.Millisecond})
	ctx := t.Context()
	for _, id := range []string{"api", "db", "web"} {
		o := simple(id)
		o.CreatedAt = noon.AddDate(0, 0, -3)
		o.DependencyExclusion = slo.SelfOnly
		f.create(t, o)
	}
	declared := simple("declared")
	declared.Labels = map[string]string{engine.OwnerLabel: "apply"}
	f.create(t, declared)
	for _, c := range []call{
		needs("api", -5000, "db", "cache"), needs("web", -5000, "api"), outage("db", -60, -30), outage("api", -58, -28), outageOpen("web", -10),
		stated("incident", 1, incident("api", -100, -90), incident("db", -95, -85)), naming("db", "Orders"),
		correcting(slo.Correction{ID: "c", SystemID: "api", From: minutes(-50), Until: minutes(-49), Health: slo.Degraded}),
		maintaining(slo.Maintenance{ID: "m", SystemID: "web", Start: minutes(-5), End: minutes(-4)}),
	} {
		ok(t, c.do(ctx, f.Engine))
	}
	ok(t, f.RunDaily(ctx, noon))
	ok(t, f.Settle(ctx))
	f.rows(t) // so that timelines are kept
	return f
}

// rows is all that there is, read past the faults, and what the Engine answers.
func (f *faultyHost) rows(t *testing.T) []any {
	t.Helper()
	var ids []string
	for o, err := range f.List(t.Context(), "") {
		ok(t, err)
		ids = append(ids, o.ID)
	}
	statuses, err := f.Statuses(t.Context(), ids)
	ok(t, err)
	downtimes := map[string][]slo.Downtime{}
	for _, id := range ids {
		downtimes[id] = f.downtimes(t, id)
	}
	return []any{dump(t, f.inner, "api", "cache", "db", "web", "new"), statuses, downtimes}
}

// faultyWrites are calls that write, each of which changes something on a faultyHost.
func faultyWrites() map[string]func(ctx context.Context, e *engine.Engine) error {
	selfOnly := func(o *slo.Objective) { o.Target, o.DependencyExclusion = 99, slo.Strict }
	fresh := simple("new")
	fresh.SystemID = "api"
	bring := simple("api")
	bring.Target = 95
	return map[string]func(ctx context.Context, e *engine.Engine) error{
		"Observe":        observing(slo.Down("api", minutes(-9)), slo.Up("db", minutes(-8)), slo.Up("new", minutes(-8))).do,
		"Restate":        stated("incident", 2, incident("db", -20, -15)).do,
		"Correct":        correcting(slo.Correction{ID: "c", Rev: 1, SystemID: "db", From: minutes(-50), Until: minutes(-40)}).do,
		"SetMaintenance": maintaining(slo.Maintenance{ID: "m", Rev: 1, SystemID: "api", Start: minutes(-5), End: minutes(-4)}).do,
		"SetUpstreams":   needs("api", -40, "db", "new").do,
		"SetSystemName":  naming("db", "").do,
		"Create":         func(ctx context.Context, e *engine.Engine) error { return second(e.Create(ctx, fresh)) },
		"Ensure":         func(ctx context.Context, e *engine.Engine) error { return second(e.Ensure(ctx, fresh)) },
		"Ensure again":   func(ctx context.Context, e *engine.Engine) error { return second(e.Ensure(ctx, bring)) },
		"Update":         func(ctx context.Context, e *engine.Engine) error { return second(e.Update(ctx, "api", selfOnly, nil)) },
		"Update, for all time": func(ctx context.Context, e *engine.Engine) error {
			return second(e.Update(ctx, "api", selfOnly, &engine.UpdateOptions{Retroactive: true}))
		},
		"Delete":       func(ctx context.Context, e *engine.Engine) error { return e.Delete(ctx, "api") },
		"DeleteSystem": func(ctx context.Context, e *engine.Engine) error { return e.DeleteSystem(ctx, "db") },
		"Reconcile":    func(ctx context.Context, e *engine.Engine) error { return e.Reconcile(ctx) },
		"Apply": func(ctx context.Context, e *engine.Engine) error {
			return second(e.Apply(ctx, []slo.Objective{fresh, bring}, &engine.ApplyOptions{Delete: true}))
		},
	}
}

// TestACallThatTheStoreFailsHasNotHappened fails each call of the store that a write takes, in turn: before it happens, at
// the commit, and after it has happened. Where the commit itself is what nobody heard of, the call has happened as a whole.
func TestACallThatTheStoreFailsHasNotHappened(t *testing.T) {
	writes := faultyWrites()
	for _, name := range slices.Sorted(maps.Keys(writes)) {
		t.Run(name, func(t *testing.T) {
			do := writes[name]
			whole := newFaultyHost(t)
			before := whole.rows(t)
			ok(t, do(t.Context(), whole.Engine))
			ok(t, whole.Settle(t.Context()))
			after := whole.rows(t)
			if cmp.Equal(before, after) {
				t.Fatal("it changes nothing")
			}
			for _, when := range []storagetest.When{storagetest.Before, storagetest.AtCommit, storagetest.After} {
				failEachCall(t, do, when, before, after)
			}
		})
	}
}

func failEachCall(t *testing.T, do func(ctx context.Context, e *engine.Engine) error, when storagetest.When, before, after []any) {
	t.Helper()
	ctx := t.Context()
	f := newFaultyHost(t)
	defer func() { _ = f.Close() }()
	for n := 1; n < 500; n++ {
		fault := storagetest.Fault{N: n, When: when}
		if when == storagetest.AtCommit {
			fault.Method = "InTx"
		}
		f.faults.Reset()
		f.faults.Fail(fault)
		err := do(ctx, f.Engine)
		f.faults.Reset()
		if err == nil {
			break // it takes fewer calls
		}
		fails(t, fmt.Sprintf("fault %d", n), err, storagetest.ErrFault)
		if now := f.rows(t); cmp.Equal(before, now) {
			continue
		}
		f.settle(t)
		if diff := cmp.Diff(after, f.rows(t)); diff != "" || when != storagetest.After {
			t.Fatalf("fault %d, %v: half of it has happened (-all of it +now):\n%s", n, when, diff)
		}
		checkNothingIsTouched(t, f)
		_ = f.Close()
		f = newFaultyHost(t)
	}
	f.settle(t)
	checkNothingIsTouched(t, f)
	equal(t, "rows, when it was done again", after, f.rows(t))
}

// settle is Settle. A fault that struck the refresher, which works meanwhile, is told to whoever waits for it.
func (f *faultyHost) settle(t *testing.T) {
	t.Helper()
	err := f.Settle(t.Context())
	if errors.Is(err, storagetest.ErrFault) {
		err = f.Settle(t.Context())
	}
	ok(t, err)
}

func checkNothingIsTouched(t *testing.T, f *faultyHost) {
	t.Helper()
	for row, err := range f.inner.List(context.Background(), storage.Range{Kind: "touched"}) {
		ok(t, err)
		t.Errorf("settled, and touched: %v", row.Key)
	}
}

var errReadOnly = errors.New("the database is read-only")

func TestAStoreThatRefusesWritesServesEveryQuestion(t *testing.T) {
	f := newFaultyHost(t)
	ctx := t.Context()
	want := f.rows(t)
	f.faults.RefuseWrites(errReadOnly)
	equal(t, "answers", want, f.rows(t))
	ok(t, f.Close())
	// Another Engine, which has kept nothing, on a store that never lets it write.
	f.host = hostOn(t, f.faults.Wrap(storagetest.WithHistories(f.inner)), f.clock, engine.Options{})
	for range 2 {
		for name, ask := range everyQuestion(f.host) {
			if err := ask(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, do := range faultyWrites() {
		if name != "Reconcile" { // nobody is asked about
			fails(t, name, do(ctx, f.Engine), errReadOnly)
		}
	}
	f.faults.RefuseWrites(nil)
	for name, do := range map[string]func(ctx context.Context, e *engine.Engine) error{"Observe": observing(slo.Up("db", minutes(-1))).do} {
		if err := do(ctx, f.Engine); err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
}

func everyQuestion(h *host) map[string]func(ctx context.Context) error {
	all := everyCall(h)
	questions := map[string]func(ctx context.Context) error{
		"Days": func(ctx context.Context) error {
			today, err := streak.DateOf(noon)
			return errors.Join(err, second(h.Days(ctx, "api", today, today)))
		},
		"Streaks":      func(ctx context.Context) error { return second(h.Streaks(ctx, []string{"api"})) },
		"Achievements": func(ctx context.Context) error { return second(h.Achievements(ctx, []string{"api", "db"})) },
		"Milestones":   func(ctx context.Context) error { return second(h.Milestones(ctx, 9)) },
		"SLOs.Get":     func(ctx context.Context) error { return second(h.SLOs().Get(ctx, "api")) },
	}
	for _, name := range []string{
		"Get", "ForSystems", "Status", "StatusAt", "Statuses", "StatusesForSystems", "Problems", "Downtimes", "Explain", "Forecast", "BurnRate",
		"Backtest", "History", "Timeline", "List",
	} {
		questions[name] = all[name]
	}
	return questions
}

// TestAQuestionThatTheStoreFailsIsAnError fails each call of the store that a question takes; the next question is
// answered.
func TestAQuestionThatTheStoreFailsIsAnError(t *testing.T) {
	for _, keep := range []int{-1, 0} {
		f := newFaultyHost(t)
		h := hostOn(t, f.store, f.clock, engine.Options{KeepTimelines: keep})
		for name, ask := range everyQuestion(h) {
			for n := 1; n < 50; n++ {
				f.faults.Reset()
				f.faults.Fail(storagetest.Fault{N: n})
				err := ask(t.Context())
				f.faults.Reset()
				if err == nil {
					break
				}
				fails(t, name, err, storagetest.ErrFault)
				if again := ask(t.Context()); again != nil {
					t.Errorf("%s after fault %d: %v", name, n, again)
				}
			}
		}
	}
}
