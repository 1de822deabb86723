package lincheck_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
	"pgregory.net/rapid"
)

// errEnd is why a transaction of the machine does not commit.
var errEnd = errors.New("it is to fail")

// Transact runs a transaction, which may end in several ways.
func (m *logState) Transact(t *rapid.T) {
	log := m.log(t)
	tx := &logTx{logState: m, log: log, end: pick(t, "end", []string{"commit", "commit", "commit", "fail", "panic", "cancel"})}
	ctx, cancel := context.WithCancel(context.WithValue(m.ctx, tx, "outermost"))
	t.Cleanup(cancel) // not before: what is asked when it is over is not to be told that it was cancelled
	var inside context.Context
	err := m.model.Tx(func(before *lincheck.LogModel) (err error) {
		defer func() {
			if v := recover(); v != nil {
				if v != any(errEnd) {
					panic(v)
				}
				err = errEnd
			}
		}()
		return log.InTx(ctx, func(ctx context.Context) error {
			inside = ctx
			for range rapid.IntRange(1, 3).Draw(t, "steps") {
				if err := tx.step(ctx, t, before, 0); err != nil {
					return nil // an inner error dooms the whole, whatever is returned
				}
			}
			switch tx.end {
			case "fail":
				return errEnd
			case "panic":
				panic(errEnd)
			case "cancel":
				cancel()
			}
			return nil
		})
	})
	switch {
	case tx.end == "commit" && err != nil:
		t.Fatalf("InTx: %v", err)
	case tx.end != "commit" && err == nil:
		t.Fatalf("InTx committed, and was to %s", tx.end)
	case err != nil:
		tx.wanted = nil
	}
	equal(t, "what was called after the commit", tx.wanted, tx.called)
	if tx.end != "cancel" {
		m.over = append(m.over, ended{log, inside})
	}
}

// ended is a transaction that is over.
type ended struct {
	log entity.Log
	ctx context.Context
}

// Late uses a transaction that is over.
func (m *logState) Late(t *rapid.T) {
	n := len(m.over)
	if n == 0 {
		return
	}
	o := m.over[n-1-rapid.IntRange(0, min(n, 3)-1).Draw(t, "transaction, newest first")]
	if !slices.Contains(m.logs, o.log) {
		return // the handle was closed meanwhile
	}
	key := lincheck.Key{Kind: logKinds[0], ID: logIDs[0]}
	_, errLock := o.log.Lock(o.ctx, key.Kind, []string{key.ID})
	errAppend := o.log.Append(o.ctx, []entity.Entry{{
		Head: entity.Head{ID: key.ID, Version: 99, At: m.now}, Change: entity.Change{Kind: key.Kind, ID: key.ID, Version: 99, At: m.now},
	}})
	errTx := o.log.InTx(o.ctx, func(context.Context) error { return errEnd })
	errDrop := o.log.DropWatch(o.ctx, watchNames[0])
	o.log.AfterCommit(o.ctx, func(context.Context) { t.Errorf("what came after the end of a transaction was called") })
	for what, err := range map[string]error{"Lock": errLock, "Append": errAppend, "InTx": errTx, "DropWatch": errDrop} {
		if !errors.Is(err, entity.ErrClosed) {
			t.Fatalf("%s with a transaction that is over: %v", what, err)
		}
	}
}

// logTx is a transaction of the machine.
type logTx struct {
	*logState
	log            entity.Log
	end            string
	wanted, called []int // of AfterCommit
}

