package entitytest

import (
	"context"
	"iter"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// twist is a Log some of whose methods are replaced.
type twist struct {
	entity.Log
	inTx      func(ctx context.Context, fn func(ctx context.Context) error) error
	lock      func(ctx context.Context, kind string, ids []string) ([]entity.Head, error)
	heads     func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error]
	append    func(ctx context.Context, entries []entity.Entry) error
	intervals func(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error]
	relay     func(ctx context.Context, t entity.Token, limit int) (int, error)
	changes   func(ctx context.Context, after int64) iter.Seq2[entity.Change, error]
	last      func(ctx context.Context) (int64, bool, error)
	positions func(ctx context.Context, g entity.Group, start int64) ([entity.Shards]int64, error)
	save      func(ctx context.Context, t entity.Token, p entity.Progress) error
	pending   func(ctx context.Context, name string) iter.Seq2[entity.Pending, error]
	forget    func(ctx context.Context, g entity.Group, positions ...int64) (int, error)
	drop      func(ctx context.Context, name string) error
	watches   func(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error]
	putWatch  func(ctx context.Context, t entity.Token, w entity.WatchRow) error
	dropWatch func(ctx context.Context, name string) error
	lease     func(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error)
	leases    func(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error]
}

func (t *twist) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return t.inTx(ctx, fn)
}

func (t *twist) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	return t.lock(ctx, kind, ids)
}

func (t *twist) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	return t.heads(ctx, kind, ids)
}

func (t *twist) Append(ctx context.Context, entries []entity.Entry) error {
	return t.append(ctx, entries)
}

func (t *twist) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	return t.intervals(ctx, kind, id, field, since)
}

func (t *twist) Relay(ctx context.Context, token entity.Token, limit int) (int, error) {
	return t.relay(ctx, token, limit)
}

func (t *twist) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return t.changes(ctx, after)
}

func (t *twist) Last(ctx context.Context) (int64, bool, error) {
	return t.last(ctx)
}

func (t *twist) Positions(ctx context.Context, g entity.Group, start int64) ([entity.Shards]int64, error) {
	return t.positions(ctx, g, start)
}

func (t *twist) Save(ctx context.Context, token entity.Token, p entity.Progress) error {
	return t.save(ctx, token, p)
}

func (t *twist) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	return t.pending(ctx, name)
}

func (t *twist) Forget(ctx context.Context, g entity.Group, positions ...int64) (int, error) {
	return t.forget(ctx, g, positions...)
}

func (t *twist) Drop(ctx context.Context, name string) error {
	return t.drop(ctx, name)
}

func (t *twist) Watches(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
	return t.watches(ctx, names...)
}

func (t *twist) PutWatch(ctx context.Context, token entity.Token, w entity.WatchRow) error {
	return t.putWatch(ctx, token, w)
}

func (t *twist) DropWatch(ctx context.Context, name string) error {
	return t.dropWatch(ctx, name)
}

func (t *twist) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	return t.lease(ctx, names, holder, ttl)
}

func (t *twist) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	return t.leases(ctx, prefix)
}

// newTwist makes all methods the Log's own.
func newTwist(l entity.Log) *twist {
	return &twist{
		Log: l, inTx: l.InTx, lock: l.Lock, heads: l.Heads, append: l.Append, intervals: l.Intervals, relay: l.Relay, changes: l.Changes,
		last: l.Last, positions: l.Positions, save: l.Save, pending: l.Pending, forget: l.Forget, drop: l.Drop, watches: l.Watches,
		putWatch: l.PutWatch, dropWatch: l.DropWatch, lease: l.Lease, leases: l.Leases,
	}
}
