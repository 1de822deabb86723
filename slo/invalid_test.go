package slo_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slokeep/slokeep/slo"
)

// refused checks that an error matches a sentinel, and it alone, and that its text names the fields and values at fault.
func refused(t *testing.T, err, sentinel error, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %v", sentinel)
	}
	if errors.Is(err, slo.ErrInvalid) != (sentinel == slo.ErrInvalid) || errors.Is(err, slo.ErrConflict) != (sentinel == slo.ErrConflict) {
		t.Errorf("error %v does not match %v alone", err, sentinel)
	}
	text := strings.TrimSuffix(err.Error(), ": "+slo.ErrConflict.Error())
	if !strings.HasPrefix(text, "slo: ") || strings.Count(text, "slo: ") != 1 {
		t.Errorf("error %q, want one that begins with the package, and names it once", text)
	}
	if len(text) > 600 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n") {
		t.Errorf("error %q is not fit for a log", text)
	}
	for _, name := range names {
		if !strings.Contains(text, name) {
			t.Errorf("error %q does not name %s", text, name)
		}
	}
}

// badText is a text that an ID may not be, and what an error shows of it.
type badText struct{ name, text, shown string }

// badIDs may be no ID; the empty one may be one where an ID is optional.
func badIDs(optional bool) []badText {
	list := []badText{
		{"a NUL", "a\x00b", `"a\x00b"`},
		{"invalid UTF-8", "a\xff", `"a\xff"`},
		{"257 bytes", strings.Repeat("é", 128) + "x", `(257 bytes)`},
		{"10 MB", strings.Repeat("x", 10<<20), `(10485760 bytes)`},
	}
	if !optional {
		list = append(list, badText{"nothing", "", `""`})
	}
	return list
}

var badNotes = []badText{
	{"more than 16 KB", strings.Repeat("x", 16<<10+1), `(16385 bytes)`},
	{"invalid UTF-8", "a\xff", `"a\xff"`},
}

// wrapped lies so far ahead of an instant, or so far back, that a count of microseconds since 1970 comes round to the
// same number.
func wrapped(at time.Time, turns int64) time.Time {
	const seconds, nanos = 18_446_744_073_709, 551_616_000 // 2^64 microseconds
	return time.Unix(at.Unix()+turns*seconds, int64(at.Nanosecond())+turns*nanos).UTC()
}

// badInstants lie outside 1970 to 2200; years beyond what a count of microseconds holds are among them.
var badInstants = []struct {
	name string
	at   time.Time
}{
	{"the zero time", time.Time{}},
	{"a nanosecond before 1970", firstInstant.Add(-1)},
	{"a microsecond after the start of 2200", lastInstant.Add(time.Microsecond)},
	{"in the year 294247", time.Date(294247, 1, 10, 4, 0, 55, 0, time.UTC)},
	{"that comes round from the future", wrapped(before(time.Minute), 1)},
	{"that comes round from the past", wrapped(before(time.Minute), -1)},
}

// fault is one thing wrong with a fact of type T.
type fault[T any] struct {
	name  string
	spoil func(*T)
	field string
	value string
}

func idFaults[T any](field string, optional bool, of func(*T) *string) []fault[T] {
	var list []fault[T]
	for _, bad := range badIDs(optional) {
		list = append(list, fault[T]{field + " with " + bad.name, func(f *T) { *of(f) = bad.text }, field, bad.shown})
	}
	return list
}

func noteFaults[T any](field string, of func(*T) *string) []fault[T] {
	var list []fault[T]
	for _, bad := range badNotes {
		list = append(list, fault[T]{field + " with " + bad.name, func(f *T) { *of(f) = bad.text }, field, bad.shown})
	}
	return list
}

func instantFaults[T any](field string, optional bool, of func(*T) *time.Time) []fault[T] {
	var list []fault[T]
	for _, bad := range badInstants {
		if optional && bad.at.IsZero() {
			continue
		}
		list = append(list, fault[T]{field + " " + bad.name, func(f *T) { *of(f) = bad.at }, field, bad.at.Format("2006-01-02")})
	}
	return list
}

