package slo

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// DependencyExclusion says whether downtime that an upstream caused consumes an objective's budget.
type DependencyExclusion uint8

const (
	Strict   DependencyExclusion = iota // all downtime counts
	SelfOnly                            // what an upstream caused does not
)

var exclusions = enum{"dependency exclusion", []string{Strict: "strict", SelfOnly: "self-only"}}

// String returns "strict" or "self-only", and "invalid" for a value that is neither.
func (e DependencyExclusion) String() string { return exclusions.name(uint8(e)) }

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is neither is ErrInvalid.
func (e DependencyExclusion) MarshalText() ([]byte, error) { return exclusions.marshal(uint8(e)) }

// UnmarshalText implements [encoding.TextUnmarshaler]: "strict" or "self-only", any other text is ErrInvalid and leaves
// e as it was.
func (e *DependencyExclusion) UnmarshalText(text []byte) error {
	return unmarshalEnum(exclusions, e, text)
}

// Objective is a promise about one system, or one check of it: up for Target percent of Window. Its terms, everything
// from Target to Thresholds, may change: each instant is judged by the terms in force then (see [Revision]).
//
// An Objective is a value; the library keeps no reference to its slices and maps.
type Objective struct {
	ID       string            // 1 to 256 bytes of UTF-8 without NUL
	Name     string            // at most 16 KB; for people
	SystemID string            // 1 to 256 bytes of UTF-8 without NUL
	CheckID  string            // look at this check's feed alone; empty: the system as a whole
	Labels   map[string]string // the host's own; keys as IDs, values at most 16 KB

	// Target is the percentage of time that is to be good, 99.9 and not 0.999: 0 to 100, at most six decimals. The budget
	// is exact: the number that the target's shortest decimal text says is the number meant. With 0 all time is budget.
	Target float64
	Window Window

	DependencyExclusion DependencyExclusion
	NeverExcuse         []string // upstreams that are no excuse: their outages count as the system's own

	ExcludeMaintenance bool // downtime inside the system's own planned maintenance counts as good
	DegradedIsUp       bool // Degraded counts as up, not as down
	UnknownIsDown      bool // Unknown counts as down, not as up

	// CountFrom hides all downtime before it and shrinks no budget; zero: all history counts.
	CountFrom time.Time

	Policy     AlertPolicy // zero: [DefaultAlertPolicy]
	Thresholds Thresholds

	Revisions []Revision // earlier terms, by Until

	CreatedAt, UpdatedAt time.Time // the host's; zero: not known. Nothing in this package depends on them
}

// Revision is the terms of an objective as they were until an instant; its fields are the objective's. The first
// revision reaches back for ever, each later one from the Until before it, the objective's own terms from the last.
type Revision struct {
	Until time.Time // truncated to microseconds, from 1970 to 2200, after the revision's before

	Target              float64
	Window              Window
	DependencyExclusion DependencyExclusion
	NeverExcuse         []string
	ExcludeMaintenance  bool
	DegradedIsUp        bool
	UnknownIsDown       bool
	CountFrom           time.Time
	Policy              AlertPolicy
	Thresholds          Thresholds
}

// Revision returns the objective's present terms as a revision that ends at until, for whoever is about to change them.
// It shares no memory with o.
func (o Objective) Revision(until time.Time) Revision {
	r := o.present()
	r.Until = until
	r.NeverExcuse, r.Policy.Rules = slices.Clone(r.NeverExcuse), slices.Clone(r.Policy.Rules)
	return r
}

// present returns the objective's own terms; it shares the objective's memory.
func (o *Objective) present() Revision {
	return Revision{
		Target: o.Target, Window: o.Window, DependencyExclusion: o.DependencyExclusion, NeverExcuse: o.NeverExcuse,
		ExcludeMaintenance: o.ExcludeMaintenance, DegradedIsUp: o.DegradedIsUp, UnknownIsDown: o.UnknownIsDown,
		CountFrom: o.CountFrom, Policy: o.Policy, Thresholds: o.Thresholds,
	}
}

// clone returns an objective that shares no memory with o.
func (o Objective) clone() Objective {
	o.NeverExcuse, o.Policy.Rules = slices.Clone(o.NeverExcuse), slices.Clone(o.Policy.Rules)
	o.Labels = maps.Clone(o.Labels)
	o.Revisions = slices.Clone(o.Revisions)
	for i, r := range o.Revisions {
		o.Revisions[i].NeverExcuse = slices.Clone(r.NeverExcuse)
		o.Revisions[i].Policy.Rules = slices.Clone(r.Policy.Rules)
	}
	return o
}

// Validate reports the first field outside its bounds as an ErrInvalid that names it, in the revisions too.
func (o Objective) Validate() error {
	_, err := o.terms()
	return err
}

