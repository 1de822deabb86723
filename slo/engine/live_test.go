package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

type reports = map[string]engine.HealthReport

func healthy(since float64) engine.HealthReport {
	return engine.HealthReport{Health: slo.Healthy, Since: minutes(since)}
}

func check(system, check string, at float64, h slo.Health) slo.Observation {
	return slo.Observation{SystemID: system, CheckID: check, At: minutes(at), Health: h}
}

// liveStory is what a feed has said of "api", whose objective is self-only, and what the host says.
type liveStory struct {
	name   string
	calls  []call
	host   *hostHealth
	live   bool
	down   bool
	wasted float64 // minutes of the budget that are consumed
	after  []slo.Downtime
}

func ongoing(d slo.Downtime) slo.Downtime {
	d.End = time.Time{}
	return d
}

func liveStories() []*liveStory {
	down := outageOpen("api", -60)
	unchanged := []slo.Downtime{ongoing(self(-60, 0))}
	return []*liveStory{
		{"healthy since", []call{down}, &hostHealth{reports: reports{"api": healthy(-20)}}, true, false, 40, []slo.Downtime{self(-60, -20)}},
		{"healthy, nobody knows since when", []call{down}, &hostHealth{reports: reports{"api": {Health: slo.Healthy}}}, true, false, 60, []slo.Downtime{self(-60, 0)}},
		{"healthy since now", []call{down}, &hostHealth{reports: reports{"api": healthy(0)}}, true, false, 60, []slo.Downtime{self(-60, 0)}},
		{"healthy since before the feed's last word", []call{down}, &hostHealth{reports: reports{"api": healthy(-90)}}, true, false, 0, nil},
		{"healthy since the feed's last word", []call{down}, &hostHealth{reports: reports{"api": healthy(-60)}}, true, false, 0, nil},
		{"healthy in a minute", []call{down}, &hostHealth{reports: reports{"api": healthy(1)}}, false, true, 60, unchanged},
		{"unknown", []call{down}, &hostHealth{reports: reports{"api": {Health: slo.Unknown, Since: minutes(-20)}}}, false, true, 60, unchanged},
		{"degraded", []call{down}, &hostHealth{reports: reports{"api": {Health: slo.Degraded, Since: minutes(-20)}}}, false, true, 60, unchanged},
		{"unhealthy", []call{down}, &hostHealth{reports: reports{"api": {Health: slo.Unhealthy, Since: minutes(-80)}}}, false, true, 60, unchanged},
		{"the host knows another system", []call{down}, &hostHealth{reports: reports{"web": healthy(-20)}}, false, true, 60, unchanged},
		{"the host knows nothing", []call{down}, &hostHealth{}, false, true, 60, unchanged},
		{"the host fails", []call{down}, &hostHealth{reports: reports{"api": healthy(-20)}, err: errors.New("no route")}, false, true, 60, unchanged},
		{"the host panics", []call{down}, &hostHealth{panics: true}, false, true, 60, unchanged},
		{
			"each check recovers by its own last word",
			[]call{observing(check("api", "http", -60, slo.Unhealthy), check("api", "tcp", -30, slo.Unhealthy), check("api", "dns", -90, slo.Healthy))},
			&hostHealth{reports: reports{"api": healthy(-45)}}, true, false, 15, []slo.Downtime{self(-60, -45)},
		},
		{
			"of many words of one instant the last one is followed",
			[]call{observing(slo.Observation{SystemID: "api", At: minutes(-60), Seq: 7, Health: slo.Unhealthy}, slo.Observation{SystemID: "api", At: minutes(-60), Seq: 9223372036854775807, Health: slo.Degraded})},
			&hostHealth{reports: reports{"api": healthy(-90)}}, true, false, time.Microsecond.Minutes(),
			[]slo.Downtime{{Start: minutes(-60), End: minutes(-60).Add(time.Microsecond), Impact: 1}},
		},
		{
			"the upstream is healthy: what comes after is the system's own",
			[]call{needs("api", -1000, "db"), outageOpen("db", -70), down},
			&hostHealth{reports: reports{"db": healthy(-30)}}, true, true, 30, []slo.Downtime{by("db", -60, -30), ongoing(self(-30, 0))},
		},
		{
			"the upstream is healthy, nobody knows since when",
			[]call{needs("api", -1000, "db"), outageOpen("db", -70), down},
			&hostHealth{reports: reports{"db": {Health: slo.Healthy}}}, true, true, 0, []slo.Downtime{by("db", -60, 0), ongoing(self(0, 0))},
		},
		{
			"the upstream is unknown",
			[]call{needs("api", -1000, "db"), outageOpen("db", -70), down},
			&hostHealth{reports: reports{"db": {}}}, false, false, 0, []slo.Downtime{ongoing(by("db", -60, 0))},
		},
		{
			"both are healthy",
			[]call{needs("api", -1000, "db"), outageOpen("db", -70), down},
			&hostHealth{reports: reports{"db": healthy(-30), "api": healthy(-20)}}, true, false, 10, []slo.Downtime{by("db", -60, -30), self(-30, -20)},
		},
		{
			"a correction lies above it",
			[]call{down, correcting(slo.Correction{ID: "c", SystemID: "api", From: minutes(-50), Until: minutes(60), Health: slo.Unhealthy})},
			&hostHealth{reports: reports{"api": healthy(-55)}}, true, true, 55, []slo.Downtime{self(-60, -55), ongoing(self(-50, 0))},
		},
		{
			"an incident stands beside it",
			[]call{down, stated("incident", 1, slo.Outage{SystemID: "api", Start: minutes(-40)})},
			&hostHealth{reports: reports{"api": healthy(-50)}}, true, true, 50, []slo.Downtime{self(-60, -50), ongoing(self(-40, 0))},
		},
		{
			"the feed's last word lies half a minute ahead",
			[]call{outage("api", -60, -30), outageOpen("api", 0.5)},
			&hostHealth{reports: reports{"api": healthy(-45)}}, false, false, 30, []slo.Downtime{self(-60, -30)},
		},
	}
}

