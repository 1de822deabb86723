package slo

import (
	"iter"
	"time"
)

func (h *SystemHistory) MarshalBinary() ([]byte, error)    { panic("stub") }
func (h *SystemHistory) UnmarshalBinary(data []byte) error { panic("stub") }

// ---- explain.go

// Downtime is a piece of downtime of one cause; End zero: it still lasts unchanged.
type Downtime struct {
	Start, End               time.Time
	Cause                    Cause
	UpstreamID, UpstreamName string
	Impact                   float64
}

// Downtimes lists the objective's downtime that began at or before at (and not before CountFrom in force at at): pieces
// of one cause; touching pieces of equal cause and impact are one. By start, self first, then upstream ID.
func (tl *Timeline) Downtimes(at time.Time) iter.Seq[Downtime] { panic("stub") }

// Contribution is a clipped piece with the three figures it adds to and the sources that decide it.
type Contribution struct {
	Start, End               time.Time
	Impact                   float64
	Self, Upstream, Counted  time.Duration // Self + Upstream = what it adds to ConsumedStrict; Counted: to Consumed
	UpstreamID, UpstreamName string
	Sources                  []Source
}
type BudgetPart struct {
	From, To time.Time
	Target   float64
	Budget   time.Duration // rounded down
}
type Span struct{ Start, End time.Time }
type Explanation struct {
	From, To, At time.Time
	Budget       []BudgetPart
	Downtime     []Contribution
	Unobserved   []Span
}

// Explain returns the pieces behind StatusIn(from, to, at).
func (tl *Timeline) Explain(from, to, at time.Time) (Explanation, error) { panic("stub") }

// ---- crossing.go

type Metric uint8

const (
	MetricRemainingPercent Metric = iota // Budget.RemainingPercent, against Value
	MetricRemaining                      // Budget.Remaining, unrounded, against Duration
	MetricConsumedPercent                // Budget.ConsumedPercent, against Value
	MetricAvailability                   // Availability, against Value
	MetricBurnRate                       // the burn rate over Lookback (0: an hour), against Value
	MetricFiring                         // a rule of a policy: AtOrAbove: it fires, Below: it does not
)

type Comparison uint8

const (
	Below Comparison = iota
	AtOrBelow
	Above
	AtOrAbove
)

type Crossing struct {
	Metric     Metric
	Comparison Comparison
	Value      float64       // at most six decimals, within +-1e6 (availability, percent) or 0..1e8 (burn rate)
	Duration   time.Duration // MetricRemaining
	Lookback   time.Duration // MetricBurnRate
	Rule       BurnRule      // MetricFiring
}

// NextCrossing returns the first microsecond at or after at at which the comparison holds, if what is down stays down and
// nothing begins that is not known; zero time: never.
func (tl *Timeline) NextCrossing(at time.Time, c Crossing) (time.Time, error) { panic("stub") }

// ---- forecast.go

// Forecast: zero times: never. Affordable is math.MaxInt64 when a total outage never exhausts the budget.
type Forecast struct {
	At                     time.Time
	ExhaustsAt, RecoversAt time.Time
	Affordable             time.Duration
}

func (tl *Timeline) Forecast(at time.Time) Forecast { panic("stub") }

// EndingAt returns what the timeline would be if what is down at `at` ended at end and nothing else were known after at.
func (tl *Timeline) EndingAt(at, end time.Time) (*Timeline, error) { panic("stub") }

// ---- backtest.go

type FiringInterval struct {
	Severity    Severity
	Long, Short time.Duration
	Start, End  time.Time // first microsecond it fires, first it no longer does (or to)
}
type AlertQuality struct {
	Precision, Recall *float64       // 0..1, nil: no firings, no events
	Detection, Reset  *time.Duration // nil: no event that a firing overlaps
}
type Backtest struct {
	Intervals []FiringInterval // by start, then long window
	Quality   map[Severity]AlertQuality
}

// Backtest runs the objective's policy over [from, to).
func (tl *Timeline) Backtest(from, to time.Time) (Backtest, error) { panic("stub") }
