package slo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
	r := Revision{
		Until: until, Target: o.Target, Window: o.Window, DependencyExclusion: o.DependencyExclusion,
		NeverExcuse: slices.Clone(o.NeverExcuse), ExcludeMaintenance: o.ExcludeMaintenance,
		DegradedIsUp: o.DegradedIsUp, UnknownIsDown: o.UnknownIsDown,
		CountFrom: o.CountFrom, Policy: o.Policy, Thresholds: o.Thresholds,
	}
	r.Policy.Rules = slices.Clone(o.Policy.Rules)
	return r
}

// clone returns an objective that shares no memory with o.
func (o Objective) clone() Objective {
	r := o.Revision(time.Time{})
	o.NeverExcuse, o.Policy = r.NeverExcuse, r.Policy
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
	what := fmt.Sprintf("objective %s", show(o.ID))
	if err := o.checkIdentity(what); err != nil {
		return nil, err
	}
	list := make([]terms, 0, len(o.Revisions)+1)
	for i, r := range o.Revisions {
		where := fmt.Sprintf("%s: revision %d", what, i)
		if err := checkInstant(where, "until", r.Until); err != nil {
			return nil, err
		}
		if i > 0 && micros(r.Until) <= list[i-1].until {
			return nil, invalid(where, "until", rfc3339(r.Until), "after the revision's before")
		}
		t, err := r.compile(where)
		if err != nil {
			return nil, err
		}
		t.until = micros(r.Until)
		list = append(list, t)
	}
	t, err := o.Revision(time.Time{}).compile(what)
	if err != nil {
		return nil, err
	}
	t.until = forever
	return append(list, t), nil
}

func (o Objective) checkIdentity(what string) error {
	if err := checkText(what, "name", o.Name); err != nil {
		return err
	}
	if err := checkID(what, "system", o.SystemID); err != nil {
		return err
	}
	if err := checkOptionalID(what, "check", o.CheckID); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		if err := checkID(what, "label", key); err != nil {
			return err
		}
		if err := checkText(what, "label "+show(key), o.Labels[key]); err != nil {
			return err
		}
	}
	return nil
}

func (r Revision) compile(what string) (terms, error) {
	bad, err := badShare(what, r.Target)
	if err != nil {
		return terms{}, err
	}
	if err := r.Window.check(what); err != nil {
		return terms{}, err
	}
	if err := exclusions.check(what, uint8(r.DependencyExclusion)); err != nil {
		return terms{}, err
	}
	for _, id := range r.NeverExcuse {
		if err := checkID(what, "never excuse", id); err != nil {
			return terms{}, err
		}
	}
	t := terms{
		bad: bad, target: r.Target, window: r.Window, since: dawn,
		never:    slices.Compact(slices.SortedFunc(slices.Values(r.NeverExcuse), strings.Compare)),
		reading:  reading{degradedIsUp: r.DegradedIsUp, unknownIsDown: r.UnknownIsDown},
		selfOnly: r.DependencyExclusion == SelfOnly, excludeMaintenance: r.ExcludeMaintenance,
	}
	if !r.CountFrom.IsZero() {
		if err := checkInstant(what, "count from", r.CountFrom); err != nil {
			return terms{}, err
		}
		t.since = micros(r.CountFrom)
	}
	if t.rules, err = r.Policy.compile(what, r.Window, r.Target, bad); err != nil {
		return terms{}, err
	}
	err = t.setThresholds(what, r.Thresholds.withDefaults())
	return t, err
}

func (t *terms) setThresholds(what string, th Thresholds) error {
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
			return invalid(what, f.field, f.value, fmt.Sprintf("more than 0 and at most %g, with at most six decimals", f.most))
		}
		*f.into = uint64(n)
	}
	if t.critical < t.warning {
		return invalid(what, "critical threshold", th.Critical, fmt.Sprintf("at least the warning, %g", th.Warning))
	}
	return nil
}
