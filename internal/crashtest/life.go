package crashtest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

var errKilled = errors.New("crashtest: the worker was killed")

// life is that of a worker in this process. Once it is over, what its store had not committed by then never is.
type life struct{ over atomic.Bool }

// open gives stores that live as long. They are shared, as what other processes go on with is.
func (l *life) open(open Open) Open {
	return func(ctx context.Context, target string) (storage.Store, func() error, error) {
		store, closeStore, err := open(ctx, target)
		return &mortal{store, l}, closeStore, err
	}
}

func (l *life) check() error {
	if l.over.Load() {
		return errKilled
	}
	return nil
}

// mortal is a store of a worker in this process. All that writes goes through its InTx.
type mortal struct {
	storage.Store
	life *life
}

func (m *mortal) Shared() bool { return true }

func (m *mortal) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if err := m.life.check(); err != nil {
		return err
	}
	return m.Store.InTx(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		return m.life.check()
	})
}

// in returns what f does in a transaction.
func in[T any](ctx context.Context, m *mortal, f func(ctx context.Context) (T, error)) (v T, err error) {
	err = m.InTx(ctx, func(ctx context.Context) error {
		v, err = f(ctx)
		return err
	})
	return v, err
}

func (m *mortal) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	return in(ctx, m, func(ctx context.Context) ([]bool, error) { return m.Store.PutFacts(ctx, facts) })
}

func (m *mortal) DeleteFacts(ctx context.Context, systems []string) error {
	return m.InTx(ctx, func(ctx context.Context) error { return m.Store.DeleteFacts(ctx, systems) })
}

func (m *mortal) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	return in(ctx, m, func(ctx context.Context) ([]int64, error) { return m.Store.Bump(ctx, keys) })
}

func (m *mortal) Put(ctx context.Context, records []storage.Record) error {
	return m.InTx(ctx, func(ctx context.Context) error { return m.Store.Put(ctx, records) })
}

func (m *mortal) Add(ctx context.Context, records []storage.Record) ([]bool, error) {
	return in(ctx, m, func(ctx context.Context) ([]bool, error) { return m.Store.Add(ctx, records) })
}

func (m *mortal) Delete(ctx context.Context, keys []storage.Key) error {
	return m.InTx(ctx, func(ctx context.Context) error { return m.Store.Delete(ctx, keys) })
}

func (m *mortal) Relay(ctx context.Context, t entity.Token, limit int) (int, error) {
	return in(ctx, m, func(ctx context.Context) (int, error) { return m.Store.Relay(ctx, t, limit) })
}

func (m *mortal) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	return m.InTx(ctx, func(ctx context.Context) error { return m.Store.Save(ctx, t, p) })
}

func (m *mortal) PutWatch(ctx context.Context, t entity.Token, w entity.WatchRow) error {
	return m.InTx(ctx, func(ctx context.Context) error { return m.Store.PutWatch(ctx, t, w) })
}

// Lease does nothing that a worker that is gone could not have done before.
func (m *mortal) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	if err := m.life.check(); err != nil {
		return nil, err
	}
	return m.Store.Lease(ctx, names, holder, ttl)
}
