package slo

import (
	"math"
	"time"
)

// Unit is the length of a calendar window's periods. The zero Unit is not valid.
type Unit uint8

const (
	Day     Unit = iota + 1 // from midnight to midnight, 23 or 25 hours where the clocks change
	Week                    // as in ISO 8601: from Monday to Sunday
	Month                   // from the first of a month
	Quarter                 // from the first of January, April, July or October
	Year                    // from the first of January
)

var unitNames = [...]string{Day: "day", Week: "week", Month: "month", Quarter: "quarter", Year: "year"}

// String returns the unit's name in lower case, as [ParseWindow] reads it, and "invalid" for what is no unit.
func (u Unit) String() string {
	if !u.valid() {
		return "invalid"
	}
	return unitNames[u]
}

func (u Unit) valid() bool { return Day <= u && u <= Year }

// nominal returns the days that a period is taken to have where a rule has to hold for all periods of the unit.
func (u Unit) nominal() int64 {
	return [...]int64{Day: 1, Week: 7, Month: 30, Quarter: 90, Year: 365}[u]
}

// A calendar counts days from 1970-01-01, which is day 0, and seconds from its start in UTC.
const (
	secondsDay = 24 * 60 * 60

	// maxOffset is more than any zone has ever been ahead of UTC; RFC 8536 names this bound for its files.
	maxOffset = 26 * 60 * 60
)

// days returns the first day of the period that day lies in, and the first day of the next one.
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
// local date is its first day or a later one. That is a rule about all days at once: starts never run backwards, however
// the clocks do, so that the periods between one start and the next greater one lie side by side and none overlaps. A
// period whose days were all skipped starts with the next one and is never returned.
func calendarPeriod(u Unit, loc *time.Location, sec int64) (from, to int64) {
	first, next := u.days(floorDiv(sec+offsetAt(loc, sec), secondsDay))
	from, at := startOf(loc, first, zoneSpan{})
	for {
		to, at = startOf(loc, next, at)
		if to > sec {
			return from, to
		}
		// Clocks that went back over midnight show an old date again: the next period has begun already.
		from = to
		_, next = u.days(next)
	}
}

// zoneSpan is a stretch of time, [from, to), in which a zone's offset does not change. The zero span is empty.
type zoneSpan struct {
	from, to, offset int64
}

// startOf returns the first second in loc whose local date is day or later. It also returns the span that it lies in, and
// takes any span of loc: one that is near saves looking it up.
func startOf(loc *time.Location, day int64, at zoneSpan) (int64, zoneSpan) {
	midnight := day * secondsDay
	if earliest := midnight - maxOffset; earliest < at.from || earliest >= at.to {
		at = spanAt(loc, earliest)
	}
	for {
		if first := max(at.from, midnight-at.offset); first < at.to {
			return first, at
		}
		at = spanAt(loc, at.to)
	}
}

// spanAt returns a span that begins at sec and ends no later than the offset does.
func spanAt(loc *time.Location, sec int64) zoneSpan {
	if loc == nil {
		return zoneSpan{from: sec, to: math.MaxInt64}
	}
	t := time.Unix(sec, 0).In(loc)
	_, offset := t.Zone()
	to := int64(math.MaxInt64)
	if _, end := t.ZoneBounds(); !end.IsZero() {
		to = end.Unix()
	}
	if to <= sec {
		// Where a zone goes on by a rule, package time ends its year after 365 days, and answers the past for the last
		// day of a leap year. Rules hold for a whole year of UTC, so that the offset does not change on this day.
		to = (floorDiv(sec, secondsDay) + 1) * secondsDay
	}
	return zoneSpan{from: sec, to: to, offset: int64(offset)}
}

func offsetAt(loc *time.Location, sec int64) int64 {
	if loc == nil {
		return 0
	}
	_, offset := time.Unix(sec, 0).In(loc).Zone()
	return int64(offset)
}

// floorDiv divides rounding down, and modulo is what it leaves, never negative: days before 1970 are whole days too.
func floorDiv(a, b int64) int64 { return (a - modulo(a, b)) / b }

func modulo(a, b int64) int64 { return (a%b + b) % b }
