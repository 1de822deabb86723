package streak_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/streak"
)

// date reads a day that the test's author knows to be one; "" is the zero Date.
func date(t testing.TB, text string) streak.Date {
	t.Helper()
	if text == "" {
		return streak.Date{}
	}
	d, err := streak.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wantInvalid fails unless err is ErrInvalid and says all of these.
func wantInvalid(t testing.TB, err error, says ...string) {
	t.Helper()
	if !errors.Is(err, streak.ErrInvalid) {
		t.Fatalf("got error %v, want ErrInvalid", err)
	}
	for _, s := range append([]string{"streak: ", ": want "}, says...) {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("got error %q, want it to say %q", err, s)
		}
	}
}

func TestEveryDayIsOne(t *testing.T) {
	d := date(t, "1970-01-01")
	days := 0
	for at := time.Unix(0, 0).UTC(); at.Year() <= 2200; at = at.AddDate(0, 0, 1) {
		if days > 0 {
			next, err := d.Add(1)
			if err != nil || !next.After(d) || next.Sub(d) != 1 {
				t.Fatalf("the day after %s is %s, %v", d, next, err)
			}
			d = next
		}
		text := at.Format(time.DateOnly)
		if d.String() != text || !d.Start().Equal(at) || !d.End().Equal(at.AddDate(0, 0, 1)) {
			t.Fatalf("%s: got %s, [%s, %s)", text, d, d.Start(), d.End())
		}
		if parsed, err := streak.ParseDate(text); parsed != d || err != nil {
			t.Fatalf("%s parses as %s, %v", text, parsed, err)
		}
		for _, at := range []time.Time{d.Start(), d.End().Add(-time.Nanosecond)} {
			if got, err := streak.DateOf(at); got != d || err != nil {
				t.Fatalf("%s lies in %s, %v, want %s", at, got, err, d)
			}
		}
		days++
	}
	if want := "2200-12-31"; d.String() != want || days != 84371 {
		t.Errorf("the last of %d days is %s, want %s of 84371", days, d, want)
	}
}

func TestDateOfIsTheDayInUTC(t *testing.T) {
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	for _, c := range []struct {
		name, want string
		at         time.Time
	}{
		{"the first instant", "1970-01-01", time.Unix(0, 0)},
		{"the last nanosecond of a day", "2026-03-31", time.Date(2026, 3, 31, 23, 59, 59, 999_999_999, time.UTC)},
		{"midnight", "2026-04-01", time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)},
		{"the day before in UTC", "2026-03-31", time.Date(2026, 4, 1, 13, 59, 0, 0, east)},
		{"the day after in UTC", "2026-04-01", time.Date(2026, 3, 31, 12, 0, 0, 0, west)},
		{"a leap day", "2028-02-29", time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC)},
		{"the last instant of package slo", "2200-01-01", time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"the last nanosecond of all", "2200-12-31", time.Date(2200, 12, 31, 23, 59, 59, 999_999_999, time.UTC)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := streak.DateOf(c.at)
			if err != nil || got.String() != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestInstantsOutsideTheYearsAreInvalid(t *testing.T) {
	for _, at := range []time.Time{
		{}, time.Unix(0, -1), time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0),
	} {
		got, err := streak.DateOf(at)
		wantInvalid(t, err, "instant ", "1970-01-01 to 2200-12-31")
		if !got.IsZero() {
			t.Errorf("%s: got %s beside the error", at, got)
		}
	}
}

