package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// report is what the program says of one system.
type report struct {
	slo.Status
	outages  int           // maximal stretches of downtime in the window, whatever caused it
	longest  time.Duration // the longest of them, as far as it lies in the window
	backtest *slo.Backtest // nil when not asked for
}

// judgeAll judges each system by the objective, worst first.
func judgeAll(o options, in *input, p *progress) ([]report, error) {
	reports := make([]report, 0, len(in.systems))
	for i, system := range in.systems {
		p.show("judging system %d of %d", i+1, len(in.systems))
		tl, err := timeline(o.objective, system, in)
		if err != nil {
			return nil, err
		}
		r, err := judge(tl, o)
		if err != nil {
			return nil, err
		}
		if o.backtest {
			if r.backtest, err = backtest(tl, in.first, o.at); err != nil {
				return nil, err
			}
		}
		reports = append(reports, r)
	}
	slices.SortFunc(reports, func(a, b report) int {
		// A budget of zero is overspent by any downtime, and then no percentage tells one system from another.
		return cmp.Or(cmp.Compare(a.Budget.RemainingPercent, b.Budget.RemainingPercent),
			cmp.Compare(a.Budget.Remaining, b.Budget.Remaining), cmp.Compare(a.SystemID, b.SystemID))
	})
	return reports, nil
}

func timeline(objective slo.Objective, system string, in *input) (*slo.Timeline, error) {
	history, err := slo.NewSystemHistory(system, nil, in.statements[system], nil)
	if err != nil {
		return nil, err
	}
	objective.ID, objective.SystemID = system, system
	return objective.Timeline(history, nil, in.maintenance[system])
}

// judge asks for the period's status and counts its stretches of downtime.
func judge(tl *slo.Timeline, o options) (report, error) {
	r := report{Status: tl.Status(o.at)}
	if o.last {
		from, to, err := lastPeriod(o.objective.Window, o.at)
		if err != nil {
			return r, err
		}
		if r.Status, err = tl.StatusIn(from, to, to); err != nil {
			return r, err
		}
	}
	// Nothing is known from before the first instant, or asked about after the last: a window may reach beyond both.
	from, to := later(r.From, firstInstant), earlier(r.To, lastInstant)
	if !from.Before(to) {
		return r, nil
	}
	explanation, err := tl.Explain(from, to, r.At)
	if err != nil {
		return r, err
	}
	r.outages, r.longest = stretches(explanation.Downtime)
	return r, nil
}

// lastPeriod returns the last period of a calendar window that has ended at an instant.
func lastPeriod(w slo.Window, at time.Time) (from, to time.Time, err error) {
	current, _ := w.Period(at)
	from, to = w.Period(current.Add(-time.Microsecond))
	if to.After(at) { // there is no period before the first instant that can be asked about
		err = invalidf("-at %s: want an instant after a whole period of %v since 1970", at.Format(time.RFC3339Nano), w)
	}
	return from, to, err
}

// stretches joins pieces of downtime, sorted by start, that touch or overlap.
func stretches(pieces []slo.Contribution) (count int, longest time.Duration) {
	var start, end time.Time
	for _, piece := range pieces {
		if count == 0 || piece.Start.After(end) {
			count++
			start, end = piece.Start, piece.End
		}
		end = later(end, piece.End)
		longest = max(longest, end.Sub(start))
	}
	return count, longest
}

// backtest runs the objective's policy over all that the files tell, whatever the period that is judged.
func backtest(tl *slo.Timeline, first, at time.Time) (*slo.Backtest, error) {
	if !first.Before(at) {
		return &slo.Backtest{}, nil
	}
	b, err := tl.Backtest(first, at)
	return &b, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
