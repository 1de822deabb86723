package entitytest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// fakeLog is a Log that is shared, stores bytes and is as simple as can be: its data are values, each transaction is a list
// of functions on them, and whoever reads gets a copy on which the functions were run. Where a fault is named, it has that
// one.
type fakeLog struct {
	fault    string
	unshared bool
	seq      atomic.Int64 // numbers outbox rows

	mu       sync.Mutex
	data     *tables
	open     []*fakeTx
	owners   map[lockKey]*fakeTx
	released chan struct{} // closed when locks were freed
}

type lockKey struct{ kind, id string }

type fieldKey struct{ kind, id, field string }

type pendingKey struct {
	group    entity.Group
	position int64
}

type fakeLease struct {
	holder  string
	number  int64
	until   time.Time
	numbers map[string]int64 // of a fault
}

// tables is all that a fakeLog keeps.
type tables struct {
	heads     map[lockKey]entity.Head
	intervals map[fieldKey][]entity.Interval // oldest first
	outbox    []outboxRow
	feed      []entity.Change
	last      int64
	seen      int64 // of a fault
	groups    map[entity.Group][entity.Shards]int64
	pending   map[pendingKey]entity.Pending
	watches   map[string]entity.WatchRow
	leases    map[string]fakeLease
}

type outboxRow struct {
	seq    int64
	change entity.Change
}

func newFake(fault string) *fakeLog {
	return &fakeLog{fault: fault, owners: map[lockKey]*fakeTx{}, released: make(chan struct{}), data: &tables{
		heads: map[lockKey]entity.Head{}, intervals: map[fieldKey][]entity.Interval{}, groups: map[entity.Group][entity.Shards]int64{},
		pending: map[pendingKey]entity.Pending{}, watches: map[string]entity.WatchRow{}, leases: map[string]fakeLease{},
	}}
}

func (t *tables) clone() *tables {
	c := *t
	c.heads, c.groups, c.pending = maps.Clone(t.heads), maps.Clone(t.groups), maps.Clone(t.pending)
	c.watches, c.leases, c.intervals = maps.Clone(t.watches), maps.Clone(t.leases), maps.Clone(t.intervals)
	for key, list := range c.intervals {
		c.intervals[key] = slices.Clone(list)
	}
	c.outbox, c.feed = slices.Clone(t.outbox), slices.Clone(t.feed)
	return &c
}

// fakeTx is one transaction.
type fakeTx struct {
	ops     []func(*tables) error
	after   []func(context.Context)
	waiting lockKey
	begun   *tables
	doomed  error
	over    bool
}

type fakeKey struct{ log *fakeLog }

func (f *fakeLog) tx(ctx context.Context) *fakeTx {
	tx, _ := ctx.Value(fakeKey{f}).(*fakeTx)
	return tx
}

func (f *fakeLog) Shared() bool { return !f.unshared }

func (f *fakeLog) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if tx := f.tx(ctx); tx != nil {
		return f.join(ctx, tx, fn)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	tx := &fakeTx{begun: f.data}
	f.open = append(f.open, tx)
	f.mu.Unlock()
	err := error(entity.ErrClosed) // until fn has returned
	defer func() { f.end(ctx, tx, err) }()
	err = fn(context.WithValue(ctx, fakeKey{f}, tx))
	if err == nil {
		err = tx.doomed
	}
	if err == nil && f.fault != "a ctx that ended is not looked at" {
		err = ctx.Err()
	}
	if err == nil {
		err = f.commit(tx)
	}
	return err
}

// join runs fn in the transaction that ctx has.
func (f *fakeLog) join(ctx context.Context, tx *fakeTx, fn func(ctx context.Context) error) error {
	if tx.over {
		return entity.ErrClosed
	}
	f.mu.Lock()
	held := maps.Clone(f.owners)
	f.mu.Unlock()
	returned := false
	err := error(entity.ErrConflict)
	defer func() {
		if err != nil && f.fault != "an inner error is forgotten" && (returned || f.fault != "an inner panic is forgotten") {
			tx.doomed = err
		}
	}()
	err = fn(ctx)
	returned = true
	if err == nil && f.fault == "an inner transaction commits" {
		err = f.commit(tx)
		tx.ops = nil
	}
	if f.fault == "an inner transaction frees its locks" {
		f.free(func(key lockKey, owner *fakeTx) bool { return owner == tx && held[key] == nil })
	}
	return err
}

// commit runs the functions of a transaction on the data.
func (f *fakeLog) commit(tx *fakeTx) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	data := f.data.clone()
	for _, op := range tx.ops {
		if err := op(data); err != nil {
			return err
		}
		if f.fault == "a commit is many steps" {
			f.data = data.clone()
			f.mu.Unlock()
			time.Sleep(time.Millisecond)
			f.mu.Lock()
			data = f.data.clone()
		}
	}
	if f.unshared || f.fault == "a commit delivers" {
		f.relay(data, len(data.outbox))
	}
	f.data = data
	return nil
}