func outageOpen(system string, from float64) call { return observing(slo.Down(system, minutes(from))) }

// sameButLive compares statuses of which one may have it from live health.
var sameButLive = cmpopts.IgnoreFields(slo.Status{}, "Live")

// presentAnswers are those in which live health has a say.
type presentAnswers struct {
	Status, Statuses, OfSystems slo.Status
	BurnRate                    float64
	Forecast                    slo.Forecast
}

func (h *host) present(t *testing.T) presentAnswers {
	t.Helper()
	ctx := t.Context()
	a := presentAnswers{Status: h.status(t, "api")}
	list, err := h.Statuses(ctx, []string{"api"})
	ok(t, err)
	of, err := h.StatusesForSystems(ctx, []string{"api"})
	ok(t, err)
	a.Statuses, a.OfSystems = list[0], of["api"][0]
	a.BurnRate, err = h.BurnRate(ctx, "api", 2*time.Hour)
	ok(t, err)
	a.Forecast, err = h.Forecast(ctx, "api")
	ok(t, err)
	return a
}

// recorded are the answers in which it has none.
func (h *host) recorded(t *testing.T) []any {
	t.Helper()
	ctx, now := t.Context(), h.clock.Now()
	at, err := h.StatusAt(ctx, "api", now)
	ok(t, err)
	explained, err := h.Explain(ctx, "api", minutes(-100), now)
	ok(t, err)
	points, err := h.History(ctx, "api", minutes(-100), now, time.Minute)
	ok(t, err)
	test, err := h.Backtest(ctx, "api", minutes(-100), now)
	ok(t, err)
	state, err := h.SLOs().Get(ctx, "api")
	ok(t, err)
	return []any{at, h.downtimes(t, "api"), explained, points, test, state}
}

