package slo_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The faults here are those that are known of an earlier system of this kind, by the numbers under which they were
// written down; each test fails for an engine that has the fault.

// now is when these tests ask.
var now = time.Date(2026, 6, 4, 0, 0, 0, 0, time.UTC)

// before returns the instant so long before now.
func before(d time.Duration) time.Time { return now.Add(-d) }

const day = 24 * time.Hour

// monthly returns a world without facts: an objective of 99.9 % over 30 days, 43 m 12 s of budget.
func monthly() *world {
	return &world{
		objective: slo.Objective{ID: "o", Name: "an objective", SystemID: ownSystem, Target: 99.9, Window: slo.Days(30)},
		facts:     facts{system: ownSystem},
	}
}

// say adds a statement of a source of its own.
func (f *facts) say(outages ...slo.Outage) {
	f.statements = append(f.statements, slo.Statement{Source: "source " + string(rune('a'+len(f.statements))), Outages: outages})
}

// out is an outage of the world's system; a zero end: it is still on.
func out(start, end time.Time) slo.Outage {
	return slo.Outage{SystemID: ownSystem, Start: start, End: end}
}

// by is out with the upstream that the source names.
func by(upstream string, start, end time.Time) slo.Outage {
	o := out(start, end)
	o.UpstreamID = upstream
	return o
}

// word adds a word of the feed, of the system (check "") or of a check.
func (f *facts) word(check string, at time.Time, h slo.Health) {
	f.observations = append(f.observations, slo.Observation{SystemID: f.system, CheckID: check, At: at, Health: h})
}

func maintenanceOf(windows ...[2]time.Duration) []slo.Maintenance {
	var list []slo.Maintenance
	for i, w := range windows {
		list = append(list, slo.Maintenance{ID: string(rune('a' + i)), SystemID: ownSystem, Start: before(w[0]), End: before(w[1])})
	}
	return list
}

func TestWindowArithmetic(t *testing.T) {
	for _, test := range []struct {
		name           string
		outages        []slo.Outage
		maintenance    []slo.Maintenance
		self, upstream time.Duration
	}{
		{"an outage since before the window fills it", []slo.Outage{out(before(60*day), time.Time{})}, nil, 30 * day, 0},
		{"an outage that is still on counts up to now", []slo.Outage{out(before(2*time.Hour), time.Time{})}, nil, 2 * time.Hour, 0},
		{"an outage before the window does not count", []slo.Outage{out(before(40*day), before(35*day))}, nil, 0, 0},
		{"of an outage over the window's start the part inside counts", []slo.Outage{out(before(31*day), before(29*day))}, nil, day, 0},
		{"an outage inside the window counts whole", []slo.Outage{out(before(5*day), before(5*day-3*time.Hour))}, nil, 3 * time.Hour, 0},
		{
			"each cause has its own part",
			[]slo.Outage{out(before(2*time.Hour), before(time.Hour)), by("up-1", before(3*time.Hour), before(2*time.Hour))},
			nil, time.Hour, time.Hour,
		},
		{
			"maintenance inside an outage is taken out of it",
			[]slo.Outage{out(before(4*time.Hour), now)}, maintenanceOf([2]time.Duration{3 * time.Hour, time.Hour}), 2 * time.Hour, 0,
		},
		{
			"of maintenance that began before an outage the part inside is taken out",
			[]slo.Outage{out(before(4*time.Hour), now)}, maintenanceOf([2]time.Duration{6 * time.Hour, 3 * time.Hour}), 3 * time.Hour, 0,
		},
		{
			"maintenance windows that overlap are taken out once",
			[]slo.Outage{out(before(4*time.Hour), now)},
			maintenanceOf([2]time.Duration{3 * time.Hour, 90 * time.Minute}, [2]time.Duration{2 * time.Hour, time.Hour}), 2 * time.Hour, 0,
		},
		{
			"maintenance outside an outage changes nothing",
			[]slo.Outage{out(before(4*time.Hour), now)}, maintenanceOf([2]time.Duration{10 * time.Hour, 8 * time.Hour}), 4 * time.Hour, 0,
		},
		{
			"an hour that two sources state counts once, also beside maintenance",
			[]slo.Outage{out(before(2*time.Hour), time.Time{}), by("up-1", before(2*time.Hour), time.Time{})},
			maintenanceOf([2]time.Duration{time.Hour, 0}), time.Hour, 0,
		},
		{
			"an outage inside maintenance does not count",
			[]slo.Outage{out(before(2*time.Hour), time.Time{})}, maintenanceOf([2]time.Duration{3 * time.Hour, 0}), 0, 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := monthly()
			for _, o := range test.outages {
				w.say(o)
			}
			w.maintenance, w.objective.ExcludeMaintenance = test.maintenance, true
			var want []slo.Share
			if test.self > 0 {
				want = append(want, slo.Share{Cause: slo.CauseSelf, Duration: test.self})
			}
			if test.upstream > 0 {
				want = append(want, slo.Share{Cause: slo.CauseUpstream, UpstreamID: "up-1", Duration: test.upstream})
			}
			s := w.timeline(t).Status(now)
			if s.Budget.ConsumedStrict != test.self+test.upstream || !slices.Equal(s.Attribution, want) {
				t.Errorf("consumed %v by %v, want %v by %v", s.Budget.ConsumedStrict, s.Attribution, test.self+test.upstream, want)
			}
		})
	}
}

