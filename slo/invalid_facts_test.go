package slo_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

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