func TestLiveHealthHasASayAboutNow(t *testing.T) {
	for _, story := range liveStories() {
		t.Run(story.name, func(t *testing.T) {
			api := simple("api")
			api.DependencyExclusion = slo.SelfOnly
			blind := newHost(t, engine.Options{})
			blind.create(t, api)
			for _, c := range story.calls {
				ok(t, c.do(t.Context(), blind.Engine))
			}
			h := hostOn(t, blind.store, blind.clock, engine.Options{Health: story.host.ask})
			before := dump(t, h.store, "api", "db")
			for range 2 {
				a := h.present(t)
				st := a.Status
				if diff := cmp.Diff([]any{story.live, story.down, story.wasted}, []any{st.Live, st.Down, st.Budget.Consumed.Minutes()}); diff != "" {
					t.Fatalf("live, down, minutes (-want +got):\n%s", diff)
				}
				equal(t, "Statuses", st, a.Statuses)
				equal(t, "StatusesForSystems", st, a.OfSystems)
				equal(t, "recorded", blind.recorded(t), h.recorded(t))
			}
			equal(t, "rows after questions", before, dump(t, h.store, "api", "db"))
			reconcileSays(t, story, h, blind)
		})
	}
}

// reconcileSays has what live health knows recorded: everybody says then what the Engine that knew it said before, and
// says it still when the host is no longer there.
func reconcileSays(t *testing.T, story *liveStory, h, blind *host) {
	t.Helper()
	ctx := t.Context()
	before := h.present(t)
	err := h.Reconcile(ctx)
	if fails := story.host.err != nil || story.host.panics; (err != nil) != fails {
		t.Fatalf("Reconcile: %v", err)
	}
	for name, h := range map[string]*host{"this engine": h, "another": blind} {
		if diff := cmp.Diff(before, h.present(t), sameButLive); diff != "" {
			t.Errorf("%s, before and after Reconcile (-before +after):\n%s", name, diff)
		}
		equal(t, "downtimes of "+name, story.after, h.downtimes(t, "api"))
	}
	once := dump(t, h.store, "api", "db")
	for range 2 {
		_ = h.Reconcile(ctx)
		equal(t, "rows after another Reconcile", once, dump(t, h.store, "api", "db"))
		h.clock.Advance(time.Second)
	}
}

func TestReconcileRecordsAFailureThatTheFeedLost(t *testing.T) {
	failed := func(since float64) reports {
		return reports{"api": {Health: slo.Unhealthy, Since: minutes(since)}}
	}
	up := observing(slo.Up("api", minutes(-60)))
	for _, tt := range []struct {
		name  string
		feed  call
		host  reports
		after []slo.Downtime
	}{
		{"unhealthy since", up, failed(-10), []slo.Downtime{ongoing(self(-10, 0))}},
		{"unhealthy, nobody knows since when", up, reports{"api": {Health: slo.Unhealthy}}, []slo.Downtime{ongoing(self(0, 0))}},
		{"unhealthy since before the feed's last word", up, failed(-90), []slo.Downtime{ongoing(self(-60, 0))}},
		{"unhealthy in a minute", up, failed(1), nil},
		{"degraded", up, reports{"api": {Health: slo.Degraded, Since: minutes(-10)}}, nil},
		{"unknown", up, reports{"api": {Since: minutes(-10)}}, nil},
		{"healthy, which the feed says too", up, reports{"api": healthy(-10)}, nil},
		{"the feed has said nothing", outageOpen("web", -60), failed(-10), nil},
		{"only checks speak", observing(check("api", "http", -60, slo.Healthy)), failed(-10), nil},
		{"the feed does not know", observing(slo.Observation{SystemID: "api", At: minutes(-60)}), failed(-10), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			health := hostHealth{reports: tt.host}
			h := newHost(t, engine.Options{Health: health.ask})
			h.create(t, simple("api"))
			ok(t, tt.feed.do(t.Context(), h.Engine))
			if st := h.status(t, "api"); st.Down || st.Live {
				t.Errorf("before: %+v", st)
			}
			for range 2 {
				ok(t, h.Reconcile(t.Context()))
				equal(t, "downtimes", tt.after, h.downtimes(t, "api"))
			}
		})
	}
}

