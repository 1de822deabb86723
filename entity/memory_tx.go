package entity

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// memoryTx is one transaction, and the context that its fn gets.
type memoryTx struct {
	context.Context
	room    [1]*record // so that one lock needs no more memory
	log     *Memory
	mu      sync.Mutex // of what fn does, should it do it from several goroutines; taken after Memory.mu
	held    []*record
	entries []Entry
	staged  []func()
	undo    []func() // what was written at once, in reverse
	after   []func(context.Context)
	doomed  error
	over    bool
	waiting *record // under Memory.mu
}

type memoryKey struct{ log *Memory }

// Value makes the transaction known to the contexts made from it.
func (tx *memoryTx) Value(key any) any {
	if key == (memoryKey{tx.log}) {
		return tx
	}
	return tx.Context.Value(key)
}

func (m *Memory) tx(ctx context.Context) *memoryTx {
	tx, _ := ctx.Value(memoryKey{m}).(*memoryTx)
	return tx
}

// InTx runs fn in a transaction; see [Transactions].
func (m *Memory) InTx(ctx context.Context, fn func(context.Context) error) error {
	if tx := m.tx(ctx); tx != nil {
		return tx.join(ctx, fn)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tx := &memoryTx{Context: ctx, log: m}
	tx.held = tx.room[:0]
	committed := false
	defer func() {
		if !committed {
			tx.end(false)
		}
	}()
	err := fn(tx)
	if err == nil {
		err = tx.doom(ctx.Err())
	}
	if err != nil {
		return err
	}
	tx.end(true)
	committed = true
	if len(tx.after) > 0 {
		after := context.WithoutCancel(ctx)
		for _, f := range tx.after {
			f(after)
		}
	}
	return nil
}

// join runs an inner fn. A panic of it dooms the transaction also where the outer fn recovers.
func (tx *memoryTx) join(ctx context.Context, fn func(context.Context) error) error {
	if err := tx.check(); err != nil {
		return err
	}
	err := fmt.Errorf("entity: an inner transaction did not return: %w", ErrConflict)
	defer func() { _ = tx.doom(err) }()
	err = fn(ctx)
	return err
}

// doom keeps the first error that forbids the commit, and returns it.
func (tx *memoryTx) doom(err error) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.doomed == nil {
		tx.doomed = err
	}
	return tx.doomed
}

func (tx *memoryTx) check() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.over {
		return fmt.Errorf("%w: the transaction is over", ErrClosed)
	}
	return nil
}

// end applies what the transaction wrote, or drops it, and lets go of its locks.
func (tx *memoryTx) end(commit bool) {
	m := tx.log
	tx.mu.Lock()
	tx.over = true // from here on nobody else touches the rest
	tx.mu.Unlock()
	var shards shardSet
	if commit {
		shards = tx.shards()
	}
	m.mu.Lock()
	published := false
	if commit {
		for _, apply := range tx.staged {
			apply()
		}
		for i := range tx.entries {
			m.apply(&tx.entries[i])
		}
		published = len(tx.entries) > 0
	} else {
		for _, undo := range slices.Backward(tx.undo) {
			undo()
		}
	}
	for _, r := range tx.held {
		m.release(r)
	}
	m.mu.Unlock()
	m.recycle(tx)
	if published {
		m.feed.ring(shards)
	}
}

// shards says whose changes the transaction appended; all where nobody makes a difference.
func (tx *memoryTx) shards() shardSet {
	if !tx.log.feed.sharded() {
		return allShards
	}
	var set shardSet
	for i := range tx.entries {
		set |= shardOf(&tx.entries[i].Change)
	}
	return set
}