// impactFaults are those of an impact that is no share of the service.
func impactFaults[T any](of func(*T) *float64) []fault[T] {
	var list []fault[T]
	for _, bad := range []float64{1.5, 0.0001, 0.9999, 1.001, -0.5, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 5e-324} {
		list = append(list, fault[T]{fmt.Sprint("impact ", bad), func(f *T) { *of(f) = bad }, "impact", fmt.Sprint(bad)})
	}
	return list
}

func TestObservationsThatAreNotValid(t *testing.T) {
	type ob = slo.Observation
	faults := concat(
		idFaults("system", false, func(o *ob) *string { return &o.SystemID }),
		idFaults("check", true, func(o *ob) *string { return &o.CheckID }),
		idFaults("upstream", true, func(o *ob) *string { return &o.UpstreamID }),
		noteFaults("note", func(o *ob) *string { return &o.Note }),
		instantFaults("at", false, func(o *ob) *time.Time { return &o.At }),
		impactFaults(func(o *ob) *float64 { return &o.Impact }),
		[]fault[ob]{
			{"an impact of what is healthy", func(o *ob) { o.Health, o.Impact = slo.Healthy, 0.5 }, "impact", "0.5"},
			{"a health that is none", func(o *ob) { o.Health = 4 }, "health", "4"},
			{"itself as the upstream", func(o *ob) { o.UpstreamID = o.SystemID }, "upstream", `"api"`},
		},
	)
	good := slo.Observation{SystemID: ownSystem, At: now, Health: slo.Degraded}
	kept := []slo.Observation{slo.Down(ownSystem, before(time.Hour))}
	h, err := slo.NewSystemHistory(ownSystem, kept, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			bad := good
			f.spoil(&bad)
			refused(t, bad.Validate(), slo.ErrInvalid, "observation", f.field, f.value)
			_, err := slo.NewSystemHistory(ownSystem, []slo.Observation{good, bad, good}, nil, nil)
			refused(t, err, slo.ErrInvalid, "observation", f.field, f.value)
			_, err = h.Add(good, bad)
			refused(t, err, slo.ErrInvalid, "observation", f.field, f.value)
			if got, err := h.MarshalBinary(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the history has changed: %x, want %x (%v)", got, want, err)
			}
		})
	}
	t.Run("of another system", func(t *testing.T) {
		_, err := h.Add(slo.Down("db", now))
		refused(t, err, slo.ErrInvalid, "observation", "system", `"db"`, `"api"`)
		_, err = slo.NewSystemHistory(ownSystem, []slo.Observation{slo.Down("db", now)}, nil, nil)
		refused(t, err, slo.ErrInvalid, "observation", "system", `"db"`, `"api"`)
	})
	// What is refused must not have been half taken in.
	if h, err = h.Add(good); err != nil {
		t.Fatal(err)
	}
	again, err := slo.NewSystemHistory(ownSystem, append(kept, good), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(mustBytes(t, h), mustBytes(t, again)) {
		t.Error("after words that were refused, a history grows in another way")
	}
}