func TestTheSystemThatFailedFirstIsToBlame(t *testing.T) { // D1
	for _, test := range []struct {
		name          string
		upstream      time.Duration // how long before now it failed
		self, excused time.Duration
	}{
		{"the upstream fails first and the system two minutes later", 62 * time.Minute, 0, time.Hour},
		{"the system fails first and the upstream two minutes later", 58 * time.Minute, 2 * time.Minute, 58 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := monthly()
			w.objective.DependencyExclusion = slo.SelfOnly
			db := dependency{facts: facts{system: "db"}, name: "the database"}
			db.word("", before(test.upstream), slo.Unhealthy)
			w.word("", before(time.Hour), slo.Unhealthy)
			w.upstreams = []dependency{db}
			s := w.timeline(t).Status(now)
			var want []slo.Share
			if test.self > 0 {
				want = append(want, slo.Share{Duration: test.self})
			}
			want = append(want, slo.Share{Cause: slo.CauseUpstream, UpstreamID: "db", UpstreamName: "the database", Duration: test.excused})
			if s.Budget.Consumed != test.self || s.Budget.ConsumedStrict != time.Hour || s.Breaching || s.Down || !slices.Equal(s.Attribution, want) {
				t.Errorf("consumed %v of %v, breaching %v, down %v, by %v; want %v of 1h by %v",
					s.Budget.Consumed, s.Budget.ConsumedStrict, s.Breaching, s.Down, s.Attribution, test.self, want)
			}
		})
	}
}

func TestTheSecondUpstreamTakesOverWhenTheFirstRecovers(t *testing.T) { // D2
	w := monthly()
	db, cache := dependency{facts: facts{system: "db"}}, dependency{facts: facts{system: "cache"}}
	db.word("", before(60*time.Minute), slo.Unhealthy)
	db.word("", before(40*time.Minute), slo.Healthy)
	cache.word("", before(50*time.Minute), slo.Unhealthy)
	w.word("", before(60*time.Minute), slo.Unhealthy)
	w.upstreams = []dependency{db, cache}
	want := []slo.Share{
		{Cause: slo.CauseUpstream, UpstreamID: "cache", Duration: 40 * time.Minute},
		{Cause: slo.CauseUpstream, UpstreamID: "db", Duration: 20 * time.Minute},
	}
	if s := w.timeline(t).Status(now); !slices.Equal(s.Attribution, want) {
		t.Errorf("by %v, want %v", s.Attribution, want)
	}
}

