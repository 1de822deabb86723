package engine_test

import (
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

// self, by and none are pieces of downtime between minutes before noon.
func self(from, to float64) slo.Downtime {
	return slo.Downtime{Start: minutes(from), End: minutes(to), Cause: slo.CauseSelf, Impact: 1}
}

func by(id string, from, to float64) slo.Downtime {
	return slo.Downtime{Start: minutes(from), End: minutes(to), Cause: slo.CauseUpstream, UpstreamID: id, Impact: 1}
}

// outage is a feed that says that a system was down between minutes before noon.
func outage(system string, from, to float64) call {
	return observing(slo.Down(system, minutes(from)), slo.Up(system, minutes(to)))
}

func needs(system string, from float64, on ...string) call {
	return depending(edges{system, on, minutes(from)})
}

func stated(source string, rev int64, outages ...slo.Outage) call {
	return restating(slo.Statement{Source: source, Rev: rev, Outages: outages})
}

func incident(system string, from, to float64) slo.Outage {
	return slo.Outage{SystemID: system, Start: minutes(from), End: minutes(to)}
}

// TestDowntimeIsBlamedOnWhoCausedIt tells each story forwards and backwards. All objectives of it are on "api", which is
// down from 58 to 28 minutes before noon unless the story says otherwise.
func TestDowntimeIsBlamedOnWhoCausedIt(t *testing.T) {
	selfOnly := func(o slo.Objective) slo.Objective {
		o.DependencyExclusion = slo.SelfOnly
		return o
	}
	api := selfOnly(simple("api"))
	for _, story := range []struct {
		name      string
		objective slo.Objective
		calls     []call
		want      []slo.Downtime
		consumed  time.Duration
	}{
		{
			"the natural cascade: the database fails first and is back first", api,
			[]call{needs("api", -1000, "db"), outage("db", -60, -30), outage("api", -58, -28)},
			[]slo.Downtime{by("db", -58, -30), self(-30, -28)}, 2 * time.Minute,
		},
		{
			"of a strict objective all of it counts, and the cause is told all the same", simple("api"),
			[]call{needs("api", -1000, "db"), outage("db", -60, -30), outage("api", -58, -28)},
			[]slo.Downtime{by("db", -58, -30), self(-30, -28)}, 30 * time.Minute,
		},
		{
			"the service fails first", api,
			[]call{needs("api", -1000, "db"), outage("api", -58, -28), outage("db", -50, -20)},
			[]slo.Downtime{self(-58, -50), by("db", -50, -28)}, 8 * time.Minute,
		},
		{
			"two upstreams overlap: who was down longer has it, and the other takes over", api,
			[]call{needs("api", -1000, "cache", "db"), outage("api", -58, -28), outage("db", -60, -45), outage("cache", -50, -35)},
			[]slo.Downtime{by("db", -58, -45), by("cache", -45, -35), self(-35, -28)}, 7 * time.Minute,
		},
		{
			"an upstream that recovers while the service is up opens nothing", api,
			[]call{needs("api", -1000, "db"), outage("db", -20, -10), outage("api", -58, -28)},
			[]slo.Downtime{self(-58, -28)}, 30 * time.Minute,
		},
		{
			"one upstream is no excuse, another is",
			slo.Objective{ID: "api", SystemID: "api", Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly, NeverExcuse: []string{"db"}},
			[]call{needs("api", -1000, "cache", "db"), outage("api", -58, -28), outage("db", -60, -20), outage("cache", -50, -35)},
			[]slo.Downtime{self(-58, -50), by("cache", -50, -35), self(-35, -28)}, 15 * time.Minute,
		},
		{
			"an edge begins and ends during the outage", api,
			[]call{needs("api", -50, "db"), needs("api", -40), outage("api", -58, -28), outage("db", -60, -20)},
			[]slo.Downtime{self(-58, -50), by("db", -50, -40), self(-40, -28)}, 20 * time.Minute,
		},
		{
			"what the upstream's upstream does is not looked at", api,
			[]call{needs("api", -1000, "db"), needs("db", -1000, "disk"), outage("disk", -60, -20), outage("api", -58, -28)},
			[]slo.Downtime{self(-58, -28)}, 30 * time.Minute,
		},
		{
			"two systems that need one another", api,
			[]call{needs("api", -1000, "db"), needs("db", -1000, "api"), outage("db", -60, -40), outage("api", -58, -28)},
			[]slo.Downtime{by("db", -58, -40), self(-40, -28)}, 12 * time.Minute,
		},
		{
			"the feed names an upstream of which nobody has heard", api,
			[]call{observing(slo.Observation{SystemID: "api", At: minutes(-58), Health: slo.Unhealthy, UpstreamID: "cdn"}, slo.Up("api", minutes(-28)))},
			[]slo.Downtime{by("cdn", -58, -28)}, 0,
		},
		{
			"an incident names an upstream, and explains the feed for as long", api,
			[]call{outage("api", -58, -28), stated("incident", 1, slo.Outage{SystemID: "api", Start: minutes(-50), End: minutes(-40), UpstreamID: "cdn"})},
			[]slo.Downtime{self(-58, -50), by("cdn", -50, -40), self(-40, -28)}, 20 * time.Minute,
		},
		{
			"an incident is restated twice", api,
			[]call{stated("incident", 1, incident("api", -58, -28)), stated("incident", 2, incident("api", -50, -40), incident("web", -50, -40)), stated("incident", 3, incident("api", -48, -45))},
			[]slo.Downtime{self(-48, -45)}, 3 * time.Minute,
		},
		{
			"an incident is withdrawn", api,
			[]call{stated("incident", 1, incident("api", -58, -28)), stated("incident", 2, incident("api", -50, -40)), stated("incident", 3)},
			nil, 0,
		},
		{
			"an incident moves to another system", api,
			[]call{needs("api", -1000, "db"), outage("api", -58, -28), stated("incident", 1, incident("api", -70, -60)), stated("incident", 2, incident("db", -50, -40))},
			[]slo.Downtime{self(-58, -50), by("db", -50, -40), self(-40, -28)}, 20 * time.Minute,
		},
		{
			"the feed is corrected, and the correction is corrected", api,
			[]call{
				outage("api", -58, -28),
				correcting(slo.Correction{ID: "c", Rev: 1, SystemID: "api", From: minutes(-58), Until: minutes(-28), Health: slo.Healthy}),
				correcting(slo.Correction{ID: "c", Rev: 2, SystemID: "api", From: minutes(-50), Until: minutes(-40), Health: slo.Healthy}),
			},
			[]slo.Downtime{self(-58, -50), self(-40, -28)}, 20 * time.Minute,
		},
		{
			"the feed of the upstream is corrected", api,
			[]call{
				needs("api", -1000, "db"), outage("db", -60, -20), outage("api", -58, -28),
				correcting(slo.Correction{ID: "c", SystemID: "db", From: minutes(-50), Until: minutes(-40), Health: slo.Healthy}),
			},
			[]slo.Downtime{by("db", -58, -50), self(-50, -40), by("db", -40, -28)}, 10 * time.Minute,
		},
		{
			"planned maintenance is excused, and cancelled maintenance is not",
			slo.Objective{ID: "api", SystemID: "api", Target: 99.9, Window: slo.Days(30), ExcludeMaintenance: true},
			[]call{
				outage("api", -58, -28),
				maintaining(slo.Maintenance{ID: "m1", SystemID: "api", Start: minutes(-60), End: minutes(-50)}),
				maintaining(slo.Maintenance{ID: "m2", Rev: 1, SystemID: "api", Start: minutes(-40), End: minutes(-30)}),
				maintaining(slo.Maintenance{ID: "m2", Rev: 2, SystemID: "api", Start: minutes(-40), End: minutes(-30), Cancelled: true}),
			},
			[]slo.Downtime{self(-50, -28)}, 22 * time.Minute,
		},
		{
			"edges of one instant are united", api,
			[]call{needs("api", -1000, "db"), needs("api", -1000, "cache"), outage("cache", -60, -50), outage("db", -50, -40), outage("api", -58, -28)},
			[]slo.Downtime{by("cache", -58, -50), by("db", -50, -40), self(-40, -28)}, 12 * time.Minute,
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			for _, backwards := range []bool{false, true} {
				h := newHost(t, engine.Options{})
				h.create(t, story.objective)
				for i := range story.calls {
					c := story.calls[i]
					if backwards {
						c = story.calls[len(story.calls)-1-i]
					}
					ok(t, c.do(t.Context(), h.Engine))
				}
				equal(t, "downtimes", story.want, h.downtimes(t, "api"))
				equal(t, "consumed", story.consumed, h.status(t, "api").Budget.Consumed)
			}
		})
	}
}

