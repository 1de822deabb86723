package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/storage"
)

const leaseJobs = "jobs"

// job is one of those that Run runs.
type job struct {
	name string
	last func(now time.Time) time.Time // the last instant, up to now, at which it is due
	next func(now time.Time) time.Time // the first one after now
	run  func(ctx context.Context, due time.Time) error
	done time.Time // the last instant at which it was due and has been done
}

// Run does what is due, until ctx ends, and returns its error: RunDaily at 00:00 UTC, Digest on Mondays at 09:00 UTC, and
// Reconcile every minute if there is live health. What was missed while nobody ran it is made up for when it begins. Of
// several processes that run it one does the work, and another takes over when that one ends; should two of them overlap,
// nothing is recorded or told twice. What fails is logged, and tried again a minute later. ErrClosed: the Engine is closed,
// or was while it ran.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	lease := leased{engine: e, name: leaseJobs}
	defer lease.giveUp()
	jobs := e.jobs()
	for ctx.Err() == nil {
		held, err := lease.hold(ctx)
		e.failed("jobs", err)
		now := e.now()
		wake := now.Add(time.Minute)
		for _, j := range jobs {
			if next := j.next(now); next.Before(wake) {
				wake = next
			}
			if !held || ctx.Err() != nil {
				continue
			}
			due := j.last(now)
			if !due.After(j.done) {
				continue
			}
			switch err := j.run(ctx, due); {
			case err == nil:
				j.done = due
			case ctx.Err() == nil:
				e.failed(j.name, err)
			}
		}
		e.sleep(ctx, wake.Sub(now))
	}
	if err := e.check(); err != nil {
		return err
	}
	return ctx.Err()
}

func (e *Engine) jobs() []*job {
	const day, minute = 24 * time.Hour, time.Minute
	jobs := []*job{
		{name: "daily job", last: every(day, 0), next: after(day, 0), run: e.RunDaily},
		{name: "weekly digest", last: every(7*day, mondayAtNine), next: after(7*day, mondayAtNine), run: e.weekly},
	}
	if e.health != nil {
		jobs = append(jobs, &job{
			name: "reconcile", last: every(minute, 0), next: after(minute, 0),
			run: func(ctx context.Context, _ time.Time) error { return e.Reconcile(ctx) },
		})
	}
	return jobs
}

// mondayAtNine is the first of all Mondays at nine, counted from the beginning of 1970, which was a Thursday.
const mondayAtNine = 4*24*time.Hour + 9*time.Hour

// every returns the last instant up to now that lies a number of periods after an offset from 1970.
func every(period, offset time.Duration) func(now time.Time) time.Time {
	return func(now time.Time) time.Time {
		since := now.Sub(firstInstant.Add(offset))
		return now.Add(-(since%period + period) % period)
	}
}

func after(period, offset time.Duration) func(now time.Time) time.Time {
	last := every(period, offset)
	return func(now time.Time) time.Time { return last(now).Add(period) }
}

// weekly makes the digest of a week that has none.
func (e *Engine) weekly(ctx context.Context, due time.Time) error {
	for _, err := range e.store.Get(ctx, []storage.Key{{Kind: recordDigest, ID: weekOf(due)}}) {
		if err != nil {
			return fmt.Errorf("engine: read digests: %w", err)
		}
		return nil
	}
	_, err := e.Digest(ctx, due)
	return err
}

// sleep waits until the clock has gone on by d, or ctx ends. A lease is renewed in real time meanwhile.
func (e *Engine) sleep(ctx context.Context, d time.Duration) {
	due := make(chan struct{})
	stop := e.clock.AfterFunc(d, func() { close(due) })
	defer stop()
	var renew <-chan time.Time
	if e.store.Shared() {
		timer := time.NewTimer(e.ttl / 3)
		defer timer.Stop()
		renew = timer.C
	}
	select {
	case <-due:
	case <-renew:
	case <-ctx.Done():
	}
}
