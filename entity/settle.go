package entity

import (
	"context"
	"fmt"
	"time"
)

// Settle waits until all that was committed so far has been relayed and delivered by this process, and so has what its
// handlers committed meanwhile; until nothing is due at the Clock's present instant; and until what fell due has fired. A
// change that failed and waits for its next attempt counts as delivered. So tests and simulations know when to look.
//
// Of a group it waits for the shards that this process holds; in a cluster the others are the affair of others.
// ErrNotStarted, ErrClosed: nothing is being delivered. Otherwise the error is ctx's or the Log's. A handler must not
// call it.
func (reg *Registry) Settle(ctx context.Context) error {
	waits := false
	for {
		if err := reg.running(); err != nil {
			return err
		}
		changed := reg.quiet.wait()
		behind, err := reg.unread(ctx)
		if err != nil {
			return err
		}
		if !behind && reg.settled() {
			return nil
		}
		if behind && waits { // the pump has looked meanwhile: it is for another process to relay, which takes time
			changed = nil
		}
		waits = behind
		if err := reg.await(ctx, changed); err != nil {
			return err
		}
	}
}

// await waits for a change of what Settle looks at; of a shared Log, where others may be at work, not for long.
func (reg *Registry) await(ctx context.Context, changed <-chan struct{}) error {
	var soon <-chan time.Time
	if reg.shared {
		timer := time.NewTimer(5 * time.Millisecond)
		defer timer.Stop()
		soon = timer.C
	}
	select {
	case <-changed:
	case <-soon:
	case <-reg.ctx.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// running is why nothing is being delivered.
func (reg *Registry) running() error {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	switch {
	case reg.closed.Load():
		return fmt.Errorf("%w: the registry", ErrClosed)
	case reg.state == made:
		return ErrNotStarted
	}
	return nil
}

// unread reports whether the Log has something that this process has not read, and has the pump look.
func (reg *Registry) unread(ctx context.Context) (bool, error) {
	if !reg.shared {
		return false, nil
	}
	last, drained, err := reg.log.Last(ctx)
	if err != nil {
		return false, fmt.Errorf("entity: settle: %w", err)
	}
	behind := !drained || reg.feed.end.Load() < last
	if behind {
		reg.poke()
	}
	return behind, nil
}

// settled looks at what was read. It wakes those who are behind, and no others: who wakes tells, and Settle looks again.
func (reg *Registry) settled() bool {
	if !reg.pump.calm.Load() || reg.pump.news.Load() {
		return false
	}
	end := reg.feed.end.Load()
	behind := false
	look := func(l *lane) {
		if l.through.Load() < end && !l.halted() {
			behind = true
			l.bell.ring()
		}
	}
	reg.mu.Lock()
	for _, r := range reg.runs {
		for _, l := range r.lanes {
			look(l)
		}
	}
	for _, l := range reg.lanes {
		look(l)
	}
	reg.mu.Unlock()
	if t := reg.timers; t.overdue(end) {
		behind = true
		t.hurry()
	}
	if behind || !reg.timers.settled(end) {
		return false
	}
	return end == reg.feed.end.Load() || reg.settled()
}
