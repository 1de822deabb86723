package slo

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Unit is the length of a calendar window's periods. The zero Unit is not valid.
type Unit uint8

const (
	Day     Unit = iota + 1 // from midnight to midnight: 23 or 25 hours long where the clocks change
	Week                    // from Monday to Sunday, as in ISO 8601
	Month                   // from the first of a month
	Quarter                 // from the first of January, April, July or October
	Year                    // from the first of January
)

var unitNames = [...]string{Day: "day", Week: "week", Month: "month", Quarter: "quarter", Year: "year"}

// String returns the unit's name in lower case, as [ParseWindow] reads it, and for any other value its number, as in
// "Unit(0)".
func (u Unit) String() string {
	if !u.valid() {
		return fmt.Sprintf("Unit(%d)", uint8(u))
	}
	return unitNames[u]
}

func (u Unit) valid() bool { return Day <= u && u <= Year }

// nominal returns how many days a period of the unit counts as, where one number has to do for all of them.
func (u Unit) nominal() int64 {
	return [...]int64{Day: 1, Week: 7, Month: 30, Quarter: 90, Year: 365}[u]
}

// Inside the calendar a day is a count from 1970-01-01, which is day 0, and a second is one of Unix time.
const (
	secondsDay = 24 * 60 * 60

	// maxOffset is ahead of UTC by more than any zone: RFC 8536 sets zone files this bound.
	maxOffset = 26 * 60 * 60
)

// days returns the first day of the period that day lies in, and the first day of the period after it.
func (u Unit) days(day int64) (first, next int64) {
	switch u {
	case Day:
		return day, day + 1
	case Week:
		first = day - modulo(day+3, 7) // day 0 was a Thursday
		return first, first + 7
	}
	year, month, _ := time.Unix(day*secondsDay, 0).UTC().Date()
	switch u {
	case Month:
		return firstOf(year, month), firstOf(year, month+1)
	case Quarter:
		month -= (month - 1) % 3
		return firstOf(year, month), firstOf(year, month+3)
	default:
		return firstOf(year, time.January), firstOf(year+1, time.January)
	}
}

func firstOf(year int, month time.Month) int64 {
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix() / secondsDay
}

// calendarPeriod returns the period of u in loc that holds the second sec. A period starts at the first second whose
// local date is its first day or later. Since every later date satisfies that too, starts never run backwards, whatever
// the clocks do; what lies from one start to the next greater one is a period, and these partition time. A period whose
// days were all skipped starts together with the one after it, and is never the answer.
func calendarPeriod(u Unit, loc *time.Location, sec int64) (from, to int64) {
	now := zoneSpan{from: sec, to: sec + 1, offset: offsetAt(loc, sec)}
	first, next := u.days(floorDiv(sec+now.offset, secondsDay))
	from, near := startOf(loc, first, now)
	for {
		to, near = startOf(loc, next, near)
		if to > sec {
			return from, to
		}
		// The clocks went back over midnight and show the old date again, but the next period has begun.
		from = to
		_, next = u.days(next)
	}
}

// zoneSpan is a stretch of time, [from, to), in which a zone's offset does not change.
type zoneSpan struct {
	from, to, offset int64
}

// startOf returns the first second in loc whose local date is day or later, and the span that it lies in. near is any
// span of loc; the nearer it is, the less has to be looked up.
func startOf(loc *time.Location, day int64, near zoneSpan) (int64, zoneSpan) {
	midnight := day * secondsDay
	if earliest := midnight - maxOffset; earliest < near.from || earliest >= near.to {
		near = spanAt(loc, earliest, near)
	}
	for {
		if first := max(near.from, midnight-near.offset); first < near.to {
			return first, near
		}
		near = spanAt(loc, near.to, near)
	}
}

// spanAt returns a span that begins at sec and ends where the offset changes, or before. near is any span of loc.
func spanAt(loc *time.Location, sec int64, near zoneSpan) zoneSpan {
	s := zoneSpan{from: sec, to: math.MaxInt64}
	if loc == nil {
		return s
	}
	if _, end := time.Unix(sec, 0).In(loc).ZoneBounds(); !end.IsZero() {
		s.to = end.Unix()
	}
	if s.to <= sec {
		// Past the transitions that a zone lists, package time applies its rule year by year of UTC and ends each year
		// after 365 days, so that for the last day of a leap year the end lies behind. The offset holds that day out.
		s.to = (floorDiv(sec, secondsDay) + 1) * secondsDay
	}
	if s.offset = near.offset; near.from < s.from || near.from >= s.to {
		s.offset = offsetAt(loc, sec)
	}
	return s
}

// offsetAt returns how far loc is ahead of UTC, in seconds; a nil loc is UTC.
func offsetAt(loc *time.Location, sec int64) int64 {
	if loc == nil {
		return 0
	}
	_, offset := time.Unix(sec, 0).In(loc).Zone()
	return int64(offset)
}

// floorDiv divides rounding down: the second before 1970 lies in day -1.
func floorDiv(a, b int64) int64 { return (a - modulo(a, b)) / b }

func modulo(a, b int64) int64 { return (a%b + b) % b }

const (
	wantZone     = "a time zone by its IANA name, not time.Local and not a fixed one"
	wantKnown    = "a time zone that time.LoadLocation finds (import time/tzdata where there is no database)"
	wantSameZone = "the offsets that time.LoadLocation gives the time zone of this name"
)

func zoneName(loc *time.Location) string {
	if loc == nil || loc.String() == "" {
		return "UTC"
	}
	return loc.String()
}

// loadZone returns the time zone of a name, nil for UTC; or else what the name should have been.
func loadZone(name string) (loc *time.Location, want string) {
	if name == "UTC" {
		return nil, ""
	}
	if !isZoneName(name) {
		return nil, wantZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, wantKnown
	}
	return loc, ""
}

// isZoneName keeps out what machines have beside the zones of the IANA database: their own zone (Local, and as a file
// localtime), zones that count leap seconds (right/...), other spellings (posix/..., a doubled slash). No IANA name
// begins with a small letter.
func isZoneName(name string) bool {
	const digits, signs = "0123456789", "_+-/"
	letter := func(r rune) bool { return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' }
	odd := func(r rune) bool { return !letter(r) && !strings.ContainsRune(digits+signs, r) }
	return name != "" && name != "Local" && 'A' <= name[0] && name[0] <= 'Z' &&
		strings.IndexFunc(name, odd) < 0 && !strings.Contains(name, "//")
}

// sameOffsets compares two zones in the middle of the winters and summers from 1970 to 2040, which is enough to tell a
// zone from a fixed one that bears its name.
func sameOffsets(a, b *time.Location) bool {
	for year := 1970; year <= 2040; year++ {
		for _, month := range [...]time.Month{time.January, time.July} {
			sec := firstOf(year, month) * secondsDay
			if offsetAt(a, sec) != offsetAt(b, sec) {
				return false
			}
		}
	}
	return true
}
