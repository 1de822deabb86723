package slo_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

var june = time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)

func TestAWordThatIsThereAlreadyChangesNothing(t *testing.T) {
	words := []slo.Observation{
		{SystemID: "api", CheckID: "http", At: june, Health: slo.Unhealthy, UpstreamID: "db"},
		{SystemID: "api", CheckID: "dns", At: june, Health: slo.Healthy},
	}
	h := mustHistory(t, "api", words)
	for _, w := range words {
		again, err := h.Add(w)
		if err != nil {
			t.Fatal(err)
		}
		if again != h {
			t.Errorf("adding %+v once more made another history", w)
		}
	}
}

func TestChecksMayBeHeardInAnyOrderAtOneInstant(t *testing.T) {
	a := slo.Observation{SystemID: "api", CheckID: "a", At: june, Health: slo.Unhealthy}
	b := slo.Observation{SystemID: "api", CheckID: "b", At: june, Health: slo.Degraded}
	later := slo.Observation{SystemID: "api", CheckID: "b", At: june, Seq: 1, Health: slo.Healthy}
	want, err := mustHistory(t, "api", []slo.Observation{a, b, later}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range [][]slo.Observation{{a, b, later}, {b, a, later}, {b, later, a}, {later, b, a}, {later, a, b}, {a, later, b}} {
		h := mustHistory(t, "api", nil)
		for _, w := range order {
			if h, err = h.Add(w); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := h.MarshalBinary(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v makes %q (%v), want %q", order, got, err, want)
		}
	}
}

func TestTheZeroHistoryIsRefused(t *testing.T) {
	var zero slo.SystemHistory
	if _, err := zero.Add(slo.Up("api", june)); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("Add: %v", err)
	}
	if _, err := zero.MarshalBinary(); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("MarshalBinary: %v", err)
	}
	if _, err := benchObjective().Timeline(&zero, nil, nil); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("Timeline: %v", err)
	}
	data, err := mustHistory(t, "api", []slo.Observation{slo.Down("api", june)}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := zero.UnmarshalBinary(data); err != nil || zero.SystemID() != "api" {
		t.Errorf("UnmarshalBinary: %v, of %q", err, zero.SystemID())
	}
}

func TestAHistoryThatBlamesItselfIsNotRead(t *testing.T) {
	down := slo.Observation{SystemID: "api", At: june, Health: slo.Unhealthy, UpstreamID: "dbs"}
	data, err := mustHistory(t, "api", []slo.Observation{down}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var h slo.SystemHistory
	if err := h.UnmarshalBinary(bytes.Replace(data, []byte("dbs"), []byte("api"), 1)); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("read a system that is its own upstream: %v", err)
	}
	if err := h.UnmarshalBinary(data); err != nil {
		t.Errorf("did not read the history as it was: %v", err)
	}
}

func TestAnAbsentEndIsAbsentInEveryZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	open := slo.Outage{SystemID: "api", Start: june}
	there := open
	there.End = time.Time{}.In(berlin)
	_, err = slo.NewSystemHistory("api", nil, []slo.Statement{
		{Source: "incident", Outages: []slo.Outage{open}}, {Source: "incident", Outages: []slo.Outage{there}},
	}, nil)
	if err != nil {
		t.Errorf("the same statement twice: %v", err)
	}
}

func TestAnUpstreamHasOneHistory(t *testing.T) {
	api := mustHistory(t, "api", nil)
	down := mustHistory(t, "db", []slo.Observation{slo.Down("db", june)})
	same := mustHistory(t, "db", []slo.Observation{slo.Down("db", june)})
	other := mustHistory(t, "db", []slo.Observation{slo.Up("db", june)})
	edges := func(first, second *slo.SystemHistory) []slo.Upstream {
		return []slo.Upstream{{ID: "db", Until: june, History: first}, {ID: "db", From: june.Add(time.Hour), History: second}}
	}
	for _, test := range []struct {
		name          string
		first, second *slo.SystemHistory
		valid         bool
	}{
		{"one history twice", down, down, true},
		{"two of the same facts", down, same, true},
		{"one, and none", nil, down, true},
		{"two different ones", down, other, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := benchObjective().Timeline(api, edges(test.first, test.second), nil); (err == nil) != test.valid ||
				err != nil && !errors.Is(err, slo.ErrInvalid) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// What counts may change by terms to come alone, before anything of it ends.
func TestRecoveryLooksAtTermsToCome(t *testing.T) {
	noon := june.Add(12 * time.Hour)
	o := slo.Objective{
		ID: "checkout", SystemID: "api", Target: 99, Window: slo.Rolling(time.Hour), CountFrom: noon.Add(28 * time.Hour),
		Revisions: []slo.Revision{{Until: noon, Target: 99, Window: slo.Calendar(slo.Day, nil)}},
	}
	h := mustHistory(t, "api", []slo.Observation{slo.Down("api", noon.Add(-2*time.Hour)), slo.Up("api", noon.Add(18*time.Hour))})
	tl, err := o.Timeline(h, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := tl.Forecast(noon.Add(-time.Hour)).RecoversAt; !got.Equal(noon) {
		t.Errorf("recovers at %v, want %v, when CountFrom begins to hide the outage", got, noon)
	}
	if s := tl.Status(noon); s.Down || s.Budget.Consumed != 0 {
		t.Errorf("at noon: %+v", s)
	}
}
