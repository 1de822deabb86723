package slo

import (
	"slices"
	"time"
)

// Status is how an objective stands at an instant. It is a value: the caller owns its slices.
//
// Its JSON form is fixed: objective, system, target, at, from, to, availability, strictAvailability, budgetTotalNs,
// budgetConsumedNs, budgetConsumedStrictNs, budgetRemainingNs, budgetRemainingPercent, budgetConsumedPercent, burnRate,
// breaching, exhausted, down, level, firing (severity, longNs, shortNs), coverage, live and attribution (cause, upstream
// or null, ns). Lists are never null.
type Status struct {
	ObjectiveID, SystemID string
	Name                  string  // the objective's
	Target                float64 // percent, in force at At
	At                    time.Time
	From, To              time.Time // the window [From, To); of a calendar period the whole, so To may lie ahead of At

	// Availability is the share of what has elapsed, from From to the earlier of At and To, that was good, in percent, 100
	// where nothing has. StrictAvailability is the same with all downtime. They are for showing, in a period that is still
	// running too: whether the target is met is Breaching.
	Availability, StrictAvailability float64

	Budget   Budget
	BurnRate float64 // over the last hour; 1 spends exactly the budget in a window; 0 where the budget is zero

	Breaching bool // more is consumed than there was
	Exhausted bool // something is consumed, and nothing remains
	Down      bool // what counts is down at At; an outage that starts at At is, one that ends at At is not
	Level     Level
	Firing    []Firing // by long window; nil: nothing fires

	Attribution []Share // self first, then the longest, then by ID; without entries of zero; also of what does not count
	Coverage    float64 // the share of what has elapsed of which anybody knew how it was, 0 to 1; 1 where nothing has
	Live        bool    // live health had a say; a Timeline itself, which has only facts, leaves it false
}

// Status returns how the objective stands at an instant: over [at - W, at) of a rolling window, over the period that
// holds at of a calendar one, by the terms in force at at. Any past instant may be asked, and an instant ahead, which is
// answered as if what is down stays down and nothing begins that is not known. at is truncated to microseconds; outside
// 1970 to 2200 it is read as the nearer of the two.
func (tl *Timeline) Status(at time.Time) Status {
	m := clamp(at)
	t := tl.termsAt(m)
	from, to := t.window.period(m)
	return tl.status(t, from, to, m)
}

// StatusUntil returns how the objective stood when the time up to end was over, judged from inside: by the terms in force
// in the last microsecond before end, over the window that ends with it, [end - W, end) of a rolling window and of a
// calendar one the period that holds that microsecond; what counts up to end is consumed. Down is whether it was down in
// that microsecond, BurnRate and Firing look back from end, and At is end. It is what is recorded of a day that is over,
// where [Timeline.Status] of the same instant would look at the next period, by terms that begin there. Terms that begin
// at end or later are as good as not made: the budget of a period that runs on is what it was going to be. end is read as
// Status reads at; of what lies before 1970 nothing is known, and nothing counts.
func (tl *Timeline) StatusUntil(end time.Time) Status {
	m := clamp(end)
	tl = tl.knownAt(m - 1)
	t := tl.termsAt(m - 1)
	from, to := m-t.window.length, m
	if !t.window.rolling() {
		from, to = t.window.period(m - 1)
	}
	s := tl.status(t, from, to, m)
	s.Down = tl.downAt(m - 1)
	return s
}

// knownAt returns the timeline as if the terms in force at m had been the last.
func (tl *Timeline) knownAt(m int64) *Timeline {
	n := 1
	for n < len(tl.terms) && m >= tl.terms[n-1].until {
		n++
	}
	if n == len(tl.terms) {
		return tl
	}
	known := *tl
	known.terms = slices.Clone(tl.terms[:n])
	known.terms[n-1].until = forever
	return &known
}

// StatusIn returns how the objective stood at an instant in the period [from, to), whatever its window: the budget is
// that of the whole period, downtime counts up to at. The terms, Down, BurnRate and Firing are those of at. It is
// [ErrInvalid] where from is not before to, at is before from or outside 1970 to 2200, or the period is longer than 3650
// days or begins or ends more than 3650 days outside those years.
func (tl *Timeline) StatusIn(from, to, at time.Time) (Status, error) {
	if err := checkPeriod(from, to, at); err != nil {
		return Status{}, tl.about(err)
	}
	return tl.status(tl.termsAt(micros(at)), micros(from), micros(to), micros(at)), nil
}

// about completes an error about a question with the objective that was asked about.
func (tl *Timeline) about(err error) error { return about(err, "objective", tl.objective.ID) }

// checkPeriod reads a period, which may begin and end as far outside 1970 to 2200 as the windows of a Status do, and the
// instant at which it is looked at.
func checkPeriod(from, to, at time.Time) error {
	if err := checkInstant("", "at", at); err != nil {
		return err
	}
	const bounds = "within 3650 days of the years 1970 to 2200"
	if !within(from, dawn, maxInstant+maxMicros) {
		return invalid("", "from", rfc3339(from), bounds)
	}
	if !within(to, dawn, maxInstant+maxMicros) {
		return invalid("", "to", rfc3339(to), bounds)
	}
	if micros(at) < micros(from) {
		return invalid("", "at", rfc3339(at), "not before from, "+rfc3339(from))
	}
	if n := micros(to) - micros(from); n <= 0 || n > maxMicros {
		return invalid("", "to", rfc3339(to), "after from, "+rfc3339(from)+", by at most 3650 days")
	}
	return nil
}

// termsAt returns the terms in force at m.
func (tl *Timeline) termsAt(m int64) *terms {
	for i := range tl.terms {
		if m < tl.terms[i].until {
			return &tl.terms[i]
		}
	}
	panic("slo: the last terms hold for ever")
}

func (tl *Timeline) status(t *terms, from, to, at int64) Status {
	elapsed := min(to, at) - from
	s := Status{
		ObjectiveID: tl.objective.ID, SystemID: tl.objective.SystemID, Name: tl.objective.Name,
		Target: t.target, At: instant(at), From: instant(from), To: instant(to),
	}
	total := tl.budget(from, to)
	var consumed, strict int64
	now := tl.cursor(at)
	end := now
	if to < at {
		end = tl.cursor(to)
	}
	s.Attribution, consumed, strict = tl.attribution(max(from, t.since), &end)
	s.Budget = newBudget(total, consumed, strict)
	s.Availability = availability(elapsed, consumed)
	if s.StrictAvailability = s.Availability; strict != consumed {
		s.StrictAvailability = availability(elapsed, strict)
	}
	spent := mul64(uint64(consumed), wholeBudget)
	s.Breaching = spent.cmp(total) > 0
	s.Exhausted = consumed > 0 && spent.cmp(total) >= 0

	s.Down = at >= t.since && now.weight() > 0
	lastHour, hourly := now.countedSince(at-hour, t.since), tl.budget(at-hour, at)
	s.BurnRate = burnRate(lastHour, hourly)
	s.Level = t.level(spent, total, lastHour, hourly)
	s.Firing = tl.firing(t, &now)
	s.Coverage = tl.coverage(from, elapsed)
	return s
}