func TestTheHostIsAskedOnceAndOnlyForOpenSystems(t *testing.T) {
	var health hostHealth
	h := newHost(t, engine.Options{Health: health.ask})
	ctx := t.Context()
	for _, id := range []string{"a", "b", "c", "d"} {
		h.create(t, simple(id))
	}
	for _, c := range []call{
		needs("b", -1000, "up", "u2", "u1"), needs("c", -1000, "u1"), outageOpen("u1", -9), outage("u2", -9, -8),
		outageOpen("a", -9), outage("b", -9, -8), outageOpen("d", -9),
	} {
		ok(t, c.do(ctx, h.Engine))
	}
	for _, tt := range []struct {
		what  string
		ask   func() error
		asked []string
	}{
		{"Status of one that is open", func() error { return second(h.Status(ctx, "a")) }, []string{"a"}},
		{"Status of one whose upstream is open", func() error { return second(h.Status(ctx, "b")) }, []string{"u1"}},
		{"Statuses", func() error { return second(h.Statuses(ctx, []string{"c", "b", "a", "a"})) }, []string{"a", "u1"}},
		{"StatusesForSystems", func() error { return second(h.StatusesForSystems(ctx, []string{"a", "b", "c", "d"})) }, []string{"a", "d", "u1"}},
		{"Problems", func() error { return second(h.Problems(ctx, []string{"d", "b"})) }, []string{"d", "u1"}},
		{"BurnRate", func() error { return second(h.BurnRate(ctx, "d", 0)) }, []string{"d"}},
		{"Forecast", func() error { return second(h.Forecast(ctx, "d")) }, []string{"d"}},
		{"Reconcile", func() error { return h.Reconcile(ctx) }, []string{"a", "b", "c", "d", "u1", "u2", "up"}},
	} {
		health.calls = 0
		ok(t, tt.ask())
		equal(t, tt.what+": calls", 1, health.calls)
		equal(t, tt.what+": asked for", tt.asked, health.asked)
	}
	ok(t, h.Observe(ctx, slo.Up("a", minutes(-1)), slo.Up("d", minutes(-1)), slo.Up("u1", minutes(-1))))
	health.calls = 0
	h.ask(t, "a", "b", "c", "d")
	equal(t, "calls where nothing is open", 0, health.calls)
}

func (h *host) ask(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		h.status(t, id)
	}
	_, err := h.Statuses(t.Context(), ids)
	ok(t, err)
}

func TestReconcileAsksForEachSystemOnce(t *testing.T) {
	asked := map[string]int{}
	h := newHost(t, engine.Options{Health: func(_ context.Context, systems []string) (reports, error) {
		found := reports{}
		for _, id := range systems {
			asked[id]++
			found[id] = healthy(-30)
		}
		if !slices.IsSorted(systems) {
			t.Error("the systems are not sorted")
		}
		return found, nil
	}})
	ctx := t.Context()
	const systems = 1100
	var words []slo.Observation
	want := map[string]int{"up": 1}
	for n := range systems {
		id := fmt.Sprintf("s%04d", n)
		want[id] = 1
		h.create(t, simple(id), slo.Objective{ID: id + "-also", SystemID: id, Target: 99, Window: slo.Days(1)})
		on := []string{"up"}
		if n != 700 {
			on = append(on, "s0700") // which has objectives of its own, on a later page or an earlier one
		}
		ok(t, h.SetUpstreams(ctx, id, on, minutes(-100)))
		words = append(words, slo.Down(id, minutes(-60)))
	}
	ok(t, h.Observe(ctx, words...))
	ok(t, h.Reconcile(ctx))
	equal(t, "asked", want, asked)
	statuses, err := h.Statuses(ctx, []string{"s0000", "s1099"})
	ok(t, err)
	for _, st := range statuses {
		equal(t, st.ObjectiveID, []any{false, 30 * time.Minute, false}, []any{st.Down, st.Budget.Consumed, st.Live})
	}
}