// terms is a Revision made ready to compute with. Instants and lengths are in microseconds.
type terms struct {
	until                        int64 // forever for the objective's own
	bad                          int64 // what the target leaves as budget, in parts of 1e-8
	target                       float64
	window                       Window
	since                        int64 // CountFrom; minInstant - maxMicros when nothing is hidden
	rules                        []rule
	never                        []string // sorted
	reading                      reading
	warning, critical, fastBurn  uint64 // in millionths of a percent and of a burn rate
	selfOnly, excludeMaintenance bool
}

// reading says which health counts as down besides Unhealthy.
type reading struct{ degradedIsUp, unknownIsDown bool }

const readings = 4 // there are no more

func (r reading) number() int {
	n := 0
	if r.degradedIsUp {
		n = 1
	}
	if r.unknownIsDown {
		n += 2
	}
	return n
}

func readingOf(number int) reading { return reading{number&1 != 0, number&2 != 0} }

// weight returns what a word of this health counts, in thousandths.
func (r reading) weight(h Health, impact uint16) uint16 {
	if h == Unhealthy || h == Degraded && !r.degradedIsUp || h == Unknown && r.unknownIsDown {
		return impact
	}
	return 0
}

// terms checks the objective and compiles its revisions and its own terms, in order of time.
func (o Objective) terms() ([]terms, error) {
	if err := checkID("objective", "id", o.ID); err != nil {
		return nil, err
	}
	list, err := o.compile()
	return list, about(err, "objective", o.ID)
}

func (o *Objective) compile() ([]terms, error) {
	if err := o.checkIdentity(); err != nil {
		return nil, err
	}
	list := make([]terms, len(o.Revisions)+1)
	before := minInstant - 1
	for i := range o.Revisions {
		r := &o.Revisions[i]
		err := r.checkUntil(before)
		if err == nil {
			err = r.compile(&list[i])
		}
		if err != nil {
			return nil, prefixed(err, fmt.Sprintf("revision %d", i))
		}
		before = micros(r.Until)
		list[i].until = before
	}
	last := &list[len(list)-1]
	own := o.present()
	if err := own.compile(last); err != nil {
		return nil, err
	}
	last.until = forever
	return list, nil
}

// checkUntil looks at the end of a revision, of which the one before ended at an instant.
func (r *Revision) checkUntil(before int64) error {
	if err := checkInstant("", "until", r.Until); err != nil {
		return err
	}
	if micros(r.Until) <= before {
		return invalid("", "until", rfc3339(r.Until), "after the revision's before")
	}
	return nil
}

func (o *Objective) checkIdentity() error {
	if err := checkText("", "name", o.Name); err != nil {
		return err
	}
	if err := checkID("", "system", o.SystemID); err != nil {
		return err
	}
	if err := checkOptionalID("", "check", o.CheckID); err != nil {
		return err
	}
	if len(o.Labels) == 0 {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		if err := checkID("", "label", key); err != nil {
			return err
		}
		if err := checkText("", "label "+show(key), o.Labels[key]); err != nil {
			return err
		}
	}
	return nil
}

// compile makes t of the revision, but for its end.
func (r *Revision) compile(t *terms) error {
	var err error
	if t.bad, err = badShare("", r.Target); err != nil {
		return err
	}
	if err := r.Window.check(""); err != nil {
		return err
	}
	if err := exclusions.check("", uint8(r.DependencyExclusion)); err != nil {
		return err
	}
	for _, id := range r.NeverExcuse {
		if err := checkID("", "never excuse", id); err != nil {
			return err
		}
	}
	t.target, t.window, t.since = r.Target, r.Window, dawn
	t.never = slices.Clone(r.NeverExcuse)
	slices.Sort(t.never)
	t.never = slices.Compact(t.never)
	t.reading = reading{degradedIsUp: r.DegradedIsUp, unknownIsDown: r.UnknownIsDown}
	t.selfOnly, t.excludeMaintenance = r.DependencyExclusion == SelfOnly, r.ExcludeMaintenance
	if !r.CountFrom.IsZero() {
		if err := checkInstant("", "count from", r.CountFrom); err != nil {
			return err
		}
		t.since = micros(r.CountFrom)
	}
	if t.rules, err = r.Policy.compile(r.Window, t.bad); err != nil {
		return err
	}
	return t.setThresholds(r.Thresholds.withDefaults())
}

func (t *terms) setThresholds(th Thresholds) error {
	for _, f := range []struct {
		field string
		value float64
		most  float64
		into  *uint64
	}{
		{"warning threshold", th.Warning, 100, &t.warning},
		{"critical threshold", th.Critical, 100, &t.critical},
		{"fast burn threshold", th.FastBurn, maxFactor, &t.fastBurn},
	} {
		n, ok := decimal(f.value, perUnit)
		if !ok || n <= 0 || f.value > f.most {
			return invalid("", f.field, f.value, fmt.Sprintf("more than 0 and at most %g, with at most six decimals", f.most))
		}
		*f.into = uint64(n)
	}
	if t.critical < t.warning {
		return invalid("", "critical threshold", th.Critical, fmt.Sprintf("at least the warning, %g", th.Warning))
	}
	return nil
}
