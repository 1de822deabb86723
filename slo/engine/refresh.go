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
		e.work.Go(r.listen)
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

// wake has the refresher look, of whatever process it is.
func (r *refresher) wake(ctx context.Context) {
	r.ring()
	if e := r.engine; e.store.Shared() && e.bus != nil {
		if err := e.bus.Wake(ctx); err != nil {
			e.failed("wake others", err)
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

// batch is objectives that are refreshed together, and the rows that are done with them.
type batch struct {
	from map[string]time.Time
	rows []storage.Key
}

// refresh refreshes what depends on the systems of rows. A row goes with the last of the objectives concerned.
func (r *refresher) refresh(ctx context.Context, rows []storage.Record) error {
	b := batch{from: map[string]time.Time{}}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].ID == rows[0].ID {
			n++
		}
		if err := r.gather(ctx, &b, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return r.flush(ctx, &b)
}

// gather adds the objectives of one system, and of those that depend on it, and flushes what is full.
func (r *refresher) gather(ctx context.Context, b *batch, rows []storage.Record) error {
	e := r.engine
	id := rows[0].ID
	from := lastInstant
	for _, row := range rows {
		at, err := touchedFrom(row)
		if err != nil {
			return err
		}
		if at.Before(from) {
			from = at
		}
	}
	systems := []string{id}
	for record, err := range e.store.Get(ctx, []storage.Key{{Kind: recordDependent, ID: id}}) {
		if err != nil {
			return fmt.Errorf("engine: read dependents: %w", err)
		}
		systems = append(systems, record.Sub)
	}
	for part := range slices.Chunk(systems, page) {
		of, err := e.members(ctx, part)
		if err != nil {
			return err
		}
		for _, system := range slices.Sorted(maps.Keys(of)) {
			for _, objective := range of[system] {
				if before, ok := b.from[objective]; !ok || from.Before(before) {
					b.from[objective] = from
				}
				if len(b.from) >= page {
					if err := r.flush(ctx, b); err != nil {
						return err
					}
				}
			}
		}
	}
	for _, row := range rows {
		b.rows = append(b.rows, row.Key)
	}
	return nil
}

// flush refreshes a batch in one transaction. What is recorded of the objectives from then on is to be judged again.
func (r *refresher) flush(ctx context.Context, b *batch) error {
	e := r.engine
	ids := slices.Sorted(maps.Keys(b.from))
	err := e.store.InTx(ctx, func(ctx context.Context) error {
		if len(ids) > 0 {
			if _, err := e.store.Lock(ctx, kindSLO, ids); err != nil {
				return fmt.Errorf("engine: lock objectives: %w", err)
			}
			progress, err := e.judgeAgain(ctx, ids, b.from)
			if err != nil {
				return err
			}
			as := readingAs{mode: growing, progress: progress}
			if err := e.slos.Refresh(as.in(ctx), ids...); err != nil {
				return err
			}
		}
		return e.store.Delete(ctx, b.rows)
	})
	clear(b.from)
	b.rows = b.rows[:0]
	return err
}
