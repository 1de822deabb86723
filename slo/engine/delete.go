package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

// Delete deletes an objective, with its days and its streak; the entity's last change says so. What the system has
// achieved stays, and so does what is known of the system. ErrNotFound: there is no such objective.
func (e *Engine) Delete(ctx context.Context, id string) error {
	if err := e.check(); err != nil {
		return err
	}
	if err := checkID("objective", id); err != nil {
		return err
	}
	o, err := e.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := e.judgeSystem(ctx, o.SystemID); err != nil {
		return err
	}
	return e.remove(ctx, id)
}

// judgeSystem records what a system has achieved up to now, before an objective by which it did is deleted.
func (e *Engine) judgeSystem(ctx context.Context, system string) error {
	of, err := e.members(ctx, []string{system})
	if err != nil {
		return err
	}
	now := e.now()
	today, err := streak.DateOf(now)
	if err != nil {
		return fmt.Errorf("%w: now: %w", ErrInvalid, err)
	}
	last, err := today.Add(-1)
	if err != nil {
		return nil
	}
	job := daily{engine: e, last: last, now: now, groups: []*group{{system: system, ids: of[system]}}}
	if job.touched, err = e.firstTouched(ctx); err != nil {
		return err
	}
	return errors.Join(job.run(ctx)...)
}

// firstTouched is the first day that may be another by what the refresher has not come to yet, which a transaction that
// holds locks cannot wait for; zero: there is none.
func (e *Engine) firstTouched(ctx context.Context) (first streak.Date, err error) {
	rows, err := e.touched(ctx, storage.Key{}, 0)
	if err != nil {
		return streak.Date{}, err
	}
	for _, row := range rows {
		at, err := touchedFrom(row)
		if err != nil {
			return streak.Date{}, err
		}
		day, err := touchedDay(at)
		if err != nil {
			return streak.Date{}, fmt.Errorf("engine: system %s: %w", quote(row.ID), err)
		}
		if first.IsZero() || day.Before(first) {
			first = day
		}
	}
	return first, nil
}

// remove deletes an objective and all that belongs to it.
func (e *Engine) remove(ctx context.Context, id string) error {
	_, err := e.slos.Remove(ctx, id, func(ctx context.Context) error {
		o, err := e.Get(ctx, id) // which nobody moves to another system any more
		if err != nil {
			return err
		}
		if err := e.keepAchievements(ctx, o.SystemID); err != nil {
			return err
		}
		err = e.store.Delete(ctx, []storage.Key{
			{Kind: recordObjective, ID: id}, {Kind: recordProgress, ID: id}, {Kind: recordDay, ID: id},
			{Kind: recordMember, ID: o.SystemID, Sub: id},
		})
		if err != nil {
			return fmt.Errorf("engine: delete objective: %w", err)
		}
		_, err = e.bump(ctx, objectiveVersion(id))
		return err
	}, nil)
	return err
}
