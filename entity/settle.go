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
	for {
		if err := reg.running(); err != nil {
			return err
		}
		changed := reg.quiet.wait()
		settled, err := reg.settled(ctx)
		if settled || err != nil {
			return err
		}
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

// settled looks once. It wakes whoever has not looked at the end of the feed yet.
func (reg *Registry) settled(ctx context.Context) (bool, error) {
	if reg.shared {
		last, drained, err := reg.log.Last(ctx)
		if err != nil {
			return false, err
		}
		if !drained || reg.feed.end.Load() < last {
			reg.poke()
			return false, nil
		}
	}
	if !reg.pump.calm.Load() || reg.pump.news.Load() {
		return false, nil
	}
	end := reg.feed.end.Load()
	behind := false
	reg.mu.Lock()
	for _, r := range reg.runs {
		for _, l := range r.lanes {
			behind = behind || l.through.Load() < end && !l.halted()
		}
	}
	for _, l := range reg.lanes {
		behind = behind || l.through.Load() < end && !l.halted()
	}
	reg.mu.Unlock()
	if behind || !reg.timers.settled(end) {
		reg.feed.ring(allShards)
		return false, nil
	}
	return end == reg.feed.end.Load(), nil
}