func TestTextsThatAreNoDayAreInvalid(t *testing.T) {
	for _, text := range []string{
		"", " ", "today", "2026-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-1-1", "26-01-01", "2026-01-01 ",
		" 2026-01-01", "2026-01-01T00:00:00Z", "20260101", "2026/01/01", "1969-12-31", "2201-01-01", "0000-00-00",
		"9999-12-31",
		"-2026-01-01", "+2026-01-01", "2026-01-+1", "٢٠٢٦-01-01", "2026-01-01\x00", "\xff\xff\xff\xff-01-01",
		strings.Repeat("2", 10_000),
	} {
		got, err := streak.ParseDate(text)
		wantInvalid(t, err, "date ", "such as 2026-03-31")
		if !got.IsZero() {
			t.Errorf("%q: got %s beside the error", text, got)
		}
		if len(err.Error()) > 400 {
			t.Errorf("%.10q...: the error repeats the whole text", text)
		}
	}
}

func TestDatesAreOrdered(t *testing.T) {
	ordered := []streak.Date{{}, date(t, "1970-01-01"), date(t, "1999-12-31"), date(t, "2000-01-01"), date(t, "2200-12-31")}
	for i, a := range ordered {
		for j, b := range ordered {
			want := struct {
				Compare              int
				Before, After, Equal bool
			}{min(1, max(-1, i-j)), i < j, i > j, i == j}
			got := want
			got.Compare, got.Before, got.After, got.Equal = a.Compare(b), a.Before(b), a.After(b), a.Equal(b)
			if got != want || (a == b) != want.Equal {
				t.Errorf("%q and %q: got %+v, want %+v", a, b, got, want)
			}
		}
	}
}

func TestAddAndSub(t *testing.T) {
	for _, c := range []struct {
		from string
		days int
		want string // "" is ErrInvalid
	}{
		{"2026-01-31", 1, "2026-02-01"},
		{"2026-03-01", -1, "2026-02-28"},
		{"2028-02-28", 1, "2028-02-29"},
		{"2100-02-28", 1, "2100-03-01"},
		{"2026-05-05", 0, "2026-05-05"},
		{"2025-12-31", 365, "2026-12-31"},
		{"1970-01-01", 84370, "2200-12-31"},
		{"2200-12-31", -84370, "1970-01-01"},
		{"1970-01-01", -1, ""},
		{"1970-01-01", 84371, ""},
		{"2200-12-31", 1, ""},
		{"2200-12-31", -84371, ""},
		{"2026-05-05", math.MaxInt, ""},
		{"2026-05-05", math.MinInt, ""},
		{"2026-05-05", 1 << 32, ""},
		{"", 0, ""},
		{"", 1, ""},
	} {
		from := date(t, c.from)
		got, err := from.Add(c.days)
		if c.want == "" {
			wantInvalid(t, err, "date")
			if !got.IsZero() {
				t.Errorf("%q + %d: got %s beside the error", c.from, c.days, got)
			}
			continue
		}
		if err != nil || got.String() != c.want || got.Sub(from) != c.days || from.Sub(got) != -c.days {
			t.Errorf("%s + %d: got %s, %v, %d days away", c.from, c.days, got, err, got.Sub(from))
		}
	}
	if d := date(t, "2026-05-05"); d.Sub(streak.Date{}) != 0 || (streak.Date{}).Sub(d) != 0 {
		t.Error("no day is some days away from a day")
	}
}

func TestZeroDateIsNoDay(t *testing.T) {
	var d streak.Date
	if !d.IsZero() || d.String() != "" || !d.Start().IsZero() || !d.End().IsZero() {
		t.Errorf("got %q, [%s, %s)", d, d.Start(), d.End())
	}
	if first := date(t, "1970-01-01"); first.IsZero() || !first.After(d) {
		t.Error("the first day is none")
	}
}

