package slo

import (
	"encoding/json"
	"time"
)

// Cause says whose downtime it is. The zero value is CauseSelf.
type Cause uint8

const (
	CauseSelf     Cause = iota // the system's own
	CauseUpstream              // an upstream's: one that it depends on, or one that a source named
)

// String returns "self" or "upstream", and "invalid" for a value that is neither.
func (c Cause) String() string { return name(c, "self", "upstream") }

// MarshalText implements [encoding.TextMarshaler] with the text of String.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Level sums a status up in one word, by the objective's [Thresholds]. The zero value is LevelOK.
type Level uint8

const (
	LevelOK       Level = iota // below both thresholds
	LevelWarning               // consumed at least Thresholds.Warning percent of the budget
	LevelCritical              // consumed at least Thresholds.Critical percent, or the last hour burnt at FastBurn or faster
)

// String returns "ok", "warning" or "critical", and "invalid" for any other value.
func (l Level) String() string { return name(l, "ok", "warning", "critical") }

// MarshalText implements [encoding.TextMarshaler] with the text of String.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func name[T ~uint8](value T, names ...string) string {
	if int(value) < len(names) {
		return names[value]
	}
	return "invalid"
}

// Budget is an error budget over one window: the downtime that the target allows, and what became of it. Lengths are
// exact; Total and Remaining are rounded down to the nanosecond here, and compared and divided unrounded.
type Budget struct {
	Total          time.Duration // (1 - target) x the whole window, each part by the target in force then
	Consumed       time.Duration // what counts: all downtime, or with SelfOnly the system's own
	ConsumedStrict time.Duration // all downtime, whatever caused it
	Remaining      time.Duration // Total - Consumed; negative: an overdraft

	// RemainingPercent and ConsumedPercent are of Total; remaining is negative in an overdraft. With a budget of zero they
	// are 100 and 0 while nothing is consumed, 0 and 100 after.
	RemainingPercent, ConsumedPercent float64
}

// Share is the part of the downtime that has one cause. The shares of a status add up to Budget.ConsumedStrict.
type Share struct {
	Cause        Cause
	UpstreamID   string // empty for CauseSelf
	UpstreamName string // as the [Upstream] gave it; empty where none did
	Duration     time.Duration
}

// Firing is a rule of the policy that fires.
type Firing struct {
	Severity    Severity
	Long, Short time.Duration
}

// Status is how an objective stands at an instant. It is a value: the caller owns its slices.
//
// Its JSON form is fixed: objective, system, target, at, from, to, availability, strictAvailability, budgetTotalNs,
// budgetConsumedNs, budgetConsumedStrictNs, budgetRemainingNs, budgetRemainingPercent, budgetConsumedPercent, burnRate,
// breaching, exhausted, down, level, firing (severity, longNs, shortNs), coverage, live and attribution (cause, upstream
// or null, ns). Lists are never null.
type Status struct {
	ObjectiveID, SystemID string
	Name                  string  // the objective's
	Target                float64 // percent, in force at At
	At                    time.Time
	From, To              time.Time // the window [From, To); of a calendar period the whole, so To may lie ahead of At

	// Availability is the share of [From, At) that was good, in percent, 100 where nothing has elapsed. StrictAvailability
	// is the same with all downtime. They are for showing: whether the target is met is Breaching.
	Availability, StrictAvailability float64

	Budget   Budget
	BurnRate float64 // over the last hour; 1 spends exactly the budget in a window; 0 where the budget is zero

	Breaching bool // more is consumed than there was
	Exhausted bool // something is consumed, and nothing remains
	Down      bool // what counts is down at At; an outage that starts at At is, one that ends at At is not
	Level     Level
	Firing    []Firing // by long window; nil: nothing fires

	Attribution []Share // self first, then the longest, then by ID; without entries of zero; also of what does not count
	Coverage    float64 // the share of [From, At) of which anybody knew how it was, 0 to 1; 1 where nothing has elapsed
	Live        bool    // live health had a say; a Timeline itself, which has only facts, leaves it false
}

type statusJSON struct {
	Objective              string       `json:"objective"`
	System                 string       `json:"system"`
	Target                 float64      `json:"target"`
	At                     time.Time    `json:"at"`
	From                   time.Time    `json:"from"`
	To                     time.Time    `json:"to"`
	Availability           float64      `json:"availability"`
	StrictAvailability     float64      `json:"strictAvailability"`
	BudgetTotal            int64        `json:"budgetTotalNs"`
	BudgetConsumed         int64        `json:"budgetConsumedNs"`
	BudgetConsumedStrict   int64        `json:"budgetConsumedStrictNs"`
	BudgetRemaining        int64        `json:"budgetRemainingNs"`
	BudgetRemainingPercent float64      `json:"budgetRemainingPercent"`
	BudgetConsumedPercent  float64      `json:"budgetConsumedPercent"`
	BurnRate               float64      `json:"burnRate"`
	Breaching              bool         `json:"breaching"`
	Exhausted              bool         `json:"exhausted"`
	Down                   bool         `json:"down"`
	Level                  Level        `json:"level"`
	Firing                 []firingJSON `json:"firing"`
	Coverage               float64      `json:"coverage"`
	Live                   bool         `json:"live"`
	Attribution            []shareJSON  `json:"attribution"`
}

type firingJSON struct {
	Severity Severity `json:"severity"`
	Long     int64    `json:"longNs"`
	Short    int64    `json:"shortNs"`
}

type shareJSON struct {
	Cause    Cause   `json:"cause"`
	Upstream *string `json:"upstream"`
	Duration int64   `json:"ns"`
}

// MarshalJSON implements [json.Marshaler] with the form that Status documents.
func (s Status) MarshalJSON() ([]byte, error) {
	out := statusJSON{
		Objective: s.ObjectiveID, System: s.SystemID, Target: s.Target, At: s.At, From: s.From, To: s.To,
		Availability: s.Availability, StrictAvailability: s.StrictAvailability,
		BudgetTotal: int64(s.Budget.Total), BudgetConsumed: int64(s.Budget.Consumed),
		BudgetConsumedStrict: int64(s.Budget.ConsumedStrict), BudgetRemaining: int64(s.Budget.Remaining),
		BudgetRemainingPercent: s.Budget.RemainingPercent, BudgetConsumedPercent: s.Budget.ConsumedPercent,
		BurnRate: s.BurnRate, Breaching: s.Breaching, Exhausted: s.Exhausted, Down: s.Down, Level: s.Level,
		Firing: make([]firingJSON, 0, len(s.Firing)), Coverage: s.Coverage, Live: s.Live,
		Attribution: make([]shareJSON, 0, len(s.Attribution)),
	}
	for _, f := range s.Firing {
		out.Firing = append(out.Firing, firingJSON{f.Severity, int64(f.Long), int64(f.Short)})
	}
	for _, a := range s.Attribution {
		share := shareJSON{Cause: a.Cause, Duration: int64(a.Duration)}
		if a.Cause == CauseUpstream {
			share.Upstream = &a.UpstreamID
		}
		out.Attribution = append(out.Attribution, share)
	}
	return json.Marshal(out)
}