// end frees the locks and runs what follows the commit.
func (f *fakeLog) end(ctx context.Context, tx *fakeTx, err error) {
	tx.over = true
	f.mu.Lock()
	f.open = slices.DeleteFunc(f.open, func(other *fakeTx) bool { return other == tx })
	if err != nil && len(tx.ops) > 0 && f.fault == "a rollback takes a position" {
		f.data = f.data.clone()
		f.data.last++
	}
	f.mu.Unlock()
	f.free(func(_ lockKey, owner *fakeTx) bool { return owner == tx })
	if err != nil && f.fault != "a rollback is followed as a commit" {
		return
	}
	if f.fault == "what follows runs in reverse" {
		slices.Reverse(tx.after)
	}
	if f.fault != "what follows has the caller's ctx" {
		ctx = context.WithoutCancel(ctx)
	}
	for _, after := range tx.after {
		after(ctx)
	}
}

// free frees locks.
func (f *fakeLog) free(which func(key lockKey, owner *fakeTx) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.owners, which)
	close(f.released)
	f.released = make(chan struct{})
}

func (f *fakeLog) AfterCommit(ctx context.Context, after func(ctx context.Context)) {
	switch tx := f.tx(ctx); {
	case tx != nil:
		tx.after = append(tx.after, after)
	case f.fault != "nothing follows without a transaction":
		after(ctx)
	}
}

// write runs op on the data of ctx's transaction, or on all data.
func (f *fakeLog) write(ctx context.Context, op func(*tables) error) error {
	tx := f.tx(ctx)
	if tx == nil {
		tx = &fakeTx{ops: []func(*tables) error{op}}
		return f.commit(tx)
	}
	if tx.over {
		return entity.ErrClosed
	}
	if err := op(f.view(ctx)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	tx.ops = append(tx.ops, op)
	return nil
}

// view returns the data as ctx's transaction sees them.
func (f *fakeLog) view(ctx context.Context) *tables {
	f.mu.Lock()
	defer f.mu.Unlock()
	data := f.data
	if tx := f.tx(ctx); tx != nil {
		data = tx.on(data)
	}
	return data
}

// on runs the functions of the transaction on a copy of data.
func (tx *fakeTx) on(data *tables) *tables {
	data = data.clone()
	for _, op := range tx.ops {
		_ = op(data)
	}
	return data
}

func (f *fakeLog) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	tx := f.tx(ctx)
	switch {
	case tx == nil:
		return nil, entity.ErrInvalid
	case tx.over:
		return nil, entity.ErrClosed
	}
	for _, id := range ids {
		if err := f.lock(ctx, tx, lockKey{kind, id}, len(ids) > 1); err != nil {
			tx.doomed = err
			return nil, err
		}
	}
	view := f.view(ctx)
	switch f.fault {
	case "a lock shows what has committed":
		view = f.view(context.Background())
	case "a lock shows a snapshot":
		view = tx.on(tx.begun)
	}
	heads := make([]entity.Head, len(ids))
	for i, id := range ids {
		heads[i] = view.heads[lockKey{kind, id}]
		heads[i].ID = id
	}
	return heads, nil
}

// lock waits until nobody else holds the lock.
func (f *fakeLog) lock(ctx context.Context, tx *fakeTx, key lockKey, many bool) error {
	if f.fault == "a lock excludes nobody" {
		return nil
	}
	done := ctx.Done()
	if f.fault == "a wait has no end" {
		done = nil
	}
	for {
		f.mu.Lock()
		owner, released := f.owners[key], f.released
		if owner == nil {
			f.owners[key] = tx
		}
		circle := false
		for o := owner; o != nil && o != tx && !circle; {
			o = f.owners[o.waiting]
			circle = o == tx && f.fault != "a circle is not seen"
		}
		tx.waiting = lockKey{}
		if owner != nil && owner != tx && !circle {
			tx.waiting = key
		}
		f.mu.Unlock()
		switch {
		case owner == tx && many && f.fault == "a lock among others is taken once":
			return entity.ErrConflict
		case owner == nil || owner == tx:
			return nil
		case circle:
			return fmt.Errorf("locking %v: %w", key, entity.ErrConflict)
		}
		select {
		case <-released:
		case <-done:
			f.mu.Lock()
			defer f.mu.Unlock()
			tx.waiting = lockKey{}
			return ctx.Err()
		}
	}
}

// stored is a state as bytes.
func stored(v any) any {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return json.RawMessage(data)
}

func instant(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