func TestAnUpstreamThatRecoversLeavesNothingBehindInAHealthySystem(t *testing.T) { // D3
	w := monthly()
	db := dependency{facts: facts{system: "db"}}
	db.word("", before(60*time.Minute), slo.Unhealthy)
	db.word("", before(40*time.Minute), slo.Healthy)
	w.word("", before(60*time.Minute), slo.Unhealthy)
	w.word("", before(50*time.Minute), slo.Healthy)
	w.upstreams = []dependency{db}
	tl := w.timeline(t)
	want := []slo.Downtime{{Start: before(60 * time.Minute), End: before(50 * time.Minute), Cause: slo.CauseUpstream, UpstreamID: "db", Impact: 1}}
	if got := slices.Collect(tl.Downtimes(now)); !slices.Equal(got, want) {
		t.Errorf("downtimes %v, want %v", got, want)
	}
	if tl.Status(now).Down {
		t.Error("down, want up")
	}
}

func TestAStrictObjectiveKnowsTheCausesToo(t *testing.T) { // D7
	w := monthly()
	w.say(by("db", before(time.Hour), now))
	strict := w.timeline(t).Status(now)
	w.objective.DependencyExclusion = slo.SelfOnly
	selfOnly := w.timeline(t).Status(now)
	want := []slo.Share{{Cause: slo.CauseUpstream, UpstreamID: "db", Duration: time.Hour}}
	if !slices.Equal(strict.Attribution, want) || !slices.Equal(selfOnly.Attribution, want) {
		t.Errorf("strict by %v, self-only by %v, want %v of both", strict.Attribution, selfOnly.Attribution, want)
	}
	if strict.Budget.Consumed != time.Hour || selfOnly.Budget.Consumed != 0 {
		t.Errorf("strict consumed %v, self-only %v, want 1h and 0", strict.Budget.Consumed, selfOnly.Budget.Consumed)
	}
}

func TestNeverExcuseMakesAnUpstreamsOutageTheSystemsOwn(t *testing.T) { // D6
	w := monthly()
	w.objective.DependencyExclusion = slo.SelfOnly
	w.objective.NeverExcuse = []string{"db"}
	db := dependency{facts: facts{system: "db"}}
	db.word("", before(time.Hour), slo.Unhealthy)
	w.upstreams = []dependency{db}
	w.word("", before(time.Hour), slo.Unhealthy)
	w.say(by("db", before(2*time.Hour), before(time.Hour)))
	want := []slo.Share{{Duration: 2 * time.Hour}}
	if s := w.timeline(t).Status(now); s.Budget.Consumed != 2*time.Hour || !slices.Equal(s.Attribution, want) {
		t.Errorf("consumed %v by %v, want 2h by itself", s.Budget.Consumed, s.Attribution)
	}
}

func TestTheBurnRateIsThatOfItsLookback(t *testing.T) { // D8
	w := monthly()
	w.say(out(before(21*time.Minute+36*time.Second), now)) // half of the budget
	tl := w.timeline(t)
	s := tl.Status(now)
	if s.Budget.ConsumedPercent != 50 || s.BurnRate != 360 {
		t.Errorf("consumed %v %%, burn rate %v, want 50 %% and 360", s.Budget.ConsumedPercent, s.BurnRate)
	}
	for lookback, want := range map[time.Duration]float64{30 * time.Minute: 720, 20 * time.Minute: 1000, time.Hour: 360, 6 * time.Hour: 60, 30 * day: 0.5} {
		if got, err := tl.BurnRate(now, lookback); err != nil || got != want {
			t.Errorf("burn rate over %v is %v (%v), want %v", lookback, got, err, want)
		}
	}
	quiet := tl.Status(now.Add(time.Hour))
	if quiet.BurnRate != 0 || quiet.Budget.ConsumedPercent != 50 {
		t.Errorf("an hour later: burn rate %v, consumed %v %%, want 0 and 50 %%", quiet.BurnRate, quiet.Budget.ConsumedPercent)
	}
	var pages int
	for _, f := range s.Firing {
		if f.Severity == slo.Page {
			pages++
		}
	}
	if pages != 2 || len(s.Firing) != 4 {
		t.Errorf("firing %v, want both pages and both tickets", s.Firing)
	}
}

