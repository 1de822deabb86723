package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

// known is all that was said of some systems, as package slo takes it: the answers of an Engine must be those that are
// made of it directly.
type known struct {
	observations []slo.Observation
	statements   []slo.Statement
	corrections  []slo.Correction
	maintenance  []slo.Maintenance
	snapshots    []edges
	names        map[string]string
}

// edges is what a system depends on from an instant on.
type edges struct {
	system string
	on     []string
	at     time.Time
}

func (k *known) history(t testing.TB, system string) *slo.SystemHistory {
	t.Helper()
	var own []slo.Observation
	for _, o := range k.observations {
		if o.SystemID == system {
			own = append(own, o)
		}
	}
	h, err := slo.NewSystemHistory(system, own, k.statements, k.corrections)
	ok(t, err)
	return h
}

// upstreams says from when until when a system depended on which others: snapshots of one instant are one.
func (k *known) upstreams(t testing.TB, system string) []slo.Upstream {
	t.Helper()
	var instants []time.Time
	for _, s := range k.snapshots {
		if s.system == system {
			instants = append(instants, s.at)
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	instants = slices.Compact(instants)
	var list []slo.Upstream
	for _, s := range k.snapshots {
		if s.system != system {
			continue
		}
		var until time.Time
		if i := slices.IndexFunc(instants, s.at.Before); i >= 0 {
			until = instants[i]
		}
		for _, id := range s.on {
			list = append(list, slo.Upstream{ID: id, Name: k.names[id], From: s.at, Until: until, History: k.history(t, id)})
		}
	}
	return list
}

func (k *known) timeline(t testing.TB, o slo.Objective) *slo.Timeline {
	t.Helper()
	tl, err := o.Timeline(k.history(t, o.SystemID), k.upstreams(t, o.SystemID), k.maintenance)
	ok(t, err)
	return tl
}

// call is one call that brings a fact.
type call struct {
	name string
	do   func(ctx context.Context, e *engine.Engine) error
	note func(k *known) // what is known then
}

func (c call) String() string { return c.name }

var graph = []string{"api", "cache", "db", "web"} // api needs db and cache, web needs api: at times, and in circles

// drawer makes random facts about the graph, in the six days before noon. All instants lie in a small pool, so that
// edges coincide.
type drawer struct {
	rng      *rand.Rand
	instants []time.Time
	stated   map[string]bool
}

func newDrawer(rng *rand.Rand) *drawer {
	d := &drawer{rng: rng, stated: map[string]bool{}}
	for range 6 + rng.IntN(14) {
		at := noon.Add(-time.Duration(rng.Int64N(int64(6 * 24 * time.Hour))))
		if chance(rng, 60) {
			at = at.Truncate(time.Hour)
		}
		d.instants = append(d.instants, at, at.Add(time.Microsecond))
	}
	return d
}

func (d *drawer) instant() time.Time { return pick(d.rng, d.instants) }

func (d *drawer) ordered() (from, until time.Time) {
	for from.Equal(until) {
		if from, until = d.instant(), d.instant(); until.Before(from) {
			from, until = until, from
		}
	}
	return from, until
}

func (d *drawer) said() (slo.Health, float64) {
	h := pick(d.rng, []slo.Health{slo.Unknown, slo.Healthy, slo.Healthy, slo.Degraded, slo.Unhealthy, slo.Unhealthy})
	if h == slo.Healthy {
		return h, 0
	}
	return h, pick(d.rng, []float64{0, 0, 1, 0.5, 0.25, 0.333})
}

func (d *drawer) culprit(system string) string {
	if id := pick(d.rng, append([]string{"", "", "", "", "cdn"}, graph...)); id != system {
		return id
	}
	return ""
}

func (d *drawer) check() string { return pick(d.rng, []string{"", "", "http", "tcp"}) }

func (d *drawer) observation() slo.Observation {
	o := slo.Observation{SystemID: pick(d.rng, graph), CheckID: d.check(), At: d.instant(), Note: pick(d.rng, []string{"", "", "n"})}
	if o.SystemID == "api" && o.CheckID == "" && chance(d.rng, 50) {
		o.CheckID = "http" // its own word silences the checks for ever
	}
	if chance(d.rng, 30) {
		o.Seq = int64(d.rng.IntN(3) - 1)
	}
	o.Health, o.Impact = d.said()
	o.UpstreamID = d.culprit(o.SystemID)
	return o
}

// first reports whether nothing was drawn yet under a key: two facts of one revision would have to be the same.
func (d *drawer) first(key ...any) bool {
	k := fmt.Sprint(key...)
	was := d.stated[k]
	d.stated[k] = true
	return !was
}

// call draws a call; none, where a revision is drawn already.
func (d *drawer) call() (c call, ok bool) {
	switch d.rng.IntN(12) {
	default:
		var list []slo.Observation
		for range 1 + d.rng.IntN(4) {
			list = append(list, d.observation())
		}
		return observing(list...), true
	case 0, 1:
		s := slo.Statement{Source: pick(d.rng, []string{"incident 1", "incident 2", "import"}), Rev: int64(d.rng.IntN(4) - 1)}
		for range d.rng.IntN(4) {
			system := pick(d.rng, graph)
			o := slo.Outage{SystemID: system, CheckID: d.check(), UpstreamID: d.culprit(system), Impact: pick(d.rng, []float64{0, 1, 0.5})}
			if o.Start, o.End = d.ordered(); chance(d.rng, 15) {
				o.End = time.Time{}
			}
			o.Health = pick(d.rng, []slo.Health{slo.Unknown, slo.Unhealthy, slo.Degraded})
			s.Outages = append(s.Outages, o)
		}
		return restating(s), d.first("s", s.Source, s.Rev)
	case 2:
		c := slo.Correction{ID: pick(d.rng, []string{"c1", "c2"}), Rev: int64(d.rng.IntN(3)), SystemID: pick(d.rng, graph), CheckID: d.check()}
		c.From, c.Until = d.ordered()
		c.Health, c.Impact = d.said()
		return correcting(c), d.first("c", c.ID, c.Rev)
	case 3:
		m := slo.Maintenance{ID: pick(d.rng, []string{"m1", "m2"}), Rev: int64(d.rng.IntN(3)), SystemID: pick(d.rng, graph), Cancelled: chance(d.rng, 25)}
		m.Start, m.End = d.ordered()
		return maintaining(m), d.first("m", m.ID, m.Rev)
	case 4, 5:
		s := edges{system: pick(d.rng, graph), at: d.instant()}
		for _, id := range append([]string{"unheard-of"}, graph...) {
			if id != s.system && chance(d.rng, 40) {
				s.on = append(s.on, id)
			}
		}
		d.rng.Shuffle(len(s.on), func(i, j int) { s.on[i], s.on[j] = s.on[j], s.on[i] })
		return depending(s), true
	case 6:
		id := pick(d.rng, graph)
		return naming(id, "the "+id), true
	}
}

func observing(list ...slo.Observation) call {
	return call{fmt.Sprintf("Observe(%+v)", list),
		func(ctx context.Context, e *engine.Engine) error { return e.Observe(ctx, list...) },
		func(k *known) { k.observations = append(k.observations, list...) }}
}

func restating(s slo.Statement) call {
	return call{fmt.Sprintf("Restate(%+v)", s),
		func(ctx context.Context, e *engine.Engine) error { return e.Restate(ctx, s) },
		func(k *known) { k.statements = append(k.statements, s) }}
}

func correcting(c slo.Correction) call {
	return call{fmt.Sprintf("Correct(%+v)", c),
		func(ctx context.Context, e *engine.Engine) error { return e.Correct(ctx, c) },
		func(k *known) { k.corrections = append(k.corrections, c) }}
}

func maintaining(m slo.Maintenance) call {
	return call{fmt.Sprintf("SetMaintenance(%+v)", m),
		func(ctx context.Context, e *engine.Engine) error { return e.SetMaintenance(ctx, m) },
		func(k *known) { k.maintenance = append(k.maintenance, m) }}
}

func depending(s edges) call {
	return call{fmt.Sprintf("SetUpstreams(%+v)", s),
		func(ctx context.Context, e *engine.Engine) error { return e.SetUpstreams(ctx, s.system, s.on, s.at) },
		func(k *known) {
			s.at = s.at.Truncate(time.Microsecond)
			k.snapshots = append(k.snapshots, s)
		}}
}

func naming(system, name string) call {
	return call{fmt.Sprintf("SetSystemName(%s, %s)", system, name),
		func(ctx context.Context, e *engine.Engine) error { return e.SetSystemName(ctx, system, name) },
		func(k *known) { k.names[system] = name }}
}

func (d *drawer) calls(n int) []call {
	var list []call
	for len(list) < n {
		if c, ok := d.call(); ok {
			list = append(list, c)
		}
	}
	return list
}

// objectives draws one on each system of the graph, and one on a check.
func (d *drawer) objectives() []slo.Objective {
	var list []slo.Objective
	for _, system := range append([]string{"api"}, graph...) {
		o := slo.Objective{
			ID: fmt.Sprintf("%s-%d", system, len(list)), SystemID: system, CreatedAt: noon.AddDate(0, 0, -3),
			Target: pick(d.rng, []float64{99.9, 99, 95, 50, 100}),
			Window: pick(d.rng, []slo.Window{slo.Days(30), slo.Days(2), slo.Rolling(7 * time.Hour), slo.Calendar(slo.Week, time.UTC)}),

			ExcludeMaintenance: chance(d.rng, 50), DegradedIsUp: chance(d.rng, 40), UnknownIsDown: chance(d.rng, 40),
		}
		if len(list) == 0 {
			o.CheckID = "http"
		}
		if chance(d.rng, 60) {
			o.DependencyExclusion = slo.SelfOnly
		}
		if chance(d.rng, 20) {
			o.NeverExcuse = []string{"db", "cdn"}
		}
		list = append(list, o)
	}
	return list
}

// answers is what an Engine says of some objectives, all that is recorded.
type answers struct {
	Downtimes []slo.Downtime
	Status    slo.Status
	Yesterday slo.Status
	Explain   slo.Explanation
	Forecast  slo.Forecast
}

func ask(t testing.TB, h *host, ids []string) map[string]answers {
	t.Helper()
	ctx, now := t.Context(), h.clock.Now()
	statuses, err := h.Statuses(ctx, ids)
	ok(t, err)
	all := map[string]answers{}
	for i, id := range ids {
		a := answers{Status: h.status(t, id), Downtimes: h.downtimes(t, id)}
		equal(t, "Statuses and Status of "+id, a.Status, statuses[i])
		a.Yesterday, err = h.StatusAt(ctx, id, now.AddDate(0, 0, -1))
		ok(t, err)
		a.Explain, err = h.Explain(ctx, id, now.AddDate(0, 0, -5), now)
		ok(t, err)
		a.Forecast, err = h.Forecast(ctx, id)
		ok(t, err)
		all[id] = a
	}
	return all
}

// expect answers the same from what is known.
func (k *known) expect(t testing.TB, objectives []slo.Objective, now time.Time) map[string]answers {
	t.Helper()
	all := map[string]answers{}
	for _, o := range objectives {
		tl := k.timeline(t, o)
		a := answers{Status: tl.Status(now), Yesterday: tl.Status(now.AddDate(0, 0, -1)), Forecast: tl.Forecast(now)}
		a.Downtimes = slices.Collect(tl.Downtimes(now))
		var err error
		a.Explain, err = tl.Explain(now.AddDate(0, 0, -5), now, now)
		ok(t, err)
		all[o.ID] = a
	}
	return all
}

func idsOf(objectives []slo.Objective) []string {
	var ids []string
	for _, o := range objectives {
		ids = append(ids, o.ID)
	}
	return ids
}

func show(calls []call) string {
	var text []string
	for _, c := range calls {
		text = append(text, c.name)
	}
	return strings.Join(text, "\n")
}
