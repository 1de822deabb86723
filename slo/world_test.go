package slo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// facts is all that is known of one system, as it was heard.
type facts struct {
	system       string
	observations []slo.Observation
	statements   []slo.Statement
	corrections  []slo.Correction
}

// dependency is an upstream of the world's system with what is known of it.
type dependency struct {
	facts           // facts.system is the upstream's ID
	name  string    // what the objective's status calls it
	from  time.Time // the edge holds in [from, until); zero: for ever
	until time.Time //
	mute  bool      // nothing is known of it: its history is nil
}

// world is one objective and all that its timeline is made of.
type world struct {
	objective slo.Objective
	facts
	upstreams   []dependency
	maintenance []slo.Maintenance
}

func (f facts) history() (*slo.SystemHistory, error) {
	return slo.NewSystemHistory(f.system, f.observations, f.statements, f.corrections)
}

func (w *world) edgesOf() ([]slo.Upstream, error) {
	var list []slo.Upstream
	for _, d := range w.upstreams {
		u := slo.Upstream{ID: d.system, Name: d.name, From: d.from, Until: d.until}
		if !d.mute {
			var err error
			if u.History, err = d.history(); err != nil {
				return nil, fmt.Errorf("history of %s: %w", d.system, err)
			}
		}
		list = append(list, u)
	}
	return list, nil
}

// build makes the world's timeline through the engine.
func (w *world) build() (*slo.Timeline, error) {
	h, err := w.history()
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", w.system, err)
	}
	upstreams, err := w.edgesOf()
	if err != nil {
		return nil, err
	}
	return w.objective.Timeline(h, upstreams, w.maintenance)
}

// timeline is build for a world that must be accepted.
func (w *world) timeline(t testing.TB) *slo.Timeline {
	t.Helper()
	tl, err := w.build()
	if err != nil {
		t.Fatalf("timeline: %v", err)
	}
	return tl
}

// clone returns a world that shares no memory with w, so that either can be changed.
func (w *world) clone() *world {
	c := *w
	c.objective = cloneObjective(w.objective)
	c.facts = w.facts.clone()
	c.upstreams = slices.Clone(w.upstreams)
	for i := range c.upstreams {
		c.upstreams[i].facts = c.upstreams[i].facts.clone()
	}
	c.maintenance = slices.Clone(w.maintenance)
	return &c
}

func cloneObjective(o slo.Objective) slo.Objective {
	o.NeverExcuse = slices.Clone(o.NeverExcuse)
	o.Policy.Rules = slices.Clone(o.Policy.Rules)
	o.Revisions = slices.Clone(o.Revisions)
	for i := range o.Revisions {
		o.Revisions[i].NeverExcuse = slices.Clone(o.Revisions[i].NeverExcuse)
		o.Revisions[i].Policy.Rules = slices.Clone(o.Revisions[i].Policy.Rules)
	}
	return o
}

func (f facts) clone() facts {
	f.observations, f.corrections = slices.Clone(f.observations), slices.Clone(f.corrections)
	f.statements = slices.Clone(f.statements)
	for i := range f.statements {
		f.statements[i].Outages = slices.Clone(f.statements[i].Outages)
	}
	return f
}

// shrink takes facts and terms away for as long as the world still fails.
func shrink(w *world, fails func(*world) bool) *world {
	for again := true; again; {
		again = false
		for i := 0; ; i++ {
			smaller := w.clone()
			if !smaller.takeAway(i) {
				break
			}
			if smaller.String() != w.String() && fails(smaller) {
				w, again = smaller, true
				i--
			}
		}
	}
	return w
}

