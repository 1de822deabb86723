package streak_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/streak"
)

// standing is a good one of the objective "checkout" with all figures.
func standing(t testing.TB, day string) streak.Standing {
	t.Helper()
	return streak.Standing{Day: streak.Day{
		ObjectiveID: "checkout", Date: date(t, day),
		Availability: 98.5, BudgetConsumed: 42 * time.Minute, RemainingPercent: 73.1, BurnRate: 1.25,
		Revision: 3, Histories: []streak.HistoryVersion{{SystemID: "api", Version: 7}, {SystemID: "db", Version: 0}},
	}}
}

func TestRecordKeepsTheFiguresAndCountsTheDay(t *testing.T) {
	before, err := streak.Fold(slices.Values(days(t, "MMMMMMMMM")))
	if err != nil {
		t.Fatal(err)
	}
	s := standing(t, "2026-01-10")
	s.Outcome, s.Streak = streak.Missed, streak.Streak{Current: 99} // are overwritten
	got, err := s.Record(before, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := standing(t, "2026-01-10").Day
	want.Outcome = streak.Met
	want.Streak = streak.Streak{
		Current: 10, Best: 10, Start: date(t, "2026-01-01"), LastMet: date(t, "2026-01-10"), LastDay: date(t, "2026-01-10"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again, err := s.Record(before, nil); !cmp.Equal(again, got) || err != nil {
		t.Errorf("made twice it is another row: %+v, %v", again, err)
	}
}

func TestRecordOfADayThatIsRecordedIsInvalid(t *testing.T) {
	row, err := standing(t, "2026-01-10").Record(streak.Streak{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := standing(t, "2026-01-10").Record(row.Streak, nil)
	wantInvalid(t, err, "want one after the last day, 2026-01-10")
	if diff := cmp.Diff(streak.Day{}, again); diff != "" {
		t.Errorf("a row beside the error: %s", diff)
	}
}

func TestRecordJudgesByTheHostsRule(t *testing.T) {
	strict := func(s streak.Standing) streak.Outcome {
		if s.Down || s.Availability < 99 {
			return streak.Missed
		}
		return streak.DefaultOutcome(s)
	}
	got, err := standing(t, "2026-01-10").Record(streak.Streak{}, strict)
	if err != nil || got.Outcome != streak.Missed || got.Streak.Current != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	none, err := standing(t, "2026-01-10").Record(streak.Streak{}, func(streak.Standing) streak.Outcome { return 0 })
	wantInvalid(t, err, "outcome 0: want met, held or missed")
	if diff := cmp.Diff(streak.Day{}, none); diff != "" {
		t.Errorf("a row beside the error: %s", diff)
	}
}

func TestDayOutsideItsBoundsIsInvalid(t *testing.T) {
	for _, c := range []struct {
		name, says string
		change     func(d *streak.Day)
	}{
		{"no objective", `objective's ID "": want 1 to 256 bytes`, func(d *streak.Day) { d.ObjectiveID = "" }},
		{"an objective's ID that is too long", "(257 bytes): want 1 to 256 bytes",
			func(d *streak.Day) { d.ObjectiveID = strings.Repeat("a", 257) }},
		{"an objective's ID that is no UTF-8", "want valid UTF-8", func(d *streak.Day) { d.ObjectiveID = "\xff" }},
		{"an objective's ID with a NUL", "want no NUL", func(d *streak.Day) { d.ObjectiveID = "a\x00" }},
		{"no date", `date "": want a day`, func(d *streak.Day) { d.Date = streak.Date{} }},
		{"no outcome", "outcome 0", func(d *streak.Day) { d.Outcome = 0 }},
		{"more than all available", "availability 100.1: want 0 to 100", func(d *streak.Day) { d.Availability = 100.1 }},
		{"less than nothing available", "availability -1", func(d *streak.Day) { d.Availability = -1 }},
		{"an availability that is no number", "availability NaN", func(d *streak.Day) { d.Availability = math.NaN() }},
		{"more than all remaining", "remaining percent 101", func(d *streak.Day) { d.RemainingPercent = 101 }},
		{"an endless overdraft", "remaining percent -Inf", func(d *streak.Day) { d.RemainingPercent = math.Inf(-1) }},
		{"a remaining percent that is no number", "remaining percent NaN", func(d *streak.Day) { d.RemainingPercent = math.NaN() }},
		{"a negative burn rate", "burn rate -0.5", func(d *streak.Day) { d.BurnRate = -0.5 }},
		{"an endless burn rate", "burn rate +Inf", func(d *streak.Day) { d.BurnRate = math.Inf(1) }},
		{"a burn rate that is no number", "burn rate NaN", func(d *streak.Day) { d.BurnRate = math.NaN() }},
		{"less than nothing consumed", "budget consumed -1ns", func(d *streak.Day) { d.BudgetConsumed = -1 }},
		{"a negative revision", "revision -1", func(d *streak.Day) { d.Revision = -1 }},
		{"a negative version", `version of "db" -1`, func(d *streak.Day) { d.Histories[1].Version = -1 }},
		{"a history of no system", `history's system ""`, func(d *streak.Day) { d.Histories[1].SystemID = "" }},
		{"histories out of order", `"aa": want one after "api"`, func(d *streak.Day) { d.Histories[1].SystemID = "aa" }},
		{"a history twice", `"api": want one after "api"`, func(d *streak.Day) { d.Histories[1].SystemID = "api" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := standing(t, "2026-01-10").Day
			d.Outcome = streak.Met
			if err := d.Validate(); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			c.change(&d)
			wantInvalid(t, d.Validate(), c.says)
			if c.says == "outcome 0" {
				return // Record gives it one
			}
			_, err := streak.Standing{Day: d}.Record(streak.Streak{}, nil)
			wantInvalid(t, err, c.says)
		})
	}
}

func TestDayAtItsBoundsIsValid(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(d *streak.Day)
	}{
		{"nothing available", func(d *streak.Day) { d.Availability = 0 }},
		{"everything available and left", func(d *streak.Day) { d.Availability, d.RemainingPercent, d.BudgetConsumed = 100, 100, 0 }},
		{"a great overdraft", func(d *streak.Day) { d.RemainingPercent = -1e9 }},
		{"no histories", func(d *streak.Day) { d.Histories = nil }},
		{"no burn", func(d *streak.Day) { d.BurnRate, d.Revision = 0, 0 }},
		{"the longest ID", func(d *streak.Day) { d.ObjectiveID = strings.Repeat("é", 128) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := standing(t, "2026-01-10").Day
			d.Outcome = streak.Held
			c.change(&d)
			if err := d.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDayAsJSON(t *testing.T) {
	s := standing(t, "2026-01-10")
	s.Down = true
	d, err := s.Record(streak.Streak{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"objective":"checkout","date":"2026-01-10","availability":98.5,"budgetConsumedNs":2520000000000,` +
		`"budgetRemainingPercent":73.1,"burnRate":1.25,"outcome":"held",` +
		`"streak":{"current":0,"best":0,"start":null,"lastMet":null,"bestEnd":null,"lastDay":"2026-01-10"},` +
		`"revision":3,"histories":[{"system":"api","version":7},{"system":"db","version":0}]}`
	data, err := json.Marshal(d)
	if err != nil || string(data) != want {
		t.Errorf("got %s, %v, want %s", data, err, want)
	}
	var again streak.Day
	if err := json.Unmarshal(data, &again); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(d, again); diff != "" {
		t.Error(diff)
	}
}