func TestDatesIterates(t *testing.T) {
	for _, c := range []struct{ name, from, until, want string }{
		{"over the end of a month", "2026-02-27", "2026-03-02", "2026-02-27 2026-02-28 2026-03-01"},
		{"to the last day of all", "2200-12-30", "2200-12-31", "2200-12-30"},
		{"over no day where until is the first", "2026-02-27", "2026-02-27", ""},
		{"over no day where until lies before", "2026-02-27", "2026-02-01", ""},
		{"over no day from the zero Date on", "", "2026-02-01", ""},
		{"over no day to the zero Date", "2026-02-01", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for d := range streak.Dates(date(t, c.from), date(t, c.until)) {
				got = append(got, d.String())
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("got %s, want %s", text, c.want)
			}
		})
	}
	t.Run("no further than it is asked to", func(t *testing.T) {
		for d := range streak.Dates(date(t, "2026-02-27"), date(t, "2026-03-02")) {
			if d.String() != "2026-02-27" {
				t.Fatalf("went on to %s", d)
			}
			break
		}
	})
}

func TestDateAsText(t *testing.T) {
	for _, c := range []struct{ day, json string }{{"2026-03-31", `"2026-03-31"`}, {"", "null"}} {
		d := date(t, c.day)
		text, err := d.MarshalText()
		if err != nil || string(text) != c.day {
			t.Errorf("%q: text %q, %v", c.day, text, err)
		}
		again := date(t, "1999-09-09")
		if err := again.UnmarshalText(text); err != nil || again != d {
			t.Errorf("%q: text is read back as %q, %v", c.day, again, err)
		}
		data, err := json.Marshal(d)
		if err != nil || string(data) != c.json {
			t.Errorf("%q: JSON %s, %v", c.day, data, err)
		}
		again = date(t, "1999-09-09")
		if err := json.Unmarshal(data, &again); err != nil || again != d {
			t.Errorf("%q: JSON is read back as %q, %v", c.day, again, err)
		}
	}
	t.Run("is the key of a map", func(t *testing.T) {
		days := map[streak.Date]int{date(t, "2026-03-31"): 1, {}: 2}
		data, err := json.Marshal(days)
		if err != nil || string(data) != `{"":2,"2026-03-31":1}` {
			t.Fatalf("got %s, %v", data, err)
		}
		var again map[streak.Date]int
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(days, again); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("that is no day leaves a Date as it was", func(t *testing.T) {
		d := date(t, "1999-09-09")
		wantInvalid(t, d.UnmarshalText([]byte("2026-02-30")), `date "2026-02-30"`)
		wantInvalid(t, json.Unmarshal([]byte(`"2026-02-30"`), &d), `date "2026-02-30"`)
		for _, bad := range []string{"5", "{}", `["2026-02-20"]`, "true"} {
			if err := json.Unmarshal([]byte(bad), &d); err == nil {
				t.Errorf("%s is read as %s", bad, d)
			}
		}
		if d.String() != "1999-09-09" {
			t.Errorf("got %s", d)
		}
	})
}

// FuzzParseDate holds what every text must do: be refused by name, or be a day that prints as that very text.
func FuzzParseDate(f *testing.F) {
	for _, text := range []string{
		"2026-03-31", "1970-01-01", "2200-12-31", "2201-01-01", "1969-12-31", "2028-02-29", "2027-02-29", "2026-1-1", "",
		"2026-03-31T00:00:00Z", "+026-03-31", "2026-03-31,5", "\xff", "0000-00-00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := streak.ParseDate(text)
		if err != nil {
			if !errors.Is(err, streak.ErrInvalid) || !strings.HasPrefix(err.Error(), `streak: date "`) || !d.IsZero() {
				t.Fatalf("%q: got %q, %v", text, d, err)
			}
			if at, err := time.Parse("2006-01-02", text); err == nil && at.Year() >= 1970 && at.Year() <= 2200 {
				t.Fatalf("%q is refused", text)
			}
			return
		}
		if d.String() != text {
			t.Fatalf("%q prints as %q", text, d)
		}
		same, err := streak.DateOf(d.Start())
		if err != nil || same != d {
			t.Fatalf("%q starts in %q, %v", text, same, err)
		}
		if got := d.End().Sub(d.Start()); got != 24*time.Hour {
			t.Fatalf("%q is %s long", text, got)
		}
	})
}