// step does one thing in a transaction, and compares what it sees of its own, and what others see.
func (tx *logTx) step(ctx context.Context, t *rapid.T, before *lincheck.LogModel, depth int) error {
	switch what := rapid.IntRange(0, 10).Draw(t, "step"); {
	case what < 5:
		tx.append(ctx, t)
	case what < 7:
		tx.write(ctx, t, tx.log)
	case what < 8:
		number := len(tx.wanted)
		tx.wanted = append(tx.wanted, number)
		tx.log.AfterCommit(ctx, func(ctx context.Context) {
			if ctx.Err() == nil && ctx.Value(tx) == "outermost" {
				tx.called = append(tx.called, number)
			}
		})
	case what < 9:
		tx.Late(t)
	case depth == 0:
		if err := tx.inner(ctx, t, before); err != nil {
			return err
		}
	}
	tx.compare(ctx, t, tx.log, tx.model)
	tx.compareTables(ctx, t, tx.log)
	other := tx.logs[len(tx.logs)-1]
	tx.compare(tx.ctx, t, other, before)
	equal(t, "changes that others see", before.Changes(0), changesOf(tx.ctx, t, other, 0))
	return nil
}

// inner is a transaction in the transaction, which may fail.
func (tx *logTx) inner(ctx context.Context, t *rapid.T, before *lincheck.LogModel) error {
	fails := rapid.IntRange(0, 2).Draw(t, "inner fails") == 0
	err := tx.log.InTx(ctx, func(ctx context.Context) error {
		if err := tx.step(ctx, t, before, 1); err != nil || !fails {
			return err
		}
		return errEnd
	})
	if fails {
		tx.end = "fail with the inner one"
	}
	if fails != errors.Is(err, errEnd) {
		t.Fatalf("the inner InTx returned %v", err)
	}
	return err
}

// append locks some entities and writes what comes next of each.
func (tx *logTx) append(ctx context.Context, t *rapid.T) {
	kind := pick(t, "kind", logKinds)
	ids := slices.Sorted(slices.Values(some(t, "ids", logIDs)))
	heads, err := tx.log.Lock(ctx, kind, ids)
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	var entries []entity.Entry
	wrote := map[string]entity.Head{}
	for i, id := range ids {
		decoded(t, &heads[i].State, &heads[i].Published)
		equal(t, "the head of "+id+" that Lock returns", tx.model.Head(lincheck.Key{Kind: kind, ID: id}), heads[i])
		wrote[id] = heads[i]
	}
	for _, id := range append(ids, ids[:len(ids)/2]...) { // some of them twice
		e := tx.entry(t, kind, wrote[id])
		wrote[id] = e.Head
		entries = append(entries, e)
	}
	if err := tx.log.Append(ctx, entries); err != nil {
		t.Fatalf("Append: %v", err)
	}
	for _, e := range entries {
		tx.model.Append(e)
	}
}

// entry is what comes after a head: another state, a removal, or a nudge.
func (tx *logTx) entry(t *rapid.T, kind string, head entity.Head) entity.Entry {
	prev, _ := head.State.(*lincheck.State)
	next := &lincheck.State{Name: pick(t, "name", names), Count: rapid.Int64Range(-1, 2).Draw(t, "count")}
	at := tx.later(t)
	if rapid.Bool().Draw(t, "late") {
		at = at.Add(-2 * time.Second) // another clock, but never before the entity's last change
	}
	if at.Before(head.At) {
		at = head.At
	}
	e := entity.Entry{Head: head, Change: entity.Change{Kind: kind, ID: head.ID, Prev: head.Published, Actor: pick(t, "actor", actors), At: at}}
	e.Head.At = at
	way := rapid.IntRange(0, 9).Draw(t, "way")
	switch {
	case way == 0 && prev != nil: // a nudge
		e.Change.Next = head.Published
		return e
	case way == 1 && prev != nil:
		next = nil
	}
	e.Transitions = lincheck.Differ(prev, next)
	e.Change.Fields = e.Transitions
	e.Head.Version++
	e.Change.Version = e.Head.Version
	e.Head.State, e.Head.Published = nil, nil
	if next != nil {
		e.Head.State, e.Head.Published = next, next
		if way == 2 {
			e.Head.Published = lincheck.Mask(next)
		}
	}
	e.Change.Next = e.Head.Published
	return e
}
