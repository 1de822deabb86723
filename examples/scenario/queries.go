package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/streak"
)

type statusKeys struct {
	Objective string   `key:"objective,required"`
	From      *instant `key:"from"`
	To        *instant `key:"to"`
}

func (p *player) status(k *statusKeys) (any, error) {
	st, err := p.statusOf(k)
	if err != nil {
		return nil, err
	}
	out := statusResult{
		Objective: st.ObjectiveID, System: st.SystemID, Target: st.Target, From: st.From, To: st.To,
		Availability: st.Availability, StrictAvailability: st.StrictAvailability,
		Total: st.Budget.Total, Consumed: st.Budget.Consumed, ConsumedStrict: st.Budget.ConsumedStrict,
		Remaining: st.Budget.Remaining, RemainingPercent: st.Budget.RemainingPercent, ConsumedPercent: st.Budget.ConsumedPercent,
		BurnRate: st.BurnRate, Breaching: st.Breaching, Exhausted: st.Exhausted, Down: st.Down, Level: st.Level,
		Firing: []firingResult{}, Coverage: st.Coverage, Live: st.Live, Attribution: []shareResult{},
	}
	for _, f := range st.Firing {
		out.Firing = append(out.Firing, firingResult{f.Severity, f.Long, f.Short})
	}
	for _, share := range st.Attribution {
		out.Attribution = append(out.Attribution, shareResult{share.Cause, optional(share.UpstreamID), share.Duration})
	}
	return out, nil
}

func (p *player) statusOf(k *statusKeys) (slo.Status, error) {
	switch {
	case k.From == nil && k.To == nil:
		return p.engine.Status(p.ctx, k.Objective)
	case k.From == nil || k.To == nil:
		return slo.Status{}, errors.New("want both from and to, or neither")
	}
	tl, err := p.engine.Timeline(p.ctx, k.Objective)
	if err != nil {
		return slo.Status{}, err
	}
	return tl.StatusIn(time.Time(*k.From), time.Time(*k.To), p.clock.Now())
}

type burnRateKeys struct {
	Objective string `key:"objective,required"`
	Lookback  length `key:"lookback"`
}

func (p *player) burnRate(k *burnRateKeys) (any, error) {
	rate, err := p.engine.BurnRate(p.ctx, k.Objective, time.Duration(k.Lookback))
	return burnRateResult{rate}, err
}

// length is a duration in the form of a rolling window.
type length time.Duration

func (l *length) UnmarshalText(text []byte) error {
	w, err := slo.ParseWindow(string(text))
	from, to := w.Period(time.Unix(0, 0))
	if err != nil || !w.Equal(slo.Rolling(to.Sub(from))) {
		return fmt.Errorf("%q: want a length such as 1h30m, at most 3650 days", text)
	}
	*l = length(to.Sub(from))
	return nil
}

type objectiveKey struct {
	Objective string `key:"objective,required"`
}

func (p *player) forecast(k *objectiveKey) (any, error) {
	f, err := p.engine.Forecast(p.ctx, k.Objective)
	return forecastResult{optional(f.ExhaustsAt), optional(f.RecoversAt), f.Affordable}, err
}

type backtestKeys struct {
	Objective string  `key:"objective,required"`
	From      instant `key:"from,required"`
	To        instant `key:"to,required"`
}

func (p *player) backtest(k *backtestKeys) (any, error) {
	b, err := p.engine.Backtest(p.ctx, k.Objective, time.Time(k.From), time.Time(k.To))
	if err != nil {
		return nil, err
	}
	page, ticket := b.Quality[slo.Page], b.Quality[slo.Ticket]
	out := backtestResult{
		Intervals: []intervalResult{},
		Precision: bySeverity[float64]{page.Precision, ticket.Precision},
		Recall:    bySeverity[float64]{page.Recall, ticket.Recall},
		Detection: bySeverity[time.Duration]{page.Detection, ticket.Detection},
		Reset:     bySeverity[time.Duration]{page.Reset, ticket.Reset},
	}
	for _, i := range b.Intervals {
		out.Intervals = append(out.Intervals, intervalResult{firingResult{i.Severity, i.Long, i.Short}, i.Start, i.End})
	}
	return out, nil
}

func (p *player) downtimes(k *objectiveKey) (any, error) {
	list, err := p.engine.Downtimes(p.ctx, k.Objective)
	out := downtimesResult{[]downtimeResult{}}
	for _, d := range list {
		out.Downtimes = append(out.Downtimes, downtimeResult{d.Start, optional(d.End), d.Cause, optional(d.UpstreamID), d.Impact})
	}
	return out, err
}

func (p *player) days(k *objectiveKey) (any, error) {
	if _, err := p.engine.Get(p.ctx, k.Objective); err != nil {
		return nil, err
	}
	first, err := streak.DateOf(time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	today, err := streak.DateOf(p.clock.Now())
	if err != nil {
		return nil, err
	}
	list, err := p.engine.Days(p.ctx, k.Objective, first, today)
	out := daysResult{[]dayResult{}}
	for _, d := range list {
		out.Days = append(out.Days, dayResult{
			d.Date, d.Availability, d.BudgetConsumed, d.RemainingPercent, d.BurnRate, d.Outcome, d.Streak.Current, d.Streak.Best,
		})
	}
	return out, err
}

func (p *player) streak(k *objectiveKey) (any, error) {
	if _, err := p.engine.Get(p.ctx, k.Objective); err != nil {
		return nil, err
	}
	streaks, err := p.engine.Streaks(p.ctx, []string{k.Objective})
	s := streaks[k.Objective]
	return streakResult{s.Current, s.Best, s.Start, s.BestEnd, s.LastDay}, err
}

type systemKey struct {
	System string `key:"system,required"`
}

func (p *player) achievements(k *systemKey) (any, error) {
	found, err := p.engine.Achievements(p.ctx, []string{k.System})
	out := achievementsResult{[]streak.Type{}}
	for _, a := range found[k.System] {
		out.Achievements = append(out.Achievements, a.Type)
	}
	return out, err
}

func (p *player) digest(*noKeys) (any, error) {
	d, err := p.engine.Digest(p.ctx, p.clock.Now())
	out := digestResult{Total: d.Total, countsResult: countsResult(d.Counts), Top: []topResult{}, Bottom: []bottomResult{}, Change: countsResult(d.Change)}
	for _, e := range d.Top {
		out.Top = append(out.Top, topResult{e.ObjectiveID, e.Name, e.SystemID, e.Availability, e.Streak})
	}
	for _, e := range d.Bottom {
		out.Bottom = append(out.Bottom, bottomResult{e.ObjectiveID, e.Name, e.SystemID, e.Availability, e.BudgetRemainingPercent})
	}
	return out, err
}
