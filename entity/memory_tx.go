package entity

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// memoryTx is one transaction. When it has ended it serves another, which its number tells from it.
type memoryTx struct {
	log     *Memory
	locking sync.Mutex // held while it waits for locks, one after the other
	heads   []Head     // what Lock has returned
	mu      sync.Mutex // taken before Memory.mu
	number  uint64
	entries []Entry
	staged  []func()
	undo    []func() // what was written at once is taken back by these, in reverse
	after   []func(context.Context)
	doomed  error

	// Under Memory.mu.
	held    []*record
	waiting *waiter
}

// waiter is a transaction that waits for a record.
type waiter struct {
	tx      *memoryTx
	record  *record
	granted chan struct{} // closed when it has the lock, or its transaction has ended
}

// memoryCtx is the context that the fn of a transaction gets.
type memoryCtx struct {
	context.Context
	tx     *memoryTx
	number uint64
}

type memoryKey struct{ log *Memory }

// Value makes the transaction known to the contexts made from this one.
func (c *memoryCtx) Value(key any) any {
	if key == (memoryKey{c.tx.log}) {
		return c
	}
	return c.Context.Value(key)
}

func (m *Memory) txOf(ctx context.Context) *memoryCtx {
	c, _ := ctx.Value(memoryKey{m}).(*memoryCtx)
	return c
}

var (
	errOver     = fmt.Errorf("%w: the transaction is over", ErrClosed)
	errNoTx     = fmt.Errorf("%w: no transaction in the context", ErrInvalid)
	errReturned = fmt.Errorf("%w: an inner transaction did not return", ErrConflict)
)

// enter locks the transaction, if it is still that.
func (c *memoryCtx) enter() (*memoryTx, error) {
	c.tx.mu.Lock()
	if c.tx.number != c.number {
		c.tx.mu.Unlock()
		return nil, errOver
	}
	return c.tx, nil
}

// inside is enter for the transaction that ctx must have.
func (m *Memory) inside(ctx context.Context) (*memoryTx, error) {
	c := m.txOf(ctx)
	if c == nil {
		return nil, errNoTx
	}
	return c.enter()
}

// within is enter for the transaction that ctx may have; leave undoes it.
func (m *Memory) within(ctx context.Context) (*memoryTx, error) {
	if c := m.txOf(ctx); c != nil {
		return c.enter()
	}
	return nil, nil
}

func (tx *memoryTx) leave() {
	if tx != nil {
		tx.mu.Unlock()
	}
}

// takeBack has what f returns called, with Memory.mu held, should the transaction not commit. Outside of one f is not
// asked.
func (tx *memoryTx) takeBack(f func() (undo func())) {
	if tx != nil {
		tx.undo = append(tx.undo, f())
	}
}

