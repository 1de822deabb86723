package slo

import (
	"cmp"
	"slices"
	"time"
)

// Outage is one interval, [Start, End), in which a source says that a system was down.
type Outage struct {
	SystemID string // 1 to 256 bytes of UTF-8 without NUL
	CheckID  string // one check of the system; empty: the system as a whole

	Start time.Time // truncated to microseconds, from 1970 to 2200
	End   time.Time // as Start, and not before it; zero: it is still on. Start = End counts nothing

	Health     Health  // Unhealthy or Degraded; zero means Unhealthy
	Impact     float64 // as in [Observation]; 0 means 1
	UpstreamID string  // the system that the source names as the cause; empty: none named
	Note       string  // at most 16 KB; for people
}

// Statement is all that one source other than the feed has to say: an incident, an import, a person. The source states
// it whole: of two statements of one source the one with the greater Rev counts, on all systems, and nothing of the
// other. Outages may touch, overlap and repeat, in any order; they are a union in which the greatest impact holds. A
// statement without outages takes back what the source said before.
type Statement struct {
	Source  string // 1 to 256 bytes of UTF-8 without NUL
	Rev     int64  // two statements of one source and Rev must be the same, else ErrConflict
	Outages []Outage
}

// Validate reports the first field outside its bounds as an ErrInvalid that names it.
func (s Statement) Validate() error {
	if err := checkID("statement", "source", s.Source); err != nil {
		return err
	}
	for i := range s.Outages {
		if err := s.Outages[i].validate(); err != nil {
			return about(err, "statement", s.Source)
		}
	}
	return nil
}

func (o *Outage) validate() error {
	if err := checkID("", "system", o.SystemID); err != nil {
		return err
	}
	if err := checkOptionalID("", "check", o.CheckID); err != nil {
		return err
	}
	if err := checkInstant("", "start", o.Start); err != nil {
		return err
	}
	if !o.End.IsZero() {
		if err := checkInstant("", "end", o.End); err != nil {
			return err
		}
		if micros(o.End) < micros(o.Start) {
			return invalid("", "end", rfc3339(o.End), "not before the start, "+rfc3339(o.Start))
		}
	}
	if err := healths.check("", uint8(o.Health)); err != nil {
		return err
	}
	if o.Health == Healthy {
		return invalid("", "health", o.Health.String(), "unhealthy or degraded")
	}
	if _, err := impact("", Unhealthy, o.Impact); err != nil {
		return err
	}
	if err := checkUpstream("", o.SystemID, o.UpstreamID); err != nil {
		return err
	}
	return checkText("", "note", o.Note)
}

// canonical returns o as two outages that mean the same are equal in it.
func (o Outage) canonical() Outage {
	o.Start = instant(micros(o.Start))
	o.End = instant(outageEnd(&o))
	if o.Health == Unknown {
		o.Health = Unhealthy
	}
	if o.Impact == 0 {
		o.Impact = 1
	}
	return o
}

// outageEnd returns the end in microseconds, forever while the outage is on.
func outageEnd(o *Outage) int64 {
	if o.End.IsZero() {
		return forever
	}
	return micros(o.End)
}

// sameOutages reports whether two lists mean the same, whatever their order and repetitions.
func sameOutages(a, b []Outage) bool {
	return slices.Equal(canonicalOutages(a), canonicalOutages(b))
}

func canonicalOutages(list []Outage) []Outage {
	out := make([]Outage, len(list))
	for i, o := range list {
		out[i] = o.canonical()
	}
	slices.SortFunc(out, func(a, b Outage) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End), cmp.Compare(a.SystemID, b.SystemID),
			cmp.Compare(a.CheckID, b.CheckID), cmp.Compare(a.Health, b.Health), cmp.Compare(a.Impact, b.Impact),
			cmp.Compare(a.UpstreamID, b.UpstreamID), cmp.Compare(a.Note, b.Note))
	})
	return slices.Compact(out)
}
