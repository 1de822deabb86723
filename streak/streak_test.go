package streak_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/streak"
)

// days reads a run of days from one letter each: M is Met, h Held, x Missed, and a dot a day that is missing. The first
// is 2026-01-01.
func days(t testing.TB, letters string) []streak.Day {
	t.Helper()
	first := date(t, "2026-01-01")
	var list []streak.Day
	for i, letter := range letters {
		outcome, ok := map[rune]streak.Outcome{'M': streak.Met, 'h': streak.Held, 'x': streak.Missed}[letter]
		if !ok {
			continue
		}
		d, err := first.Add(i)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, streak.Day{ObjectiveID: "checkout", Date: d, Outcome: outcome})
	}
	return list
}

// january writes a streak with the days of January 2026 as numbers, 0 for none: current/best start-lastMet bestEnd last.
func january(s streak.Streak) string {
	day := func(d streak.Date) int {
		if d.IsZero() {
			return 0
		}
		return d.Start().YearDay()
	}
	return fmt.Sprintf("%d/%d %d-%d %d last %d",
		s.Current, s.Best, day(s.Start), day(s.LastMet), day(s.BestEnd), day(s.LastDay))
}

func TestFold(t *testing.T) {
	for _, c := range []struct{ name, days, want string }{
		{"nothing is before the first day", "", "0/0 0-0 0 last 0"},
		{"a first Met day is a streak of one", "M", "1/1 1-1 0 last 1"},
		{"Met days add up", "MMM", "3/3 1-3 0 last 3"},
		{"a Held day changes nothing but the last day", "MMh", "2/2 1-2 0 last 3"},
		{"a Held day does not end a streak", "MhM", "2/2 1-3 0 last 3"},
		{"a Held day is no streak", "hh", "0/0 0-0 0 last 2"},
		{"a streak begins with a Met day, not with a Held one", "hhM", "1/1 3-3 0 last 3"},
		{"a Missed day ends a streak", "MMx", "0/2 0-0 2 last 3"},
		{"a Missed day without a streak ends nothing", "xx", "0/0 0-0 0 last 2"},
		{"a second Missed day leaves the best one's end", "MMxx", "0/2 0-0 2 last 4"},
		{"a Held day after a Missed one begins nothing", "MxhM", "1/1 4-4 1 last 4"},
		{"the best one ends with its last Met day, not with a Held one", "MMhhx", "0/2 0-0 2 last 5"},
		{"a shorter streak leaves the best one's end", "MMMxMM", "2/3 5-6 3 last 6"},
		{"a shorter streak that ends does so, too", "MMMxMMx", "0/3 0-0 3 last 7"},
		{"one that equals the best leaves its end while it runs", "MMxMM", "2/2 4-5 2 last 5"},
		{"one that equals the best moves its end when it ends", "MMxMMx", "0/2 0-0 5 last 6"},
		{"one that equals the best, then is Held, moves it to its last Met day", "MMxMMhx", "0/2 0-0 5 last 7"},
		{"one that is longer than the best has no end while it runs", "MMxMMM", "3/3 4-6 0 last 6"},
		{"one that was longer than the best has its own end", "MMxMMMx", "0/3 0-0 6 last 7"},
		{"a day that is missing changes nothing", "MM..M", "3/3 1-5 0 last 5"},
		{"a day that is missing does not move the best one's end", "MM..x", "0/2 0-0 2 last 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := streak.Fold(slices.Values(days(t, c.days)))
			if err != nil || january(got) != c.want {
				t.Errorf("%s: got %s, %v, want %s", c.days, january(got), err, c.want)
			}
		})
	}
}