func concat[T any](lists ...[]T) []T {
	var all []T
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func mustBytes(t *testing.T, h *slo.SystemHistory) []byte {
	t.Helper()
	data, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestStatementsThatAreNotValid(t *testing.T) {
	type outage = slo.Outage
	faults := concat(
		idFaults("system", false, func(o *outage) *string { return &o.SystemID }),
		idFaults("check", true, func(o *outage) *string { return &o.CheckID }),
		idFaults("upstream", true, func(o *outage) *string { return &o.UpstreamID }),
		noteFaults("note", func(o *outage) *string { return &o.Note }),
		instantFaults("start", false, func(o *outage) *time.Time { return &o.Start }),
		instantFaults("end", true, func(o *outage) *time.Time { return &o.End }),
		impactFaults(func(o *outage) *float64 { return &o.Impact }),
		[]fault[outage]{
			{"an end before the start", func(o *outage) { o.End = o.Start.Add(-time.Microsecond) }, "end", "2026-06-03T22:59:59.999999Z"},
			{"an outage of what is healthy", func(o *outage) { o.Health = slo.Healthy }, "health", "healthy"},
			{"a health that is none", func(o *outage) { o.Health = 9 }, "health", "9"},
			{"itself as the upstream", func(o *outage) { o.UpstreamID = o.SystemID }, "upstream", `"api"`},
		},
	)
	good := out(before(time.Hour), now)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			bad := good
			f.spoil(&bad)
			s := slo.Statement{Source: "incident 7", Outages: []slo.Outage{good, bad, good}}
			refused(t, s.Validate(), slo.ErrInvalid, `statement "incident 7"`, f.field, f.value)
			_, err := slo.NewSystemHistory(ownSystem, nil, []slo.Statement{s}, nil)
			refused(t, err, slo.ErrInvalid, `statement "incident 7"`, f.field, f.value)
			// Another system's history must refuse it, too: it is the same statement.
			_, err = slo.NewSystemHistory("db", nil, []slo.Statement{s}, nil)
			refused(t, err, slo.ErrInvalid, `statement "incident 7"`, f.field, f.value)
		})
	}
	for _, f := range idFaults("source", false, func(s *slo.Statement) *string { return &s.Source }) {
		t.Run(f.name, func(t *testing.T) {
			var s slo.Statement
			f.spoil(&s)
			refused(t, s.Validate(), slo.ErrInvalid, "statement", f.field, f.value)
			_, err := slo.NewSystemHistory(ownSystem, nil, []slo.Statement{s}, nil)
			refused(t, err, slo.ErrInvalid, "statement", f.field, f.value)
		})
	}
}

func TestCorrectionsThatAreNotValid(t *testing.T) {
	type cor = slo.Correction
	faults := concat(
		idFaults("id", false, func(c *cor) *string { return &c.ID }),
		idFaults("system", false, func(c *cor) *string { return &c.SystemID }),
		idFaults("check", true, func(c *cor) *string { return &c.CheckID }),
		noteFaults("reason", func(c *cor) *string { return &c.Reason }),
		instantFaults("from", false, func(c *cor) *time.Time { return &c.From }),
		instantFaults("until", false, func(c *cor) *time.Time { return &c.Until }),
		impactFaults(func(c *cor) *float64 { return &c.Impact }),
		[]fault[cor]{
			{"an end that is the start", func(c *cor) { c.Until = c.From }, "until", "2026-06-03T23:00:00Z"},
			{"an end in the start's microsecond", func(c *cor) { c.Until = c.From.Add(999) }, "until", "2026-06-03T23:00:00"},
			{"an end before the start", func(c *cor) { c.Until = c.From.Add(-time.Hour) }, "until", "2026-06-03T22:00:00Z"},
			{"an impact of what is healthy", func(c *cor) { c.Health, c.Impact = slo.Healthy, 1 }, "impact", "1"},
			{"a health that is none", func(c *cor) { c.Health = 255 }, "health", "255"},
		},
	)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			bad := slo.Correction{ID: "c1", SystemID: ownSystem, From: before(time.Hour), Until: now, Health: slo.Degraded}
			f.spoil(&bad)
			refused(t, bad.Validate(), slo.ErrInvalid, "correction", f.field, f.value)
			for _, system := range []string{ownSystem, "db"} {
				_, err := slo.NewSystemHistory(system, nil, nil, []slo.Correction{bad})
				refused(t, err, slo.ErrInvalid, "correction", f.field, f.value)
			}
		})
	}
}

