package slo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that there are zones on a machine without a database

	"github.com/slokeep/slokeep/slo"
)

func inZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func instantOf(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestPeriodOfACalendarWindow(t *testing.T) {
	const (
		santiago = "America/Santiago"
		apia     = "Pacific/Apia"
		berlin   = "Europe/Berlin"
		newYork  = "America/New_York"
		stJohns  = "America/St_Johns"
		havana   = "America/Havana"
	)
	for _, test := range []struct {
		name     string
		unit     slo.Unit
		zone     string
		at       string
		from, to string
		hours    float64
	}{
		{"a day in UTC", slo.Day, "", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 24},
		{"a period holds its first instant",
			slo.Day, "", "2026-03-29T00:00:00Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 24},
		{"and its last microsecond",
			slo.Day, "", "2026-03-29T23:59:59.999999Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 24},
		{"what is finer than a microsecond is cut off",
			slo.Day, "", "2026-03-29T23:59:59.999999999Z", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 24},
		{"the instant may be given in any zone",
			slo.Day, "", "2026-03-30T01:00:00+05:30", "2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z", 24},

		{"a day loses an hour in spring",
			slo.Day, berlin, "2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23},
		{"and gains one in autumn",
			slo.Day, berlin, "2026-10-25T12:00:00+01:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25},
		{"a month loses it too",
			slo.Month, newYork, "2026-03-20T00:00:00Z", "2026-03-01T00:00:00-05:00", "2026-04-01T00:00:00-04:00", 743},
		{"and gains it",
			slo.Month, newYork, "2026-11-20T00:00:00Z", "2026-11-01T00:00:00-04:00", "2026-12-01T00:00:00-05:00", 721},
		{"a year does neither",
			slo.Year, newYork, "2026-11-20T00:00:00Z", "2026-01-01T00:00:00-05:00", "2027-01-01T00:00:00-05:00", 8760},

		{"a day without midnight starts at one",
			slo.Day, santiago, "2026-09-06T12:00:00Z", "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00", 23},
		{"and the day before lasts until then",
			slo.Day, santiago, "2026-09-06T03:59:59Z", "2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00", 24},
		{"a day with two midnights starts at the first",
			slo.Day, havana, "2025-11-02T04:30:00Z", "2025-11-02T00:00:00-04:00", "2025-11-03T00:00:00-05:00", 25},
		{"an evening that comes again after midnight is of the new day",
			slo.Day, stJohns, "2005-10-29T23:30:00-03:30", "2005-10-30T00:00:00-02:30", "2005-10-31T00:00:00-03:30", 25},
		{"the same evening the first time is of the old",
			slo.Day, stJohns, "2005-10-29T23:30:00-02:30", "2005-10-29T00:00:00-02:30", "2005-10-30T00:00:00-02:30", 24},

		{"the day before a skipped one ends with it",
			slo.Day, apia, "2011-12-29T23:59:59-10:00", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", 24},
		{"the day after it begins there",
			slo.Day, apia, "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00", 24},
		{"a week around it has six days",
			slo.Week, apia, "2011-12-30T00:00:00Z", "2011-12-26T00:00:00-10:00", "2012-01-02T00:00:00+14:00", 6 * 24},
		{"a December has thirty",
			slo.Month, apia, "2011-12-30T00:00:00Z", "2011-12-01T00:00:00-10:00", "2012-01-01T00:00:00+14:00", 30 * 24},

		{"an offset may have seconds",
			slo.Day, "Africa/Monrovia", "1971-12-31T12:00:00Z", "1971-12-31T00:44:30Z", "1972-01-01T00:44:30Z", 24},
		{"and midnight may be missed by minutes",
			slo.Day, "Africa/Monrovia", "1972-01-07T12:00:00Z", "1972-01-07T00:44:30Z", "1972-01-08T00:00:00Z", 23 + 15.5/60},

		{"a week runs from Monday over the year's end",
			slo.Week, "", "2026-01-01T00:00:00Z", "2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z", 7 * 24},
		{"a Sunday is the last of its week",
			slo.Week, berlin, "2027-01-03T23:59:59+01:00", "2026-12-28T00:00:00+01:00", "2027-01-04T00:00:00+01:00", 7 * 24},
		{"a Monday is the first",
			slo.Week, berlin, "2027-01-04T00:00:00+01:00", "2027-01-04T00:00:00+01:00", "2027-01-11T00:00:00+01:00", 7 * 24},
		{"the last second of a month",
			slo.Month, "", "2026-01-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", 31 * 24},
		{"a February", slo.Month, "", "2027-02-28T12:00:00Z", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z", 28 * 24},
		{"a February of a leap year",
			slo.Month, "", "2028-02-28T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z", 29 * 24},
		{"and of a century that has none",
			slo.Month, "", "2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z", 28 * 24},
		{"a first quarter",
			slo.Quarter, newYork, "2026-04-01T03:59:59Z", "2026-01-01T00:00:00-05:00", "2026-04-01T00:00:00-04:00", 90*24 - 1},
		{"a last quarter",
			slo.Quarter, newYork, "2026-12-31T23:59:59-05:00", "2026-10-01T00:00:00-04:00", "2027-01-01T00:00:00-05:00", 92*24 + 1},
		{"a year ends by its zone",
			slo.Year, berlin, "2026-12-31T23:30:00Z", "2027-01-01T00:00:00+01:00", "2028-01-01T00:00:00+01:00", 8760},
		{"the last day of a leap year that only a rule describes",
			slo.Day, newYork, "2096-12-31T12:00:00Z", "2096-12-31T00:00:00-05:00", "2097-01-01T00:00:00-05:00", 24},

		{"an instant before 1970 is read as 1970",
			slo.Month, "", "1900-05-05T00:00:00Z", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z", 31 * 24},
		{"whose year begins before it in the west",
			slo.Year, newYork, "1900-05-05T00:00:00Z", "1969-01-01T00:00:00-05:00", "1970-01-01T00:00:00-05:00", 8760},
		{"an instant after 2200 is read as 2200",
			slo.Year, "", "2500-05-05T00:00:00Z", "2200-01-01T00:00:00Z", "2201-01-01T00:00:00Z", 8760},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := slo.Calendar(test.unit, inZone(t, test.zone))
			from, to := w.Period(instantOf(t, test.at))
			if !from.Equal(instantOf(t, test.from)) || !to.Equal(instantOf(t, test.to)) {
				t.Errorf("%s at %s: got [%s, %s), want [%s, %s)", w, test.at, from, to, test.from, test.to)
			}
			if got := to.Sub(from).Hours(); got != test.hours {
				t.Errorf("%s at %s has %v hours, want %v", w, test.at, got, test.hours)
			}
			if from.Location() != time.UTC || to.Location() != time.UTC {
				t.Errorf("the edges are in %s and %s, want UTC", from.Location(), to.Location())
			}
		})
	}
}

func TestPeriodOfARollingWindow(t *testing.T) {
	for _, test := range []struct {
		window       slo.Window
		at, from, to string
	}{
		{slo.Days(30), "2026-03-31T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z"},
		{slo.Days(30), "2026-03-31T01:30:00.123456789+01:30", "2026-03-01T00:00:00.123456Z", "2026-03-31T00:00:00.123456Z"},
		{slo.Rolling(time.Microsecond), "2026-03-31T00:00:00Z", "2026-03-30T23:59:59.999999Z", "2026-03-31T00:00:00Z"},
		{slo.Days(3650), "1970-01-01T00:00:00Z", "1960-01-04T00:00:00Z", "1970-01-01T00:00:00Z"},
		{slo.Days(1), "1066-10-14T09:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
		{slo.Days(1), "2201-10-14T09:00:00Z", "2199-12-31T00:00:00Z", "2200-01-01T00:00:00Z"},
	} {
		from, to := test.window.Period(instantOf(t, test.at))
		if !from.Equal(instantOf(t, test.from)) || !to.Equal(instantOf(t, test.to)) || from.Location() != time.UTC {
			t.Errorf("%s at %s: got [%s, %s), want [%s, %s)", test.window, test.at, from, to, test.from, test.to)
		}
	}
}

func TestPeriodAllocatesNothing(t *testing.T) {
	berlin := inZone(t, "Europe/Berlin")
	for _, w := range []slo.Window{
		slo.Days(30), slo.Calendar(slo.Day, nil), slo.Calendar(slo.Day, berlin), slo.Calendar(slo.Week, berlin),
		slo.Calendar(slo.Month, berlin), slo.Calendar(slo.Quarter, berlin), slo.Calendar(slo.Year, berlin),
	} {
		for _, text := range []string{"1970-01-01T00:00:00Z", "2026-03-29T12:00:00Z", "2096-12-31T12:00:00Z"} {
			at := instantOf(t, text)
			if n := testing.AllocsPerRun(100, func() { w.Period(at) }); n != 0 {
				t.Errorf("%s at %s allocates %v times", w, text, n)
			}
		}
	}
}

// ownZone returns a fixed zone, with any name.
func ownZone(name string, offset time.Duration) *time.Location {
	return time.FixedZone(name, int(offset.Seconds()))
}

func TestWindowsThatAreNotValid(t *testing.T) {
	for _, test := range []struct {
		name   string
		window slo.Window
		says   string
	}{
		{"not set", slo.Window{}, `slo: window "": want a length such as "30d"`},
		{"no length", slo.Rolling(0), "slo: window 0s: want more than 0 and at most 3650 days"},
		{"a negative length", slo.Rolling(-time.Hour), "slo: window -1h0m0s: want more than 0 and at most 3650 days"},
		{"a length above 3650 days",
			slo.Rolling(3650*24*time.Hour + 1), "slo: window 87600h0m0.000000001s: want more than 0"},
		{"the greatest length", slo.Rolling(math.MaxInt64), "slo: window 2562047h47m16.854775807s: want more than 0"},
		{"the least length", slo.Rolling(math.MinInt64), "slo: window -2562047h47m16.854775808s: want more than 0"},
		{"a length below a microsecond", slo.Rolling(time.Nanosecond), "slo: window 1ns: want whole microseconds"},
		{"a length with nanoseconds",
			slo.Rolling(time.Hour + 1), "slo: window 1h0m0.000000001s: want whole microseconds"},
		{"no days", slo.Days(0), `slo: window "0d": want more than 0 and at most 3650 days`},
		{"negative days", slo.Days(-1), `slo: window "-1d": want`},
		{"3651 days", slo.Days(3651), `slo: window "3651d": want`},
		{"no unit", slo.Calendar(0, nil), `slo: window "calendar:Unit(0):UTC": want Day, Week, Month, Quarter or Year`},
		{"an unknown unit",
			slo.Calendar(slo.Year+1, inZone(t, "Europe/Berlin")), `"calendar:Unit(6):Europe/Berlin": want Day`},
		{"the machine's zone",
			slo.Calendar(slo.Day, time.Local), `slo: window "calendar:day:Local": want a time zone by its IANA name`},
		{"a zone called Local",
			slo.Calendar(slo.Day, ownZone("Local", 0)), `"calendar:day:Local": want a time zone by its IANA name`},
		{"a fixed zone",
			slo.Calendar(slo.Week, ownZone("CEST", 2*time.Hour)), `"calendar:week:CEST": want a time zone that time.Load`},
		{"a fixed zone without a name",
			slo.Calendar(slo.Week, ownZone("", time.Hour)), `"calendar:week:": want the offsets`},
		{"a fixed zone called UTC that is not",
			slo.Calendar(slo.Week, ownZone("UTC", time.Second)), `"calendar:week:UTC": want the offsets`},
		{"a fixed zone that calls itself Berlin",
			slo.Calendar(slo.Day, ownZone("Europe/Berlin", time.Hour)), `"calendar:day:Europe/Berlin": want the offsets`},
		{"a file of the machine's zone",
			slo.Calendar(slo.Day, ownZone("localtime", 0)), `"calendar:day:localtime": want a time zone by its IANA name`},
		{"a zone that counts leap seconds",
			slo.Calendar(slo.Day, ownZone("right/Europe/Berlin", 0)), `"calendar:day:right/Europe/Berlin": want`},
		{"a way out of the database",
			slo.Calendar(slo.Day, ownZone("Europe/../Europe/Berlin", 0)), `"calendar:day:Europe/../Europe/Berlin": want`},
		{"a name that would not parse",
			slo.Calendar(slo.Day, ownZone("A:B", 0)), `"calendar:day:A:B": want a time zone by its IANA name`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.window.Validate()
			if !errors.Is(err, slo.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("Validate: got %v, want ErrInvalid with %s", err, test.says)
			}
			if from, to := test.window.Period(time.Now()); !from.IsZero() || !to.IsZero() {
				t.Errorf("Period: got [%s, %s), want zero times", from, to)
			}
			if text, err := test.window.MarshalText(); !errors.Is(err, slo.ErrInvalid) {
				t.Errorf("MarshalText: got %q, %v, want ErrInvalid", text, err)
			}
			if _, err := slo.ParseWindow(test.window.String()); err == nil {
				t.Errorf("String: %q parses", test.window)
			}
			if got, want := test.window.IsZero(), test.name == "not set"; got != want {
				t.Errorf("IsZero: got %v", got)
			}
		})
	}
}

func TestDaysDoNotOverflow(t *testing.T) {
	wrapped := int64(1)<<48 + 30 // times 24 hours this is 30 days again, in 64 bits
	for _, n := range []int{int(wrapped), math.MaxInt, math.MinInt, math.MaxInt32, math.MinInt32} {
		if n == 30 {
			continue // an int of 32 bits
		}
		err := slo.Days(n).Validate()
		if says := fmt.Sprintf(`slo: window "%dd": want`, n); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
}

func TestZonesThatAreValid(t *testing.T) {
	for _, test := range []struct {
		name string
		zone *time.Location
		text string
	}{
		{"nil", nil, "calendar:day"},
		{"UTC", time.UTC, "calendar:day"},
		{"a fixed zone that is UTC", ownZone("UTC", 0), "calendar:day"},
		{"and one without a name", ownZone("", 0), "calendar:day"},
		{"the empty location", new(time.Location), "calendar:day"},
		{"a zone of the database",
			inZone(t, "America/Argentina/Buenos_Aires"), "calendar:day:America/Argentina/Buenos_Aires"},
		{"a zone without a continent", inZone(t, "Etc/GMT+5"), "calendar:day:Etc/GMT+5"},
		{"a fixed zone that is the one it says",
			ownZone("Asia/Kolkata", 5*time.Hour+30*time.Minute), "calendar:day:Asia/Kolkata"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := slo.Calendar(slo.Day, test.zone)
			if err := w.Validate(); err != nil {
				t.Fatal(err)
			}
			if w.String() != test.text {
				t.Errorf("got %q, want %q", w, test.text)
			}
			if parsed, err := slo.ParseWindow(test.text); err != nil || !parsed.Equal(w) || !w.Equal(parsed) {
				t.Errorf("%q parses as %v, %v", test.text, parsed, err)
			}
		})
	}
}

// A machine's own zone may bear the name of a real one (TZ=Europe/Berlin): what runs there must not fail on the next.
func TestTheMachinesZoneIsRefusedByAnyName(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	time.Local = inZone(t, "Europe/Berlin")
	if err := slo.Calendar(slo.Day, time.Local).Validate(); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
	time.Local = time.UTC
	if err := slo.Calendar(slo.Day, time.Local).Validate(); err != nil {
		t.Errorf("a program that sets time.Local to UTC: got %v", err)
	}
}

func TestParseWindow(t *testing.T) {
	berlin := inZone(t, "Europe/Berlin")
	for _, test := range []struct {
		text, canonical string
		want            slo.Window
	}{
		{"30d", "30d", slo.Days(30)},
		{"1d", "1d", slo.Rolling(24 * time.Hour)},
		{"24h", "1d", slo.Days(1)},
		{"12h", "12h", slo.Rolling(12 * time.Hour)},
		{"36h", "1d12h", slo.Rolling(36 * time.Hour)},
		{"90m", "1h30m", slo.Rolling(90 * time.Minute)},
		{"1h30m", "1h30m", slo.Rolling(90 * time.Minute)},
		{"300s", "5m", slo.Rolling(5 * time.Minute)},
		{"1d2h3m4s", "1d2h3m4s", slo.Rolling(26*time.Hour + 3*time.Minute + 4*time.Second)},
		{"1d4s", "1d4s", slo.Rolling(24*time.Hour + 4*time.Second)},
		{"0d0h5m0s", "5m", slo.Rolling(5 * time.Minute)},
		{"0.5s", "0.5s", slo.Rolling(time.Second / 2)},
		{"1.000001s", "1.000001s", slo.Rolling(time.Second + time.Microsecond)},
		{"0.000001s", "0.000001s", slo.Rolling(time.Microsecond)},
		{"59.100000s", "59.1s", slo.Rolling(59*time.Second + 100*time.Millisecond)},
		{"60.5s", "1m0.5s", slo.Rolling(time.Minute + 500*time.Millisecond)},
		{"1h0.25s", "1h0.25s", slo.Rolling(time.Hour + 250*time.Millisecond)},
		{"007d", "7d", slo.Days(7)},
		{"3650d", "3650d", slo.Days(3650)},
		{"315360000s", "3650d", slo.Days(3650)},
		{"3649d23h59m59.999999s", "3649d23h59m59.999999s", slo.Rolling(3650*24*time.Hour - time.Microsecond)},
		{"calendar:day", "calendar:day", slo.Calendar(slo.Day, nil)},
		{"calendar:week", "calendar:week", slo.Calendar(slo.Week, time.UTC)},
		{"calendar:month", "calendar:month", slo.Calendar(slo.Month, nil)},
		{"calendar:quarter", "calendar:quarter", slo.Calendar(slo.Quarter, nil)},
		{"calendar:year", "calendar:year", slo.Calendar(slo.Year, nil)},
		{"calendar:year:UTC", "calendar:year", slo.Calendar(slo.Year, nil)},
		{"calendar:week:Europe/Berlin", "calendar:week:Europe/Berlin", slo.Calendar(slo.Week, berlin)},
	} {
		t.Run(test.text, func(t *testing.T) {
			w, err := slo.ParseWindow(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if !w.Equal(test.want) || w.Validate() != nil {
				t.Errorf("got %v, want %v", w, test.want)
			}
			if w.String() != test.canonical {
				t.Errorf("prints %q, want %q", w, test.canonical)
			}
			if again, err := slo.ParseWindow(w.String()); err != nil || !again.Equal(w) {
				t.Errorf("%q parses as %v, %v", w, again, err)
			}
		})
	}
}

func TestParseWindowRefuses(t *testing.T) {
	for _, test := range []struct {
		want  string
		texts []string
	}{
		{`want a length such as "30d"`, []string{
			"", " ", "1 month", "1mo", "1y", "1w", "1ms", "30", "d", "dhms", "30D", "30d ", " 30d", "30 d", "30 days", "month",
			"1d1d", "30m1h", "1s1d", "1d12", "12h30", "+1d", "-1d", "1_0d", "0x1d", "1e3s", "infs", "١d", "1\x00d", "\xffd",
			"1.5h", "0.5d", ".5s", "1.s", "1.0000001s", "1.5.5s", "1.-5s", "1.+5s", "1,5s",
			"calendar", "calendar:", "calendar:days", "calendar:Month", "Calendar:month", "calendar: month", "calendar:fortnight",
			"calendar:Unit(0)", "calendar:30d",
		}},
		{"want more than 0 and at most 3650 days", []string{
			"0d", "0s", "0.0s", "3651d", "3650d0.000001s", "87601h", "9223372036854775807s", "18446744073709551616d",
			strings.Repeat("9", 50) + "d",
		}},
		{"want a time zone by its IANA name", []string{
			"calendar:month:", "calendar:month:Local", "calendar:month:UTC:UTC", "calendar:month:+02:00",
			"calendar:month:/etc/localtime", "calendar:month:posixrules", "calendar:month:europe/berlin",
			"calendar:month:Europe//Berlin", "calendar:month:Europe/./Berlin", "calendar:month:Europe/Berlin\n",
		}},
		{"want a time zone that time.LoadLocation finds", []string{
			"calendar:month:Mars/Olympus_Mons", "calendar:month:Europe", "calendar:month:Europe/", "calendar:month:CEST",
		}},
	} {
		for _, text := range test.texts {
			w, err := slo.ParseWindow(text)
			if !errors.Is(err, slo.ErrInvalid) || !w.IsZero() {
				t.Errorf("%q: got %v, %v, want ErrInvalid", text, w, err)
			} else if says := fmt.Sprintf("slo: window %q: %s", text, test.want); !strings.HasPrefix(err.Error(), says) {
				t.Errorf("got %v, want %s", err, says)
			}
		}
	}
}

func TestEveryLengthHasATextThatParsesBack(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, seed))
	units := []time.Duration{time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}
	for range 20_000 {
		unit := units[rng.IntN(len(units))]
		w := slo.Rolling(time.Duration(1+rng.Int64N(int64(3650*24*time.Hour/unit))) * unit)
		if err := w.Validate(); err != nil {
			t.Fatal(err)
		}
		if again, err := slo.ParseWindow(w.String()); err != nil || !again.Equal(w) {
			t.Fatalf("%q parses as %v, %v", w, again, err)
		}
	}
}

func TestWindowEqual(t *testing.T) {
	berlin := inZone(t, "Europe/Berlin")
	distinct := []slo.Window{
		{}, slo.Days(1), slo.Days(30), slo.Rolling(0), slo.Days(0), slo.Calendar(slo.Day, nil),
		slo.Calendar(slo.Day, berlin), slo.Calendar(slo.Month, berlin),
		slo.Calendar(slo.Day, inZone(t, "Europe/Paris")), slo.Calendar(slo.Day, time.Local),
		slo.Calendar(0, nil), slo.Calendar(slo.Day, ownZone("Europe/Berlin", time.Hour)),
	}
	for i, a := range distinct {
		for j, b := range distinct {
			if a.Equal(b) != (i == j) {
				t.Errorf("%#v and %#v: got %v", a, b, a.Equal(b))
			}
		}
	}
	for _, same := range [][2]slo.Window{
		{slo.Days(1), slo.Rolling(24 * time.Hour)},
		{slo.Calendar(slo.Day, nil), slo.Calendar(slo.Day, ownZone("", 0))},
		{slo.Calendar(slo.Day, berlin), slo.Calendar(slo.Day, inZone(t, "Europe/Berlin"))},
		{slo.Rolling(0), slo.Rolling(0)},
	} {
		if !same[0].Equal(same[1]) {
			t.Errorf("%v and %v are not equal", same[0], same[1])
		}
	}
}

func TestWindowInJSON(t *testing.T) {
	type record struct {
		Window slo.Window `json:"window,omitzero"`
	}
	for _, test := range []struct {
		window slo.Window
		text   string
	}{
		{slo.Days(30), `{"window":"30d"}`},
		{slo.Calendar(slo.Week, inZone(t, "Europe/Berlin")), `{"window":"calendar:week:Europe/Berlin"}`},
		{slo.Window{}, `{}`},
	} {
		text, err := json.Marshal(record{test.window})
		if err != nil || string(text) != test.text {
			t.Errorf("%v: got %s, %v, want %s", test.window, text, err, test.text)
		}
		var back record
		if err := json.Unmarshal(text, &back); err != nil || !back.Window.Equal(test.window) {
			t.Errorf("%s: got %v, %v, want %v", text, back.Window, err, test.window)
		}
	}
	if _, err := json.Marshal(record{slo.Rolling(0)}); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("an invalid window: got %v, want ErrInvalid", err)
	}
	kept := record{slo.Days(7)}
	if err := json.Unmarshal([]byte(`{"window":"1 month"}`), &kept); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("a bad text: got %v, want ErrInvalid", err)
	}
	if !kept.Window.Equal(slo.Days(7)) {
		t.Errorf("after a bad text the window is %v, want what it was", kept.Window)
	}
}

func TestUnitString(t *testing.T) {
	for unit, want := range map[slo.Unit]string{
		slo.Day: "day", slo.Week: "week", slo.Month: "month", slo.Quarter: "quarter", slo.Year: "year",
		0: "Unit(0)", 6: "Unit(6)", 255: "Unit(255)",
	} {
		if unit.String() != want {
			t.Errorf("got %q, want %q", unit, want)
		}
	}
}

func BenchmarkPeriod(b *testing.B) {
	newYork := inZone(b, "America/New_York")
	at := instantOf(b, "2060-08-20T12:00:00Z") // beyond what any database lists: the rule is applied
	for _, w := range []slo.Window{
		slo.Days(30), slo.Calendar(slo.Day, nil), slo.Calendar(slo.Day, newYork), slo.Calendar(slo.Month, newYork),
		slo.Calendar(slo.Year, newYork),
	} {
		b.Run(w.String(), func(b *testing.B) {
			for b.Loop() {
				w.Period(at)
			}
		})
	}
}
