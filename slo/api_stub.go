package slo

import "time"

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
