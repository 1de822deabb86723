package entity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	t.saved = 0
	for row, err := range t.reg.log.Watches(ctx, cursorRow) {
		if err != nil {
			return fmt.Errorf("entity: take over the timers: %w", err)
		}
		t.saved = row.Position
	}
	return t.loadRows(ctx, t.saved)
}

// letGo ends what the holder of the timers does.
func (t *timers) letGo() {
	t.token, t.lost = Token{}, false
	t.holding.Store(false)
	for name, a := range t.named {
		t.drop(a)
		delete(t.named, name)
	}
	t.flips, t.again = nil, never
	clear(t.flipOf)
	clear(t.reask)
	clear(t.unasked)
	clear(t.missing)
	t.listening()
}

// known has a watch armed that is registered, should that not have been possible when its row was read.
func (t *timers) known(name string) {
	t.request(func() {
		if t.token.Number != 0 && t.named[name] == nil {
			t.reload(name)
		}
	})
}

// reload arms named watches as their rows say now, those of some names or all; a while later, if that fails.
func (t *timers) reload(names ...string) {
	for _, name := range names {
		delete(t.missing, name)
	}
	if err := t.loadRows(t.reg.ctx, 0, names...); err != nil {
		t.reg.failed(err)
		for _, name := range names {
			t.tryAgain(name)
		}
		if len(names) == 0 {
			t.tryAgain(cursorRow)
		}
	}
}

// tryAgain has a named watch armed a while later.
func (t *timers) tryAgain(name string) {
	t.missing[name] = true
	t.again = min(t.again, t.soon())
}

// unload takes back a named watch that cannot be judged. Loaded again, it looks once more at what it has not written down.
func (t *timers) unload(a *arm) {
	t.drop(a)
	delete(t.named, a.name)
	t.tryAgain(a.name)
}

// loadRows arms the named watches as their rows say, those of some names or all, and has them look at what they have not
// seen yet. saved is what the holder before had seen of the changes, without writing that down in each row.
func (t *timers) loadRows(ctx context.Context, saved int64, names ...string) error {
	rows, err := t.rows(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		row, there := rows[name]
		if a := t.named[name]; a != nil && (!there || !row.same(a.side.row)) {
			t.drop(a)
			delete(t.named, name)
		}
	}
	saved, young, err := t.registeredAfter(ctx, saved)
	if err != nil {
		return err
	}
	var loaded []*arm
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		if t.named[name] != nil {
			continue
		}
		from := rows[name].Position
		if !young[name] {
			from = max(from, min(saved, t.position))
		}
		a, err := t.load(rows[name], from)
		if err != nil {
			t.reg.failed(fmt.Errorf("entity: watch %q, which another process registered: %w", name, err))
			t.missing[name] = false
			continue
		}
		loaded = append(loaded, a)
	}
	return t.catchUp(ctx, loaded)
}

// rows reads rows of named watches.
func (t *timers) rows(ctx context.Context, names []string) (map[string]WatchRow, error) {
	rows := map[string]WatchRow{}
	for row, err := range t.reg.log.Watches(ctx, names...) {
		if err != nil {
			return nil, fmt.Errorf("entity: read named watches: %w", err)
		}
		rows[row.Name] = row
	}
	delete(rows, cursorRow)
	return rows, nil
}

// registeredAfter names the watches that were registered after a Position, so that whoever had seen the changes up to there
// did not look at them for these watches. While the nudges that tell of that are on their way, nobody knows which they
// are, and it returns 0 in the Position's stead.
func (t *timers) registeredAfter(ctx context.Context, position int64) (known int64, names map[string]bool, err error) {
	if position == 0 {
		return 0, nil, nil
	}
	_, drained, err := t.reg.log.Last(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("entity: read the last position: %w", err)
	}
	if !drained {
		return 0, nil, nil
	}
	names = map[string]bool{}
	for c, err := range t.reg.log.Changes(ctx, position) {
		if err != nil {
			return 0, nil, fmt.Errorf("entity: read changes after %d: %w", position, err)
		}
		if c.Kind == watchKind && c.Version == 0 {
			names[c.ID] = true
		}
	}
	return position, names, nil
}

// load arms a named watch, which has seen the changes up to from.
func (t *timers) load(row WatchRow, from int64) (*arm, error) {
	c, err := ParseCondition(row.Condition)
	if err != nil {
		return nil, err
	}
	nodes, err := t.reg.compile(c)
	if err != nil {
		return nil, err
	}
	a := newArm(nodes, row.Name, noWatchOptions, nil)
	a.fresh, a.last, a.from, a.side = false, micros(row.At), from, &side{row: row, replay: true}
	if err := a.restore(row.Progress); err != nil {
		return nil, err
	}
	delete(t.missing, row.Name)
	t.named[row.Name] = a
	t.add(a)
	t.reached = from
	t.judge([]*arm{a}, a.last, nil)
	return a, nil
}

// catchUp has watches that were just loaded look at the changes that the timers have seen already.
func (t *timers) catchUp(ctx context.Context, loaded []*arm) (err error) {
	from := t.position
	for _, a := range loaded {
		from = min(from, a.from)
	}
	defer func() {
		t.reached = t.position
		for _, a := range loaded {
			if a.armed && err != nil {
				t.unload(a)
			}
			due := a.due
			t.late.remove(a)
			a.side.replay = false
			if a.armed {
				t.arms.put(a, due)
			}
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
func (t *timers) keepNamed(a *arm, at int64, value any) {
	row := a.side.row
	row.Progress, row.Position, row.At = progress(a), max(row.Position, t.reached), fromMicros(at)
	if !a.fire && row.Progress == a.side.row.Progress || t.lost {
		return
	}
	for t.reg.ctx.Err() == nil {
		err := t.reg.log.InTx(t.reg.ctx, func(ctx context.Context) error { return t.write(ctx, a, row, value) })
		if err == nil {
			a.side.row = row
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

// write replaces a watch's row, and appends its firing, unless that has been done, or the row is no longer the watch's: it
// was dropped or registered anew, of which a nudge is on its way.
func (t *timers) write(ctx context.Context, a *arm, row WatchRow, value any) error {
	heads, err := t.reg.log.Lock(ctx, watchKind, []string{row.Name})
	if err != nil {
		return err
	}
	rows, err := t.rows(ctx, []string{row.Name})
	if err != nil {
		return err
	}
	if old, there := rows[row.Name]; !there || !old.same(a.side.row) {
		return nil
	}
	if err := t.reg.log.PutWatch(ctx, t.token, row); err != nil {
		return err
	}
	if !a.fire {
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
	if t.token.Number == 0 || len(t.named) == 0 || len(t.missing) > 0 || t.position == t.saved || time.Since(t.savedAt) < lazily {
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
