package slo

import "time"

func (h *SystemHistory) MarshalBinary() ([]byte, error)    { panic("stub") }
func (h *SystemHistory) UnmarshalBinary(data []byte) error { panic("stub") }

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
