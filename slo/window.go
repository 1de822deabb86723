package slo

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Window is the stretch of time over which an objective is judged: either the last so many days, hours or seconds
// ([Rolling], [Days]), or the running day, week, month, quarter or year of a time zone ([Calendar]).
//
// A Window is a value that never changes; any number of goroutines may share it. The zero Window is not set: it is not
// valid, and its periods are zero times. Windows are compared with [Window.Equal], never with ==.
//
// Its text form, which is its JSON form too, is that of [ParseWindow].
type Window struct {
	length int64          // microseconds; only of a rolling window
	unit   Unit           // only of a calendar window
	loc    *time.Location // only of a calendar window; nil is UTC
	bad    error          // why it is not valid, where it is not
}

// Rolling returns the window [now-d, now). d is more than 0 and at most 3650 days, in whole microseconds; for any other d
// the window is one that [Window.Validate] reports.
func Rolling(d time.Duration) Window {
	if err := checkLength("", "window", d); err != nil {
		return Window{bad: err}
	}
	return Window{length: d.Microseconds()}
}

// Days returns the window of the last n times 24 hours. n is 1 to 3650; for any other n the window is one that
// [Window.Validate] reports.
func Days(n int) Window {
	if n < 1 || n > maxMicros/microsDay {
		return Window{bad: invalid("", "window", strconv.Itoa(n)+"d", wantLength)}
	}
	return Rolling(time.Duration(n) * 24 * time.Hour)
}

// Calendar returns the window that is always the running period of unit, by the local dates of loc; a nil loc is UTC. A
// period starts at the first instant whose local date is its first day or later. So each instant lies in exactly one
// period, also where clocks change at midnight or a date was skipped.
//
// loc is a zone of the IANA database by its name: its offsets are taken from where [time.LoadLocation] finds that name, so
// that the window means the same after it was stored and read again. [time.Local], which differs from one machine to the
// next, and fixed zones give a window that [Window.Validate] reports, as does a unit that is none; a fixed zone that is
// always at UTC and bears that name, or none, is UTC.
func Calendar(unit Unit, loc *time.Location) Window {
	if loc == nil || loc == time.UTC {
		return calendarIn(unit, "UTC")
	}
	if loc == time.Local {
		return Window{bad: invalid("", "window", calendarText(unit, "Local"), wantZone)}
	}
	w := calendarIn(unit, zoneName(loc))
	if w.bad == nil && !sameOffsets(loc, w.loc) {
		return Window{bad: invalid("", "window", calendarText(unit, loc.String()), wantSameZone)}
	}
	return w
}

const (
	wantLength   = "more than 0 and at most 3650 days"
	wantUnit     = "Day, Week, Month, Quarter or Year"
	wantZone     = "a time zone of the IANA database, neither time.Local nor a fixed one"
	wantSameZone = "the time zone of that name, with the offsets that time.LoadLocation gives it"
	wantDatabase = "a time zone that time.LoadLocation finds (import time/tzdata where a machine has no database)"
	wantWindow   = `a length such as "30d" or "1h30m", or a period such as "calendar:month" or "calendar:week:Europe/Berlin"`
)

func calendarIn(unit Unit, zone string) Window {
	if !unit.valid() {
		return Window{bad: invalid("", "window", calendarText(unit, zone), wantUnit)}
	}
	loc, want := loadZone(zone)
	if want != "" {
		return Window{bad: invalid("", "window", calendarText(unit, zone), want)}
	}
	return Window{unit: unit, loc: loc}
}

func zoneName(loc *time.Location) string {
	if loc == nil || loc.String() == "" {
		return "UTC"
	}
	return loc.String()
}

