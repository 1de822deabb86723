package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// owned is an objective as Apply keeps it.
func owned(o slo.Objective, owner string) slo.Objective {
	labels := map[string]string{engine.OwnerLabel: owner}
	maps.Copy(labels, o.Labels)
	o.Labels = labels
	return o
}

func (h *host) get(t *testing.T, id string) slo.Objective {
	t.Helper()
	o, err := h.Get(t.Context(), id)
	ok(t, err)
	return o
}

func TestApplyBringsObjectivesToWhatIsDeclared(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	byHand, theirs := simple("by-hand"), owned(simple("theirs"), "others")
	h.create(t, byHand, theirs)
	first := []slo.Objective{full(), simple("b"), simple("a")}
	before := graphRows(t, h)
	want := listed(engine.Plan{Create: []string{"a", "b", "checkout"}})
	for _, opts := range []*engine.ApplyOptions{{DryRun: true}, {DryRun: true, Delete: true}, nil} {
		plan, err := h.Apply(ctx, first, opts)
		ok(t, err)
		equal(t, "plan", want, plan)
		if opts != nil {
			equal(t, "rows after a dry run", before, graphRows(t, h))
		}
	}
	equal(t, "created", owned(full(), "apply"), h.get(t, "checkout"))
	if first[0].Labels[engine.OwnerLabel] != "" {
		t.Error("what was declared has been changed")
	}

	h.clock.Advance(time.Hour)
	after := graphRows(t, h)
	for range 2 {
		plan, err := h.Apply(ctx, first, &engine.ApplyOptions{Delete: true})
		ok(t, err)
		equal(t, "plan when nothing is to do", listed(engine.Plan{Unchanged: []string{"a", "b", "checkout"}}), plan)
		equal(t, "rows when nothing is to do", after, graphRows(t, h))
	}

	// All that is left out is back at its default, what is adopted gets an owner, and only that owner's are deleted.
	second := []slo.Objective{{ID: "checkout", SystemID: "shop", CheckID: "http", Target: 99.95, Window: full().Window}, simple("by-hand"), simple("b")}
	want = listed(engine.Plan{Update: []string{"by-hand", "checkout"}, Delete: []string{"a"}, Unchanged: []string{"b"}})
	for _, opts := range []*engine.ApplyOptions{{DryRun: true, Delete: true}, {Delete: true}} {
		plan, err := h.Apply(ctx, second, opts)
		ok(t, err)
		equal(t, "second plan", want, plan)
	}
	now := noon.Add(time.Hour)
	o := owned(second[0], "apply")
	o.CreatedAt, o.UpdatedAt, o.Revisions = full().CreatedAt, now, []slo.Revision{full().Revision(now)}
	equal(t, "updated", o, h.get(t, "checkout"))
	o = owned(byHand, "apply")
	o.CreatedAt, o.UpdatedAt = noon, now
	equal(t, "adopted", o, h.get(t, "by-hand"))
	_, err := h.Get(ctx, "a")
	fails(t, "deleted", err, engine.ErrNotFound)
	theirs.CreatedAt = noon
	equal(t, "another owner's", theirs, h.get(t, "theirs"))

	plan, err := h.Apply(ctx, nil, nil)
	ok(t, err)
	equal(t, "a plan of nothing", listed(engine.Plan{}), plan)
	plan, err = h.Apply(ctx, nil, &engine.ApplyOptions{Delete: true, Owner: "others"})
	ok(t, err)
	equal(t, "a plan to delete all", listed(engine.Plan{Delete: []string{"theirs"}}), plan)
}

var declarations = flag.Int("declarations", 500, "how many objectives are declared at once; 10000 is all of it")

// TestApplyOfManyIsOneTransaction creates, changes and deletes them, each in one, of which a failure leaves nothing.
func TestApplyOfManyIsOneTransaction(t *testing.T) {
	var faults storagetest.Faults
	store := faults.Wrap(memory.New())
	h := hostOn(t, store, simclock.New(noon), engine.Options{})
	list := make([]slo.Objective, inShort(*declarations, 100))
	for i := range list {
		list[i] = simple(fmt.Sprintf("o%05d", i))
	}
	changed := slices.Clone(list)
	for i := range changed {
		changed[i].Target = 99
	}
	for _, step := range []struct {
		name     string
		declared []slo.Objective
		done     func(p engine.Plan) []string
	}{
		{"create", list, func(p engine.Plan) []string { return p.Create }},
		{"update", changed, func(p engine.Plan) []string { return p.Update }},
		{"delete", nil, func(p engine.Plan) []string { return p.Delete }},
	} {
		before := dump(t, store).Records
		faults.Fail(storagetest.Fault{Method: "Bump", N: len(list)}) // the last of them
		if _, err := h.Apply(t.Context(), step.declared, &engine.ApplyOptions{Delete: true}); err == nil {
			t.Errorf("%s: no error", step.name)
		}
		faults.Reset()
		equal(t, step.name+": records after a failure", before, dump(t, store).Records)
		plan, err := h.Apply(t.Context(), step.declared, &engine.ApplyOptions{Delete: true})
		ok(t, err)
		equal(t, step.name, idsOf(list), step.done(plan))
	}
	equal(t, "records in the end", map[string]string{}, dump(t, store).Records)
}

