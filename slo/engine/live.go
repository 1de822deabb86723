package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
)

// HealthReport is what a host's live health says of a system.
type HealthReport struct {
	Health slo.Health
	Since  time.Time // since when it has been so; zero: not known
}

// HealthFunc asks a host how systems are at this moment, all in one call; it may leave out those of which it knows
// nothing. It must be safe for concurrent use. Only [slo.Healthy] has a say in an answer, and only over the feed: a failing
// or unknowing host takes nothing back, and neither does an error or a panic.
type HealthFunc func(ctx context.Context, systemIDs []string) (map[string]HealthReport, error)

// live asks the host for the health of systems. What goes wrong is logged, and is as if nothing were known.
func (e *Engine) live(ctx context.Context, systems []string) map[string]HealthReport {
	if e.health == nil || len(systems) == 0 {
		return nil
	}
	reports, err := e.ask(ctx, systems)
	if err != nil {
		e.failed("ask for health", err)
		return nil
	}
	return reports
}

func (e *Engine) ask(ctx context.Context, systems []string) (reports map[string]HealthReport, err error) {
	defer caught(&err)
	return e.health(ctx, systems)
}

// caught, deferred, makes an error of a panic of the host's.
func caught(err *error) {
	if v := recover(); v != nil {
		*err = &entity.PanicError{Value: v, Stack: debug.Stack()}
	}
}

// present returns the timelines with what live health knows beyond the feeds at an instant, and for which of them it knew
// something. The host is asked once, for the systems whose feed is open.
func (e *Engine) present(ctx context.Context, list []*judged, now time.Time) ([]*slo.Timeline, []bool, error) {
	timelines, live := make([]*slo.Timeline, len(list)), make([]bool, len(list))
	var open []string
	for i, j := range list {
		if j != nil {
			timelines[i] = j.timeline
			open = append(open, j.open...)
		}
	}
	slices.Sort(open)
	healthy := map[string]time.Time{}
	for id, report := range e.live(ctx, slices.Compact(open)) {
		if since := instant(report.Since); report.Health == slo.Healthy && !since.After(now) {
			healthy[id] = since
		}
	}
	if len(healthy) == 0 {
		return timelines, live, nil
	}
	systems, err := e.recovered(ctx, list, healthy, now)
	if err != nil {
		return nil, nil, err
	}
	for i, j := range list {
		if j == nil || !slices.ContainsFunc(j.open, func(id string) bool { _, ok := healthy[id]; return ok }) {
			continue
		}
		live[i] = true
		goal := j.timeline.Objective()
		own := systems[goal.SystemID]
		upstreams := own.upstreams(func(id string) *system { return systems[id] })
		if timelines[i], err = goal.Timeline(own.history, upstreams, own.maintenance); err != nil {
			return nil, nil, fmt.Errorf("engine: %w", err)
		}
	}
	return timelines, live, nil
}

// recovered returns the systems of the objectives that have to do with healthy ones, and their upstreams, with the words
// that live health adds to the feeds. Of healthy it leaves those to whose feed it adds something. It reads the facts of its
// own: histories that are kept grow, and these must not grow from them.
func (e *Engine) recovered(ctx context.Context, list []*judged, healthy map[string]time.Time, now time.Time) (map[string]*system, error) {
	var ids []string
	for _, j := range list {
		if j != nil && slices.ContainsFunc(j.open, func(id string) bool { _, ok := healthy[id]; return ok }) {
			for _, key := range j.keys[1:] {
				ids = append(ids, key.ID)
			}
		}
	}
	systems, err := e.readWithUpstreams(ctx, ids)
	if err != nil {
		return nil, err
	}
	for id, since := range healthy {
		var words []slo.Observation
		s := systems[id]
		if s != nil {
			words = recoveries(s.history, since, now)
		}
		if len(words) == 0 {
			delete(healthy, id)
			continue
		}
		if s.history, err = s.history.Add(words...); err != nil {
			return nil, fmt.Errorf("engine: live health of %s: %w", quote(id), err)
		}
	}
	return systems, nil
}

// recoveries are the words by which a feed would say that all of it is healthy: of the system itself, or of each of the
// checks that speak for it, from the later of since and the last word on; without since, from now on.
func recoveries(h *slo.SystemHistory, since, now time.Time) []slo.Observation {
	var words []slo.Observation
	for _, last := range h.Words(now) {
		if last.Health != slo.Healthy {
			words = append(words, following(last, slo.Healthy, since, now))
		}
	}
	return words
}
