package streak

import (
	"math"
	"math/bits"
	"time"
)

// Facts is what achievements are judged by: how one system stands at one instant, which is the end of a UTC day or of an
// outage. It is a plain value; rules must not change what it points to.
//
// Lengths are exact: whoever makes Facts rounds nothing but a Budget.
type Facts struct {
	SystemID   string
	At         time.Time        // the instant
	Objectives []ObjectiveFacts // of the system, those that exist at At; in any order
}

// ObjectiveFacts is how one objective of the system stands at the instant.
type ObjectiveFacts struct {
	ID     string
	Streak Streak // after the last day that has ended by then; zero before the first

	// Outage is the length of the outage that ends at the instant, from its first to its last moment: a maximal stretch of
	// all downtime, whatever caused it, as this objective counts it, not cut at edges of windows or days. 0: none ends then.
	Outage time.Duration

	// Window is the account of the window that the objective is judged by: the one that ends at the instant, or the calendar
	// period that is running (at its end, the one that holds the last microsecond before the instant). It may reach back to
	// where the objective did not exist.
	Window Account

	// Full is the account of a whole window in which the objective existed from the start: the rolling one that ends at the
	// instant, or the last calendar period that has ended by then. Zero while some part of it lies before the objective was
	// created.
	Full Account
}

// Account is what became of an objective's time over one window. Lengths are not negative, and are read as 0 where they
// are.
type Account struct {
	Elapsed  time.Duration // what has passed of the window: the whole, unless it is a period that is running
	Budget   time.Duration // what the target allows over the whole window, rounded down to the nanosecond
	Consumed time.Duration // the downtime that counts against the budget
	Downtime time.Duration // all downtime, whatever caused it
	Self     time.Duration // the part of Downtime that the system caused itself
}

const (
	perPercent    = 1_000_000         // percentages are compared in millionths
	lowestPercent = 1_000_000_000_000 // of these, below zero, a share still fits in 64 bits
)

// AvailabilityAtLeast reports whether Elapsed less Consumed is so many percent of Elapsed, or more. It compares integers:
// percent is rounded to six decimals, and nothing else is. Where nothing has elapsed, availability is 100 percent. NaN is
// never reached.
func (a Account) AvailabilityAtLeast(percent float64) bool {
	return leaves(a.Consumed, a.Elapsed, percent)
}

// RemainingAtLeast reports whether Budget less Consumed is so many percent of Budget, or more; what remains of an
// overdrawn budget is negative. It compares integers: percent is rounded to six decimals. Of a budget of 0 remain 100
// percent while nothing is consumed, and 0 percent after. NaN is never reached; a percent below -1e12 is read as that.
//
// That Budget is rounded down makes no difference where 100 / (100 - percent) is a whole number, as for 90, 75 and 50,
// since then a whole multiple of Consumed is compared with it. For other percentages the answer may be false where the
// exact share is at or above percent by less than a nanosecond's worth; it is never true below it. A Budget of 0 is taken
// for exact.
func (a Account) RemainingAtLeast(percent float64) bool {
	return leaves(a.Consumed, a.Budget, percent)
}

// leaves reports whether taking part away from whole leaves percent of whole or more, which is whether
// part x 100 <= whole x (100 - percent), in millionths and in 128 bits. Taking something from nothing leaves 0 percent,
// taking nothing 100.
func leaves(part, whole time.Duration, percent float64) bool {
	const hundred, lowest = 100 * perPercent, -lowestPercent * perPercent
	millionths := math.Round(percent * perPercent)
	switch {
	case !(millionths <= hundred): // NaN, too
		return false
	case millionths < lowest:
		millionths = lowest
	}
	if whole <= 0 && part > 0 {
		return millionths <= 0
	}
	partHigh, partLow := bits.Mul64(uint64(max(part, 0)), hundred)
	wholeHigh, wholeLow := bits.Mul64(uint64(max(whole, 0)), uint64(hundred-int64(millionths)))
	return partHigh < wholeHigh || partHigh == wholeHigh && partLow <= wholeLow
}