func TestMaintenanceThatIsNotValid(t *testing.T) {
	type mnt = slo.Maintenance
	faults := concat(
		idFaults("id", false, func(m *mnt) *string { return &m.ID }),
		idFaults("system", false, func(m *mnt) *string { return &m.SystemID }),
		noteFaults("note", func(m *mnt) *string { return &m.Note }),
		instantFaults("start", false, func(m *mnt) *time.Time { return &m.Start }),
		instantFaults("end", false, func(m *mnt) *time.Time { return &m.End }),
		[]fault[mnt]{
			{"an end that is the start", func(m *mnt) { m.End = m.Start }, "end", "2026-06-03T23:00:00Z"},
			{"an end before the start", func(m *mnt) { m.End = m.Start.Add(-1) }, "end", "2026-06-03T22:59:59.999999999Z"},
		},
	)
	w := monthly()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			bad := maintenanceOf([2]time.Duration{time.Hour, 0})[0]
			f.spoil(&bad)
			refused(t, bad.Validate(), slo.ErrInvalid, "maintenance", f.field, f.value)
			w := w.clone()
			w.maintenance = []slo.Maintenance{bad}
			_, err := w.build() // although nothing is excluded by this objective
			refused(t, err, slo.ErrInvalid, "maintenance", f.field, f.value)
		})
	}
}

func TestUpstreamsThatAreNotValid(t *testing.T) {
	type ups = slo.Upstream
	other, err := slo.NewSystemHistory("other", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	faults := concat(
		idFaults("id", false, func(u *ups) *string { return &u.ID }),
		noteFaults("name", func(u *ups) *string { return &u.Name }),
		instantFaults("from", true, func(u *ups) *time.Time { return &u.From }),
		instantFaults("until", true, func(u *ups) *time.Time { return &u.Until }),
		[]fault[ups]{
			{"the system itself", func(u *ups) { u.ID = ownSystem }, "id", `"api"`},
			{"a history of another system", func(u *ups) { u.History = other }, "history of system", `"other"`},
			{"an end before the start", func(u *ups) { u.From, u.Until = now, before(time.Hour) }, "until", "2026-06-03T23:00:00Z"},
		},
	)
	w := monthly()
	h, err := w.history()
	if err != nil {
		t.Fatal(err)
	}
	tl := w.timeline(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			bad := slo.Upstream{ID: "db"}
			f.spoil(&bad)
			upstreams := []slo.Upstream{{ID: "cache"}, bad}
			_, err := w.objective.Timeline(h, upstreams, nil)
			refused(t, err, slo.ErrInvalid, "upstream", f.field, f.value)
			_, err = tl.Extend(h, upstreams, nil)
			refused(t, err, slo.ErrInvalid, "upstream", f.field, f.value)
		})
	}
	t.Run("no history of its own, or another's", func(t *testing.T) {
		_, err := w.objective.Timeline(nil, nil, nil)
		refused(t, err, slo.ErrInvalid, `objective "o"`, "history", "nil")
		_, err = w.objective.Timeline(other, nil, nil)
		refused(t, err, slo.ErrInvalid, `objective "o"`, "history", "other")
		_, err = tl.Extend(nil, nil, nil)
		refused(t, err, slo.ErrInvalid, `objective "o"`, "history", "nil")
		_, err = tl.Extend(other, nil, nil)
		refused(t, err, slo.ErrInvalid, `objective "o"`, "history", "other")
	})
}

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

