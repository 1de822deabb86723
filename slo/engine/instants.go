package engine

import (
	"iter"
	"slices"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/streak"
)

// outages lists those that end after an instant and not after another, while the objective exists. What CountFrom hides is
// what the terms hide that are in force when an outage ends.
func (g *goal) outages(after, until time.Time) []slo.Span {
	if g.created.After(after) {
		after = g.created
	}
	var list []slo.Span
	for _, r := range g.revisions {
		if last := r.Until.Add(-time.Microsecond); last.After(after) && last.Before(until) {
			list = slices.AppendSeq(list, g.timeline.Outages(after, last))
			after = last
		}
	}
	if until.After(after) {
		list = slices.AppendSeq(list, g.timeline.Outages(after, until))
	}
	return list
}

// ending is an outage and the objective, by its place in the group, that counts it.
type ending struct {
	slo.Span
	goal int
}

// instants yields the facts at each instant at which the system's achievements are judged: the ends of days from the
// group's first on, and those of its outages.
func (d *daily) instants(g *group) iter.Seq[streak.Facts] {
	return func(yield func(streak.Facts) bool) {
		var ends []ending
		for i, goal := range g.goals {
			for _, o := range goal.outages(g.from.Start(), d.until(g)) {
				ends = append(ends, ending{o, i})
			}
		}
		slices.SortStableFunc(ends, func(a, b ending) int { return a.End.Compare(b.End) })
		day := 0
		for dayEnd := g.from.End(); len(ends) > 0 || !dayEnd.After(g.last.End()); {
			at, n := dayEnd, 0
			ofDay := !dayEnd.After(g.last.End())
			if len(ends) > 0 && (!ofDay || ends[0].End.Before(dayEnd)) {
				at, ofDay = ends[0].End, false
			}
			for n < len(ends) && ends[n].End.Equal(at) {
				n++
			}
			facts := g.facts(at, day, ofDay)
			for _, e := range ends[:n] {
				facts.end(g.goals[e.goal].id, e.End.Sub(e.Start))
			}
			if len(facts.Objectives) > 0 && !yield(facts.Facts) {
				return
			}
			ends = ends[n:]
			if ofDay {
				day++
				dayEnd = dayEnd.Add(24 * time.Hour)
			}
		}
	}
}

// until is the last instant that is judged.
func (d *daily) until(g *group) time.Time {
	if end := g.last.End(); !d.now.After(end) {
		return end
	}
	return d.now
}

type facts struct{ streak.Facts }

// end says that an outage of an objective ends at the instant.
func (f *facts) end(id string, length time.Duration) {
	for i := range f.Objectives {
		if f.Objectives[i].ID == id {
			f.Objectives[i].Outage = length
		}
	}
}

// facts says how the objectives that existed before an instant stood then, from inside. The statuses at the ends of days are
// there already.
func (g *group) facts(at time.Time, day int, ofDay bool) facts {
	f := facts{streak.Facts{SystemID: g.system, At: at, Objectives: make([]streak.ObjectiveFacts, 0, len(g.goals))}}
	for _, goal := range g.goals {
		if !goal.created.Before(at) {
			continue
		}
		var st slo.Status
		if ofDay {
			st = goal.standing[day]
		} else {
			st = goal.timeline.StatusUntil(at)
		}
		f.Objectives = append(f.Objectives, streak.ObjectiveFacts{
			ID: goal.id, Streak: goal.streakAt(at), Window: account(&st), Full: goal.full(&st),
		})
	}
	return f
}

// streakAt is the streak after the last day that has ended by then.
func (g *goal) streakAt(at time.Time) streak.Streak {
	if len(g.days) == 0 || at.Before(g.days[0].Date.End()) {
		return g.before
	}
	n := int(at.Sub(g.days[0].Date.Start()) / (24 * time.Hour)) // of them have ended
	return g.days[min(n, len(g.days))-1].Streak
}

// full is the account of the rolling window that ends with a status, or of the last calendar period that has ended by then,
// where the objective existed in all of it.
func (g *goal) full(st *slo.Status) streak.Account {
	if st.To.After(st.At) {
		before := g.timeline.StatusUntil(st.From)
		st = &before
	}
	if st.From.Before(g.created) {
		return streak.Account{}
	}
	return account(st)
}

func account(st *slo.Status) streak.Account {
	end := st.At
	if st.To.Before(end) {
		end = st.To
	}
	a := streak.Account{
		Elapsed: end.Sub(st.From), Budget: st.Budget.Total, Consumed: st.Budget.Consumed, Downtime: st.Budget.ConsumedStrict,
	}
	for _, share := range st.Attribution {
		if share.Cause == slo.CauseSelf {
			a.Self = share.Duration
		}
	}
	return a
}
