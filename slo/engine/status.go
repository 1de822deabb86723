package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// Status says how an objective stands now. Live health has a say in it, if the Engine has one: see [HealthFunc]. Nothing is
// written. ErrNotFound: there is no such objective.
func (e *Engine) Status(ctx context.Context, id string) (slo.Status, error) {
	tl, live, now, err := e.at(ctx, id)
	if err != nil {
		return slo.Status{}, err
	}
	st := tl.Status(now)
	st.Live = live
	return st, nil
}

// at returns an objective's timeline as it is now, with what live health knows.
func (e *Engine) at(ctx context.Context, id string) (tl *slo.Timeline, live bool, now time.Time, err error) {
	j, err := e.one(ctx, id)
	if err != nil {
		return nil, false, time.Time{}, err
	}
	now = e.now()
	if e.health == nil || len(j.open) == 0 {
		return j.timeline, false, now, nil
	}
	timelines, lives, err := e.present(ctx, []*judged{j}, now)
	if err != nil {
		return nil, false, time.Time{}, err
	}
	return timelines[0], lives[0], now, nil
}

// Timeline returns all that is known of an objective, ready to be asked about any instant or period; live health has no say
// in it. It does not change: ask for another to see what was written since. ErrNotFound: there is no such objective.
func (e *Engine) Timeline(ctx context.Context, id string) (*slo.Timeline, error) {
	j, err := e.one(ctx, id)
	if err != nil {
		return nil, err
	}
	return j.timeline, nil
}

// StatusAt says how an objective stood at an instant, as far as is known now, from what is recorded alone. ErrInvalid: an
// instant before 1970 or after 2200. ErrNotFound: there is no such objective.
func (e *Engine) StatusAt(ctx context.Context, id string, at time.Time) (slo.Status, error) {
	if err := checkInstant("at", at); err != nil {
		return slo.Status{}, err
	}
	tl, err := e.Timeline(ctx, id)
	if err != nil {
		return slo.Status{}, err
	}
	return tl.Status(at), nil
}

// Statuses says how objectives stand now, in the order of ids, as Status does. It takes a fixed number of calls of the
// store, and one of the host's live health, however many they are. ErrNotFound: one of them is not there.
func (e *Engine) Statuses(ctx context.Context, ids []string) ([]slo.Status, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkIDs("objective", ids); err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, ctx.Err()
	}
	list, err := e.judge(ctx, ids, asking)
	if err != nil {
		return nil, err
	}
	for i, j := range list {
		if j == nil {
			return nil, notFound(ids[i])
		}
	}
	now := e.now()
	statuses := make([]slo.Status, len(ids))
	timelines, live, err := e.present(ctx, list, now)
	if err != nil {
		return nil, err
	}
	eachPart(len(ids), func(i int) {
		statuses[i] = timelines[i].Status(now)
		statuses[i].Live = live[i]
	})
	return statuses, nil
}

// eachPart calls do for each of n, on all processors if there are many. They take runs in a row, so that no two write to
// one line of memory.
func eachPart(n int, do func(i int)) {
	parts := min(runtime.GOMAXPROCS(0), (n+few-1)/few)
	if parts <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var group sync.WaitGroup
	for part := range parts {
		group.Go(func() {
			for i := n * part / parts; i < n*(part+1)/parts; i++ {
				do(i)
			}
		})
	}
	group.Wait()
}

// few are done before another processor has woken up.
const few = 64

// StatusesForSystems says how the objectives of each of the systems stand now, by ID. A system without any is not in the
// map.
func (e *Engine) StatusesForSystems(ctx context.Context, systems []string) (map[string][]slo.Status, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkIDs("system", systems); err != nil {
		return nil, err
	}
	of, err := e.members(ctx, systems)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, of := range of {
		ids = append(ids, of...)
	}
	found := map[string][]slo.Status{}
	list, err := e.judge(ctx, ids, asking)
	if err != nil {
		return nil, err
	}
	now := e.now()
	timelines, live, err := e.present(ctx, list, now)
	if err != nil {
		return nil, err
	}
	for i, tl := range timelines {
		if tl == nil { // it was deleted just now
			continue
		}
		st := tl.Status(now)
		st.Live = live[i]
		found[st.SystemID] = append(found[st.SystemID], st)
	}
	return found, nil
}

// BurnRate says how fast an objective burns its budget now, over a lookback; live health has a say. 1 spends the
// budget in exactly a window. A lookback of 0 is an hour. The errors are those of [slo.Timeline.BurnRate] and Status.
func (e *Engine) BurnRate(ctx context.Context, id string, lookback time.Duration) (float64, error) {
	tl, _, now, err := e.at(ctx, id)
	if err != nil {
		return 0, err
	}
	if lookback == 0 {
		lookback = time.Hour
	}
	return tl.BurnRate(now, lookback)
}

// Forecast says what comes of an objective from now on if all stays as it is; live health has a say. ErrNotFound: there is
// no such objective.
func (e *Engine) Forecast(ctx context.Context, id string) (slo.Forecast, error) {
	tl, _, now, err := e.at(ctx, id)
	if err != nil {
		return slo.Forecast{}, err
	}
	return tl.Forecast(now), nil
}

// Downtimes lists an objective's downtime, all that is recorded, as [slo.Timeline.Downtimes] does. ErrNotFound: there is no
// such objective.
func (e *Engine) Downtimes(ctx context.Context, id string) ([]slo.Downtime, error) {
	tl, err := e.Timeline(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []slo.Downtime
	for d := range tl.Downtimes(e.now()) {
		list = append(list, d)
	}
	return list, nil
}

// Explain says what lies behind an objective's figures for a period as they are now, or were at its end. The errors are
// those of [slo.Timeline.Explain] and Status.
func (e *Engine) Explain(ctx context.Context, id string, from, to time.Time) (slo.Explanation, error) {
	tl, err := e.Timeline(ctx, id)
	if err != nil {
		return slo.Explanation{}, err
	}
	return tl.Explain(from, to, e.now())
}

// Backtest says what the objective's alert policy would have done in a period, up to now, from what is recorded. The errors
// are those of [slo.Timeline.Backtest] and Status.
func (e *Engine) Backtest(ctx context.Context, id string, from, to time.Time) (slo.Backtest, error) {
	tl, err := e.Timeline(ctx, id)
	if err != nil {
		return slo.Backtest{}, err
	}
	if now := e.now(); to.After(now) {
		to = now
	}
	return tl.Backtest(from, to)
}

const maxPoints = 100_000

// History says how an objective stood at from and each step after it, up to to: the points of a chart. The errors are those
// of StatusAt; ErrInvalid also for a step that is not positive, a to before from, or more than 100,000 points.
func (e *Engine) History(ctx context.Context, id string, from, to time.Time, step time.Duration) ([]slo.Status, error) {
	if err := checkInstant("from", from); err != nil {
		return nil, err
	}
	if err := checkInstant("to", to); err != nil {
		return nil, err
	}
	if to.Before(from) {
		return nil, invalid("to", show(to), "not before from, "+show(from))
	}
	if step < time.Microsecond || to.Sub(from)/step >= maxPoints {
		return nil, invalid("step", step, fmt.Sprintf("a length that makes at most %d points", maxPoints))
	}
	tl, err := e.Timeline(ctx, id)
	if err != nil {
		return nil, err
	}
	points := make([]slo.Status, 0, to.Sub(from)/step+1)
	for at := from; !at.After(to); at = at.Add(step) {
		points = append(points, tl.Status(at))
	}
	return points, nil
}
