package engine_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/streak"
)

// ledger is what was done to an engine so far, and the slow and obvious way to its days, streaks and achievements: all of
// them from the first day on, each time that somebody asks.
type ledger struct {
	observations []slo.Observation
	statements   []slo.Statement
	corrections  []slo.Correction
	maintenance  []slo.Maintenance
	edges        []leaning
	objectives   map[string]slo.Objective
	kept         map[string]map[streak.Type]time.Time // of systems that lost an objective
}

// leaning is what a system depends on from an instant on.
type leaning struct {
	system string
	at     time.Time
	on     []string
}

func newLedger() *ledger {
	return &ledger{objectives: map[string]slo.Objective{}, kept: map[string]map[streak.Type]time.Time{}}
}

func (l *ledger) history(t testing.TB, system string) *slo.SystemHistory {
	t.Helper()
	var words []slo.Observation
	for _, o := range l.observations {
		if o.SystemID == system {
			words = append(words, o)
		}
	}
	h, err := slo.NewSystemHistory(system, words, l.statements, l.corrections)
	ok(t, err)
	return h
}

func (l *ledger) timeline(t testing.TB, o slo.Objective) *slo.Timeline {
	t.Helper()
	var mine []leaning
	for _, e := range l.edges {
		if e.system == o.SystemID {
			mine = append(mine, e)
		}
	}
	slices.SortStableFunc(mine, func(a, b leaning) int { return a.at.Compare(b.at) })
	var upstreams []slo.Upstream
	for _, e := range mine {
		until := time.Time{}
		for _, later := range mine {
			if later.at.After(e.at) {
				until = later.at
				break
			}
		}
		for _, id := range e.on {
			upstreams = append(upstreams, slo.Upstream{ID: id, From: e.at, Until: until, History: l.history(t, id)})
		}
	}
	tl, err := o.Timeline(l.history(t, o.SystemID), upstreams, l.maintenance)
	ok(t, err)
	return tl
}

// record is what the ledger says of one objective.
type record struct {
	objective slo.Objective
	timeline  *slo.Timeline
	days      []streak.Day
	outages   map[time.Time]time.Duration // by the instant at which they end
}

// record goes through all days of an objective that have ended.
func (l *ledger) record(t testing.TB, o slo.Objective, until time.Time) *record {
	t.Helper()
	r := &record{objective: o, timeline: l.timeline(t, o)}
	r.outages = l.outages(t, o, until)
	start := o.CreatedAt.Truncate(24 * time.Hour)
	if start.Before(o.CreatedAt) {
		start = start.Add(24 * time.Hour)
	}
	var outcomes []streak.Outcome
	for end := start.Add(24 * time.Hour); !end.After(until); end = end.Add(24 * time.Hour) {
		st := r.timeline.StatusUntil(end)
		outcome := streak.Met
		switch {
		case st.Breaching:
			outcome = streak.Missed
		case r.timeline.Status(end.Add(-time.Microsecond)).Down:
			outcome = streak.Held
		}
		outcomes = append(outcomes, outcome)
		r.days = append(r.days, streak.Day{
			ObjectiveID: o.ID, Date: dateOf(t, end.Add(-time.Hour)), Availability: st.Availability, BudgetConsumed: st.Budget.Consumed,
			RemainingPercent: st.Budget.RemainingPercent, BurnRate: st.BurnRate, Outcome: outcome,
			Streak: foldSlowly(dateOf(t, start), outcomes),
		})
	}
	return r
}

func dateOf(t testing.TB, at time.Time) streak.Date {
	t.Helper()
	d, err := streak.DateOf(at)
	ok(t, err)
	return d
}

// foldSlowly looks at all runs of Met days that no Missed one interrupts.
func foldSlowly(first streak.Date, outcomes []streak.Outcome) streak.Streak {
	date := func(i int) streak.Date { d, _ := first.Add(i); return d }
	s := streak.Streak{LastDay: date(len(outcomes) - 1)}
	end := func() {
		if s.Current > 0 && s.Current == s.Best {
			s.BestEnd = s.LastMet
		}
		s.Current, s.Start, s.LastMet = 0, streak.Date{}, streak.Date{}
	}
	for i, o := range outcomes {
		switch o {
		case streak.Missed:
			end()
		case streak.Met:
			if s.Current++; s.Current == 1 {
				s.Start = date(i)
			}
			s.LastMet = date(i)
			if s.Current > s.Best {
				s.Best, s.BestEnd = s.Current, streak.Date{}
			}
		}
	}
	return s
}

// outages finds the stretches in which something is down by asking about the microsecond after each instant at which
// anything can change.
func (l *ledger) outages(t testing.TB, o slo.Objective, until time.Time) map[time.Time]time.Duration {
	t.Helper()
	visible := o // whatever CountFrom hides
	visible.CountFrom, visible.Revisions = time.Time{}, slices.Clone(o.Revisions)
	for i := range visible.Revisions {
		visible.Revisions[i].CountFrom = time.Time{}
	}
	tl := l.timeline(t, visible)
	found := map[time.Time]time.Duration{}
	var since time.Time
	for _, at := range l.edgesOfTime(o) {
		st, err := tl.StatusIn(at, at.Add(time.Microsecond), at.Add(time.Microsecond))
		ok(t, err)
		switch down := st.Budget.ConsumedStrict > 0; {
		case down && since.IsZero():
			since = at
		case !down && !since.IsZero():
			if from := termsAt(&o, at).CountFrom; from.After(since) {
				since = from
			}
			if since.Before(at) && !at.After(until) && o.CreatedAt.Before(at) {
				found[at] = at.Sub(since)
			}
			since = time.Time{}
		}
	}
	return found
}