// InTx runs fn in a transaction; see [Transactions].
func (m *Memory) InTx(ctx context.Context, fn func(context.Context) error) error {
	if c := m.txOf(ctx); c != nil {
		return c.join(ctx, fn)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, _ := m.txs.Get().(*memoryTx)
	if tx == nil {
		tx = &memoryTx{log: m}
	}
	c := &memoryCtx{ctx, tx, tx.number}
	ended := false
	defer func() {
		if !ended { // a panic, or the end of the goroutine
			_, _ = c.end(errReturned)
		}
	}()
	err := fn(c)
	if err == nil {
		err = ctx.Err()
	}
	after, err := c.end(err)
	ended = true
	if len(after) > 0 {
		ctx := context.WithoutCancel(ctx)
		for _, f := range after {
			f(ctx)
		}
	}
	return err
}

// join runs an inner fn. A panic of it dooms the transaction also where the outer fn recovers.
func (c *memoryCtx) join(ctx context.Context, fn func(context.Context) error) error {
	tx, err := c.enter()
	if err != nil {
		return err
	}
	tx.leave()
	err = errReturned
	defer func() {
		if err != nil {
			_ = c.doom(err)
		}
	}()
	err = fn(ctx)
	return err
}

// doom keeps the first error that forbids the commit, and returns the given one.
func (c *memoryCtx) doom(err error) error {
	if tx, over := c.enter(); over == nil {
		defer tx.leave()
		if tx.doomed == nil {
			tx.doomed = err
		}
	}
	return err
}

// end commits, unless there is an error, and lets go of the locks. It returns what is to be called after the commit.
func (c *memoryCtx) end(err error) ([]func(context.Context), error) {
	tx, m := c.tx, c.tx.log
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if err == nil {
		err = tx.doomed
	}
	after := tx.after
	var shards shardSet
	m.mu.Lock()
	if err == nil {
		for _, apply := range tx.staged {
			apply()
		}
		shards = m.apply(tx.entries)
	} else {
		after = nil
		for _, undo := range slices.Backward(tx.undo) {
			undo()
		}
	}
	if w := tx.waiting; w != nil { // of a goroutine that fn left behind
		w.record.waiters = slices.DeleteFunc(w.record.waiters, func(other *waiter) bool { return other == w })
		tx.waiting = nil
		close(w.granted)
	}
	for _, r := range tx.held {
		m.release(r)
	}
	tx.held = tx.held[:0]
	m.mu.Unlock()
	if shards != 0 {
		m.feed.ring(shards)
	}
	tx.reset()
	m.txs.Put(tx)
	return after, err
}

const roomKept = 1024 // entries that a transaction may bring into the next

func (tx *memoryTx) reset() {
	tx.number++
	tx.staged, tx.undo, tx.after, tx.doomed = nil, nil, nil, nil
	clear(tx.entries)
	tx.entries = tx.entries[:0]
	if cap(tx.entries) > roomKept {
		tx.entries = nil
	}
	clear(tx.heads)
	tx.heads = tx.heads[:0]
	if cap(tx.heads) > roomKept {
		tx.heads = nil
	}
	if cap(tx.held) > roomKept {
		tx.held = nil
	}
}

// AfterCommit calls f after the commit; see [Transactions].
func (m *Memory) AfterCommit(ctx context.Context, f func(context.Context)) {
	c := m.txOf(ctx)
	if c == nil {
		f(context.WithoutCancel(ctx))
		return
	}
	if tx, err := c.enter(); err == nil {
		defer tx.leave()
		tx.after = append(tx.after, f)
	}
}

// Stage makes apply part of the commit of ctx's transaction: it runs in the same step in which what was appended becomes
// visible, in the order of the calls, and not at all when the transaction does not commit. It must not fail, block or
// call the Log. It is how a store in memory keeps other data beside a Log. ErrInvalid: ctx has no transaction. ErrClosed:
// it is over.
func (m *Memory) Stage(ctx context.Context, apply func()) error {
	tx, err := m.inside(ctx)
	if err != nil {
		return err
	}
	defer tx.leave()
	tx.staged = append(tx.staged, apply)
	return nil
}

// Lock locks entities until the end of the transaction; see [Heads].
func (m *Memory) Lock(ctx context.Context, kind string, ids []string) ([]Head, error) {
	c := m.txOf(ctx)
	if c == nil {
		return nil, errNoTx
	}
	tx, err := c.enter()
	if err != nil {
		return nil, err
	}
	n := len(tx.heads)
	tx.heads = slices.Grow(tx.heads, len(ids))[:n+len(ids)] // which leaves the slices that were given before as they are
	heads := tx.heads[n : n+len(ids) : n+len(ids)]
	got := 0
	m.mu.Lock()
	for got < len(ids) && tx.grab(m.record(kind, ids[got]), &heads[got]) {
		got++
	}
	m.mu.Unlock()
	tx.leave()
	if got == len(ids) {
		return heads, nil
	}
	tx.locking.Lock()
	defer tx.locking.Unlock()
	for ; got < len(ids); got++ {
		if heads[got], err = c.lock(ctx, kind, ids[got]); err != nil {
			return nil, c.doom(err)
		}
	}
	return heads, nil
}

// grab takes a lock that is free or the transaction's already, and gives the head as the transaction sees it.
func (tx *memoryTx) grab(r *record, head *Head) bool {
	switch r.owner {
	case tx:
		*head = tx.head(r)
	case nil:
		r.take(tx)
		*head = r.head
	default:
		return false
	}
	return true
}

// lock gets one lock, and the head as the transaction sees it.
func (c *memoryCtx) lock(ctx context.Context, kind, id string) (Head, error) {
	for {
		head, w, err := c.tryLock(kind, id)
		if w == nil {
			return head, err
		}
		select {
		case <-w.granted:
		case <-ctx.Done():
			if c.tx.log.giveUp(w) {
				return Head{}, ctx.Err()
			}
		}
	}
}

// tryLock returns the head where the lock is free or the transaction's already, and else begins to wait.
func (c *memoryCtx) tryLock(kind, id string) (Head, *waiter, error) {
	tx, err := c.enter()
	if err != nil {
		return Head{}, nil, err
	}
	defer tx.leave()
	m := tx.log
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.record(kind, id)
	var head Head
	if tx.grab(r, &head) {
		return head, nil, nil
	}
	if r.closesCircle(tx) {
		return Head{}, nil, fmt.Errorf("%w: the locks of %s %s and another wait for each other", ErrConflict, kind, quote(id))
	}
	w := &waiter{tx, r, make(chan struct{})}
	r.waiters = append(r.waiters, w)
	tx.waiting = w
	return Head{}, w, nil
}

// giveUp ends a wait; false where the lock was granted in this very moment, so that it is the transaction's.
func (m *Memory) giveUp(w *waiter) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.tx.waiting != w {
		return false
	}
	w.tx.waiting = nil
	w.record.waiters = slices.DeleteFunc(w.record.waiters, func(other *waiter) bool { return other == w })
	return true
}

// closesCircle follows who waits for whom, from the record that tx wants.
func (r *record) closesCircle(tx *memoryTx) bool {
	for r.owner != tx {
		if r.owner == nil || r.owner.waiting == nil {
			return false
		}
		r = r.owner.waiting.record
	}
	return true
}

// take makes the transaction the record's owner.
func (r *record) take(tx *memoryTx) {
	r.owner = tx
	tx.held = append(tx.held, r)
}

// release gives a lock to the one who has waited longest.
func (m *Memory) release(r *record) {
	r.owner = nil
	if len(r.waiters) > 0 {
		next := r.waiters[0]
		r.waiters = slices.Delete(r.waiters, 0, 1)
		next.tx.waiting = nil
		r.take(next.tx)
		close(next.granted)
		return
	}
	if !r.head.seen() { // it was a lock alone
		delete(m.kinds[r.kind], r.head.ID)
	}
}

// head returns the head as the transaction sees it, which is locked.
func (tx *memoryTx) head(r *record) Head {
	if tx != nil {
		for i := len(tx.entries) - 1; i >= 0; i-- {
			if e := &tx.entries[i]; e.Head.ID == r.head.ID && e.Change.Kind == r.kind {
				return e.Head
			}
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
	defer tx.leave()
	tx.entries = slices.Grow(tx.entries, len(entries))
	for i := range entries {
		tx.entries = append(tx.entries, entries[i])
		e := &tx.entries[len(tx.entries)-1]
		e.Head.At, e.Change.At = instant(e.Head.At), instant(e.Change.At)
	}
	return nil
}