// takeAway removes the world's i-th part, or sets one of the objective's terms to its plainest; it reports false where
// there are not as many.
func (w *world) takeAway(i int) bool {
	if removeAt(&w.upstreams, &i) || removeAt(&w.maintenance, &i) || removeAt(&w.objective.Revisions, &i) ||
		w.facts.takeAway(&i) {
		return true
	}
	for u := range w.upstreams {
		if w.upstreams[u].takeAway(&i) {
			return true
		}
	}
	terms := []func(){
		func() { w.objective.NeverExcuse = nil },
		func() { w.objective.DependencyExclusion = slo.Strict },
		func() { w.objective.ExcludeMaintenance = false },
		func() { w.objective.DegradedIsUp = false },
		func() { w.objective.UnknownIsDown = false },
		func() { w.objective.CountFrom = time.Time{} },
		func() { w.objective.Thresholds = slo.Thresholds{} },
		func() { w.objective.Policy = slo.NoAlerts() },
		func() { w.objective.CheckID = "" },
		func() { w.objective.Target = 99 },
		func() { w.objective.Window = slo.Days(1) },
	}
	if i >= len(terms) {
		return false
	}
	terms[i]()
	return true
}

func (f *facts) takeAway(i *int) bool {
	if removeAt(&f.observations, i) || removeAt(&f.statements, i) || removeAt(&f.corrections, i) {
		return true
	}
	for s := range f.statements {
		if removeAt(&f.statements[s].Outages, i) {
			return true
		}
	}
	return false
}

// removeAt removes the i-th of a list, or takes the list's length off i.
func removeAt[T any](list *[]T, i *int) bool {
	if *i < len(*list) {
		*list = slices.Delete(*list, *i, *i+1)
		return true
	}
	*i -= len(*list)
	return false
}

// String lists all that the world is made of, a fact a line.
func (w *world) String() string {
	var b strings.Builder
	o := w.objective
	fmt.Fprintf(&b, "objective on %q check %q\n", o.SystemID, o.CheckID)
	all := append(slices.Clone(o.Revisions), o.Revision(time.Time{}))
	for _, r := range all {
		fmt.Fprintf(&b, "  until %s: %v %% of %v, %v, never excuse %q, exclude maintenance %v, degraded is up %v, unknown is down %v, count from %s, policy %+v, thresholds %+v\n",
			show(r.Until), r.Target, r.Window, r.DependencyExclusion, r.NeverExcuse, r.ExcludeMaintenance, r.DegradedIsUp, r.UnknownIsDown, show(r.CountFrom), r.Policy, r.Thresholds)
	}
	for _, m := range w.maintenance {
		fmt.Fprintf(&b, "  maintenance %q rev %d of %q: %s to %s, cancelled %v\n", m.ID, m.Rev, m.SystemID, show(m.Start), show(m.End), m.Cancelled)
	}
	w.facts.print(&b)
	for _, d := range w.upstreams {
		fmt.Fprintf(&b, "upstream %q named %q, %s to %s, mute %v\n", d.system, d.name, show(d.from), show(d.until), d.mute)
		d.print(&b)
	}
	return b.String()
}

func (f facts) print(b *strings.Builder) {
	for _, o := range f.observations {
		fmt.Fprintf(b, "  %s seq %d: %q check %q is %v, impact %v, by %q, note %q\n", show(o.At), o.Seq, o.SystemID, o.CheckID, o.Health, o.Impact, o.UpstreamID, o.Note)
	}
	for _, s := range f.statements {
		fmt.Fprintf(b, "  statement %q rev %d\n", s.Source, s.Rev)
		for _, o := range s.Outages {
			fmt.Fprintf(b, "    %s to %s: %q check %q is %v, impact %v, by %q, note %q\n", show(o.Start), show(o.End), o.SystemID, o.CheckID, o.Health, o.Impact, o.UpstreamID, o.Note)
		}
	}
	for _, c := range f.corrections {
		fmt.Fprintf(b, "  correction %q rev %d: %s to %s: %q check %q is %v, impact %v\n", c.ID, c.Rev, show(c.From), show(c.Until), c.SystemID, c.CheckID, c.Health, c.Impact)
	}
}

func show(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999")
}