func TestEachThresholdMovesTheLevel(t *testing.T) { // D8: stored, and never evaluated
	budget := 43*time.Minute + 12*time.Second
	for _, test := range []struct {
		name       string
		consumed   time.Duration
		thresholds slo.Thresholds
		since      time.Duration // how long ago it ended
		want       slo.Level
	}{
		{"below the warning", budget/2 - time.Microsecond, slo.Thresholds{}, 2 * time.Hour, slo.LevelOK},
		{"at the warning", budget / 2, slo.Thresholds{}, 2 * time.Hour, slo.LevelWarning},
		{"below critical", budget/5*4 - time.Microsecond, slo.Thresholds{}, 2 * time.Hour, slo.LevelWarning},
		{"at critical", budget / 5 * 4, slo.Thresholds{}, 2 * time.Hour, slo.LevelCritical},
		{"below the fast burn", 18*time.Second - time.Microsecond, slo.Thresholds{}, 0, slo.LevelOK},
		{"at the fast burn", 18 * time.Second, slo.Thresholds{}, 0, slo.LevelCritical},
		{"at a warning of its own", budget / 10, slo.Thresholds{Warning: 10}, 2 * time.Hour, slo.LevelWarning},
		{"at a critical of its own", budget / 10, slo.Thresholds{Warning: 10, Critical: 10}, 2 * time.Hour, slo.LevelCritical},
		{"below a fast burn of its own", 18 * time.Second, slo.Thresholds{FastBurn: 5.000001}, 0, slo.LevelOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := monthly()
			w.objective.Thresholds = test.thresholds
			w.say(out(before(test.since+test.consumed), before(test.since)))
			if s := w.timeline(t).Status(now); s.Level != test.want {
				t.Errorf("level %v with %v %% consumed and burn rate %v, want %v", s.Level, s.Budget.ConsumedPercent, s.BurnRate, test.want)
			}
		})
	}
}

func TestOverlappingOutagesCountOnce(t *testing.T) { // D9
	w := monthly()
	w.say(out(before(40*day), time.Time{}))
	w.say(out(before(30*day), now), out(before(20*day), before(10*day)))
	w.word("", before(35*day), slo.Unhealthy)
	s := w.timeline(t).Status(now)
	if s.Availability != 0 || s.StrictAvailability != 0 || s.Budget.Consumed != 30*day {
		t.Errorf("availability %v, consumed %v, want 0 and the window", s.Availability, s.Budget.Consumed)
	}
	if s.Budget.ConsumedPercent != 100_000 || s.BurnRate != 1000 {
		t.Errorf("consumed %v %%, burn rate %v, want 100,000 and 1000", s.Budget.ConsumedPercent, s.BurnRate)
	}
	if want := []slo.Share{{Duration: 30 * day}}; !slices.Equal(s.Attribution, want) {
		t.Errorf("by %v, want %v", s.Attribution, want)
	}
}

func TestATargetOfAHundredIsOverspentAtOnce(t *testing.T) { // D10
	w := monthly()
	w.objective.Target = 100
	s := w.timeline(t).Status(now)
	if s.Budget.RemainingPercent != 100 || s.Budget.ConsumedPercent != 0 || s.Breaching || s.Exhausted || s.BurnRate != 0 {
		t.Errorf("while nothing is consumed: %+v", s)
	}
	w.say(out(before(time.Microsecond), now))
	s = w.timeline(t).Status(now)
	if s.Budget.RemainingPercent != 0 || s.Budget.ConsumedPercent != 100 || !s.Breaching || !s.Exhausted || s.BurnRate != 0 ||
		s.Budget.Remaining != -time.Microsecond || s.Level != slo.LevelCritical {
		t.Errorf("after a microsecond of downtime: %+v", s)
	}
}

