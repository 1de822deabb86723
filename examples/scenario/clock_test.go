package main

import (
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
)

var _ engine.Clock = lateClock{}

func TestLateClock(t *testing.T) {
	var ran []string
	note := func(name string) func() { return func() { ran = append(ran, name) } }
	check := func(t *testing.T, want ...string) {
		t.Helper()
		if !slices.Equal(ran, want) {
			t.Errorf("ran %q, want %q", ran, want)
		}
		ran = nil
	}
	t.Run("runs what it was given after all else of that instant", func(t *testing.T) {
		c := simclock.New(firstInstant)
		lateClock{c}.AfterFunc(time.Second, note("late"))
		c.AfterFunc(time.Second, note("job"))
		lateClock{c}.AfterFunc(0, note("at once"))
		c.Advance(time.Second)
		check(t, "at once", "job", "late")
	})
	t.Run("stops it before its instant, and at its instant, and not after", func(t *testing.T) {
		c := simclock.New(firstInstant)
		stop := lateClock{c}.AfterFunc(time.Second, note("a"))
		if !stop() || stop() {
			t.Error("the first stop must prevent it, and the second has nothing to prevent")
		}
		stop = lateClock{c}.AfterFunc(time.Second, note("b"))
		c.AfterFunc(time.Second, func() {
			if !stop() {
				t.Error("another function of its instant could not stop it")
			}
		})
		c.Advance(time.Second)
		stop = lateClock{c}.AfterFunc(time.Second, note("c"))
		c.Advance(time.Second)
		if stop() {
			t.Error("it was stopped after it had run")
		}
		check(t, "c")
	})
}

func TestScheduledInstants(t *testing.T) {
	at := func(s string) time.Time {
		t.Helper()
		i, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	tests := []struct{ name, after, midnight, monday string }{
		{"on a day", "2026-03-04T12:00:00Z", "2026-03-05T00:00:00Z", "2026-03-09T09:00:00Z"},
		{"at midnight the next", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z", "2026-03-09T09:00:00Z"},
		{"a microsecond before", "2026-03-08T23:59:59.999999Z", "2026-03-09T00:00:00Z", "2026-03-09T09:00:00Z"},
		{"on a Monday, early", "2026-03-09T08:59:59.999999Z", "2026-03-10T00:00:00Z", "2026-03-09T09:00:00Z"},
		{"on a Monday at nine the next", "2026-03-09T09:00:00Z", "2026-03-10T00:00:00Z", "2026-03-16T09:00:00Z"},
		{"over the year's end", "2026-12-31T12:00:00Z", "2027-01-01T00:00:00Z", "2027-01-04T09:00:00Z"},
		{"when time begins, on a Thursday", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", "1970-01-05T09:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := midnight(at(tt.after)); !got.Equal(at(tt.midnight)) {
				t.Errorf("midnight %s, want %s", got, tt.midnight)
			}
			if got := mondayMorning(at(tt.after)); !got.Equal(at(tt.monday)) {
				t.Errorf("Monday %s, want %s", got, tt.monday)
			}
		})
	}
}
