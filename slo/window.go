package slo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is the stretch of time over which an objective is judged: the last so many days, hours or seconds ([Rolling],
// [Days]), or the running day, week, month, quarter or year of a time zone ([Calendar]).
//
// A Window is a value that never changes, and any number of goroutines may use it. The zero Window is not set: it is
// not valid and has no periods. Whether two windows mean the same is what [Window.Equal] says, not ==.
//
// In text, and so in JSON, a window is what [ParseWindow] reads.
type Window struct {
	length int64          // of a rolling window: microseconds
	unit   Unit           // of a calendar window
	loc    *time.Location // of a calendar window; nil is UTC
	bad    error          // what is wrong with it
}

// Rolling returns the window [now-d, now). d is more than 0 and at most 3650 days, in whole microseconds. For any other
// d the window is not valid, which [Window.Validate] reports.
func Rolling(d time.Duration) Window {
	if err := checkLength("", "window", d); err != nil {
		return Window{bad: err}
	}
	return Window{length: d.Microseconds()}
}

// Days returns the window of the last n times 24 hours, n from 1 to 3650. For any other n the window is not valid,
// which [Window.Validate] reports.
func Days(n int) Window {
	if n < 1 || n > maxMicros/microsDay {
		return badWindow(fmt.Sprintf("%dd", n), wantLength)
	}
	return Rolling(time.Duration(n) * 24 * time.Hour)
}

// Calendar returns the window that is always the running period of unit, by the local dates of loc; nil is UTC. A
// period starts at the first instant whose local date is its first day or later, and so every instant lies in exactly
// one: also where midnight does not exist or a date was skipped, and where the clocks go back over midnight and an
// evening is lived twice, the second of which is part of the new day.
//
// loc must be a zone of the IANA database, or UTC. It is known by its name from then on: offsets are those that
// [time.LoadLocation] finds for it, so that a window means the same when it comes back from a store. Not valid, which
// [Window.Validate] reports, are [time.Local], because it is another zone on the next machine; a name that is not
// found; a fixed zone, unless its name is that of a zone with these very offsets; and a unit that is none of the
// constants.
func Calendar(unit Unit, loc *time.Location) Window {
	switch {
	case loc == nil || loc == time.UTC:
		return calendarIn(unit, "UTC")
	case loc == time.Local:
		return badCalendar(unit, "Local", wantZone)
	}
	w := calendarIn(unit, zoneName(loc))
	if w.bad == nil && !sameOffsets(loc, w.loc) {
		return badCalendar(unit, loc.String(), wantSameZone)
	}
	return w
}

func calendarIn(unit Unit, zone string) Window {
	if !unit.valid() {
		return badCalendar(unit, zone, wantUnit)
	}
	loc, want := loadZone(zone)
	if want != "" {
		return badCalendar(unit, zone, want)
	}
	return Window{unit: unit, loc: loc}
}

const (
	wantLength = "more than 0 and at most 3650 days"
	wantUnit   = "Day, Week, Month, Quarter or Year"
	wantWindow = `a length such as "30d" or "1h30m", or a period such as "calendar:month" or "calendar:week:Europe/Berlin"`
)

func badWindow(value, want string) Window {
	return Window{bad: invalid("", "window", value, want)}
}

func badCalendar(unit Unit, zone, want string) Window {
	return badWindow(calendarPrefix+unit.String()+":"+zone, want)
}

// Validate returns nil for a window that can be used, and otherwise an error that matches [ErrInvalid] and names what
// was given. What [ParseWindow] returns without an error is valid.
func (w Window) Validate() error { return w.check("") }

// check is Validate for a window that is part of what.
func (w Window) check(what string) error {
	if w.IsZero() {
		return invalid(what, "window", "", wantWindow)
	}
	if e, ok := errors.AsType[*fieldError](w.bad); ok {
		return &fieldError{what: what, field: e.field, value: e.value, want: e.want}
	}
	return nil
}

// IsZero reports whether the window is not set. One that was made of a wrong argument, such as Rolling(0), is set,
// though not valid.
func (w Window) IsZero() bool { return w.length == 0 && w.unit == 0 && w.bad == nil }

// Equal reports whether two windows mean the same: the same length, or the same unit in the zone of the same name. A
// rolling day equals no calendar day. Windows that are not set are equal, and so are those that [Window.Validate]
// refuses with the same words.
func (w Window) Equal(other Window) bool {
	if w.bad != nil || other.bad != nil {
		return w.bad != nil && other.bad != nil && w.bad.Error() == other.bad.Error()
	}
	return w.length == other.length && w.unit == other.unit && zoneName(w.loc) == zoneName(other.loc)
}

// Period returns the period [from, to) of the window for somebody who asks at an instant, in UTC. For a rolling window
// it ends at that instant; for a calendar window it is the whole period that holds then, most of which may lie ahead.
// The instant is truncated to microseconds, and what lies outside 1970 to 2200 is read as the nearer end of these
// years; the edges of the period may lie beyond them. A window that is not valid has no period: both are zero times.
func (w Window) Period(at time.Time) (from, to time.Time) {
	if w.bad != nil || w.IsZero() {
		return time.Time{}, time.Time{}
	}
	start, end := w.period(clamp(at))
	return instant(start), instant(end)
}

// period is Period in microseconds, for a window that is valid. m is not clamped.
func (w Window) period(m int64) (from, to int64) {
	if w.rolling() {
		return m - w.length, m
	}
	from, to = calendarPeriod(w.unit, w.loc, floorDiv(m, microsSecond))
	return from * microsSecond, to * microsSecond
}

func (w Window) rolling() bool { return w.unit == 0 }

// nominal returns the length of the window in microseconds; for a calendar window one that stands for all its periods.
func (w Window) nominal() int64 {
	if w.rolling() {
		return w.length
	}
	return w.unit.nominal() * microsDay
}

const (
	microsSecond   = 1_000_000
	calendarPrefix = "calendar:"
)

// lengthUnits are the units of a length in text, in the order in which they are written.
var lengthUnits = [...]struct {
	letter string
	micros int64
}{{"d", microsDay}, {"h", 3600 * microsSecond}, {"m", 60 * microsSecond}, {"s", microsSecond}}

// ParseWindow reads a window from text.
//
//   - A rolling window is its length: whole numbers of d (24 hours), h, m and s, each unit at most once and in this order,
//     as in "30d", "12h" and "1h30m". Seconds may have one to six decimals, as in "0.5s".
//   - A calendar window is "calendar:" and day, week, month, quarter or year, as in "calendar:month", which is in UTC. A
//     time zone may follow, as in "calendar:week:Europe/Berlin".
//
// Everything else is refused with an error that matches [ErrInvalid] and names the text: capitals, signs, spaces, the
// empty text, and what [Rolling] and [Calendar] make no valid window of.
func ParseWindow(s string) (Window, error) {
	w := parseWindow(s)
	if e, ok := errors.AsType[*fieldError](w.bad); ok {
		return Window{}, invalid("", "window", s, e.want)
	}
	return w, nil
}

func parseWindow(s string) Window {
	if period, ok := strings.CutPrefix(s, calendarPrefix); ok {
		return parseCalendar(period)
	}
	m, ok := parseLength(s)
	if !ok {
		return badWindow(s, wantWindow)
	}
	return Rolling(length(m))
}

func parseCalendar(period string) Window {
	name, zone, found := strings.Cut(period, ":")
	if !found {
		zone = "UTC"
	}
	for unit := Day; unit <= Year; unit++ {
		if unit.String() == name {
			return calendarIn(unit, zone)
		}
	}
	return badWindow(period, wantWindow)
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

// parseNumber reads a number of units, of so many microseconds each. One that is longer than any window comes back as
// some length that is too long.
func parseNumber(s string, unit int64) (m int64, ok bool) {
	s, decimals, found := strings.Cut(s, ".")
	if found {
		if m, ok = parseDecimals(decimals); !ok || unit != microsSecond {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return m + min(int64(n), maxMicros/unit+1)*unit, true
}

// parseDecimals reads the decimals of a second as microseconds.
func parseDecimals(s string) (m int64, ok bool) {
	if len(s) < 1 || len(s) > 6 {
		return 0, false
	}
	n, err := strconv.ParseUint((s + "00000")[:6], 10, 63)
	return int64(n), err == nil
}

// String returns the one text for this window, out of those that [ParseWindow] reads: as many days as there are, then
// as many hours, minutes and seconds, without those that are 0. 24 hours are "1d", 300 seconds "5m". For a window that
// is not valid or not set it returns words that do not parse.
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
		return calendarPrefix + unit.String()
	}
	return calendarPrefix + unit.String() + ":" + zone
}

func lengthText(m int64) string {
	var b strings.Builder
	for _, unit := range lengthUnits {
		n := m / unit.micros
		m %= unit.micros
		switch {
		case unit.micros == microsSecond && m > 0:
			b.WriteString(strings.TrimRight(fmt.Sprintf("%d.%06d", n, m), "0") + unit.letter)
		case n > 0:
			b.WriteString(strconv.FormatInt(n, 10) + unit.letter)
		}
	}
	return b.String()
}

// MarshalText returns what String returns, or for a window that is not valid or not set an error that matches
// [ErrInvalid]. In a struct that goes to JSON, the option omitzero leaves out a window that is not set.
func (w Window) MarshalText() ([]byte, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	return []byte(w.String()), nil
}

// UnmarshalText reads what [ParseWindow] reads. After an error, w is as it was.
func (w *Window) UnmarshalText(text []byte) error {
	parsed, err := ParseWindow(string(text))
	if err != nil {
		return err
	}
	*w = parsed
	return nil
}