func TestWithoutLiveHealthReconcileDoesNothing(t *testing.T) {
	h := newHost(t, engine.Options{})
	h.create(t, simple("api"))
	ok(t, h.Observe(t.Context(), slo.Down("api", minutes(-60))))
	ok(t, h.Reconcile(t.Context()))
	equal(t, "downtimes", []slo.Downtime{ongoing(self(-60, 0))}, h.downtimes(t, "api"))
}

// TestAnEdgeMayAppearWhileTheHostIsAsked has somebody else say, at the worst moment, that the system also depends on one
// that nobody has heard of.
func TestAnEdgeMayAppearWhileTheHostIsAsked(t *testing.T) {
	var h *host
	h = newHost(t, engine.Options{Health: func(ctx context.Context, _ []string) (reports, error) {
		return reports{"api": healthy(-30)}, h.SetUpstreams(ctx, "api", []string{"new"}, minutes(-100))
	}})
	h.create(t, simple("api"))
	ok(t, h.Observe(t.Context(), slo.Down("api", minutes(-60)), slo.Down("new", minutes(-60))))
	st := h.status(t, "api")
	equal(t, "consumed", 30*time.Minute, st.Budget.Consumed)
	equal(t, "live", true, st.Live)
}

func TestProblemsAreWhatIsWrongWorstFirst(t *testing.T) {
	health := hostHealth{}
	h := newHost(t, engine.Options{Health: health.ask})
	ctx := t.Context()
	on := func(id, system string, target float64) slo.Objective {
		return slo.Objective{ID: id, SystemID: system, Target: target, Window: slo.Days(30)}
	}
	// 99.9 % of 30 days leaves 43.2 minutes, 99 % leaves 432.
	h.create(t, on("1 down", "api", 99), on("2 breaching", "api", 99.9), on("3 breaching", "api", 99.9), on("4 fine", "web", 99), on("5 at risk", "db", 99.9))
	ok(t, h.Observe(ctx, slo.Down("api", minutes(-50)), slo.Down("db", minutes(-40)), slo.Up("db", minutes(-1)), slo.Down("web", minutes(-2)), slo.Up("web", minutes(-1))))
	list := func() map[string][]string {
		t.Helper()
		of, err := h.Problems(ctx, []string{"api", "db", "nobody", "web", "api"})
		ok(t, err)
		text := map[string][]string{}
		for system, problems := range of {
			for _, p := range problems {
				equal(t, "status", h.status(t, p.Status.ObjectiveID), p.Status)
				text[system] = append(text[system], fmt.Sprintf("%s: %s", p.Status.ObjectiveID, p.Trouble))
			}
		}
		return text
	}
	want := map[string][]string{"api": {"2 breaching: breaching", "3 breaching: breaching", "1 down: down"}, "db": {"5 at risk: at-risk"}}
	equal(t, "problems", want, list())
	health.reports = reports{"api": healthy(-40)}
	equal(t, "problems when the host knows better", map[string][]string{"db": {"5 at risk: at-risk"}}, list())
}

// The host looks at the system, then it fails, and then the host's answer arrives.
func TestReconcileTakesBackNothingThatWasObservedWhileTheHostWasAsked(t *testing.T) {
	var h *host
	h = newHost(t, engine.Options{Health: func(ctx context.Context, _ []string) (reports, error) {
		if h.clock.Now().Equal(noon) {
			h.clock.Advance(time.Second)
			ok(t, h.Observe(ctx, slo.Down("api", h.clock.Now())))
			h.clock.Advance(time.Second)
		}
		return reports{"api": {Health: slo.Healthy}}, nil
	}})
	h.create(t, simple("api"))
	ok(t, h.Observe(t.Context(), slo.Down("api", minutes(-1))))
	ok(t, h.Reconcile(t.Context()))
	now := noon.Add(2 * time.Second)
	st, err := h.StatusAt(t.Context(), "api", now)
	ok(t, err)
	equal(t, "down, and for how long", []any{true, time.Minute + time.Second}, []any{st.Down, st.Budget.Consumed})
}
