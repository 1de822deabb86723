package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/streak"
)

// question is what an Engine is asked, all at once.
type question struct {
	Objectives []string
	At         []time.Time // at which they are asked for, beside now
	Everything bool        // and not only what objectives themselves say; the daily and the weekly job have run before
	Since      time.Time   // with Everything: the days from then on
}

// answers are what an Engine says, as text, by what it is about.
type answers map[string]string

func (a answers) add(v any, err error, about ...any) error {
	if err != nil {
		return fmt.Errorf("%s: %w", fmt.Sprint(about...), err)
	}
	text, err := json.Marshal(v)
	a[fmt.Sprint(about...)] = string(text)
	return err
}

// ask asks an Engine whose clock stands at now.
func (q *question) ask(ctx context.Context, e *engine.Engine, now time.Time) (answers, error) {
	a := answers{}
	statuses, err := e.Statuses(ctx, q.Objectives)
	if err != nil {
		return nil, err
	}
	for _, st := range statuses {
		if err := a.add(st, nil, "status of ", st.ObjectiveID); err != nil {
			return nil, err
		}
	}
	for _, id := range q.Objectives {
		for _, at := range q.At {
			st, err := e.StatusAt(ctx, id, at)
			if err := a.add(st, err, "status of ", id, " at ", at.Format(time.DateTime)); err != nil {
				return nil, err
			}
		}
		downtimes, err := e.Downtimes(ctx, id)
		if err := a.add(downtimes, err, "downtimes of ", id); err != nil {
			return nil, err
		}
	}
	if !q.Everything {
		return a, nil
	}
	for _, id := range q.Objectives {
		if err := a.figures(ctx, e, id, now); err != nil {
			return nil, err
		}
	}
	return a, a.records(ctx, e, q, now)
}

// figures asks what else is computed of an objective when it is asked for.
func (a answers) figures(ctx context.Context, e *engine.Engine, id string, now time.Time) error {
	week := now.AddDate(0, 0, -7)
	burnRate, err := e.BurnRate(ctx, id, 6*time.Hour)
	if err := a.add(burnRate, err, "burn rate of ", id); err != nil {
		return err
	}
	forecast, err := e.Forecast(ctx, id)
	if err := a.add(forecast, err, "forecast for ", id); err != nil {
		return err
	}
	explanation, err := e.Explain(ctx, id, week, now)
	if err := a.add(explanation, err, "explanation of ", id); err != nil {
		return err
	}
	history, err := e.History(ctx, id, week, now, 24*time.Hour)
	if err := a.add(history, err, "history of ", id); err != nil {
		return err
	}
	backtest, err := e.Backtest(ctx, id, week, now)
	return a.add(backtest, err, "backtest of ", id)
}

// records asks what the daily and the weekly job have recorded, and how the entities stand.
func (a answers) records(ctx context.Context, e *engine.Engine, q *question, now time.Time) error {
	ids := q.Objectives
	for _, id := range ids {
		days, err := e.Days(ctx, id, dateOf(q.Since), dateOf(now))
		for _, day := range days {
			day.Revision, day.Histories = 0, nil // which count how often something was written
			if err := a.add(day, nil, "day ", day.Date, " of ", id); err != nil {
				return err
			}
		}
		if err := a.add(len(days), err, "days of ", id); err != nil {
			return err
		}
		objective, err := e.Get(ctx, id)
		if err := a.add(objective, err, "objective ", id); err != nil {
			return err
		}
	}
	streaks, err := e.Streaks(ctx, ids)
	if err := a.add(streaks, err, "streaks"); err != nil {
		return err
	}
	states, err := e.SLOs().GetMany(ctx, ids)
	if err := a.add(states, err, "states"); err != nil {
		return err
	}
	achievements, err := e.Achievements(ctx, systems)
	if err := a.add(achievements, err, "achievements"); err != nil {
		return err
	}
	milestones, err := e.Milestones(ctx, 1000)
	if err := a.add(milestones, err, "milestones"); err != nil {
		return err
	}
	problems, err := e.Problems(ctx, systems)
	if err := a.add(problems, err, "problems"); err != nil {
		return err
	}
	statuses, err := e.StatusesForSystems(ctx, systems)
	if err := a.add(statuses, err, "statuses by system"); err != nil {
		return err
	}
	digest, err := e.Digest(ctx, now) // of whose week one is recorded, so that nothing is written
	return a.add(digest, err, "digest")
}

// differences says where answers are others than those that are right.
func (a answers) differences(right answers) []string {
	all := maps.Clone(a)
	maps.Copy(all, right)
	var list []string
	for _, about := range slices.Sorted(maps.Keys(all)) {
		if a[about] != right[about] {
			got, want := parting(a[about], right[about])
			list = append(list, fmt.Sprintf("%s:\n     got %s\n    want %s", about, got, want))
		}
	}
	return list
}

// parting is where two texts begin to differ, with what is around it.
func parting(a, b string) (string, string) {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	part := func(s string) string {
		text := s[max(0, n-60):min(len(s), n+200)]
		if n > 60 {
			text = "..." + text
		}
		return text
	}
	return part(a), part(b)
}

func dateOf(at time.Time) streak.Date {
	date, err := streak.DateOf(at)
	if err != nil {
		panic(err) // only before 1970 or after 2200
	}
	return date
}