func TestAnOverdraftIsSeen(t *testing.T) { // D11
	budget := 43*time.Minute + 12*time.Second
	for _, test := range []struct {
		consumed, remaining time.Duration
		percent             float64
	}{
		{budget, 0, 0}, {2 * budget, -budget, -100}, {4 * budget, -3 * budget, -300}, {budget + 4*time.Minute, -4 * time.Minute, -9.25925925925926},
	} {
		w := monthly()
		w.say(out(before(day), before(day-test.consumed)))
		s := w.timeline(t).Status(now)
		if s.Budget.Remaining != test.remaining || s.Budget.RemainingPercent != test.percent {
			t.Errorf("consumed %v: remaining %v, %v %%, want %v, %v %%", test.consumed, s.Budget.Remaining, s.Budget.RemainingPercent, test.remaining, test.percent)
		}
	}
}

func TestSpendingExactlyTheBudgetIsNoBreach(t *testing.T) { // D12
	step := 1
	if testing.Short() {
		step = 37
	}
	for _, days := range []int{7, 14, 28, 30, 90} {
		for hundredths := 9000; hundredths < 10000; hundredths += step {
			w := monthly()
			w.objective.Target, w.objective.Window = float64(hundredths)/100, slo.Days(days)
			w.objective.Policy = slo.NoAlerts()
			budget := time.Duration(days) * day / 10000 * time.Duration(10000-hundredths)
			for _, more := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
				w.statements = nil
				w.say(out(before(budget+more), now))
				s := w.timeline(t).Status(now)
				if s.Budget.Total != budget || s.Budget.Remaining != -more || s.Breaching != (more > 0) || s.Exhausted != (more >= 0) ||
					(s.Budget.RemainingPercent > 0) != (more < 0) || (s.Budget.ConsumedPercent > 100) != (more > 0) {
					t.Fatalf("%v %% of %d days, %v more than the budget of %v: %+v", w.objective.Target, days, more, budget, s.Budget)
				}
			}
		}
	}
}

func TestAnObjectiveOnACheckSeesThatCheckAlone(t *testing.T) { // D13
	w := monthly()
	w.objective.CheckID = "http"
	w.word("http", before(day), slo.Healthy)
	w.word("tcp", before(day), slo.Unhealthy)
	w.word("", before(day), slo.Unhealthy)
	w.corrections = []slo.Correction{{ID: "c", SystemID: ownSystem, From: before(day), Until: now, Health: slo.Unhealthy}}
	tcp := out(before(day), now)
	tcp.CheckID = "tcp"
	w.say(tcp)
	if s := w.timeline(t).Status(now); s.Budget.Consumed != 0 || s.Down {
		t.Errorf("consumed %v, down %v, want nothing", s.Budget.Consumed, s.Down)
	}
	http := out(before(2*time.Hour), before(time.Hour))
	http.CheckID = "http"
	w.say(http, out(before(time.Hour), now)) // what is said of the whole system is said of the check too
	if s := w.timeline(t).Status(now); s.Budget.Consumed != 2*time.Hour {
		t.Errorf("consumed %v, want 2h", s.Budget.Consumed)
	}
}

