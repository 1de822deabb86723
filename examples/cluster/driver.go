package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

// timeout is how long anything may take in spite of all harm, until it is a fault.
const timeout = time.Minute

var (
	errLate        = fmt.Errorf("not within %v", timeout)
	errInterrupted = errors.New("interrupted")
)

// driver tells the processes, and an Engine in memory, the same.
type driver struct {
	options
	fleet  *fleet
	report *report
	drawer *drawer
	clock  *simclock.Clock
	oracle *engine.Engine

	digests map[string]string // in JSON, by week
}

// drive is the whole run. Its error says what is not as it should be.
func drive(ctx context.Context, o options, s *servers, r *report) error {
	d := &driver{options: o, report: r, drawer: newDrawer(o.seed), clock: simclock.New(dawn), digests: map[string]string{}}
	var err error
	if d.oracle, err = engine.New(memory.New(), &engine.Options{Clock: d.clock}); err != nil {
		return err
	}
	defer func() { _ = d.oracle.Close() }()
	user := ctx
	life, end := context.WithCancel(context.WithoutCancel(ctx)) // of the processes, and all that is beside them
	defer end()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	d.fleet = newFleet(life, o, s, r, fail)
	harmful, calm := context.WithTimeout(ctx, o.long)
	defer calm()
	d.fleet.work.Go(func() { r.progress(life) })
	d.fleet.work.Go(func() {
		if err := harm(harmful, d.fleet, r); err != nil {
			fail(err)
		}
	})

	if err = d.rounds(ctx, harmful); err == nil {
		err = d.finish(ctx, s)
	}
	calm()
	end()
	d.fleet.work.Wait()
	cause := context.Cause(ctx)
	if user.Err() != nil && cause == context.Cause(user) {
		cause = errInterrupted
	}
	if err = outcome(err, cause); err == nil {
		err = r.useless()
	}
	return err
}

// outcome is what a run comes to that ended with err, and before its time if there is a cause: then of err only that counts
// which the end of ctx cannot have caused.
func outcome(err, cause error) error {
	if cause == nil {
		return err
	}
	var found []error
	for _, part := range parts(err) {
		if _, differs := errors.AsType[*difference](part); differs || errors.Is(part, errRefused) || errors.Is(part, errLate) {
			found = append(found, part)
		}
	}
	return errors.Join(append(found, cause)...)
}

// rounds tells what happens, round by round, while there is harm.
func (d *driver) rounds(ctx, harmful context.Context) error {
	if err := d.begin(ctx); err != nil {
		return err
	}
	for round := 1; harmful.Err() == nil; round++ {
		if err := d.round(ctx); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		d.report.round(round, d.drawer.now)
		now := d.drawer.now.Add(d.drawer.next())
		if err := d.move(ctx, now); err != nil {
			return fmt.Errorf("after round %d: %w", round, err)
		}
	}
	return ctx.Err()
}

// begin makes what is there before the first round.
func (d *driver) begin(ctx context.Context) error {
	for _, o := range objectives() {
		if err := d.tellBoth(ctx, operation{Ensure: &o}); err != nil {
			return err
		}
	}
	if d.withhold {
		return d.tell(ctx, withheld())
	}
	return nil
}

// round has all lanes tell at once, and then compares.
func (d *driver) round(ctx context.Context) error {
	now := d.drawer.now
	var lanes sync.WaitGroup
	todo := d.drawer.round(now)
	errs := make([]error, len(todo))
	for lane, list := range todo {
		lanes.Go(func() { errs[lane] = d.lane(ctx, lane, list) })
	}
	lanes.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	told := time.Now()
	if err := d.compare(ctx, question{At: []time.Time{d.drawer.past(), d.drawer.past()}}, told); err != nil {
		return err
	}
	return d.record(ctx, d.drawer.pause(), now.AddDate(0, 0, -30))
}

// record has the jobs done, among others, that record something, and compares everything, of the days those since then.
func (d *driver) record(ctx context.Context, jobs []operation, since time.Time) error {
	for _, o := range jobs {
		if err := d.tellBoth(ctx, o); err != nil {
			return err
		}
	}
	if err := d.keepDigest(ctx); err != nil {
		return err
	}
	return d.compare(ctx, question{Everything: true, Since: since}, time.Now())
}

// keepDigest keeps the week's digest, which must be handled.
func (d *driver) keepDigest(ctx context.Context) error {
	digest, err := d.oracle.Digest(ctx, d.clock.Now())
	if err != nil {
		return err
	}
	if d.digests[digest.Week] != "" {
		return nil // the first one of a week stays
	}
	text, err := json.Marshal(digest)
	d.digests[digest.Week] = string(text)
	return err
}

// lane tells one operation after the other. What it has told of its own system must be in all exact answers at once.
func (d *driver) lane(ctx context.Context, lane int, list []operation) error {
	for _, o := range list {
		if err := d.tellBoth(ctx, o); err != nil {
			return err
		}
		if len(o.Observe) == 0 || o.Observe[0].SystemID != own(lane) {
			continue
		}
		q := question{Objectives: []string{own(lane)}, At: []time.Time{o.Observe[0].At}}
		right, err := q.ask(ctx, d.oracle, d.clock.Now())
		if err != nil {
			return err
		}
		if err := d.check(ctx, rand.IntN(d.fleet.exact()), q, right); err != nil {
			return err
		}
	}
	return nil
}

// move moves the time.
func (d *driver) move(ctx context.Context, now time.Time) error {
	if _, err := again[struct{}](ctx, d, -1, "/settle", struct{}{}, func(error) {}); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	if err := d.clock.AdvanceTo(now); err != nil {
		return err
	}
	d.drawer.now = now
	return d.fleet.move(ctx, now)
}

// finish compares everything once more, and what was handled.
func (d *driver) finish(ctx context.Context, s *servers) error {
	if err := d.record(ctx, []operation{{Daily: true}, {Digest: true}}, dawn.AddDate(-1, 0, 0)); err != nil {
		return fmt.Errorf("in the end: %w", err)
	}
	return d.judge(ctx, s)
}
