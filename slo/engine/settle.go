package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// Settle waits until everything that was committed so far has been refreshed, by whatever process, and, where Entities has
// been started, delivered by this one; so has what its handlers wrote meanwhile. So tests, simulations and jobs know when
// to look. While somebody writes all the time it may not end before ctx does. A handler must not call it. ErrInvalid: ctx
// has a transaction.
func (e *Engine) Settle(ctx context.Context) error {
	if e.inTx(ctx) {
		return invalid("ctx", "of a transaction", "one without: nobody else sees what that has written")
	}
	for {
		if err := e.refreshed(ctx); err != nil {
			return err
		}
		if err := e.registry.Settle(ctx); err != nil && !errors.Is(err, entity.ErrNotStarted) {
			return err
		}
		rows, err := e.touched(ctx, storage.Key{}, 1)
		if err != nil || len(rows) == 0 && !e.refresher.busy.Load() {
			return err
		}
	}
}

// refreshed waits until what is touched now has been refreshed.
func (e *Engine) refreshed(ctx context.Context) error {
	if err := e.check(); err != nil {
		return err
	}
	rows, err := e.touched(ctx, storage.Key{}, 0)
	if err != nil {
		return err
	}
	if len(rows) == 0 { // maybe since a commit is on its way: in memory rows go before the changes are there to be delivered
		pass := e.refresher.passed.next()
		if !e.refresher.busy.Load() {
			return nil
		}
		return e.await(ctx, pass)
	}
	keys := make([]storage.Key, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	for len(keys) > 0 {
		pass := e.refresher.passed.next()
		e.refresher.ring()
		if err := e.await(ctx, pass); err != nil {
			return err
		}
		var left []storage.Key
		for record, err := range e.store.Get(ctx, keys) {
			if err != nil {
				return fmt.Errorf("engine: read what is touched: %w", err)
			}
			left = append(left, record.Key)
		}
		if keys = left; len(keys) > 0 {
			if err := e.pause(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause lets some time pass where it is another process that has to do something.
func (e *Engine) pause(ctx context.Context) error {
	if !e.store.Shared() {
		return nil
	}
	timer := time.NewTimer(soon)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-e.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// soon is after what time it is worth looking whether another process has done something.
const soon = 5 * time.Millisecond

// await waits for the refresher's pass; of a shared store, where another process may make it, not for long.
func (e *Engine) await(ctx context.Context, p *pass) error {
	var enough <-chan time.Time
	if e.store.Shared() {
		timer := time.NewTimer(soon)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-p.over:
		if e.ctx.Err() != nil {
			return ErrClosed
		}
		return p.err
	case <-enough:
	case <-e.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// passed tells those who wait that the refresher has looked, or has done a page of its work.
type passed struct {
	mu      sync.Mutex
	waiting *pass
}

// pass is one look of the refresher that has not ended yet.
type pass struct {
	over chan struct{} // closed when it has
	err  error
}

// next returns the pass that is told of next.
func (p *passed) next() *pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = &pass{over: make(chan struct{})}
	}
	return p.waiting
}

func (p *passed) tell(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting != nil {
		p.waiting.err = err
		close(p.waiting.over)
		p.waiting = nil
	}
}
