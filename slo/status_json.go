package slo

import (
	"encoding/json"
	"time"
)

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

// UnmarshalJSON implements [json.Unmarshaler] for the form that Status documents. What is not in it, names and what is
// unknown to this version, is left out; an error leaves s as it was.
func (s *Status) UnmarshalJSON(data []byte) error {
	var in statusJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	out := Status{
		ObjectiveID: in.Objective, SystemID: in.System, Target: in.Target, At: in.At, From: in.From, To: in.To,
		Availability: in.Availability, StrictAvailability: in.StrictAvailability,
		Budget: Budget{
			Total: time.Duration(in.BudgetTotal), Consumed: time.Duration(in.BudgetConsumed),
			ConsumedStrict: time.Duration(in.BudgetConsumedStrict), Remaining: time.Duration(in.BudgetRemaining),
			RemainingPercent: in.BudgetRemainingPercent, ConsumedPercent: in.BudgetConsumedPercent,
		},
		BurnRate: in.BurnRate, Breaching: in.Breaching, Exhausted: in.Exhausted, Down: in.Down, Level: in.Level,
		Coverage: in.Coverage, Live: in.Live,
	}
	for _, f := range in.Firing {
		out.Firing = append(out.Firing, Firing{f.Severity, time.Duration(f.Long), time.Duration(f.Short)})
	}
	for _, a := range in.Attribution {
		share := Share{Cause: a.Cause, Duration: time.Duration(a.Duration)}
		if a.Upstream != nil {
			share.UpstreamID = *a.Upstream
		}
		out.Attribution = append(out.Attribution, share)
	}
	*s = out
	return nil
}
