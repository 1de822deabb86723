package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/storage"
)

// refresher brings entities up to date with what was written about systems. Its work is in the store, as rows that say
// what is touched; it runs where the lease "refresh" is.
type refresher struct {
	engine *Engine
	bell   chan struct{}
	shout  chan struct{} // to the other processes; nil: there are none to be heard of
	passed passed
	busy   atomic.Bool // it looks, or may
	token  leased
}

const leaseRefresh = "refresh"

func (r *refresher) start(e *Engine) {
	r.engine, r.bell = e, make(chan struct{}, 1)
	r.token = leased{engine: e, name: leaseRefresh}
	e.work.Go(r.run)
	if e.store.Shared() && e.bus != nil {
		r.shout = make(chan struct{}, 1)
		e.work.Go(r.listen)
		e.work.Go(r.shoutOn)
	}
}

// listen hears what other processes have written. While the bus cannot listen it may miss something.
func (r *refresher) listen() {
	e := r.engine
	hear := func() {
		e.kept.heard()
		r.ring()
	}
	for e.ctx.Err() == nil {
		e.failed("listen to the bus", e.bus.Listen(e.ctx, hear))
		timer := time.NewTimer(e.poll)
		select {
		case <-timer.C:
		case <-e.ctx.Done():
		}
		timer.Stop()
		hear()
	}
}

// ring has the refresher look.
func (r *refresher) ring() {
	select {
	case r.bell <- struct{}{}:
	default:
	}
}

// wake has the refresher look, of whatever process it is. Nobody who writes waits for the bus.
func (r *refresher) wake() {
	r.ring()
	select {
	case r.shout <- struct{}{}:
	default: // somebody will, or nobody is there
	}
}

// shoutOn wakes the others, the last time when the Engine is being closed.
func (r *refresher) shoutOn() {
	e := r.engine
	for {
		select {
		case <-r.shout:
			e.failed("wake others", e.bus.Wake(e.ctx))
		case <-e.ctx.Done():
			select {
			case <-r.shout:
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_ = e.bus.Wake(ctx) // or they poll
			default:
			}
			return
		}
	}
}

// run is the goroutine.
func (r *refresher) run() {
	e := r.engine
	defer r.token.giveUp()
	for e.ctx.Err() == nil {
		r.busy.Store(true)
		pause, err := r.turn()
		r.busy.Store(false)
		e.failed("refresh", err)
		r.passed.tell(err)
		r.sleep(pause)
	}
}

// sleep waits until somebody rings, or a pause is over; 0 is no pause but for ever.
func (r *refresher) sleep(pause time.Duration) {
	var again <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-r.bell:
	case <-again:
	case <-r.engine.ctx.Done():
	}
}

// turn does what is to do, if it is this process that does it, and says when to look again if nobody rings: 0 is never.
func (r *refresher) turn() (pause time.Duration, err error) {
	e := r.engine
	if e.store.Shared() {
		pause = e.poll
	}
	held, err := r.token.hold(e.ctx)
	if err == nil && held {
		err = r.pass(e.ctx)
	}
	if err != nil {
		pause = e.poll
	}
	return pause, err
}

// pass refreshes until nothing is touched. It goes round, and tells those who wait of each page, so that what is touched
// again all the time holds up neither others nor them.
func (r *refresher) pass(ctx context.Context) error {
	var after storage.Key
	for {
		rows, err := r.engine.touched(ctx, after, page)
		if err != nil || len(rows) == 0 && after == (storage.Key{}) {
			return err
		}
		if err := r.refresh(ctx, rows); err != nil {
			return err
		}
		r.passed.tell(nil)
		if after = (storage.Key{}); len(rows) == page {
			after = rows[page-1].Key
		}
	}
}

// touched lists rows that say what is touched, by system.
func (e *Engine) touched(ctx context.Context, after storage.Key, limit int) ([]storage.Record, error) {
	var rows []storage.Record
	for row, err := range e.store.List(ctx, storage.Range{Kind: recordTouched, After: after, Limit: limit}) {
		if err != nil {
			return nil, fmt.Errorf("engine: read what is touched: %w", err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// earliest is objectives or systems, and from when on each of them may be another.
type earliest map[string]time.Time

func (b earliest) add(id string, from time.Time) {
	if before, ok := b[id]; !ok || from.Before(before) {
		b[id] = from
	}
}

// refresh refreshes what depends on the systems of rows. The rows go with the last of the objectives concerned.
func (r *refresher) refresh(ctx context.Context, rows []storage.Record) error {
	systems, err := r.concerned(ctx, rows)
	if err != nil {
		return err
	}
	b := earliest{}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(systems)), page) {
		of, err := r.engine.members(ctx, part)
		if err != nil {
			return err
		}
		for _, system := range slices.Sorted(maps.Keys(of)) {
			for _, objective := range of[system] {
				b.add(objective, systems[system])
				if len(b) >= page {
					if err := r.flush(ctx, b, nil); err != nil {
						return err
					}
				}
			}
		}
	}
	keys := make([]storage.Key, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	return r.flush(ctx, b, keys)
}

// concerned returns the systems of rows, and those that depend on them, each with the instant from which on it may be
// another.
func (r *refresher) concerned(ctx context.Context, rows []storage.Record) (earliest, error) {
	systems, touched := earliest{}, earliest{}
	var keys []storage.Key
	for _, row := range rows {
		at, err := touchedFrom(row)
		if err != nil {
			return nil, err
		}
		if n := len(keys); n == 0 || keys[n-1].ID != row.ID {
			keys = append(keys, storage.Key{Kind: recordDependent, ID: row.ID})
		}
		systems.add(row.ID, at)
		touched.add(row.ID, at)
	}
	for record, err := range r.engine.store.Get(ctx, keys) {
		if err != nil {
			return nil, fmt.Errorf("engine: read dependents: %w", err)
		}
		systems.add(record.Sub, touched[record.ID])
	}
	return systems, nil
}

// flush refreshes a batch in one transaction, and empties it. What is recorded of the objectives from then on is to be
// judged again. done are rows that are done with it.
func (r *refresher) flush(ctx context.Context, b earliest, done []storage.Key) error {
	e := r.engine
	ids := slices.Sorted(maps.Keys(b))
	err := e.store.InTx(ctx, func(ctx context.Context) error {
		as := readingAs{mode: growing, again: b}
		if err := e.slos.Refresh(as.in(ctx), ids...); err != nil {
			return err
		}
		return e.store.Delete(ctx, done)
	})
	clear(b)
	return err
}