func TestWhatIsHeardLateCountsFromWhenItHappened(t *testing.T) { // D14
	w := monthly()
	w.word("", before(10*day), slo.Healthy)
	w.word("", before(2*day), slo.Healthy)
	h, err := w.history()
	if err != nil {
		t.Fatal(err)
	}
	h, err = h.Add(slo.Down(ownSystem, before(3*day))) // days later
	if err != nil {
		t.Fatal(err)
	}
	tl, err := w.objective.Timeline(h, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []slo.Downtime{{Start: before(3 * day), End: before(2 * day), Impact: 1}}
	if got := slices.Collect(tl.Downtimes(now)); !slices.Equal(got, want) {
		t.Errorf("downtimes %v, want %v", got, want)
	}
	if s := tl.Status(before(60 * time.Hour)); s.Budget.Consumed != 12*time.Hour || !s.Down {
		t.Errorf("asked about the past: consumed %v, down %v, want 12h and down", s.Budget.Consumed, s.Down)
	}
}

func TestTimeThatNobodyWatchedIsNotCovered(t *testing.T) { // D15
	w := monthly()
	w.objective.CreatedAt = before(time.Hour)
	if s := w.timeline(t).Status(now); s.Availability != 100 || s.Coverage != 0 {
		t.Errorf("never heard: availability %v, coverage %v, want 100 and 0", s.Availability, s.Coverage)
	}
	w.word("", before(3*day), slo.Healthy)
	if s := w.timeline(t).Status(now); s.Availability != 100 || s.Coverage != 0.1 {
		t.Errorf("heard for three days: availability %v, coverage %v, want 100 and 0.1", s.Availability, s.Coverage)
	}
	w.word("", before(1*day), slo.Unknown)
	w.say(out(before(12*time.Hour), now), out(before(10*day), before(9*day)))
	if s := w.timeline(t).Status(now); s.Coverage != 3.5/30 {
		t.Errorf("heard for two days, and of two outages: coverage %v, want %v", s.Coverage, 3.5/30)
	}
	w.observations = nil
	if s := w.timeline(t).Status(now); s.Coverage != 10.0/30 {
		t.Errorf("never heard, the first outage ten days ago: coverage %v, want %v", s.Coverage, 10.0/30)
	}
}

func TestUnmeasuredIsNotDown(t *testing.T) { // D16
	for _, unknownIsDown := range []bool{false, true} {
		w := monthly()
		w.objective.UnknownIsDown = unknownIsDown
		if s := w.timeline(t).Status(now); s.Down || s.Budget.Consumed != 0 || s.Coverage != 0 {
			t.Errorf("never measured, unknown is down %v: %+v", unknownIsDown, s)
		}
	}
	for _, test := range []struct {
		name          string
		unknownIsDown bool
		words         []slo.Health // an hour each, the last up to now
		consumed      time.Duration
		down          bool
	}{
		{"healthy, then unknown", false, []slo.Health{slo.Healthy, slo.Unknown}, 0, false},
		{"healthy, then unknown, which counts", true, []slo.Health{slo.Healthy, slo.Unknown}, time.Hour, true},
		{"unknown, then unhealthy", false, []slo.Health{slo.Unknown, slo.Unhealthy}, time.Hour, true},
		{"unknown, which counts, then unhealthy", true, []slo.Health{slo.Unknown, slo.Unhealthy}, 2 * time.Hour, true},
		{"unhealthy, then unknown, as where a check is paused", false, []slo.Health{slo.Unhealthy, slo.Unknown}, time.Hour, false},
		{"unhealthy at the first word", false, []slo.Health{slo.Unhealthy}, time.Hour, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := monthly()
			w.objective.UnknownIsDown = test.unknownIsDown
			covered := time.Duration(0)
			for i, h := range test.words {
				w.word("", before(time.Duration(len(test.words)-i)*time.Hour), h)
				if h != slo.Unknown {
					covered += time.Hour
				}
			}
			s := w.timeline(t).Status(now)
			if s.Budget.Consumed != test.consumed || s.Down != test.down {
				t.Errorf("consumed %v, down %v, want %v and %v", s.Budget.Consumed, s.Down, test.consumed, test.down)
			}
			if err := compareFloat(s.Coverage, big.NewRat(int64(covered), int64(30*day))); err != nil {
				t.Errorf("coverage is %v", err)
			}
		})
	}
}