func TestCrossingsThatAreNotValid(t *testing.T) {
	w := monthly()
	w.say(out(before(time.Hour), time.Time{}))
	tl := w.timeline(t)
	value := func(m slo.Metric, v float64) fault[slo.Crossing] {
		name := fmt.Sprint("metric ", m, " held against ", v)
		return fault[slo.Crossing]{name, func(c *slo.Crossing) { c.Metric, c.Value = m, v }, "value", fmt.Sprint(v)}
	}
	faults := []fault[slo.Crossing]{
		{"a metric that is none", func(c *slo.Crossing) { c.Metric = 6 }, "metric", "6"},
		{"a comparison that is none", func(c *slo.Crossing) { c.Comparison = 4 }, "comparison", "4"},
		{"a comparison that is none, of the remaining", func(c *slo.Crossing) { c.Metric, c.Comparison = slo.MetricRemaining, 200 }, "comparison", "200"},
		value(slo.MetricBurnRate, -0.000001), value(slo.MetricBurnRate, 100_000_000.5), value(slo.MetricBurnRate, 14.4000001),
	}
	for _, m := range []slo.Metric{slo.MetricRemainingPercent, slo.MetricConsumedPercent, slo.MetricAvailability} {
		for _, v := range []float64{1_000_000.000001, -1_000_000.000001, 50.0000001, math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
			faults = append(faults, value(m, v))
		}
	}
	for _, lookback := range []time.Duration{-time.Hour, time.Nanosecond, 3650*day + time.Microsecond} {
		faults = append(faults, fault[slo.Crossing]{
			"a lookback of " + lookback.String(),
			func(c *slo.Crossing) { c.Metric, c.Lookback = slo.MetricBurnRate, lookback }, "lookback", lookback.String(),
		})
	}
	for _, bad := range ruleFaults() {
		faults = append(faults, fault[slo.Crossing]{bad.name, func(c *slo.Crossing) {
			c.Metric, c.Comparison, c.Rule = slo.MetricFiring, slo.AtOrAbove, goodRule()
			bad.spoil(&c.Rule)
		}, bad.field, bad.value})
	}
	for _, comparison := range []slo.Comparison{slo.AtOrBelow, slo.Above} {
		faults = append(faults, fault[slo.Crossing]{fmt.Sprint("comparison ", comparison, " of a rule"), func(c *slo.Crossing) {
			c.Metric, c.Comparison, c.Rule = slo.MetricFiring, comparison, goodRule()
		}, "comparison", comparison.String()})
	}
	for metric, fields := range map[slo.Metric][]string{
		slo.MetricRemainingPercent: {"duration", "lookback", "rule"}, slo.MetricRemaining: {"value", "lookback", "rule"},
		slo.MetricBurnRate: {"duration", "rule"}, slo.MetricFiring: {"value", "duration", "lookback"},
	} {
		for _, field := range fields {
			faults = append(faults, fault[slo.Crossing]{fmt.Sprintf("a %s, at which %s does not look", field, metric), func(c *slo.Crossing) {
				c.Metric, c.Comparison = metric, slo.AtOrAbove
				switch field {
				case "value":
					c.Value = math.NaN()
				case "duration":
					c.Duration = time.Minute
				case "lookback":
					c.Lookback = time.Minute
				case "rule":
					c.Rule = goodRule()
				}
			}, field, metric.String()})
		}
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			var c slo.Crossing
			f.spoil(&c)
			at, err := tl.NextCrossing(now, c)
			refused(t, err, slo.ErrInvalid, `objective "o"`, f.field, f.value)
			if !at.IsZero() {
				t.Errorf("there is an answer beside the error: %v", at)
			}
		})
	}
}

func TestQuestionsThatAreNotValid(t *testing.T) {
	tl := monthly().timeline(t)
	for _, test := range []struct {
		name         string
		from, to, at time.Time
		field, value string
	}{
		{"an end that is the start", now, now, now, "to", "2026-06-04T00:00:00Z"},
		{"an end before the start", now, before(time.Hour), now, "to", "2026-06-03T23:00:00Z"},
		{"an end in the start's microsecond", now, now.Add(999), now, "to", "2026-06-04T00:00:00.000000999Z"},
		{"asked before it starts", now, now.Add(time.Hour), before(time.Microsecond), "at", "2026-06-03T23:59:59.999999Z"},
		{"longer than 3650 days", before(3650*day + time.Microsecond), now, now, "", "to"},
		{"asked at no time", firstInstant, now, time.Time{}, "at", "0001-01-01T00:00:00Z"},
		{"asked after 2200", now, now.Add(day), lastInstant.Add(time.Microsecond), "at", "2200-01-01T00:00:00.000001Z"},
		{"no start", time.Time{}, now, now, "from", "0001-01-01T00:00:00Z"},
		{"no end", before(time.Hour), time.Time{}, now, "to", "0001-01-01T00:00:00Z"},
		{"a start beyond all bounds", wrapped(before(time.Hour), 1), now, now, "from", "586580-"},
		{"a start before all bounds", wrapped(before(time.Hour), -1), now, now, "from", "-582528-"},
		{"an end beyond all bounds", before(time.Hour), wrapped(now, 1), now, "to", "586580-"},
		{"an end before all bounds", before(time.Hour), wrapped(now, -1), now, "to", "-582528-"},
		{"asked beyond all bounds", before(time.Hour), now, wrapped(now, 1), "at", "586580-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := tl.StatusIn(test.from, test.to, test.at)
			refused(t, err, slo.ErrInvalid, `objective "o"`, test.field, test.value)
			if !reflect.DeepEqual(s, slo.Status{}) {
				t.Errorf("there is a status beside the error: %+v", s)
			}
			_, err = tl.Explain(test.from, test.to, test.at)
			refused(t, err, slo.ErrInvalid, `objective "o"`, test.field, test.value)
		})
	}
	for _, lookback := range []time.Duration{0, -1, time.Nanosecond, time.Hour + 1, 3650*day + time.Microsecond, math.MaxInt64, math.MinInt64} {
		t.Run(fmt.Sprint("a lookback of ", lookback), func(t *testing.T) {
			rate, err := tl.BurnRate(now, lookback)
			refused(t, err, slo.ErrInvalid, `objective "o"`, "lookback", lookback.String())
			if rate != 0 {
				t.Errorf("there is a burn rate beside the error: %v", rate)
			}
		})
	}
}

