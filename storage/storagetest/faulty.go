package storagetest

import (
	"context"
	"iter"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// Of the methods that only pass a call on there is nothing to say beside what package storage says.

func (s *faulty) Shared() bool { return s.store.Shared() }

func (s *faulty) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	return call(s, "Lock", func() ([]entity.Head, error) { return s.store.Lock(ctx, kind, ids) })
}

func (s *faulty) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	return listing(s, "Heads", s.store.Heads(ctx, kind, ids))
}

func (s *faulty) Append(ctx context.Context, entries []entity.Entry) error {
	return callOnly(s, "Append", func() error { return s.store.Append(ctx, entries) })
}

func (s *faulty) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	return listing(s, "Intervals", s.store.Intervals(ctx, kind, id, field, since))
}

func (s *faulty) Relay(ctx context.Context, t entity.Token, limit int) (int, error) {
	return call(s, "Relay", func() (int, error) { return s.store.Relay(ctx, t, limit) })
}

func (s *faulty) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return listing(s, "Changes", s.store.Changes(ctx, after))
}

func (s *faulty) Last(ctx context.Context) (position int64, drained bool, err error) {
	err = callOnly(s, "Last", func() (err error) {
		position, drained, err = s.store.Last(ctx)
		return err
	})
	return position, drained, err
}

func (s *faulty) Trim(ctx context.Context, t entity.Token, before time.Time) error {
	return callOnly(s, "Trim", func() error { return s.store.Trim(ctx, t, before) })
}

func (s *faulty) Positions(ctx context.Context, g entity.Group, start int64) ([entity.Shards]int64, error) {
	return call(s, "Positions", func() ([entity.Shards]int64, error) { return s.store.Positions(ctx, g, start) })
}

func (s *faulty) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	return callOnly(s, "Save", func() error { return s.store.Save(ctx, t, p) })
}

func (s *faulty) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	return listing(s, "Pending", s.store.Pending(ctx, name))
}

func (s *faulty) Forget(ctx context.Context, g entity.Group, positions ...int64) (int, error) {
	return call(s, "Forget", func() (int, error) { return s.store.Forget(ctx, g, positions...) })
}

func (s *faulty) Drop(ctx context.Context, name string) error {
	return callOnly(s, "Drop", func() error { return s.store.Drop(ctx, name) })
}

func (s *faulty) Watches(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
	return listing(s, "Watches", s.store.Watches(ctx, names...))
}

func (s *faulty) PutWatch(ctx context.Context, t entity.Token, w entity.WatchRow) error {
	return callOnly(s, "PutWatch", func() error { return s.store.PutWatch(ctx, t, w) })
}

func (s *faulty) DropWatch(ctx context.Context, name string) error {
	return callOnly(s, "DropWatch", func() error { return s.store.DropWatch(ctx, name) })
}

func (s *faulty) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	return call(s, "Lease", func() ([]entity.Token, error) { return s.store.Lease(ctx, names, holder, ttl) })
}

func (s *faulty) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	return listing(s, "Leases", s.store.Leases(ctx, prefix))
}

func (s *faulty) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	return call(s, "PutFacts", func() ([]bool, error) { return s.store.PutFacts(ctx, facts) })
}

func (s *faulty) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	return listing(s, "FactsOf", s.store.FactsOf(ctx, systems))
}

func (s *faulty) FactsFrom(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
	return listing(s, "FactsFrom", s.store.FactsFrom(ctx, kind, sources))
}

func (s *faulty) DeleteFacts(ctx context.Context, systems []string) error {
	return callOnly(s, "DeleteFacts", func() error { return s.store.DeleteFacts(ctx, systems) })
}

func (s *faulty) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	return call(s, "Bump", func() ([]int64, error) { return s.store.Bump(ctx, keys) })
}

func (s *faulty) Versions(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	return call(s, "Versions", func() ([]int64, error) { return s.store.Versions(ctx, keys) })
}

func (s *faulty) Put(ctx context.Context, records []storage.Record) error {
	return callOnly(s, "Put", func() error { return s.store.Put(ctx, records) })
}

func (s *faulty) Add(ctx context.Context, records []storage.Record) ([]bool, error) {
	return call(s, "Add", func() ([]bool, error) { return s.store.Add(ctx, records) })
}

func (s *faulty) Get(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
	return listing(s, "Get", s.store.Get(ctx, keys))
}

func (s *faulty) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	return listing(s, "List", s.store.List(ctx, r))
}

func (s *faulty) Delete(ctx context.Context, keys []storage.Key) error {
	return callOnly(s, "Delete", func() error { return s.store.Delete(ctx, keys) })
}

func (s *faultyCache) Histories(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
	return listing(s.faulty, "Histories", s.cache.Histories(ctx, systems))
}

func (s *faultyCache) PutHistories(ctx context.Context, histories []storage.History) error {
	return callOnly(s.faulty, "PutHistories", func() error { return s.cache.PutHistories(ctx, histories) })
}