func TestDegradedCountsAsTheObjectiveSays(t *testing.T) { // D17
	for _, up := range []bool{false, true} {
		w := monthly()
		w.objective.DegradedIsUp = up
		w.word("", before(3*time.Hour), slo.Healthy)
		w.word("", before(2*time.Hour), slo.Degraded)
		want := 2 * time.Hour
		if up {
			want = 0
		}
		if s := w.timeline(t).Status(now); s.Budget.Consumed != want || s.Down == up {
			t.Errorf("degraded is up %v: consumed %v, down %v", up, s.Budget.Consumed, s.Down)
		}
	}
	t.Run("a weaker source that counts is heard beside a stronger one that does not", func(t *testing.T) {
		w := monthly()
		w.objective.DegradedIsUp = true
		whole := out(before(time.Hour), now)
		whole.Health = slo.Degraded
		part := out(before(time.Hour), now)
		part.Impact = 0.1
		w.say(whole, part)
		if s := w.timeline(t).Status(now); s.Budget.Consumed != 6*time.Minute {
			t.Errorf("consumed %v, want 6m", s.Budget.Consumed)
		}
	})
	t.Run("a tenth of the service that is down for an hour counts six minutes", func(t *testing.T) {
		w := monthly()
		w.observations = []slo.Observation{
			{SystemID: ownSystem, At: before(2 * time.Hour), Health: slo.Unhealthy, Impact: 0.1},
			slo.Up(ownSystem, before(time.Hour)),
		}
		if s := w.timeline(t).Status(now); s.Budget.Consumed != 6*time.Minute {
			t.Errorf("consumed %v, want 6m", s.Budget.Consumed)
		}
	})
	t.Run("a calendar month has the budget of its own length", func(t *testing.T) {
		w := monthly()
		w.objective.Target, w.objective.Window = 99.99, slo.Calendar(slo.Month, time.UTC)
		s := w.timeline(t).Status(time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC))
		if s.Budget.Total != 4*time.Minute+27*time.Second+840*time.Millisecond {
			t.Errorf("budget %v, want 4m27.84s", s.Budget.Total)
		}
	})
}