func TestApplyRefusesWhatIsWrongAsAWhole(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, owned(simple("theirs"), "others"), simple("there"))
	invalid, elsewhere, another := simple("x"), simple("there"), simple("there")
	invalid.Target, elsewhere.SystemID, another.CheckID = 200, "elsewhere", "http"
	before := graphRows(t, h)
	for _, tt := range []struct {
		name     string
		declared slo.Objective
		owner    string
		want     error
		says     string
	}{
		{"an objective that is invalid", invalid, "", engine.ErrInvalid, "target"},
		{"an ID twice", simple("good"), "", engine.ErrInvalid, `"good"`},
		{"another owner's", simple("theirs"), "", engine.ErrConflict, `"others"`},
		{"another system", elsewhere, "", engine.ErrInvalid, "system"},
		{"another check", another, "", engine.ErrInvalid, "check"},
		{"an owner that is too long", simple("x"), strings.Repeat("x", 257), engine.ErrInvalid, "owner"},
	} {
		for _, dry := range []bool{true, false} {
			plan, err := h.Apply(ctx, []slo.Objective{simple("good"), tt.declared, simple("zz")}, &engine.ApplyOptions{Owner: tt.owner, DryRun: dry, Delete: true})
			fails(t, tt.name, err, tt.want)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v does not say %s", tt.name, err, tt.says)
			}
			equal(t, tt.name+": plan", engine.Plan{}, plan)
		}
	}
	equal(t, "rows", before, graphRows(t, h))
}

func TestApplyResolvesReferencesInOneCall(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	o := simple("checkout")
	o.SystemID, o.NeverExcuse = "Shop", []string{"Database", "Cache"}
	other := simple("other")
	other.SystemID = "Shop"
	declared := []slo.Objective{o, other}
	calls := 0
	resolve := func(known map[string]string, err error) *engine.ApplyOptions {
		return &engine.ApplyOptions{Resolve: func(_ context.Context, refs []string) (map[string]string, error) {
			calls++
			equal(t, "references", []string{"Cache", "Database", "Shop"}, refs)
			return known, err
		}}
	}
	before := graphRows(t, h)
	for missing, known := range map[string]map[string]string{
		`"Shop"`:     {"Cache": "c", "Database": "d"},
		`"Cache"`:    {"Shop": "s", "Database": "d"},
		`"Database"`: {"Shop": "s", "Cache": "d"},
	} {
		_, err := h.Apply(ctx, declared, resolve(known, nil))
		fails(t, "without "+missing, err, engine.ErrInvalid)
		if err == nil || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), `"checkout"`) {
			t.Errorf("%v does not say %s", err, missing)
		}
	}
	errLookup := errors.New("the catalogue is closed")
	_, err := h.Apply(ctx, declared, resolve(nil, errLookup))
	fails(t, "a resolver that fails", err, errLookup)
	_, err = h.Apply(ctx, declared, &engine.ApplyOptions{Resolve: func(context.Context, []string) (map[string]string, error) { panic("the host") }})
	if err == nil || !strings.Contains(err.Error(), "the host") {
		t.Errorf("a resolver that panics: %v", err)
	}
	_, err = h.Apply(ctx, declared, resolve(map[string]string{"Shop": "", "Cache": "c", "Database": "d"}, nil))
	fails(t, "a resolver that makes nothing of it", err, engine.ErrInvalid)
	equal(t, "rows", before, graphRows(t, h))
	calls = 0
	_, err = h.Apply(ctx, declared, resolve(map[string]string{"Shop": "s", "Cache": "c", "Database": "d"}, nil))
	ok(t, err)
	equal(t, "calls", 1, calls)
	equal(t, "system", "s", h.get(t, "checkout").SystemID)
	equal(t, "never excuse", []string{"c", "d"}, h.get(t, "checkout").NeverExcuse)
	equal(t, "what was declared", []string{"Database", "Cache"}, declared[0].NeverExcuse)
}

