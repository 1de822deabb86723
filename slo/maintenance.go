package slo

import "time"

// Maintenance is a planned maintenance window of a system, [Start, End). Objectives with [Objective.ExcludeMaintenance]
// take downtime inside it for good time; for others it changes nothing. Of two with one ID the one with the greater Rev
// alone exists.
type Maintenance struct {
	ID         string    // 1 to 256 bytes of UTF-8 without NUL
	Rev        int64     // two windows of one ID and Rev must be the same, else ErrConflict
	SystemID   string    // 1 to 256 bytes of UTF-8 without NUL
	Start, End time.Time // truncated to microseconds, from 1970 to 2200; End after Start, both may lie ahead
	Cancelled  bool      // it did not take place, and excuses nothing
	Note       string    // at most 16 KB; for people
}

// Validate reports the first field outside its bounds as an ErrInvalid that names it.
func (m Maintenance) Validate() error {
	if err := checkID("maintenance", "id", m.ID); err != nil {
		return err
	}
	return about(m.validate(), "maintenance", m.ID)
}

func (m *Maintenance) validate() error {
	if err := checkID("", "system", m.SystemID); err != nil {
		return err
	}
	if err := checkSpan("", "start", "end", m.Start, m.End); err != nil {
		return err
	}
	return checkText("", "note", m.Note)
}

func (m Maintenance) canonical() Maintenance {
	m.Start, m.End = instant(micros(m.Start)), instant(micros(m.End))
	return m
}
