package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
)

func TestUpdateRefusesWhatIsWrong(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, full())
	_, err := h.Update(ctx, "checkout", func(o *slo.Objective) { o.Target = 99 }, nil)
	ok(t, err)
	before := dump(t, h.store, "shop")
	for name, change := range map[string]func(o *slo.Objective){
		"another id":          func(o *slo.Objective) { o.ID = "other" },
		"another system":      func(o *slo.Objective) { o.SystemID = "other" },
		"another check":       func(o *slo.Objective) { o.CheckID = "" },
		"another birth":       func(o *slo.Objective) { o.CreatedAt = noon },
		"updated by itself":   func(o *slo.Objective) { o.UpdatedAt = minutes(-1) },
		"no revisions":        func(o *slo.Objective) { o.Revisions = nil },
		"other revisions":     func(o *slo.Objective) { o.Revisions[0].Target = 50 },
		"revisions in depth":  func(o *slo.Objective) { o.Revisions[0].NeverExcuse[0] = "web" },
		"rules in depth":      func(o *slo.Objective) { o.Revisions[0].Policy.Rules[0].Factor = 2 },
		"an impossible rule":  func(o *slo.Objective) { o.Policy.Rules[0].Long = 0 },
		"a target of 101":     func(o *slo.Objective) { o.Target = 101 },
		"everything but zero": func(o *slo.Objective) { *o = slo.Objective{} },
	} {
		_, err := h.Update(ctx, "checkout", change, nil)
		fails(t, name, err, engine.ErrInvalid)
	}
	_, err = h.Update(ctx, "checkout", nil, nil)
	fails(t, "no change", err, engine.ErrInvalid)
	_, err = h.Update(ctx, "checkout", func(*slo.Objective) { panic("the host") }, nil)
	if err == nil || !strings.Contains(err.Error(), "the host") {
		t.Errorf("a change that panics: %v", err)
	}
	equal(t, "rows", before, dump(t, h.store, "shop"))
	_, err = h.Update(ctx, "checkout", func(o *slo.Objective) { o.Name = "Till" }, nil)
	ok(t, err)
}

func TestUpdateKeepsThePastUnderItsTerms(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	o := simple("api")
	o.Target = 99
	o.CreatedAt = minutes(-1)
	h.create(t, o)
	ok(t, h.Observe(ctx, slo.Down("api", minutes(-120)), slo.Up("api", minutes(-60))))
	yesterday := h.status(t, "api")
	h.clock.Advance(24 * time.Hour)
	_, err := h.Update(ctx, "api", func(o *slo.Objective) { o.Target = 99.99 }, nil)
	ok(t, err)
	got, err := h.StatusAt(ctx, "api", noon)
	ok(t, err)
	equal(t, "yesterday", yesterday, got)
	h.clock.Advance(24 * time.Hour)
	if st := h.status(t, "api"); st.Target != 99.99 || st.Breaching || st.Budget.Total >= yesterday.Budget.Total {
		t.Errorf("today: %+v", st)
	}
	updated, err := h.Update(ctx, "api", func(o *slo.Objective) { o.Target = 99.9 }, &engine.UpdateOptions{Retroactive: true})
	ok(t, err)
	equal(t, "revisions", 0, len(updated.Revisions))
	if st, err := h.StatusAt(ctx, "api", noon); err != nil || st.Target != 99.9 || !st.Breaching {
		t.Errorf("yesterday by the new terms: %+v, %v", st, err)
	}
}

func TestTwoUpdatesAtOneInstantAreOneRevision(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"))
	first := simple("api").Revision(noon.Add(time.Hour))
	h.clock.Advance(time.Hour)
	for _, target := range []float64{99, 98, 97} {
		o, err := h.Update(ctx, "api", func(o *slo.Objective) { o.Target = target }, nil)
		ok(t, err)
		equal(t, "revisions", []slo.Revision{first}, o.Revisions)
		equal(t, "target", target, h.status(t, "api").Target)
	}
	h.clock.Advance(time.Microsecond)
	o, err := h.Update(ctx, "api", func(o *slo.Objective) { o.Target = 96 }, nil)
	ok(t, err)
	equal(t, "until", []time.Time{noon.Add(time.Hour), noon.Add(time.Hour + time.Microsecond)}, []time.Time{o.Revisions[0].Until, o.Revisions[1].Until})
}

func TestAnUpdateToTheSameWritesNothing(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, full())
	ok(t, h.Settle(ctx))
	key := []storage.VersionKey{{Kind: "objective", ID: "checkout"}}
	state := func() any {
		versions, err := h.store.Versions(ctx, key)
		ok(t, err)
		change, err := h.SLOs().Version(ctx, "checkout")
		ok(t, err)
		return []any{dump(t, h.store), versions, change}
	}
	before := state()
	h.clock.Advance(time.Hour)
	o, err := h.Update(ctx, "checkout", func(o *slo.Objective) {
		o.NeverExcuse = []string{"db", "cache", "db"} // in another order, and twice
		o.CountFrom = o.CountFrom.Add(time.Nanosecond).In(time.FixedZone("", 3600))
	}, nil)
	ok(t, err)
	equal(t, "kept", full(), o)
	_, err = h.Update(ctx, "checkout", func(*slo.Objective) {}, &engine.UpdateOptions{Retroactive: true})
	ok(t, err)
	_, err = h.Ensure(ctx, full())
	ok(t, err)
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("something was written: %s", diff)
	}
	renamed, err := h.Update(ctx, "checkout", func(o *slo.Objective) { o.Name, o.Labels = "Till", nil }, nil)
	ok(t, err)
	want := full()
	want.Name, want.Labels, want.UpdatedAt = "Till", nil, noon.Add(time.Hour)
	equal(t, "renamed", want, renamed)
}
