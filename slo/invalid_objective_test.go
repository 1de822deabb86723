package slo_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// termFaults are those that the terms of an objective and of each of its revisions share.
func termFaults() []fault[slo.Revision] {
	type rev = slo.Revision
	target := func(v float64) fault[rev] {
		return fault[rev]{fmt.Sprint("target ", v), func(r *rev) { r.Target = v }, "target", fmt.Sprint(v)}
	}
	window := func(name string, w slo.Window, value string) fault[rev] {
		return fault[rev]{"window " + name, func(r *rev) { r.Window = w }, "window", value}
	}
	limits := func(name string, th slo.Thresholds, field, value string) fault[rev] {
		return fault[rev]{name, func(r *rev) { r.Thresholds = th }, field, value}
	}
	faults := concat(
		idFaults("never excuse", false, func(r *rev) *string { r.NeverExcuse = []string{"db", ""}; return &r.NeverExcuse[1] }),
		instantFaults("count from", true, func(r *rev) *time.Time { return &r.CountFrom }),
		[]fault[rev]{
			target(100.0000001), target(100.000001), target(99.9000001), target(-1), target(-0.000001), target(math.NaN()),
			target(math.Inf(1)), target(math.Inf(-1)), target(1e300), target(5e-324),
			window("of nothing", slo.Window{}, `""`),
			window("0", slo.Rolling(0), "0s"),
			window("that is negative", slo.Rolling(-time.Hour), "-1h0m0s"),
			window("3651 days", slo.Days(3651), `"3651d"`),
			window("too long by a microsecond", slo.Rolling(3650*day+time.Microsecond), "87600h0m0.000001s"),
			window("to the nanosecond", slo.Rolling(time.Hour+1), "1h0m0.000000001s"),
			window("in the machine's zone", slo.Calendar(slo.Day, time.Local), "Local"),
			window("in a fixed zone", slo.Calendar(slo.Day, time.FixedZone("UTC+1", 3600)), "UTC+1"),
			window("in an unknown zone", slo.Calendar(slo.Day, time.FixedZone("Mars/Olympus", 0)), "Mars/Olympus"),
			window("of no unit", slo.Calendar(0, time.UTC), "calendar:"),
			{"dependency exclusion 2", func(r *rev) { r.DependencyExclusion = 2 }, "dependency exclusion", "2"},
			limits("warning above 100", slo.Thresholds{Warning: 100.1, Critical: 100}, "warning threshold", "100.1"),
			limits("warning below 0", slo.Thresholds{Warning: -1}, "warning threshold", "-1"),
			limits("warning of seven decimals", slo.Thresholds{Warning: 0.0000001}, "warning threshold", "1e-07"),
			limits("warning NaN", slo.Thresholds{Warning: math.NaN()}, "warning threshold", "NaN"),
			limits("critical above 100", slo.Thresholds{Critical: 101}, "critical threshold", "101"),
			limits("critical NaN", slo.Thresholds{Critical: math.NaN()}, "critical threshold", "NaN"),
			limits("critical below the warning", slo.Thresholds{Warning: 60, Critical: 59.999999}, "critical threshold", "59.999999"),
			limits("critical below the default warning", slo.Thresholds{Critical: 49}, "critical threshold", "49"),
			limits("warning above the default critical", slo.Thresholds{Warning: 81}, "critical threshold", "80"),
			limits("fast burn below 0", slo.Thresholds{FastBurn: -5}, "fast burn threshold", "-5"),
			limits("fast burn Inf", slo.Thresholds{FastBurn: math.Inf(1)}, "fast burn threshold", "+Inf"),
			limits("fast burn of seven decimals", slo.Thresholds{FastBurn: 1.0000001}, "fast burn threshold", "1.0000001"),
		},
	)
	for _, bad := range ruleFaults() {
		faults = append(faults, fault[rev]{bad.name, func(r *rev) {
			rule := goodRule()
			bad.spoil(&rule)
			r.Policy = slo.AlertPolicy{Rules: []slo.BurnRule{goodRule(), rule}}
		}, bad.field, bad.value})
	}
	return append(faults, fault[rev]{"rules of a policy that is off", func(r *rev) {
		r.Policy = slo.AlertPolicy{Off: true, Rules: []slo.BurnRule{goodRule()}}
	}, "policy", "1"})
}

func goodRule() slo.BurnRule {
	return slo.BurnRule{Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Factor: 14.4}
}