// AfterCommit calls f after the commit; see [Transactions].
func (m *Memory) AfterCommit(ctx context.Context, f func(context.Context)) {
	tx := m.tx(ctx)
	if tx == nil {
		f(context.WithoutCancel(ctx))
		return
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if !tx.over {
		tx.after = append(tx.after, f)
	}
}

// Stage makes apply part of the commit of ctx's transaction: it runs in the same step in which what was appended becomes
// visible, in the order of the calls, and not at all when the transaction does not commit. It must not fail, block or
// call the Log. It is how a store in memory keeps other data beside a Log. ErrInvalid: ctx has no transaction.
func (m *Memory) Stage(ctx context.Context, apply func()) error {
	tx, err := m.inside(ctx)
	if err != nil {
		return err
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.staged = append(tx.staged, apply)
	return nil
}

// inside returns the transaction that ctx must have.
func (m *Memory) inside(ctx context.Context) (*memoryTx, error) {
	tx := m.tx(ctx)
	if tx == nil {
		return nil, fmt.Errorf("%w: no transaction in the context", ErrInvalid)
	}
	return tx, tx.check()
}

// Lock locks entities until the end of the transaction; see [Heads].
func (m *Memory) Lock(ctx context.Context, kind string, ids []string) ([]Head, error) {
	tx, err := m.inside(ctx)
	if err != nil {
		return nil, err
	}
	heads := make([]Head, len(ids))
	for i, id := range ids {
		r, err := tx.lock(ctx, kind, id)
		if err != nil {
			return nil, tx.doom(err)
		}
		heads[i] = tx.head(r)
	}
	return heads, nil
}

func (tx *memoryTx) lock(ctx context.Context, kind, id string) (*record, error) {
	m := tx.log
	m.mu.Lock()
	r := m.record(kind, id)
	if r.owner == tx {
		m.mu.Unlock()
		return r, nil
	}
	if r.owner == nil {
		r.take(tx)
		m.mu.Unlock()
		return r, nil
	}
	if r.closesCircle(tx) {
		m.mu.Unlock()
		return nil, fmt.Errorf("%w: locks of %s %q wait for each other", ErrConflict, kind, id)
	}
	w := waiter{tx, make(chan struct{})}
	r.waiters = append(r.waiters, w)
	tx.waiting = r
	m.mu.Unlock()
	select {
	case <-w.granted:
		return r, nil
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.owner != tx { // else it was granted in this very moment, and is given back with the others
		r.waiters = slices.DeleteFunc(r.waiters, func(other waiter) bool { return other.tx == tx })
		tx.waiting = nil
	}
	return nil, ctx.Err()
}

// closesCircle follows who waits for whom, from the record that tx wants.
func (r *record) closesCircle(tx *memoryTx) bool {
	for r != nil && r.owner != nil {
		if r.owner == tx {
			return true
		}
		r = r.owner.waiting
	}
	return false
}

// take makes the transaction the record's owner.
func (r *record) take(tx *memoryTx) {
	r.owner = tx
	tx.waiting = nil
	tx.held = append(tx.held, r)
}

// release gives a lock to the one who has waited longest.
func (m *Memory) release(r *record) {
	r.owner = nil
	if len(r.waiters) > 0 {
		next := r.waiters[0]
		r.waiters = slices.Delete(r.waiters, 0, 1)
		r.take(next.tx)
		close(next.granted)
		return
	}
	if !r.head.seen() { // it was a lock alone
		delete(m.kinds[r.kind], r.head.ID)
	}
}

// head returns the head as the transaction sees it.
func (tx *memoryTx) head(r *record) Head {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	for i := len(tx.entries) - 1; i >= 0; i-- {
		if e := &tx.entries[i]; e.Head.ID == r.head.ID && e.Change.Kind == r.kind {
			return e.Head
		}
	}
	return r.head
}

// Append writes entries in the transaction; see [Heads].
func (m *Memory) Append(ctx context.Context, entries []Entry) error {
	tx, err := m.inside(ctx)
	if err != nil {
		return err
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.entries == nil {
		tx.entries = m.room()
	}
	for i := range entries {
		tx.entries = append(tx.entries, entries[i])
		e := &tx.entries[len(tx.entries)-1]
		e.Head.At, e.Change.At = instant(e.Head.At), instant(e.Change.At)
	}
	return nil
}

// room is memory for a transaction's entries, which an earlier one had.
func (m *Memory) room() []Entry {
	m.spareMu.Lock()
	defer m.spareMu.Unlock()
	n := len(m.spare)
	if n == 0 {
		return nil
	}
	room := m.spare[n-1]
	m.spare = m.spare[:n-1]
	return room
}

// recycle takes the memory of a transaction's entries for later ones, unless it is much.
func (m *Memory) recycle(tx *memoryTx) {
	entries := tx.entries
	tx.entries = nil
	if cap(entries) == 0 || cap(entries) > 64 {
		return
	}
	clear(entries)
	m.spareMu.Lock()
	defer m.spareMu.Unlock()
	if len(m.spare) < 16 {
		m.spare = append(m.spare, entries[:0])
	}
}