func TestWindowsInTextThatAreNotValid(t *testing.T) {
	for _, text := range []string{
		"", "0s", "0d", "3651d", "87601h", "1 month", "1mo", "30 d", "-30d", "+30d", "1e3s", "1.5d", "0.0000001s", "calendar:", "calendar:month:",
		"calendar:fortnight", "calendar:month:Local", "calendar:month:Mars/Olympus", "calendar:month:../../etc/passwd", "calendar:month:a\x00b",
		"99999999999999999999d", "month", "Calendar:month",
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			_, err := slo.ParseWindow(text)
			refused(t, err, slo.ErrInvalid, "window", fmt.Sprintf("%q", text))
			kept := slo.Days(7)
			refused(t, kept.UnmarshalText([]byte(text)), slo.ErrInvalid, "window", fmt.Sprintf("%q", text))
			if !kept.Equal(slo.Days(7)) {
				t.Errorf("the window that it was read into is %v", kept)
			}
		})
	}
}

func TestTextsOfConstantsThatAreNotValid(t *testing.T) {
	for _, text := range []string{"", "Healthy", "down", "healthy ", "invalid"} {
		kept := slo.Degraded
		refused(t, kept.UnmarshalText([]byte(text)), slo.ErrInvalid, "health", fmt.Sprintf("%q", text))
		if kept != slo.Degraded {
			t.Errorf("after %q the health is %v", text, kept)
		}
	}
	for _, text := range []string{"", "Strict", "self", "selfonly", "invalid"} {
		kept := slo.SelfOnly
		refused(t, kept.UnmarshalText([]byte(text)), slo.ErrInvalid, "dependency exclusion", fmt.Sprintf("%q", text))
		if kept != slo.SelfOnly {
			t.Errorf("after %q the dependency exclusion is %v", text, kept)
		}
	}
	_, err := slo.Health(4).MarshalText()
	refused(t, err, slo.ErrInvalid, "health", "4")
	_, err = slo.DependencyExclusion(2).MarshalText()
	refused(t, err, slo.ErrInvalid, "dependency exclusion", "2")
	_, err = slo.Rolling(0).MarshalText()
	refused(t, err, slo.ErrInvalid, "window", "0s")
}

