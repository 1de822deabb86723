package streak

import (
	"math"
	"time"
)

// Day is what is recorded of one objective and one day: one row, made of facts alone, so that who makes it again from the
// same facts makes the same row. When facts change, the days from the first one that they bear on are made again.
//
// A day is judged at its end, from inside, by the terms in force in its last microsecond. Its figures are those of the
// window that ends with the day (of a calendar window, the period that holds its last microsecond), and not the day's own.
//
// The JSON form is fixed: objective, date, availability, budgetConsumedNs, budgetRemainingPercent, burnRate, outcome,
// streak (current, best, start, lastMet, bestEnd, lastDay), revision and histories (system, version).
type Day struct {
	ObjectiveID string `json:"objective"` // 1 to 256 bytes of UTF-8 without NUL
	Date        Date   `json:"date"`      // a whole day in which the objective existed

	Availability     float64       `json:"availability"`           // percent
	BudgetConsumed   time.Duration `json:"budgetConsumedNs"`       // what counts against the budget
	RemainingPercent float64       `json:"budgetRemainingPercent"` // of the budget; negative in an overdraft
	BurnRate         float64       `json:"burnRate"`               // over the day's last hour

	Outcome Outcome `json:"outcome"`
	Streak  Streak  `json:"streak"` // after this day; so the day after goes on from here

	// What the row was computed from: it is as it should be while these are still the newest. Revision counts the changes of
	// the objective, Histories the changes of what is known of each system that was looked at, its own and its upstreams; they
	// lie in ascending order of the IDs' bytes, each system once.
	Revision  int64            `json:"revision"`
	Histories []HistoryVersion `json:"histories"`
}

// HistoryVersion is the version of what is known of one system: a count that grows by one when any of it changes.
type HistoryVersion struct {
	SystemID string `json:"system"`  // 1 to 256 bytes of UTF-8 without NUL
	Version  int64  `json:"version"` // not negative
}

// Standing is how an objective stood when a day ended: what is going to be its Day, of which Outcome and Streak are not
// known yet, and what they follow from.
type Standing struct {
	Day
	Breaching bool // more of the budget is consumed than there was
	Down      bool // it was down in the day's last microsecond
}

// Record judges the day by the rule, nil for [DefaultOutcome], and returns its row; before is the Streak of the row
// before, zero for the first. It overwrites Outcome and Streak and shares Histories with s. What [Day.Validate] or
// [Streak.Next] refuses is ErrInvalid, as is a rule's answer that is no Outcome.
func (s Standing) Record(before Streak, rule OutcomeRule) (Day, error) {
	if rule == nil {
		rule = DefaultOutcome
	}
	day := s.Day
	day.Outcome = rule(s)
	var err error
	if day.Streak, err = before.Next(day); err != nil {
		return Day{}, err
	}
	if err := day.Validate(); err != nil {
		return Day{}, err
	}
	return day, nil
}

// Validate reports the first field outside its bounds as an ErrInvalid that names it: an ID, the zero Date, a figure that
// is not finite, an Availability outside 0 to 100, more than 100 percent remaining, a negative length, burn rate, revision
// or version, an Outcome that is none, or Histories out of order. It does not look at Streak.
func (d Day) Validate() error {
	if err := d.checkFold(); err != nil {
		return err
	}
	if err := checkID("day "+d.Date.String(), "objective's ID", d.ObjectiveID); err != nil {
		return err
	}
	what := "day " + d.Date.String() + " of " + show(d.ObjectiveID)
	for _, f := range []struct {
		field    string
		value    float64
		min, max float64
		want     string
	}{
		{"availability", d.Availability, 0, 100, "0 to 100"},
		{"remaining percent", d.RemainingPercent, -math.MaxFloat64, 100, "a number up to 100"},
		{"burn rate", d.BurnRate, 0, math.MaxFloat64, "a number from 0"},
	} {
		if !(f.min <= f.value && f.value <= f.max) { // NaN is in no range
			return invalid(what, f.field, f.value, f.want)
		}
	}
	if d.BudgetConsumed < 0 {
		return invalid(what, "budget consumed", d.BudgetConsumed, "0 or more")
	}
	if d.Revision < 0 {
		return invalid(what, "revision", d.Revision, "0 or more")
	}
	return d.checkHistories(what)
}

func (d Day) checkHistories(what string) error {
	for i, h := range d.Histories {
		if err := checkID(what, "history's system", h.SystemID); err != nil {
			return err
		}
		if h.Version < 0 {
			return invalid(what, "version of "+show(h.SystemID), h.Version, "0 or more")
		}
		if i > 0 && d.Histories[i-1].SystemID >= h.SystemID {
			return invalid(what, "history's system", h.SystemID, "one after "+show(d.Histories[i-1].SystemID))
		}
	}
	return nil
}

// checkFold looks at what a fold over days needs.
func (d Day) checkFold() error {
	if d.Date.IsZero() {
		return invalid("day of "+show(d.ObjectiveID), "date", "", dateRange)
	}
	if !d.Outcome.valid() {
		return invalid("day "+d.Date.String()+" of "+show(d.ObjectiveID), "outcome", uint8(d.Outcome), wantOutcome)
	}
	return nil
}