func (l *ledger) edgesOfTime(o slo.Objective) []time.Time {
	var list []time.Time
	for _, w := range l.observations {
		list = append(list, w.At)
	}
	for _, s := range l.statements {
		for _, outage := range s.Outages {
			list = append(list, outage.Start, outage.End)
		}
	}
	for _, c := range l.corrections {
		list = append(list, c.From, c.Until)
	}
	for _, m := range l.maintenance {
		list = append(list, m.Start, m.End)
	}
	for _, r := range o.Revisions {
		list = append(list, r.Until)
	}
	list = slices.DeleteFunc(list, time.Time.IsZero)
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
}

// termsAt are an objective's terms in force at an instant.
func termsAt(o *slo.Objective, at time.Time) slo.Revision {
	for _, r := range o.Revisions {
		if at.Before(r.Until) {
			return r
		}
	}
	return o.Revision(time.Time{})
}

// achievements are what a system has achieved by an instant: those of its objectives, and what was kept.
func (l *ledger) achievements(t testing.TB, system string, records []*record, until time.Time) map[streak.Type]time.Time {
	t.Helper()
	instants := map[time.Time]bool{}
	for _, r := range records {
		for end := r.objective.CreatedAt.Truncate(24 * time.Hour).Add(24 * time.Hour); !end.After(until); end = end.Add(24 * time.Hour) {
			instants[end] = true
		}
		for end := range r.outages {
			instants[end] = true
		}
	}
	earned := maps.Clone(l.kept[system])
	if earned == nil {
		earned = map[streak.Type]time.Time{}
	}
	for _, at := range slices.SortedFunc(maps.Keys(instants), time.Time.Compare) {
		facts := streak.Facts{SystemID: system, At: at}
		for _, r := range records {
			if r.objective.CreatedAt.Before(at) {
				facts.Objectives = append(facts.Objectives, r.facts(at))
			}
		}
		for _, typ := range streak.Evaluate(streak.DefaultRules(), facts) {
			if _, known := earned[typ]; !known {
				earned[typ] = at
			}
		}
	}
	return earned
}

func (r *record) facts(at time.Time) streak.ObjectiveFacts {
	f := streak.ObjectiveFacts{ID: r.objective.ID, Outage: r.outages[at]}
	for _, d := range r.days {
		if !d.Date.End().After(at) {
			f.Streak = d.Streak
		}
	}
	st := r.timeline.StatusUntil(at)
	f.Window = accountOf(&st, at)
	if st.To.After(at) { // a period that is running
		st = r.timeline.StatusUntil(st.From)
	}
	if !st.From.Before(r.objective.CreatedAt) {
		f.Full = accountOf(&st, st.To)
	}
	return f
}

func accountOf(st *slo.Status, end time.Time) streak.Account {
	a := streak.Account{
		Elapsed: end.Sub(st.From), Budget: st.Budget.Total, Consumed: st.Budget.Consumed, Downtime: st.Budget.ConsumedStrict, Self: st.Budget.ConsumedStrict,
	}
	for _, share := range st.Attribution {
		if share.Cause == slo.CauseUpstream {
			a.Self -= share.Duration
		}
	}
	return a
}

// standing is all that a daily job keeps, but for the versions that rows are stamped with.
type standing struct {
	Days         map[string][]streak.Day
	Streaks      map[string]streak.Streak
	Achievements map[string][]streak.Achievement
	Milestones   []streak.Achievement
}

// standing is what must be there after the daily job at an instant.
func (l *ledger) standing(t testing.TB, now time.Time) standing {
	t.Helper()
	midnight := now.Truncate(24 * time.Hour)
	s := standing{map[string][]streak.Day{}, map[string]streak.Streak{}, map[string][]streak.Achievement{}, nil}
	bySystem := l.records(t, midnight)
	for system := range l.kept {
		if _, ok := bySystem[system]; !ok {
			bySystem[system] = nil // what it has achieved is there without objectives
		}
	}
	for system, records := range bySystem {
		for _, r := range records {
			if n := len(r.days); n > 0 {
				s.Days[r.objective.ID], s.Streaks[r.objective.ID] = r.days, r.days[n-1].Streak
			}
		}
		earned := l.achievements(t, system, records, midnight)
		for _, typ := range slices.Sorted(maps.Keys(earned)) {
			a := streak.Achievement{SystemID: system, Type: typ, At: earned[typ]}
			s.Achievements[system] = append(s.Achievements[system], a)
			s.Milestones = append(s.Milestones, a)
		}
	}
	slices.SortFunc(s.Milestones, byInstant)
	return s
}

// byInstant sorts the newest first, and those of one instant in any fixed order.
func byInstant(a, b streak.Achievement) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.SystemID, b.SystemID), cmp.Compare(a.Type, b.Type))
}

func (l *ledger) records(t testing.TB, until time.Time) map[string][]*record {
	t.Helper()
	bySystem := map[string][]*record{}
	for _, id := range slices.Sorted(maps.Keys(l.objectives)) {
		o := l.objectives[id]
		bySystem[o.SystemID] = append(bySystem[o.SystemID], l.record(t, o, until))
	}
	return bySystem
}

// delete deletes an objective; what its system has achieved by then stays.
func (l *ledger) delete(t testing.TB, id string, now time.Time) {
	t.Helper()
	system := l.objectives[id].SystemID
	var records []*record
	for _, other := range slices.Sorted(maps.Keys(l.objectives)) {
		o := l.objectives[other]
		if o.SystemID == system {
			records = append(records, l.record(t, o, now))
		}
	}
	l.kept[system] = l.achievements(t, system, records, now)
	delete(l.objectives, id)
}