func TestTwoAccountsOfOneSourceUnderOneRevisionAreAConflict(t *testing.T) {
	outage := out(before(time.Hour), now)
	statement := func(rev int64, change func(*slo.Outage)) slo.Statement {
		o := outage
		change(&o)
		return slo.Statement{Source: "incident 7", Rev: rev, Outages: []slo.Outage{o}}
	}
	same := func(*slo.Outage) {}
	for _, test := range []struct {
		name     string
		other    slo.Statement
		conflict bool
	}{
		{"the same", statement(3, same), false},
		{"what may be left out, written out", statement(3, func(o *slo.Outage) { o.Health, o.Impact = slo.Unhealthy, 1 }), false},
		{"another zone, and nanoseconds", statement(3, func(o *slo.Outage) { o.End = o.End.Add(999).In(berlin) }), false},
		{"the same twice", slo.Statement{Source: "incident 7", Rev: 3, Outages: []slo.Outage{outage, outage}}, false},
		{"another revision", statement(4, func(o *slo.Outage) { o.Impact = 0.5 }), false},
		{"another start", statement(3, func(o *slo.Outage) { o.Start = o.Start.Add(time.Microsecond) }), true},
		{"another end", statement(3, func(o *slo.Outage) { o.End = time.Time{} }), true},
		{"another impact", statement(3, func(o *slo.Outage) { o.Impact = 0.999 }), true},
		{"another health", statement(3, func(o *slo.Outage) { o.Health = slo.Degraded }), true},
		{"another upstream", statement(3, func(o *slo.Outage) { o.UpstreamID = "db" }), true},
		{"another check", statement(3, func(o *slo.Outage) { o.CheckID = "http" }), true},
		{"another system", statement(3, func(o *slo.Outage) { o.SystemID = "db" }), true},
		{"another note", statement(3, func(o *slo.Outage) { o.Note = "n" }), true},
		{"one outage more", slo.Statement{Source: "incident 7", Rev: 3, Outages: []slo.Outage{outage, out(now, time.Time{})}}, true},
		{"nothing", slo.Statement{Source: "incident 7", Rev: 3}, true},
	} {
		t.Run("a statement and "+test.name, func(t *testing.T) {
			for _, system := range []string{ownSystem, "another"} {
				_, err := slo.NewSystemHistory(system, nil, []slo.Statement{statement(3, same), test.other}, nil)
				agree(t, err, test.conflict, "statement", `"incident 7"`, "3")
				_, err = slo.NewSystemHistory(system, nil, []slo.Statement{test.other, statement(3, same)}, nil)
				agree(t, err, test.conflict, "statement", `"incident 7"`, "3")
			}
		})
	}

	correction := slo.Correction{ID: "c1", Rev: 2, SystemID: ownSystem, From: before(time.Hour), Until: now, Health: slo.Degraded}
	for _, test := range []struct {
		name     string
		change   func(*slo.Correction)
		conflict bool
	}{
		{"the same", func(*slo.Correction) {}, false},
		{"an impact of 1 written out", func(c *slo.Correction) { c.Impact = 1 }, false},
		{"nanoseconds", func(c *slo.Correction) { c.Until = c.Until.Add(1).In(berlin) }, false},
		{"another revision", func(c *slo.Correction) { c.Rev, c.Impact = 3, 0.5 }, false},
		{"another impact", func(c *slo.Correction) { c.Impact = 0.5 }, true},
		{"another health", func(c *slo.Correction) { c.Health = slo.Healthy }, true},
		{"another start", func(c *slo.Correction) { c.From = c.From.Add(time.Microsecond) }, true},
		{"another end", func(c *slo.Correction) { c.Until = c.Until.Add(time.Microsecond) }, true},
		{"another system", func(c *slo.Correction) { c.SystemID = "db" }, true},
		{"another check", func(c *slo.Correction) { c.CheckID = "http" }, true},
		{"another reason", func(c *slo.Correction) { c.Reason = "r" }, true},
	} {
		t.Run("a correction and "+test.name, func(t *testing.T) {
			other := correction
			test.change(&other)
			_, err := slo.NewSystemHistory(ownSystem, nil, nil, []slo.Correction{correction, other})
			agree(t, err, test.conflict, "correction", `"c1"`, "2")
		})
	}

	window := slo.Maintenance{ID: "m1", Rev: -1, SystemID: ownSystem, Start: before(time.Hour), End: now}
	for _, test := range []struct {
		name     string
		change   func(*slo.Maintenance)
		conflict bool
	}{
		{"the same", func(*slo.Maintenance) {}, false},
		{"nanoseconds", func(m *slo.Maintenance) { m.Start = m.Start.Add(1).In(berlin) }, false},
		{"another revision", func(m *slo.Maintenance) { m.Rev, m.Cancelled = 0, true }, false},
		{"another start", func(m *slo.Maintenance) { m.Start = m.Start.Add(time.Microsecond) }, true},
		{"another end", func(m *slo.Maintenance) { m.End = m.End.Add(time.Microsecond) }, true},
		{"another system", func(m *slo.Maintenance) { m.SystemID = "db" }, true},
		{"cancelled", func(m *slo.Maintenance) { m.Cancelled = true }, true},
		{"another note", func(m *slo.Maintenance) { m.Note = "n" }, true},
	} {
		t.Run("a maintenance window and "+test.name, func(t *testing.T) {
			w := monthly()
			other := window
			test.change(&other)
			w.maintenance = []slo.Maintenance{window, other}
			_, err := w.build()
			agree(t, err, test.conflict, "maintenance", `"m1"`, "-1")
		})
	}
}