func TestAnUpdateChoosesFromWhenOnUpstreamsAreAnExcuse(t *testing.T) {
	for _, tt := range []struct {
		name        string
		retroactive bool
		consumed    time.Duration
	}{
		{"from now on", false, 30*time.Minute + 5*time.Minute},
		{"for all time", true, 2*time.Minute + 5*time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, engine.Options{})
			ctx := t.Context()
			h.create(t, simple("api"))
			for _, c := range []call{needs("api", -1000, "db"), outage("db", -60, -30), outage("api", -58, -28)} {
				ok(t, c.do(ctx, h.Engine))
			}
			_, err := h.Update(ctx, "api", func(o *slo.Objective) { o.DependencyExclusion = slo.SelfOnly }, &engine.UpdateOptions{Retroactive: tt.retroactive})
			ok(t, err)
			h.clock.Advance(time.Hour)
			for _, c := range []call{outage("db", 10, 40), outage("api", 20, 45)} {
				ok(t, c.do(ctx, h.Engine))
			}
			equal(t, "downtimes", []slo.Downtime{by("db", -58, -30), self(-30, -28), by("db", 20, 40), self(40, 45)}, h.downtimes(t, "api"))
			equal(t, "consumed", tt.consumed, h.status(t, "api").Budget.Consumed)
		})
	}
}

func TestAnUpstreamIsShownByItsName(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	h.create(t, simple("api"))
	for _, c := range []call{needs("api", -1000, "db"), outage("db", -60, -30), outage("api", -58, -30)} {
		ok(t, c.do(ctx, h.Engine))
	}
	for _, name := range []string{"", "Orders database", "Orders", ""} {
		ok(t, h.SetSystemName(ctx, "db", name))
		want := by("db", -58, -30)
		want.UpstreamName = name
		equal(t, "downtimes", []slo.Downtime{want}, h.downtimes(t, "api"))
		equal(t, "share", name, h.status(t, "api").Attribution[0].UpstreamName)
	}
}
