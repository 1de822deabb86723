package lincheck_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// cord connects one process with a Log that others use too, until it is cut: the process then can do nothing, as one that
// was killed or has lost the network, and its leases stay until they run out.
type cord struct {
	entity.Log
	cut atomic.Bool
}

var errCut = errors.New("cut off from the log")

func (c *cord) check() error {
	if c.cut.Load() {
		return errCut
	}
	return nil
}

// listing is seq, or an error where the cord is cut.
func listing[T any](c *cord, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := c.check(); err != nil {
			var none T
			yield(none, err)
			return
		}
		seq(yield)
	}
}

func (c *cord) InTx(ctx context.Context, fn func(context.Context) error) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.Log.InTx(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		return c.check()
	})
}

func (c *cord) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	return listing(c, c.Log.Heads(ctx, kind, ids))
}

func (c *cord) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return listing(c, c.Log.Changes(ctx, after))
}

func (c *cord) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	return listing(c, c.Log.Pending(ctx, name))
}

func (c *cord) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	return listing(c, c.Log.Leases(ctx, prefix))
}

func (c *cord) Watches(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
	return listing(c, c.Log.Watches(ctx, names...))
}

func (c *cord) Relay(ctx context.Context, t entity.Token, limit int) (int, error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	return c.Log.Relay(ctx, t, limit)
}

func (c *cord) Last(ctx context.Context) (int64, bool, error) {
	if err := c.check(); err != nil {
		return 0, false, err
	}
	return c.Log.Last(ctx)
}

func (c *cord) Positions(ctx context.Context, g entity.Group, start int64) ([entity.Shards]int64, error) {
	if err := c.check(); err != nil {
		return [entity.Shards]int64{}, err
	}
	return c.Log.Positions(ctx, g, start)
}

func (c *cord) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.Log.Save(ctx, t, p)
}

func (c *cord) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.Log.Lease(ctx, names, holder, ttl)
}