func TestMaintenanceIsGoodTimeAndLeavesTheBudgetItsSize(t *testing.T) { // D18
	w := monthly()
	w.word("", before(time.Hour), slo.Unhealthy)
	w.maintenance = maintenanceOf([2]time.Duration{time.Hour, 30 * time.Minute})
	consumed := func(want time.Duration) {
		t.Helper()
		s := w.timeline(t).Status(now)
		if s.Budget.Consumed != want || s.Budget.ConsumedStrict != want || s.Budget.Total != 43*time.Minute+12*time.Second {
			t.Errorf("consumed %v, strictly %v of %v, want %v of 43m12s", s.Budget.Consumed, s.Budget.ConsumedStrict, s.Budget.Total, want)
		}
		if err := compareFloat(s.Availability, new(big.Rat).Sub(big.NewRat(100, 1), big.NewRat(100*int64(want), int64(30*day)))); err != nil {
			t.Errorf("availability is %v", err)
		}
	}
	consumed(time.Hour)
	w.objective.ExcludeMaintenance = true
	consumed(30 * time.Minute)
	if s := w.timeline(t).Status(before(45 * time.Minute)); s.Down || len(s.Attribution) != 0 {
		t.Errorf("in maintenance: down %v, by %v, want nothing", s.Down, s.Attribution)
	}
	w.maintenance[0].Rev, w.maintenance[0].Cancelled = 1, true
	consumed(time.Hour)

	t.Run("maintenance of an upstream excuses nobody and spoils no excuse", func(t *testing.T) {
		w := monthly()
		w.objective.ExcludeMaintenance, w.objective.DependencyExclusion = true, slo.SelfOnly
		w.word("", before(time.Hour), slo.Unhealthy)
		db := dependency{facts: facts{system: "db"}}
		db.word("", before(30*time.Minute), slo.Unhealthy)
		w.upstreams = []dependency{db}
		w.maintenance = maintenanceOf([2]time.Duration{time.Hour, 0})
		w.maintenance[0].SystemID = "db"
		s := w.timeline(t).Status(now)
		if s.Budget.Consumed != 30*time.Minute || s.Budget.ConsumedStrict != time.Hour {
			t.Errorf("consumed %v of %v, want 30m of 1h", s.Budget.Consumed, s.Budget.ConsumedStrict)
		}
	})
	t.Run("maintenance that cannot be read is an error, not left out", func(t *testing.T) {
		w := monthly()
		w.maintenance = maintenanceOf([2]time.Duration{0, time.Hour})
		if _, err := w.build(); !errors.Is(err, slo.ErrInvalid) {
			t.Errorf("error %v, want ErrInvalid", err)
		}
		w.maintenance = maintenanceOf([2]time.Duration{time.Hour, 0}, [2]time.Duration{2 * time.Hour, 0})
		w.maintenance[1].ID = w.maintenance[0].ID
		if _, err := w.build(); !errors.Is(err, slo.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
	})
}

func TestWindowsAndOutagesAreHalfOpen(t *testing.T) { // D19
	for _, test := range []struct {
		name       string
		start, end time.Time
		consumed   time.Duration
		down       bool
	}{
		{"an outage that ends as the window begins", before(31 * day), before(30 * day), 0, false},
		{"an outage that ends a microsecond after the window began", before(31 * day), before(30*day - time.Microsecond), time.Microsecond, false},
		{"an outage that begins now", now, time.Time{}, 0, true},
		{"an outage that ends now", before(time.Hour), now, time.Hour, false},
		{"an outage that ends a microsecond from now", before(time.Hour), now.Add(time.Microsecond), time.Hour, true},
		{"an outage of no length", now, now, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := monthly()
			w.say(out(test.start, test.end))
			s := w.timeline(t).Status(now)
			if s.Budget.Consumed != test.consumed || s.Down != test.down || (len(s.Attribution) > 0) != (test.consumed > 0) {
				t.Errorf("consumed %v, down %v, by %v, want %v and %v", s.Budget.Consumed, s.Down, s.Attribution, test.consumed, test.down)
			}
		})
	}
	t.Run("outages that touch are one", func(t *testing.T) {
		w := monthly()
		w.say(out(before(3*time.Hour), before(2*time.Hour)), out(before(2*time.Hour), before(time.Hour)))
		want := []slo.Downtime{{Start: before(3 * time.Hour), End: before(time.Hour), Impact: 1}}
		if got := slices.Collect(w.timeline(t).Downtimes(now)); !slices.Equal(got, want) {
			t.Errorf("downtimes %v, want %v", got, want)
		}
	})
}

func TestAStatusIsOfOneInstant(t *testing.T) { // D20
	w := monthly()
	w.say(out(before(time.Hour), time.Time{}))
	tl := w.timeline(t)
	odd := now.Add(1234567 * time.Nanosecond).In(berlin)
	s := tl.Status(odd)
	want := now.Add(1234 * time.Microsecond)
	if s.At != want || s.To != want || s.From != want.Add(-30*day) || s.Budget.Consumed != time.Hour+1234*time.Microsecond {
		t.Errorf("at %v, [%v, %v), consumed %v: want all of %v", s.At, s.From, s.To, s.Budget.Consumed, want)
	}
	asOfThen := tl.Status(before(30 * time.Minute))
	if asOfThen.Budget.Consumed != 30*time.Minute || !asOfThen.Down {
		t.Errorf("half an hour ago: consumed %v, down %v, want 30m and down", asOfThen.Budget.Consumed, asOfThen.Down)
	}
	if math.Abs(s.BurnRate-1000) > 1e-9 {
		t.Errorf("burn rate %v, want 1000", s.BurnRate)
	}
}