func TestReadObjectivesReadsEveryKey(t *testing.T) {
	const text = `{
		"id": "checkout", "name": "Checkout", "system": "shop", "check": "http", "labels": {"team": "payments"},
		"target": 99.95, "window": "calendar:month:Europe/Berlin", "exclusion": "self-only", "neverExcuse": ["cache", "db"],
		"excludeMaintenance": true, "degradedIsUp": true, "unknownIsDown": true, "countFrom": "2025-12-23T01:20:00Z",
		"thresholds": {"warning": 40, "critical": 70, "fastBurn": 6},
		"policy": {"rules": [
			{"severity": "page", "long": "1h", "short": "5m", "factor": 14.4},
			{"severity": "ticket", "long": "3d", "short": "6h", "share": 10}
		]}
	}`
	const short = `{"id": "a", "system": "a", "target": 0, "window": "90m", "policy": {"off": true}}`
	want := full()
	want.CreatedAt = time.Time{}
	least := slo.Objective{ID: "a", SystemID: "a", Window: slo.Rolling(90 * time.Minute), Policy: slo.NoAlerts()}
	for name, tt := range map[string]struct {
		text string
		want []slo.Objective
	}{
		"an array":              {"\n[" + text + ", " + short + "]\n", []slo.Objective{want, least}},
		"a stream":              {text + "\n" + short, []slo.Objective{want, least}},
		"one":                   {short, []slo.Objective{least}},
		"an empty array":        {"[]", []slo.Objective{}},
		"an array, then others": {"[" + short + "]" + text, []slo.Objective{least, want}},
	} {
		got, err := engine.ReadObjectives(strings.NewReader(tt.text))
		ok(t, err)
		equal(t, name, tt.want, got)
	}
	h := newHost(t, engine.Options{})
	for _, plan := range []engine.Plan{{Create: []string{"a", "checkout"}}, {Unchanged: []string{"a", "checkout"}}} {
		read, err := engine.ReadObjectives(strings.NewReader(text + short))
		ok(t, err)
		got, err := h.Apply(t.Context(), read, nil)
		ok(t, err)
		equal(t, "plan", listed(plan), got)
	}
}

func TestReadObjectivesRefusesWhatIsWrong(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                    " \n",
		"the beginning of an array":  "[",
		"an array without an end":    `[{"id":"a","system":"s","target":1,"window":"1d"}`,
		"an end too many":            "[]]",
		"no JSON":                    `id: a`,
		"half of it":                 `{"id": "a"`,
		"an array that does not end": `[{"id": "a", "system": "a", "target": 99, "window": "30d"}`,
		"a number":                   `7`,
		"null":                       `null`,
		"an array of null":           `[null]`,
		"an array in an array":       `[[]]`,
		"a key that is none":         `{"id": "a", "system": "a", "target": 99, "window": "30d", "windowDays": 30}`,
		"a threshold that is none":   `{"id": "a", "system": "a", "target": 99, "window": "30d", "thresholds": {"low": 1}}`,
		"a key of a rule":            `{"id": "a", "system": "a", "target": 99, "window": "30d", "policy": {"rules": [{"severity": "page", "long": "1h", "short": "5m", "rate": 1}]}}`,
		"no id":                      `{"system": "a", "target": 99, "window": "30d"}`,
		"no system":                  `{"id": "a", "target": 99, "window": "30d"}`,
		"no target":                  `{"id": "a", "system": "a", "window": "30d"}`,
		"no window":                  `{"id": "a", "system": "a", "target": 99}`,
		"a target of 101":            `{"id": "a", "system": "a", "target": 101, "window": "30d"}`,
		"a target that is text":      `{"id": "a", "system": "a", "target": "99", "window": "30d"}`,
		"a window that is a number":  `{"id": "a", "system": "a", "target": 99, "window": 30}`,
		"a window of no zone":        `{"id": "a", "system": "a", "target": 99, "window": "calendar:month:Mars/Base"}`,
		"an exclusion that is none":  `{"id": "a", "system": "a", "target": 99, "window": "30d", "exclusion": "all"}`,
		"a rule of no length":        `{"id": "a", "system": "a", "target": 99, "window": "30d", "policy": {"rules": [{"severity": "page", "short": "5m", "factor": 1}]}}`,
		"a rule of a calendar month": `{"id": "a", "system": "a", "target": 99, "window": "30d", "policy": {"rules": [{"severity": "page", "long": "calendar:day:UTC", "short": "5m", "factor": 1}]}}`,
		"a rule that never fires":    `{"id": "a", "system": "a", "target": 50, "window": "30d", "policy": {"rules": [{"severity": "page", "long": "1h", "short": "5m", "factor": 3}]}}`,
		"a date that is none":        `{"id": "a", "system": "a", "target": 99, "window": "30d", "countFrom": "yesterday"}`,
		"something after the array":  `[] x`,
	} {
		list, err := engine.ReadObjectives(strings.NewReader(text))
		fails(t, name, err, engine.ErrInvalid)
		equal(t, name, []slo.Objective(nil), list)
	}
	_, err := engine.ReadObjectives(strings.NewReader(`[{"id": "good", "system": "a", "target": 99, "window": "30d"}, {"id": "bad", "system": "a", "target": 101, "window": "30d"}]`))
	if err == nil || !strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), "101") {
		t.Errorf("which is wrong, and why: %v", err)
	}
	_, err = engine.ReadObjectives(iotest.ErrReader(storagetest.ErrFault))
	fails(t, "a reader that fails", err, storagetest.ErrFault)
	if errors.Is(err, engine.ErrInvalid) {
		t.Errorf("a reader that fails is no bad input: %v", err)
	}
}

// listed makes the empty lists of a plan ones that JSON shows as such.
func listed(p engine.Plan) engine.Plan {
	for _, list := range []*[]string{&p.Create, &p.Update, &p.Delete, &p.Unchanged} {
		if *list == nil {
			*list = []string{}
		}
	}
	return p
}