// loadZone returns the time zone of a name, nil for UTC, or else what is wanted of the name. Besides zones, the directory
// of a machine's database may hold that machine's own zone (localtime), zones that count leap seconds (right/...), and
// second names (posix/...). All those begin with a small letter, and no zone does.
func loadZone(name string) (loc *time.Location, want string) {
	if name == "UTC" {
		return nil, ""
	}
	if name == "Local" || name == "" || name[0] < 'A' || name[0] > 'Z' || strings.ContainsAny(name, ":.\\") || strings.Contains(name, "//") {
		return nil, wantZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, wantDatabase
	}
	return loc, ""
}

// sameOffsets compares two zones in the winters and summers of 1970 to 2040: enough to tell zones from each other, and
// all of them from a fixed one.
func sameOffsets(a, b *time.Location) bool {
	for year := 1970; year <= 2040; year++ {
		for _, month := range [...]time.Month{time.January, time.July} {
			sec := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix()
			if offsetAt(a, sec) != offsetAt(b, sec) {
				return false
			}
		}
	}
	return true
}

// Validate returns nil if the window can be used, and otherwise an error that matches [ErrInvalid] and names what was
// given. A window that [ParseWindow] returned without an error is valid.
func (w Window) Validate() error { return w.check("") }

func (w Window) check(what string) error {
	bad := w.bad
	if w.IsZero() {
		bad = invalid("", "window", "", wantWindow)
	}
	if e, ok := errors.AsType[*fieldError](bad); ok {
		return &fieldError{what: what, field: e.field, value: e.value, want: e.want}
	}
	return bad
}

func (w Window) valid() bool { return w.bad == nil && !w.IsZero() }

// IsZero reports whether the window is not set. A window made of arguments that are out of range, such as Rolling(0), is
// not valid, but it is set.
func (w Window) IsZero() bool { return w.length == 0 && w.unit == 0 && w.bad == nil }

// Equal reports whether two windows mean the same: the same length, or the same unit in the zone of the same name. Windows
// that are not valid are equal if they are so for the same reason.
func (w Window) Equal(other Window) bool {
	if w.bad != nil || other.bad != nil {
		return w.bad != nil && other.bad != nil && w.bad.Error() == other.bad.Error()
	}
	return w.length == other.length && w.unit == other.unit && zoneName(w.loc) == zoneName(other.loc)
}

// Period returns the period [from, to) in UTC that the window looks at when it is asked at an instant. Of a rolling window
// that is the time up to at; of a calendar window the whole period that holds at, with its end still to come. at is
// truncated to microseconds, and read as 1970-01-01 or 2200-01-01 where it lies before the one or after the other; the
// period's edges may lie outside. A window that is not valid has no periods: both are zero times.
func (w Window) Period(at time.Time) (from, to time.Time) {
	if !w.valid() {
		return time.Time{}, time.Time{}
	}
	start, end := w.period(clamp(at))
	return instant(start), instant(end)
}

// period is Period of a valid window in microseconds.
func (w Window) period(m int64) (from, to int64) {
	if w.rolling() {
		return m - w.length, m
	}
	from, to = calendarPeriod(w.unit, w.loc, floorDiv(m, microsSecond))
	return from * microsSecond, to * microsSecond
}

func (w Window) rolling() bool { return w.unit == 0 }

// nominal returns the microseconds of the window's period, for a calendar window those that its unit stands for.
func (w Window) nominal() int64 {
	if w.rolling() {
		return w.length
	}
	return w.unit.nominal() * microsDay
}

const (
	microsSecond = 1_000_000
	calendarMark = "calendar:"
)

// lengthUnits are the units of a length in text, in their order.
var lengthUnits = [...]struct {
	letter string
	micros int64
}{{"d", microsDay}, {"h", 3600 * microsSecond}, {"m", 60 * microsSecond}, {"s", microsSecond}}

