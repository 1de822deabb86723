package main

import (
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/streak"
)

// Results are what follows at and op in a line. Their lists are never nil.

type refusal struct {
	Error string `json:"error"`
	Line  int    `json:"line"`
}

type firedResult struct {
	Watch string `json:"watch"`
	Value any    `json:"value"`
}

type statusResult struct {
	Objective          string         `json:"objective"`
	System             string         `json:"system"`
	Target             float64        `json:"target"`
	From               time.Time      `json:"from"`
	To                 time.Time      `json:"to"`
	Availability       float64        `json:"availability"`
	StrictAvailability float64        `json:"strictAvailability"`
	Total              time.Duration  `json:"budgetTotalNs"`
	Consumed           time.Duration  `json:"budgetConsumedNs"`
	ConsumedStrict     time.Duration  `json:"budgetConsumedStrictNs"`
	Remaining          time.Duration  `json:"budgetRemainingNs"`
	RemainingPercent   float64        `json:"budgetRemainingPercent"`
	ConsumedPercent    float64        `json:"budgetConsumedPercent"`
	BurnRate           float64        `json:"burnRate"`
	Breaching          bool           `json:"breaching"`
	Exhausted          bool           `json:"exhausted"`
	Down               bool           `json:"down"`
	Level              slo.Level      `json:"level"`
	Firing             []firingResult `json:"firing"`
	Coverage           float64        `json:"coverage"`
	Live               bool           `json:"live"`
	Attribution        []shareResult  `json:"attribution"`
}

type firingResult struct {
	Severity slo.Severity  `json:"severity"`
	Long     time.Duration `json:"longNs"`
	Short    time.Duration `json:"shortNs"`
}

type shareResult struct {
	Cause    slo.Cause     `json:"cause"`
	Upstream *string       `json:"upstream"`
	Duration time.Duration `json:"ns"`
}

type burnRateResult struct {
	BurnRate float64 `json:"burnRate"`
}

type forecastResult struct {
	ExhaustsAt *time.Time    `json:"exhaustsAt"`
	RecoversAt *time.Time    `json:"recoversAt"`
	Affordable time.Duration `json:"affordableNs"`
}

type backtestResult struct {
	Intervals []intervalResult          `json:"intervals"`
	Precision bySeverity[float64]       `json:"precision"`
	Recall    bySeverity[float64]       `json:"recall"`
	Detection bySeverity[time.Duration] `json:"detectionNs"`
	Reset     bySeverity[time.Duration] `json:"resetNs"`
}

type intervalResult struct {
	firingResult
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// bySeverity has null where there was nothing to judge.
type bySeverity[T any] struct {
	Page   *T `json:"page"`
	Ticket *T `json:"ticket"`
}

type downtimesResult struct {
	Downtimes []downtimeResult `json:"downtimes"`
}

type downtimeResult struct {
	Start    time.Time  `json:"start"`
	End      *time.Time `json:"end"`
	Cause    slo.Cause  `json:"cause"`
	Upstream *string    `json:"upstream"`
	Impact   float64    `json:"impact"`
}

type daysResult struct {
	Days []dayResult `json:"days"`
}

type dayResult struct {
	Date             streak.Date    `json:"date"`
	Availability     float64        `json:"availability"`
	Consumed         time.Duration  `json:"budgetConsumedNs"`
	RemainingPercent float64        `json:"budgetRemainingPercent"`
	BurnRate         float64        `json:"burnRate"`
	Outcome          streak.Outcome `json:"outcome"`
	Current          int            `json:"current"`
	Best             int            `json:"best"`
}

type streakResult struct {
	Current int         `json:"current"`
	Best    int         `json:"best"`
	Start   streak.Date `json:"start"`
	BestEnd streak.Date `json:"bestEnd"`
	LastDay streak.Date `json:"lastDay"`
}

type achievementsResult struct {
	Achievements []streak.Type `json:"achievements"`
}

type digestResult struct {
	Total int `json:"total"`
	countsResult
	Top    []topResult    `json:"top"`
	Bottom []bottomResult `json:"bottom"`
	Change countsResult   `json:"change"`
}

type countsResult struct {
	Breaching int `json:"breaching"`
	AtRisk    int `json:"atRisk"`
	Healthy   int `json:"healthy"`
}

type topResult struct {
	Objective    string  `json:"objective"`
	Name         string  `json:"name"`
	System       string  `json:"system"`
	Availability float64 `json:"availability"`
	Streak       int     `json:"streak"`
}

type bottomResult struct {
	Objective        string  `json:"objective"`
	Name             string  `json:"name"`
	System           string  `json:"system"`
	Availability     float64 `json:"availability"`
	RemainingPercent float64 `json:"budgetRemainingPercent"`
}

type entityResult struct {
	State   any                   `json:"state"`
	Version int64                 `json:"version"`
	Since   map[string]*time.Time `json:"since"`
}

type changesResult struct {
	Changes []changeResult `json:"changes"`
}

type changeResult struct {
	ID      string   `json:"id"`
	Version int64    `json:"version"`
	Fields  []string `json:"fields"`
	Prev    any      `json:"prev"`
	Next    any      `json:"next"`
}

type statusEvent struct {
	Event string `json:"event"` // "status"
	changeResult
}

type achievementEvent struct {
	Event  string      `json:"event"` // "achievement"
	System string      `json:"system"`
	Type   streak.Type `json:"type"`
	Earned time.Time   `json:"earned"`
}

type parkedEvent struct {
	Event   string `json:"event"` // "parked"
	Group   string `json:"group"`
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Error   string `json:"error"`
}

// optional is nil for what is not set.
func optional[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}
