package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
)

// operations are what a step can be.
var operations = map[string]operation{
	"objective":    operationOf((*player).objective),
	"delete":       operationOf((*player).delete),
	"depends":      operationOf((*player).depends),
	"health":       operationOf((*player).health),
	"restate":      operationOf((*player).restate),
	"import":       operationOf((*player).importOutage),
	"correct":      operationOf((*player).correct),
	"live":         operationOf((*player).liveHealth),
	"reconcile":    operationOf((*player).reconcile),
	"maintenance":  operationOf((*player).maintenance),
	"daily":        operationOf((*player).daily),
	"schedule":     operationOf((*player).scheduled),
	"watch":        operationOf((*player).watch),
	"unwatch":      operationOf((*player).unwatch),
	"status":       operationOf((*player).status),
	"burnrate":     operationOf((*player).burnRate),
	"forecast":     operationOf((*player).forecast),
	"backtest":     operationOf((*player).backtest),
	"downtimes":    operationOf((*player).downtimes),
	"days":         operationOf((*player).days),
	"streak":       operationOf((*player).streak),
	"achievements": operationOf((*player).achievements),
	"digest":       operationOf((*player).digest),
	"entity":       operationOf((*player).entity),
	"changes":      operationOf((*player).changes),
}

// player plays steps, one after the other: each when all that the one before has caused is settled and printed.
type player struct {
	ctx      context.Context
	clock    *simclock.Clock
	store    storage.Store
	engine   *engine.Engine
	out      *output
	schedule schedule
	live     map[string]engine.HealthReport // what live health answers, but for the feed
	watches  map[string]watch
	line     int // of the step that is played
	refused  bool
}

// The clock stands where the library's time begins until the first step moves it.
var (
	firstInstant = time.Date(1970, time.January, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(2200, time.January, 1, 0, 0, 0, 0, time.UTC)
)

func newPlayer(ctx context.Context, store storage.Store, out *output) (*player, error) {
	p := &player{
		ctx: ctx, clock: simclock.New(firstInstant), store: store, out: out,
		live: map[string]engine.HealthReport{}, watches: map[string]watch{},
	}
	p.schedule.clock = p.clock
	var err error
	p.engine, err = engine.New(store, &engine.Options{
		Clock: lateClock{p.clock}, Health: p.answer, Logger: slog.New(out), KeepChanges: -1,
	})
	if err != nil {
		return nil, err
	}
	if out.events {
		err = p.subscribe()
	}
	if err == nil {
		err = p.engine.Entities().Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.engine.Close())
	}
	p.clock.Settle = p.settle
	return p, nil
}

// answer is live health. What the feed says has no say beside the feed, so it is left out.
func (p *player) answer(_ context.Context, systems []string) (map[string]engine.HealthReport, error) {
	reports := map[string]engine.HealthReport{}
	for _, id := range systems {
		if report, known := p.live[id]; known {
			reports[id] = report
		}
	}
	return reports, nil
}

// settle waits for all that is due or was caused at the clock's instant, and prints what came of it.
func (p *player) settle() {
	if err := p.engine.Settle(p.ctx); err != nil && p.ctx.Err() == nil {
		p.out.fail(fmt.Errorf("settle: %w", err))
	}
	p.out.flush(p.clock.Now())
}

// play plays one step. Its error is that nothing can be printed any more, as end will tell.
func (p *player) play(s step) error {
	p.line = s.line
	err := p.moveTo(s.at)
	var result any
	if err == nil {
		result, err = s.do(p)
	}
	if p.ctx.Err() != nil {
		return p.out.out.Flush() // what came of it is the interruption's
	}
	if err != nil {
		p.refused = true
		p.out.print(p.clock.Now(), s.op, refusal{err.Error(), s.line})
	} else if result != nil {
		p.out.print(p.clock.Now(), s.op, result)
	}
	return p.out.out.Flush()
}

// moveTo moves the clock to an instant, or leaves it where it stands. Both settle what came before.
func (p *player) moveTo(at time.Time) error {
	now := p.clock.Now()
	switch {
	case at.Before(now):
		return cmp.Or(p.clock.AdvanceTo(now), fmt.Errorf("at: %s: want an instant not before %s", rfc3339(at), rfc3339(now)))
	case at.After(lastInstant):
		return cmp.Or(p.clock.AdvanceTo(now), fmt.Errorf("at: %s: want an instant up to %s", rfc3339(at), rfc3339(lastInstant)))
	}
	return p.clock.AdvanceTo(at)
}

func rfc3339(t time.Time) string { return t.Format(time.RFC3339Nano) }

// close settles what the last step has caused, and ends all.
func (p *player) close() error {
	return errors.Join(p.clock.AdvanceTo(p.clock.Now()), p.engine.Close())
}

type scheduleKeys struct {
	On bool `key:"on,required"`
}

func (p *player) scheduled(k *scheduleKeys) (any, error) {
	if !k.On {
		p.schedule.off()
		return nil, nil
	}
	p.schedule.on(
		job{midnight, func() { p.run("daily", func() (any, error) { return p.daily(nil) }) }},
		job{mondayMorning, func() { p.run("digest", func() (any, error) { return p.digest(nil) }) }},
	)
	return nil, nil
}

// run runs a job.
func (p *player) run(op string, job func() (any, error)) {
	result, err := job()
	if p.ctx.Err() != nil {
		return
	}
	if err != nil {
		p.out.fail(fmt.Errorf("%s at %s: %w", op, rfc3339(p.clock.Now()), err))
	} else if result != nil {
		p.out.print(p.clock.Now(), op, result)
	}
}