func agree(t *testing.T, err error, conflict bool, names ...string) {
	t.Helper()
	if conflict {
		refused(t, err, slo.ErrConflict, names...)
	} else if err != nil {
		t.Errorf("refused: %v", err)
	}
}

func TestWhatIsJustWithinBoundsIsAccepted(t *testing.T) {
	long := strings.Repeat("é", 128)
	note := strings.Repeat("x", 16<<10)
	w := &world{
		objective: slo.Objective{
			ID: long, Name: note, SystemID: long, CheckID: long, Labels: map[string]string{long: note}, Target: 99.999999,
			Window: slo.Days(3650), NeverExcuse: []string{long, long}, CountFrom: firstInstant,
			Policy:     slo.AlertPolicy{Rules: []slo.BurnRule{{Severity: slo.Severity(long), Long: 3650 * day, Short: time.Microsecond, Factor: 1e8}}},
			Thresholds: slo.Thresholds{Warning: 0.000001, Critical: 100, FastBurn: 1e8},
			Revisions:  []slo.Revision{{Until: firstInstant, Window: slo.Rolling(time.Microsecond)}, {Until: lastInstant, Target: 100, Window: slo.Days(1)}},
		},
		facts: facts{
			system: long,
			observations: []slo.Observation{
				{SystemID: long, CheckID: long, At: firstInstant, Health: slo.Degraded, Impact: 0.001, UpstreamID: long[:254], Note: note},
				{SystemID: long, At: lastInstant.Add(999), Seq: math.MinInt64, Impact: 1},
			},
			statements: []slo.Statement{{Source: long, Rev: math.MaxInt64, Outages: []slo.Outage{
				{SystemID: long, CheckID: long, Start: firstInstant, End: lastInstant, Impact: 0.999, UpstreamID: long[:254], Note: note},
				{SystemID: "x", Start: now, End: now},
			}}, {Source: "nothing"}},
			corrections: []slo.Correction{{ID: long, SystemID: long, CheckID: long, From: firstInstant, Until: lastInstant, Reason: note}},
		},
		upstreams:   []dependency{{facts: facts{system: long[:254]}, name: note, from: now, until: now}},
		maintenance: []slo.Maintenance{{ID: long, SystemID: long, Start: firstInstant, End: lastInstant, Note: note}},
	}
	w.timeline(t)
}

// An instant is what it is in every zone: that of 1970 begins in New York in 1969, that of 2200 in Auckland later.
func TestTheEdgesOfTimeAreTheSameInEveryZone(t *testing.T) {
	for _, zone := range []string{"America/New_York", "Pacific/Auckland", "UTC"} {
		for _, at := range []time.Time{firstInstant, lastInstant} {
			t.Run(fmt.Sprint(at.Year(), " in ", zone), func(t *testing.T) {
				if err := slo.Down(ownSystem, at.In(mustLoad(zone))).Validate(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