// ruleFaults are those of a rule for 99.9 % of 30 days.
func ruleFaults() []fault[slo.BurnRule] {
	type rule = slo.BurnRule
	share := func(v float64) func(*rule) { return func(r *rule) { r.Factor, r.Share = 0, v } }
	return concat(
		idFaults("policy severity", false, func(r *rule) *string { return (*string)(&r.Severity) }),
		[]fault[rule]{
			{"no long window", func(r *rule) { r.Long = 0 }, "policy long window", "0s"},
			{"a long window below 0", func(r *rule) { r.Long = -time.Hour }, "policy long window", "-1h0m0s"},
			{"no short window", func(r *rule) { r.Short = 0 }, "policy short window", "0s"},
			{"a short window to the nanosecond", func(r *rule) { r.Short = 1500 }, "policy short window", "1.5µs"},
			{"a short window longer than the long one", func(r *rule) { r.Short = time.Hour + time.Microsecond }, "policy short window", "1h0m0.000001s"},
			{"a long window longer than the objective's", func(r *rule) { r.Long = 31 * day }, "policy long window", "744h0m0s"},
			{"factor and share", func(r *rule) { r.Share = 2 }, "policy factor", "14.4"},
			{"neither factor nor share", func(r *rule) { r.Factor = 0 }, "policy factor", "0"},
			{"a factor out of reach", func(r *rule) { r.Factor = 1000.000001 }, "policy factor", "1000.000001"},
			{"a factor out of all proportion", func(r *rule) { r.Factor = 1e300 }, "policy factor", "1e+300"},
			{"a factor below 0", func(r *rule) { r.Factor = -1 }, "policy factor", "-1"},
			{"a factor of seven decimals", func(r *rule) { r.Factor = 14.4000001 }, "policy factor", "14.4000001"},
			{"factor NaN", func(r *rule) { r.Factor = math.NaN() }, "policy factor", "NaN"},
			{"factor Inf", func(r *rule) { r.Factor = math.Inf(1) }, "policy factor", "+Inf"},
			{"a share out of reach", func(r *rule) { r.Long, r.Share, r.Factor = 5*time.Minute, 99, 0 }, "policy", "99"},
			{"a share above 100", share(100.5), "policy share", "100.5"},
			{"a share below 0", share(-2), "policy share", "-2"},
			{"a share of seven decimals", share(0.0000001), "policy share", "1e-07"},
			{"share NaN", share(math.NaN()), "policy share", "NaN"},
		},
	)
}

// withTerms returns the objective with the terms of a revision.
func withTerms(o slo.Objective, r slo.Revision) slo.Objective {
	o.Target, o.Window, o.DependencyExclusion, o.NeverExcuse = r.Target, r.Window, r.DependencyExclusion, r.NeverExcuse
	o.ExcludeMaintenance, o.DegradedIsUp, o.UnknownIsDown = r.ExcludeMaintenance, r.DegradedIsUp, r.UnknownIsDown
	o.CountFrom, o.Policy, o.Thresholds = r.CountFrom, r.Policy, r.Thresholds
	return o
}

func TestObjectivesThatAreNotValid(t *testing.T) {
	good := monthly().objective
	h, err := monthly().history()
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, o slo.Objective, names ...string) {
		t.Helper()
		refused(t, o.Validate(), slo.ErrInvalid, names...)
		_, err := o.Timeline(h, nil, nil)
		refused(t, err, slo.ErrInvalid, names...)
	}
	type obj = slo.Objective
	for _, f := range concat(
		idFaults("id", false, func(o *obj) *string { return &o.ID }),
		idFaults("system", false, func(o *obj) *string { return &o.SystemID }),
		idFaults("check", true, func(o *obj) *string { return &o.CheckID }),
		noteFaults("name", func(o *obj) *string { return &o.Name }),
	) {
		t.Run(f.name, func(t *testing.T) {
			bad := good
			f.spoil(&bad)
			check(t, bad, "objective", f.field, f.value)
		})
	}
	for _, bad := range badIDs(false) {
		t.Run("label with "+bad.name, func(t *testing.T) {
			o := good
			o.Labels = map[string]string{"team": "shop", bad.text: ""}
			check(t, o, `objective "o"`, "label", bad.shown)
		})
	}
	for _, bad := range badNotes {
		t.Run("label's value with "+bad.name, func(t *testing.T) {
			o := good
			o.Labels = map[string]string{"team": bad.text}
			check(t, o, `objective "o"`, `label "team"`, bad.shown)
		})
	}
	for _, f := range termFaults() {
		t.Run(f.name, func(t *testing.T) {
			r := good.Revision(time.Time{})
			f.spoil(&r)
			check(t, withTerms(good, r), `objective "o"`, f.field, f.value)
		})
		t.Run("in a revision, "+f.name, func(t *testing.T) {
			r := good.Revision(now)
			f.spoil(&r)
			o := good
			o.Revisions = []slo.Revision{good.Revision(before(time.Hour)), r}
			check(t, o, `objective "o"`, "revision 1", f.field, f.value)
		})
	}
	for _, f := range instantFaults("until", false, func(r *slo.Revision) *time.Time { return &r.Until }) {
		t.Run(f.name, func(t *testing.T) {
			r := good.Revision(now)
			f.spoil(&r)
			o := good
			o.Revisions = []slo.Revision{r}
			check(t, o, `objective "o"`, "revision 0", f.field, f.value)
		})
	}
	for _, later := range []time.Duration{0, -time.Hour, 999 * time.Nanosecond} {
		t.Run(fmt.Sprint("revisions out of order by ", later), func(t *testing.T) {
			o := good
			o.Revisions = []slo.Revision{good.Revision(now), good.Revision(now.Add(later))}
			check(t, o, `objective "o"`, "revision 1", "until", now.Add(later).Format(time.RFC3339Nano))
		})
	}
}

func TestSystemsThatAreNotValid(t *testing.T) {
	for _, bad := range badIDs(false) {
		t.Run(bad.name, func(t *testing.T) {
			h, err := slo.NewSystemHistory(bad.text, nil, nil, nil)
			refused(t, err, slo.ErrInvalid, "history", "system", bad.shown)
			if h != nil {
				t.Error("there is a history beside the error")
			}
		})
	}
}
