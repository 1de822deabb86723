package entity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// takeOver begins what the holder of the timers does: it learns which entities time changes, and goes on with the named
// watches where the holder before stopped.
func (t *timers) takeOver(ctx context.Context) error {
	for name, k := range t.reg.snapshot() {
		if k.forecast == nil {
			continue
		}
		for head, err := range t.reg.log.Heads(ctx, name, nil) {
			if err != nil {
				return fmt.Errorf("entity: take over the timers: %w", err)
			}
			if head.State != nil {
				t.reask[entityKey{name, head.ID}] = micros(head.At)
			}
		}
	}
	if !t.active.Load() {
		t.follow()
	}
	for row, err := range t.reg.log.Watches(ctx, cursorRow) {
		if err != nil {
			return fmt.Errorf("entity: take over the timers: %w", err)
		}
		t.saved = row.Position
	}
	return t.loadRows(ctx)
}

// letGo ends what the holder of the timers does.
func (t *timers) letGo() {
	t.token, t.lost = Token{}, false
	for name, a := range t.named {
		t.drop(a)
		delete(t.named, name)
	}
	t.flips = nil
	clear(t.flipOf)
	clear(t.reask)
}

// loadRows arms the named watches as their rows say, those of some names or all, and has them look at what they have not
// seen yet.
func (t *timers) loadRows(ctx context.Context, names ...string) error {
	var rows []WatchRow
	for row, err := range t.reg.log.Watches(ctx, names...) {
		if err != nil {
			return fmt.Errorf("entity: read named watches: %w", err)
		}
		if row.Name != cursorRow {
			rows = append(rows, row)
		}
	}
	for _, name := range names {
		if a := t.named[name]; a != nil && (len(rows) == 0 || rows[0].Condition != a.named.row.Condition) {
			t.drop(a)
			delete(t.named, name)
		}
	}
	from := t.position
	for _, row := range rows {
		if t.named[row.Name] != nil {
			continue
		}
		a, err := t.load(row)
		if err != nil {
			t.reg.failed(fmt.Errorf("entity: watch %q, which another process registered: %w", row.Name, err))
			continue
		}
		if len(names) == 0 { // after a takeover: the holder before may have seen more without writing it down
			a.named.from = max(a.named.from, min(t.saved, t.position))
		}
		from = min(from, a.named.from)
	}
	return t.catchUp(ctx, from)
}

// load arms a named watch.
func (t *timers) load(row WatchRow) (*arm, error) {
	c, err := ParseCondition(row.Condition)
	if err != nil {
		return nil, err
	}
	nodes, err := t.reg.compile(c)
	if err != nil {
		return nil, err
	}
	a := &arm{slot: slot{due: never}, nodes: nodes, last: micros(row.At), sight: &sight{name: row.Name, opts: noWatchOptions},
		named: &namedArm{row: row, replay: true, from: row.Position}}
	if err := a.restore(row.Progress); err != nil {
		return nil, err
	}
	t.named[row.Name] = a
	t.add(a)
	t.reached = row.Position
	t.judge([]*arm{a}, a.last, nil)
	return a, nil
}

// catchUp has the watches that were just loaded look at the changes that the timers have seen already.
func (t *timers) catchUp(ctx context.Context, from int64) error {
	defer func() {
		for _, a := range t.named {
			a.named.replay = false
		}
	}()
	for c, err := range t.reg.log.Changes(ctx, from) {
		if err != nil {
			return fmt.Errorf("entity: read changes after %d: %w", from, err)
		}
		if c.Position > t.position {
			break
		}
		t.reg.failed(t.reg.typed(&c))
		t.apply(&c, true)
	}
	return nil
}

// keepNamed writes down what has become of a named watch, if anything has, together with its firing. It does not give up
// while it holds the lease.
func (t *timers) keepNamed(a *arm, at int64, c *Change) {
	row := a.named.row
	row.Progress, row.Position, row.At = progress(a), max(row.Position, t.reached), fromMicros(at)
	if !a.fire && row.Progress == a.named.row.Progress || t.lost {
		return
	}
	var value any
	if a.fire {
		value = t.value(a, c)
	}
	for t.reg.ctx.Err() == nil {
		err := t.reg.log.InTx(t.reg.ctx, func(ctx context.Context) error { return t.write(ctx, row, a.fire, value) })
		if err == nil {
			a.named.row = row
			return
		}
		if errors.Is(err, ErrLeaseLost) {
			t.lost = true
			return
		}
		t.reg.failed(fmt.Errorf("entity: write down watch %q: %w", row.Name, err))
		t.reg.rest(t.reg.poll)
	}
}

func (t *timers) write(ctx context.Context, row WatchRow, fires bool, value any) error {
	heads, err := t.reg.log.Lock(ctx, watchKind, []string{row.Name})
	if err != nil {
		return err
	}
	if err := t.reg.log.PutWatch(ctx, t.token, row); err != nil {
		return err
	}
	if !fires {
		return nil
	}
	e, err := t.reg.firing(t.reg.kind(watchKind), &heads[0], row.Condition, row.At, value)
	if err != nil {
		return err
	}
	if t.reg.shared {
		t.reg.log.AfterCommit(ctx, t.reg.committed)
	}
	return t.reg.log.Append(ctx, []Entry{e})
}

// keepCursor writes down, now and then, how far the named watches are.
func (t *timers) keepCursor() {
	if t.token.Number == 0 || len(t.named) == 0 || t.position == t.saved || time.Since(t.savedAt) < lazily {
		return
	}
	t.savedAt = time.Now()
	row := WatchRow{Name: cursorRow, Position: t.position, At: t.reg.now()}
	switch err := t.reg.log.PutWatch(t.reg.ctx, t.token, row); {
	case errors.Is(err, ErrLeaseLost):
		t.lost = true
	case err != nil:
		t.reg.failed(fmt.Errorf("entity: write down the timers' position: %w", err))
	default:
		t.saved = t.position
	}
}
