package entity_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// sharedEnd is the end of a Log that one process has. It can be cut off, as by a network, and single calls can be held up,
// fail, or be done without that the caller hears of it.
type sharedEnd struct {
	entity.Log

	mu     sync.Mutex
	before func(ctx context.Context, call string) error // an error: the call was not made
	after  func(ctx context.Context, call string) error // an error: it was, and the answer is lost
}

var errCut = errors.New("the database cannot be reached")

// cut makes all calls fail from now on.
func (e *sharedEnd) cut() {
	e.set(func(context.Context, string) error { return errCut }, nil)
}

// set sets what happens before and after calls.
func (e *sharedEnd) set(before, after func(ctx context.Context, call string) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before, e.after = before, after
}

// sharedStall returns a function that holds up the first call of one name until release is called, whatever becomes of
// its ctx, and a channel that is closed when it has come.
func sharedStall(name string) (before func(ctx context.Context, call string) error, came chan struct{}, release func()) {
	came, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	return func(_ context.Context, call string) error {
		if call == name {
			first := false
			once.Do(func() { first = true })
			if first {
				close(came)
				<-gate
			}
		}
		return nil
	}, came, sync.OnceFunc(func() { close(gate) })
}

func (e *sharedEnd) hooks() (before, after func(ctx context.Context, call string) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pass := func(context.Context, string) error { return nil }
	before, after = e.before, e.after
	if before == nil {
		before = pass
	}
	if after == nil {
		after = pass
	}
	return before, after
}

func (e *sharedEnd) do(ctx context.Context, call string, f func() error) error {
	before, after := e.hooks()
	if err := before(ctx, call); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return after(ctx, call)
}

func sharedSeq[T any](ctx context.Context, e *sharedEnd, call string, list func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		before, _ := e.hooks()
		if err := before(ctx, call); err != nil {
			var none T
			yield(none, err)
			return
		}
		list()(yield)
	}
}

func (e *sharedEnd) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return e.do(ctx, "InTx", func() error { return e.Log.InTx(ctx, fn) })
}

func (e *sharedEnd) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	return sharedSeq(ctx, e, "Heads", func() iter.Seq2[entity.Head, error] { return e.Log.Heads(ctx, kind, ids) })
}

func (e *sharedEnd) Relay(ctx context.Context, t entity.Token, limit int) (n int, err error) {
	err = e.do(ctx, "Relay", func() error { n, err = e.Log.Relay(ctx, t, limit); return err })
	return n, err
}

func (e *sharedEnd) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return sharedSeq(ctx, e, "Changes", func() iter.Seq2[entity.Change, error] { return e.Log.Changes(ctx, after) })
}

func (e *sharedEnd) Last(ctx context.Context) (last int64, drained bool, err error) {
	err = e.do(ctx, "Last", func() error { last, drained, err = e.Log.Last(ctx); return err })
	return last, drained, err
}

func (e *sharedEnd) Trim(ctx context.Context, t entity.Token, before time.Time) error {
	return e.do(ctx, "Trim", func() error { return e.Log.Trim(ctx, t, before) })
}

func (e *sharedEnd) Positions(ctx context.Context, g entity.Group, start int64) (p [entity.Shards]int64, err error) {
	err = e.do(ctx, "Positions", func() error { p, err = e.Log.Positions(ctx, g, start); return err })
	return p, err
}

func (e *sharedEnd) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	return e.do(ctx, "Save", func() error { return e.Log.Save(ctx, t, p) })
}

func (e *sharedEnd) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	return sharedSeq(ctx, e, "Pending", func() iter.Seq2[entity.Pending, error] { return e.Log.Pending(ctx, name) })
}

func (e *sharedEnd) Forget(ctx context.Context, g entity.Group, positions ...int64) (n int, err error) {
	err = e.do(ctx, "Forget", func() error { n, err = e.Log.Forget(ctx, g, positions...); return err })
	return n, err
}

func (e *sharedEnd) Drop(ctx context.Context, name string) error {
	return e.do(ctx, "Drop", func() error { return e.Log.Drop(ctx, name) })
}

func (e *sharedEnd) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) (t []entity.Token, err error) {
	err = e.do(ctx, "Lease", func() error { t, err = e.Log.Lease(ctx, names, holder, ttl); return err })
	return t, err
}

func (e *sharedEnd) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	return sharedSeq(ctx, e, "Leases", func() iter.Seq2[entity.Lease, error] { return e.Log.Leases(ctx, prefix) })
}