// The cases are those that the tests of slokeep's predecessor held, where a day was a step of a counter.
func TestPredecessorsDays(t *testing.T) {
	for _, c := range []struct {
		name            string
		current, best   int
		breaching, down bool
		wantCurrent     int
		wantBest        int
	}{
		{"a healthy day is one more", 3, 5, false, false, 4, 5},
		{"a day that ends down, not breaching, changes nothing", 3, 5, false, true, 3, 5},
		{"a breaching day ends the streak", 7, 7, true, false, 0, 7},
		{"a breaching day that ends down ends it, too", 7, 9, true, true, 0, 9},
		{"a breaching day without a streak changes nothing", 0, 4, true, false, 0, 4},
		{"a breaching first day is a streak of none", 0, 0, true, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := streak.Fold(slices.Values(days(t, strings.Repeat("M", c.best)+"x"+strings.Repeat("M", c.current))))
			if err != nil {
				t.Fatal(err)
			}
			s := standing(t, "2026-02-01")
			s.Breaching, s.Down = c.breaching, c.down
			day, err := s.Record(before, nil)
			if err != nil || day.Streak.Current != c.wantCurrent || day.Streak.Best != c.wantBest {
				t.Errorf("got %+v, %v, want %d/%d", day.Streak, err, c.wantCurrent, c.wantBest)
			}
		})
	}
}

func TestNextRefuses(t *testing.T) {
	before, err := streak.Fold(slices.Values(days(t, "MxMM")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, date string
		outcome    streak.Outcome
		says       string
	}{
		{"the last day once more", "2026-01-04", streak.Met, "date 2026-01-04: want one after the last day, 2026-01-04"},
		{"a day before the last", "2026-01-03", streak.Missed, "want one after the last day"},
		{"a day before the first", "2025-12-31", streak.Met, "want one after the last day"},
		{"no day", "", streak.Met, `day of "checkout": date "": want a day`},
		{"no outcome", "2026-01-05", 0, `day 2026-01-05 of "checkout": outcome 0: want met, held or missed`},
		{"an outcome that is none", "2026-01-05", streak.Missed + 1, "outcome 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, err := before.Next(streak.Day{ObjectiveID: "checkout", Date: date(t, c.date), Outcome: c.outcome})
			wantInvalid(t, err, c.says)
			if after != before {
				t.Errorf("got %+v beside the error, want %+v", after, before)
			}
		})
	}
}

func TestFoldRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  func(list []streak.Day)
		says string
	}{
		{"a day of another objective", func(list []streak.Day) { list[2].ObjectiveID = "cart" },
			`day 2026-01-03: objective's ID "cart": want "checkout", as of the days before`},
		{"a day without an objective among days with one", func(list []streak.Day) { list[2].ObjectiveID = "" }, `ID ""`},
		{"a day twice", func(list []streak.Day) { list[2].Date = list[1].Date }, "date 2026-01-02"},
		{"days in the wrong order", func(list []streak.Day) { list[1], list[2] = list[3], list[1] }, "date 2026-01-02"},
		{"a day without an outcome", func(list []streak.Day) { list[2].Outcome = 0 }, "outcome 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := days(t, "MMMM")
			c.bad(list)
			want, err := streak.Fold(slices.Values(list[:2]))
			if err != nil {
				t.Fatal(err)
			}
			got, err := streak.Fold(slices.Values(list))
			wantInvalid(t, err, c.says)
			if got != want {
				t.Errorf("got %+v beside the error, want what was before, %+v", got, want)
			}
		})
	}
}

func TestFoldStopsAtTheFirstBadDay(t *testing.T) {
	list := days(t, "MMM")
	list[1].Outcome = 0
	seen := 0
	_, err := streak.Fold(func(yield func(streak.Day) bool) {
		for _, d := range list {
			seen++
			if !yield(d) {
				return
			}
		}
	})
	wantInvalid(t, err)
	if seen != 2 {
		t.Errorf("asked for %d days, want 2", seen)
	}
}

func TestStreakAsJSON(t *testing.T) {
	for _, c := range []struct{ days, want string }{
		{"", `{"current":0,"best":0,"start":null,"lastMet":null,"bestEnd":null,"lastDay":null}`},
		{"MMxMh", `{"current":1,"best":2,"start":"2026-01-04","lastMet":"2026-01-04","bestEnd":"2026-01-02","lastDay":"2026-01-05"}`},
	} {
		s, err := streak.Fold(slices.Values(days(t, c.days)))
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(s)
		if err != nil || string(data) != c.want {
			t.Errorf("got %s, %v, want %s", data, err, c.want)
		}
		var again streak.Streak
		if err := json.Unmarshal(data, &again); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Error(diff)
		}
	}
}