// ParseWindow reads a window. A length is one or more whole numbers with the units d (of 24 hours), h, m and s, each at
// most once and in that order, as in "30d", "12h", "1h30m"; seconds may have up to six decimals, as in "0.5s". A period is
// "calendar:" with day, week, month, quarter or year, as in "calendar:month", which is in UTC, and if wanted a time zone,
// as in "calendar:week:Europe/Berlin". Nothing else is read, neither spaces nor signs nor capitals; the error then matches
// [ErrInvalid], as it does for lengths and zones that [Rolling] and [Calendar] do not allow.
func ParseWindow(s string) (Window, error) {
	w := parseWindow(s)
	if e, ok := errors.AsType[*fieldError](w.bad); ok {
		return Window{}, &fieldError{field: e.field, value: show(s), want: e.want}
	}
	return w, w.bad
}

func parseWindow(s string) Window {
	if period, ok := strings.CutPrefix(s, calendarMark); ok {
		return parseCalendar(period)
	}
	m, ok := parseLength(s)
	if !ok {
		return Window{bad: invalid("", "window", s, wantWindow)}
	}
	return Rolling(length(m))
}

func parseCalendar(period string) Window {
	name, zone, ok := strings.Cut(period, ":")
	if !ok {
		zone = "UTC"
	}
	for unit := Day; unit <= Year; unit++ {
		if unit.String() == name {
			return calendarIn(unit, zone)
		}
	}
	return Window{bad: invalid("", "window", period, wantWindow)}
}

func parseLength(s string) (m int64, ok bool) {
	if s == "" {
		return 0, false
	}
	for _, unit := range lengthUnits {
		number, rest, found := strings.Cut(s, unit.letter)
		if !found {
			continue
		}
		n, ok := parseNumber(number, unit.micros)
		if !ok {
			return 0, false
		}
		m, s = m+n, rest
	}
	return m, s == ""
}

// parseNumber reads a number of units as microseconds. What is longer than any window is read as a little longer.
func parseNumber(s string, unit int64) (m int64, ok bool) {
	s, decimals, found := strings.Cut(s, ".")
	if found {
		if unit != microsSecond || len(decimals) < 1 || len(decimals) > 6 {
			return 0, false
		}
		n, err := strconv.ParseUint((decimals + "00000")[:6], 10, 63)
		if err != nil {
			return 0, false
		}
		m = int64(n)
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return m + int64(min(n, uint64(maxMicros/unit+1)))*unit, true
}

// String returns the window in the one form that [ParseWindow] reads and that is shortest: days, hours, minutes and
// seconds each only where there are any, and "1d" for 24 hours. For a window that is not valid it says so, in words that do
// not parse.
func (w Window) String() string {
	switch {
	case w.IsZero():
		return "no window"
	case w.bad != nil:
		return "invalid window"
	case w.rolling():
		return lengthText(w.length)
	}
	return calendarText(w.unit, zoneName(w.loc))
}

func calendarText(unit Unit, zone string) string {
	if zone == "UTC" {
		return calendarMark + unit.String()
	}
	return calendarMark + unit.String() + ":" + zone
}

func lengthText(m int64) string {
	var b []byte
	for _, unit := range lengthUnits {
		n := m / unit.micros
		if m %= unit.micros; unit.micros == microsSecond && m > 0 {
			b = strconv.AppendFloat(b, float64(n)+float64(m)/microsSecond, 'f', 6, 64)
			b = []byte(strings.TrimRight(string(b), "0"))
			b = append(b, unit.letter...)
		} else if n > 0 {
			b = append(strconv.AppendInt(b, n, 10), unit.letter...)
		}
	}
	return string(b)
}

// MarshalText returns what String does; of a window that is not valid or not set, an error that matches [ErrInvalid]. In
// JSON, the option omitzero leaves out a window that is not set.
func (w Window) MarshalText() ([]byte, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	return []byte(w.String()), nil
}

// UnmarshalText reads what [ParseWindow] reads. After an error w is what it was.
func (w *Window) UnmarshalText(text []byte) error {
	parsed, err := ParseWindow(string(text))
	if err != nil {
		return err
	}
	*w = parsed
	return nil
}
