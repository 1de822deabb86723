package slo

import (
	"math"
	"time"
)

// Inside the package an instant is a count of microseconds since 1970, and a sum of downtime is a count of nanoseconds:
// whole microseconds times whole thousandths of impact are whole nanoseconds, so nothing is ever rounded.
const (
	minInstant int64 = 0                      // 1970-01-01
	maxInstant int64 = 7258118400e6           // 2200-01-01
	dawn       int64 = minInstant - maxMicros // before every window
	forever    int64 = math.MaxInt64          // the end of what has not ended

	whole     = 1000             // the impact of a total outage, in thousandths
	microsDay = 86_400_000_000   // a day of 24 hours
	maxMicros = 3650 * microsDay // the longest window and lookback
)

// micros truncates t to microseconds, as every instant that enters the library.
func micros(t time.Time) int64 {
	return t.UnixMicro()
}

// clamp reads an instant that is asked about: what lies outside 1970 to 2200 is read as the nearer of the two.
func clamp(t time.Time) int64 {
	switch seconds := t.Unix(); { // further than microseconds reach
	case seconds < minInstant/1e6:
		return minInstant
	case seconds >= maxInstant/1e6:
		return maxInstant
	}
	return micros(t)
}

func instant(m int64) time.Time {
	if m == forever {
		return time.Time{}
	}
	return time.UnixMicro(m).UTC()
}

// length turns microseconds into a Duration.
func length(m int64) time.Duration {
	return time.Duration(m) * time.Microsecond
}

func checkInstant(what, field string, t time.Time) error {
	if !within(t, minInstant, maxInstant) {
		return invalid(what, field, rfc3339(t), "an instant from 1970 to 2200")
	}
	return nil
}

// within reports whether an instant lies in [from, to], which are whole seconds, also where microseconds do not reach.
func within(t time.Time, from, to int64) bool {
	seconds := t.Unix()
	return seconds >= from/1e6 && (seconds < to/1e6 || seconds == to/1e6 && t.Nanosecond() < 1000)
}

// checkSpan reads two instants of which the second must lie after the first.
func checkSpan(what, first, second string, from, until time.Time) error {
	if err := checkInstant(what, first, from); err != nil {
		return err
	}
	if err := checkInstant(what, second, until); err != nil {
		return err
	}
	if micros(until) <= micros(from) {
		return invalid(what, second, rfc3339(until), "after "+first+", "+rfc3339(from))
	}
	return nil
}

// checkLength reads a span that a comparison is made over: more than zero, whole microseconds, at most 3650 days.
func checkLength(what, field string, d time.Duration) error {
	switch {
	case d <= 0 || d > maxMicros*time.Microsecond:
		return invalid(what, field, d, "more than 0 and at most 3650 days")
	case d%time.Microsecond != 0:
		return invalid(what, field, d, "whole microseconds")
	}
	return nil
}

// decimal reads v as the number that its shortest decimal text says, in units of 1/scale. It reports false where that
// text has more decimals than scale has zeros, or v is not finite or out of proportion.
func decimal(v float64, scale float64) (int64, bool) {
	scaled := math.Round(v * scale)
	if math.IsNaN(scaled) || math.Abs(scaled) > 1<<53 || scaled/scale != v {
		return 0, false
	}
	return int64(scaled), true
}
