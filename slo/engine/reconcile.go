package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// Reconcile asks live health about all systems that have objectives, and their upstreams, and records what it knows and the
// feeds do not: that a system is healthy again, and that it is unhealthy, where the feed lost that. A recovery had its say
// before, so that Status is the same before and after; a failure had none, and counts from its Since on. What nobody knows
// the instant of is recorded for now. Of a system for which only its checks speak, each of them that is not healthy
// recovers, and no failure is recorded, since a word of the system's own would silence them.
//
// Run calls it every minute. Without [Options.Health] it does nothing. An error of the host's live health, or a panic, is
// returned, and what it had not been asked about yet is not recorded.
func (e *Engine) Reconcile(ctx context.Context) error {
	if err := e.check(); err != nil {
		return err
	}
	if e.health == nil {
		return nil
	}
	asked := map[string]bool{}
	var systems []string
	for member, err := range e.records(ctx, storage.Range{Kind: recordMember}) {
		if err != nil {
			return err
		}
		if n := len(systems); n > 0 && systems[n-1] == member.ID {
			continue
		}
		if len(systems) == page {
			if err := e.reconcile(ctx, systems, asked); err != nil {
				return err
			}
			systems = systems[:0]
		}
		systems = append(systems, member.ID)
	}
	return e.reconcile(ctx, systems, asked)
}

// reconcile does it for some systems and their upstreams, but for those that have been asked about.
func (e *Engine) reconcile(ctx context.Context, ids []string, asked map[string]bool) error {
	now := e.now() // what is observed from now on is news to the host's answer, and must stand
	known, err := e.readWithUpstreams(ctx, ids)
	if err != nil {
		return err
	}
	maps.DeleteFunc(known, func(id string, _ *system) bool { return asked[id] })
	for id := range known {
		asked[id] = true
	}
	if len(known) == 0 {
		return nil
	}
	reports, err := e.ask(ctx, slices.Sorted(maps.Keys(known)))
	if err != nil {
		return fmt.Errorf("engine: ask for health: %w", err)
	}
	var words []slo.Observation
	for _, id := range slices.Sorted(maps.Keys(reports)) {
		s, since := known[id], instant(reports[id].Since)
		switch {
		case s == nil || since.After(now):
		case reports[id].Health == slo.Healthy:
			words = append(words, recoveries(s.history, since, now)...)
		case reports[id].Health == slo.Unhealthy:
			words = append(words, failures(s.history, since, now)...)
		}
	}
	return e.Observe(ctx, words...)
}

// failures are the words by which a feed would say that the system is down: none where it says that it is not healthy
// already, or where checks speak for it.
func failures(h *slo.SystemHistory, since, now time.Time) []slo.Observation {
	words := h.Words(now)
	if len(words) != 1 || words[0].CheckID != "" || words[0].Health != slo.Healthy {
		return nil
	}
	return []slo.Observation{following(words[0], slo.Unhealthy, since, now)}
}

// following is a word that comes after another, at the later of its instant and since; without since, now.
func following(last slo.Observation, health slo.Health, since, now time.Time) slo.Observation {
	if since.IsZero() {
		since = now
	}
	next := slo.Observation{SystemID: last.SystemID, CheckID: last.CheckID, At: since, Health: health}
	if !next.At.After(last.At) {
		next.At, next.Seq = last.At, last.Seq+1
	}
	if next.Seq < last.Seq && next.At.Equal(last.At) { // there is no greater one
		next.At = last.At.Add(time.Microsecond)
	}
	return next
}
