package streak

import "time"

// Type names an achievement: one of the constants, or a host's own of 1 to 256 bytes of UTF-8 without NUL. Types are what
// is recorded, so a Type's meaning should not change.
type Type string

// The achievements of [DefaultRules]. Each is earned at an instant at which it holds; where one objective is asked for, all
// that is asked for must be true of the same one.
const (
	FirstSteps     Type = "first_steps"     // the system has an objective
	FullCoverage   Type = "full_coverage"   // it has at least three
	IronUptime     Type = "iron_uptime"     // one has a current streak of at least 7 days
	DiamondUptime  Type = "diamond_uptime"  // one has a current streak of at least 30 days
	NinesClub      Type = "nines_club"      // one has a current streak of at least 365 days and is available 99.99 % or more
	BudgetMiser    Type = "budget_miser"    // one has at least 90 % of the budget left over a window that it existed in full
	CleanSheet     Type = "clean_sheet"     // one had no downtime at all over a window that it existed in full
	CascadeBreaker Type = "cascade_breaker" // one has downtime in its window, and none of it is the system's own
	RapidRecovery  Type = "rapid_recovery"  // an outage of more than 0 and at most 5 minutes, as one counts it, has ended
)

// Achievement is the record that a system has earned an achievement: one for each system and type.
type Achievement struct {
	SystemID string    `json:"system"` // 1 to 256 bytes of UTF-8 without NUL
	Type     Type      `json:"type"`
	At       time.Time `json:"at"` // the first instant, of those at which it was judged, at which it held
}

// Validate reports an ID or a Type outside its bounds, or an instant before 1970 or after 2200, as an ErrInvalid that
// names it.
func (a Achievement) Validate() error {
	if err := checkID("achievement", "system's ID", a.SystemID); err != nil {
		return err
	}
	if err := checkID("achievement of "+show(a.SystemID), "type", string(a.Type)); err != nil {
		return err
	}
	if _, err := DateOf(a.At); err != nil {
		return invalid("achievement "+show(string(a.Type))+" of "+show(a.SystemID), "instant",
			a.At.UTC().Format(time.RFC3339Nano), "one from 1970 to 2200")
	}
	return nil
}
