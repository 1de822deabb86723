package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

var epoch = time.Date(2025, time.January, 28, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// deed is one thing that a host does, at an instant of its own.
type deed struct {
	at   time.Time
	host func(ctx context.Context, e *engine.Engine) error
	note func(t testing.TB, l *ledger) // does the same to a ledger
}

// saga is all that happens to some systems in some days.
type saga struct {
	rng        *rand.Rand
	deeds      []deed
	until      time.Time
	objectives map[string]slo.Objective
	sequence   int
}

// newSaga makes one of a seed.
func newSaga(seed uint64, days int) *saga {
	s := &saga{rng: rand.New(rand.NewPCG(seed, 4)), until: epoch.Add(time.Duration(days) * day), objectives: map[string]slo.Objective{}}
	for at := epoch; at.Before(s.until); at = at.Add(day) {
		list := make([]time.Time, 1+s.rng.IntN(2))
		for i := range list {
			list[i] = s.near(at)
		}
		slices.SortFunc(list, time.Time.Compare)
		for _, at := range list {
			s.add(at)
		}
	}
	return s
}

// near is an instant of a day, often at its edge.
func (s *saga) near(midnight time.Time) time.Time {
	switch s.rng.IntN(6) {
	case 0:
		return midnight
	case 1:
		return midnight.Add(time.Microsecond)
	case 2:
		return midnight.Add(day - time.Microsecond)
	}
	return midnight.Add(time.Duration(s.rng.Int64N(int64(day)))).Truncate(time.Microsecond)
}

// before is an instant up to sixty days before another, seldom so long.
func (s *saga) before(now time.Time) time.Time {
	back := time.Duration(s.rng.IntN(3)) * day
	if s.rng.IntN(8) == 0 {
		back = time.Duration(s.rng.IntN(60)) * day
	}
	at := s.near(now.Truncate(day).Add(-back))
	if at.After(now) {
		return now
	}
	return at
}

func (s *saga) system() string { return fmt.Sprintf("s%d", s.rng.IntN(3)) }

func (s *saga) add(now time.Time) {
	n := s.rng.IntN(100)
	switch {
	case n < 8 || len(s.objectives) == 0:
		s.create(now)
	case n < 16:
		s.update(now)
	case n < 18:
		s.delete(now)
	case n < 62:
		s.observe(now)
	case n < 76:
		s.state(now)
	case n < 82:
		s.correct(now)
	case n < 90:
		s.depend(now)
	default:
		s.maintain(now)
	}
}

func (s *saga) does(at time.Time, host func(ctx context.Context, e *engine.Engine) error, note func(t testing.TB, l *ledger)) {
	s.deeds = append(s.deeds, deed{at, host, note})
}

func (s *saga) create(now time.Time) {
	if len(s.objectives) >= 7 {
		return
	}
	s.sequence++
	o := slo.Objective{ID: fmt.Sprintf("o%03d", s.sequence), SystemID: s.system(), CreatedAt: now}
	if s.rng.IntN(3) == 0 {
		o.CreatedAt = s.before(now)
	}
	s.terms(&o, now)
	s.objectives[o.ID] = o
	s.does(now, func(ctx context.Context, e *engine.Engine) error {
		_, err := e.Create(ctx, o)
		if errors.Is(err, engine.ErrConflict) { // it is tried again after an error that came too late
			err = nil
		}
		return err
	}, func(_ testing.TB, l *ledger) { l.objectives[o.ID] = o })
}

// terms sets some terms of an objective.
func (s *saga) terms(o *slo.Objective, now time.Time) {
	newYork, _ := time.LoadLocation("America/New_York")
	kolkata, _ := time.LoadLocation("Asia/Kolkata")
	windows := []slo.Window{
		slo.Days(1), slo.Days(2), slo.Days(7), slo.Days(30), slo.Rolling(90 * time.Minute),
		slo.Calendar(slo.Day, nil), slo.Calendar(slo.Day, kolkata), slo.Calendar(slo.Week, nil),
		slo.Calendar(slo.Month, newYork), slo.Calendar(slo.Month, nil), slo.Calendar(slo.Quarter, kolkata),
	}
	targets := []float64{0, 50, 90, 99, 99.9, 99.99, 100}
	o.Window, o.Target = windows[s.rng.IntN(len(windows))], targets[s.rng.IntN(len(targets))]
	o.DependencyExclusion = slo.DependencyExclusion(s.rng.IntN(2))
	o.ExcludeMaintenance, o.DegradedIsUp, o.UnknownIsDown = s.rng.IntN(2) == 0, s.rng.IntN(2) == 0, s.rng.IntN(4) == 0
	o.NeverExcuse = nil
	if s.rng.IntN(4) == 0 {
		o.NeverExcuse = []string{"s0"}
	}
	o.CountFrom = time.Time{}
	if s.rng.IntN(4) == 0 {
		o.CountFrom = s.before(now)
	}
	o.Policy = slo.NoAlerts()
}

func (s *saga) pick() string {
	ids := make([]string, 0, len(s.objectives))
	for id := range s.objectives {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids[s.rng.IntN(len(ids))]
}

func (s *saga) update(now time.Time) {
	id := s.pick()
	next := s.objectives[id]
	s.terms(&next, now)
	retroactive := s.rng.IntN(3) == 0
	change := func(o *slo.Objective) {
		o.Window, o.Target, o.DependencyExclusion, o.NeverExcuse = next.Window, next.Target, next.DependencyExclusion, next.NeverExcuse
		o.ExcludeMaintenance, o.DegradedIsUp, o.UnknownIsDown = next.ExcludeMaintenance, next.DegradedIsUp, next.UnknownIsDown
		o.CountFrom = next.CountFrom
	}
	s.does(now, func(ctx context.Context, e *engine.Engine) error {
		_, err := e.Update(ctx, id, change, &engine.UpdateOptions{Retroactive: retroactive})
		return err
	}, func(_ testing.TB, l *ledger) {
		o := l.objectives[id]
		was := o.Revision(now)
		o.Revisions = slices.Clone(o.Revisions)
		switch last := len(o.Revisions) - 1; {
		case retroactive:
			o.Revisions = nil
		case last < 0 || now.After(o.Revisions[last].Until):
			o.Revisions = append(o.Revisions, was)
		}
		change(&o)
		l.objectives[id] = o
	})
}

func (s *saga) delete(now time.Time) {
	id := s.pick()
	delete(s.objectives, id)
	s.does(now, func(ctx context.Context, e *engine.Engine) error {
		err := e.Delete(ctx, id)
		if errors.Is(err, engine.ErrNotFound) {
			err = nil
		}
		return err
	}, func(t testing.TB, l *ledger) { l.delete(t, id, now) })
}

func (s *saga) observe(now time.Time) {
	o := slo.Observation{SystemID: s.system(), At: s.before(now), Health: slo.Health(s.rng.IntN(4))}
	if s.rng.IntN(3) == 0 {
		o.CheckID = "c"
	}
	switch s.rng.IntN(6) {
	case 0:
		o.UpstreamID = "s0"
	case 1:
		o.UpstreamID = "elsewhere"
	}
	if o.UpstreamID == o.SystemID {
		o.UpstreamID = ""
	}
	if o.Health != slo.Healthy && s.rng.IntN(3) == 0 {
		o.Impact = 0.25
	}
	list := []slo.Observation{o}
	end := o.At.Add([]time.Duration{5 * time.Minute, 5*time.Minute + time.Microsecond, time.Hour, 30 * time.Hour}[s.rng.IntN(4)])
	if !end.After(now) && s.rng.IntN(4) > 0 {
		list = append(list, slo.Observation{SystemID: o.SystemID, CheckID: o.CheckID, At: end, Health: slo.Healthy})
	}
	s.does(now, func(ctx context.Context, e *engine.Engine) error { return e.Observe(ctx, list...) },
		func(_ testing.TB, l *ledger) { l.observations = append(l.observations, list...) })
}

func (s *saga) state(now time.Time) {
	s.sequence++
	st := slo.Statement{Source: fmt.Sprintf("incident-%d", s.rng.IntN(6)), Rev: int64(s.sequence)}
	if s.rng.IntN(5) == 0 { // an old word that comes late
		st.Rev = int64(s.sequence) - 2*int64(s.rng.IntN(5))
	}
	for range s.rng.IntN(3) {
		o := slo.Outage{SystemID: s.system(), Start: s.before(now)}
		if s.rng.IntN(5) > 0 {
			if o.End = o.Start.Add(time.Duration(s.rng.IntN(4)) * 5 * time.Minute); o.End.After(now) {
				o.End = now
			}
		}
		st.Outages = append(st.Outages, o)
	}
	s.does(now, func(ctx context.Context, e *engine.Engine) error {
		err := e.Restate(ctx, st)
		if errors.Is(err, engine.ErrConflict) {
			err = nil
		}
		return err
	}, func(_ testing.TB, l *ledger) {
		if !slices.ContainsFunc(l.statements, func(o slo.Statement) bool { return o.Source == st.Source && o.Rev == st.Rev }) {
			l.statements = append(l.statements, st)
		}
	})
}

func (s *saga) correct(now time.Time) {
	s.sequence++
	c := slo.Correction{ID: fmt.Sprintf("correction-%d", s.rng.IntN(4)), Rev: int64(s.sequence), SystemID: s.system(), From: s.before(now), Health: slo.Healthy}
	c.Until = c.From.Add(time.Duration(1+s.rng.IntN(40)) * time.Hour)
	if s.rng.IntN(2) == 0 {
		c.Health = slo.Unhealthy
	}
	s.does(now, func(ctx context.Context, e *engine.Engine) error { return e.Correct(ctx, c) },
		func(_ testing.TB, l *ledger) { l.corrections = append(l.corrections, c) })
}

func (s *saga) depend(now time.Time) {
	e := leaning{system: s.system(), at: s.before(now)}
	for _, id := range []string{"s0", "s1", "s2"} {
		if id != e.system && s.rng.IntN(2) == 0 {
			e.on = append(e.on, id)
		}
	}
	s.does(now, func(ctx context.Context, eng *engine.Engine) error {
		return eng.SetUpstreams(ctx, e.system, e.on, e.at)
	},
		func(_ testing.TB, l *ledger) { l.edges = append(l.edges, e) })
}

func (s *saga) maintain(now time.Time) {
	s.sequence++
	m := slo.Maintenance{ID: fmt.Sprintf("maintenance-%d", s.rng.IntN(4)), Rev: int64(s.sequence), SystemID: s.system(), Start: s.near(s.before(now).Truncate(day))}
	m.End = m.Start.Add(time.Duration(1+s.rng.IntN(40)) * time.Hour)
	m.Cancelled = s.rng.IntN(5) == 0
	s.does(now, func(ctx context.Context, e *engine.Engine) error { return e.SetMaintenance(ctx, m) },
		func(_ testing.TB, l *ledger) { l.maintenance = append(l.maintenance, m) })
}

// stage is where a saga is played: a store, engines on it, and what was done so far.
type stage struct {
	t       testing.TB
	clock   *simclock.Clock
	engines []*engine.Engine
	ledger  *ledger
}

func newStage(t testing.TB, store storage.Store, engines int) *stage {
	t.Helper()
	st := &stage{t: t, clock: simclock.New(epoch), ledger: newLedger()}
	for range engines {
		e, err := engine.New(store, &engine.Options{Clock: st.clock, KeepTimelines: 1 << 16})
		ok(t, err)
		t.Cleanup(func() { ok(t, e.Close()) })
		st.engines = append(st.engines, e)
	}
	return st
}

// play does the deeds in their order, and calls night at each midnight.
func (st *stage) play(s *saga, do func(deed) error, night func(midnight time.Time)) {
	st.t.Helper()
	deeds := s.deeds
	for midnight := epoch.Add(day); !midnight.After(s.until); midnight = midnight.Add(day) {
		for len(deeds) > 0 && deeds[0].at.Before(midnight) {
			st.to(deeds[0].at)
			ok(st.t, do(deeds[0]))
			deeds[0].note(st.t, st.ledger)
			deeds = deeds[1:]
		}
		st.to(midnight)
		night(midnight)
	}
}

func (st *stage) to(at time.Time) {
	if at.After(st.clock.Now()) {
		ok(st.t, st.clock.AdvanceTo(at))
	}
}

// plainly does a deed with the first engine.
func (st *stage) plainly(d deed) error { return d.host(st.t.Context(), st.engines[0]) }

// standing is what is there, as the engine tells it.
func (st *stage) standing() standing {
	st.t.Helper()
	e, ctx := st.engines[0], st.t.Context()
	s := standing{map[string][]streak.Day{}, map[string]streak.Streak{}, map[string][]streak.Achievement{}, nil}
	var ids []string
	systems := []string{"s0", "s1", "s2"}
	for o, err := range e.List(ctx, "") {
		ok(st.t, err)
		ids = append(ids, o.ID)
		days, err := e.Days(ctx, o.ID, dateOf(st.t, epoch.AddDate(-1, 0, 0)), dateOf(st.t, epoch.AddDate(9, 0, 0)))
		ok(st.t, err)
		for i := range days {
			days[i].Revision, days[i].Histories = 0, nil
		}
		if len(days) > 0 {
			s.Days[o.ID] = days
		}
	}
	var err error
	s.Streaks, err = e.Streaks(ctx, ids)
	ok(st.t, err)
	s.Achievements, err = e.Achievements(ctx, systems)
	ok(st.t, err)
	milestones, err := e.Milestones(ctx, 1000)
	ok(st.t, err)
	if !slices.IsSortedFunc(milestones, func(a, b engine.Milestone) int { return b.At.Compare(a.At) }) {
		st.t.Errorf("milestones are not sorted: %v", milestones)
	}
	for _, m := range milestones {
		s.Milestones = append(s.Milestones, m.Achievement)
	}
	slices.SortFunc(s.Milestones, byInstant)
	return s
}

// check compares what is there with what the ledger says.
func (st *stage) check(now time.Time) {
	st.t.Helper()
	if diff := cmp.Diff(st.ledger.standing(st.t, now), st.standing(), cmpopts.EquateEmpty()); diff != "" {
		st.t.Fatalf("after the job at %s (-ledger +engine):\n%s", now, diff)
	}
}
