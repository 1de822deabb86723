package storagetest

import (
	"context"
	"iter"
	"sync"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// twist is a Store some of whose methods are replaced.
type twist struct {
	storage.Store
	mu          sync.Mutex // of what a fault keeps
	inTx        func(ctx context.Context, fn func(ctx context.Context) error) error
	afterCommit func(ctx context.Context, f func(ctx context.Context))
	lock        func(ctx context.Context, kind string, ids []string) ([]entity.Head, error)
	putFacts    func(ctx context.Context, facts []storage.Fact) ([]bool, error)
	factsOf     func(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error]
	factsFrom   func(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error]
	deleteFacts func(ctx context.Context, systems []string) error
	bump        func(ctx context.Context, keys []storage.VersionKey) ([]int64, error)
	versions    func(ctx context.Context, keys []storage.VersionKey) ([]int64, error)
	put         func(ctx context.Context, records []storage.Record) error
	add         func(ctx context.Context, records []storage.Record) ([]bool, error)
	get         func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error]
	list        func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error]
	delete      func(ctx context.Context, keys []storage.Key) error

	histories    func(ctx context.Context, systems []string) iter.Seq2[storage.History, error]
	putHistories func(ctx context.Context, histories []storage.History) error
	forget       func(ctx context.Context, systems []string) error // what DeleteFacts does beside
}

// newTwist makes all methods the Store's own, and adds those of a cache.
func newTwist(s *memory.Store) *twist {
	c := WithHistories(s)
	return &twist{
		histories: c.Histories, putHistories: c.PutHistories,
		forget: func(ctx context.Context, systems []string) error { return s.Delete(ctx, historyKeys(systems)) },
		Store:  s, inTx: s.InTx, afterCommit: s.AfterCommit, lock: s.Lock, putFacts: s.PutFacts, factsOf: s.FactsOf, factsFrom: s.FactsFrom,
		deleteFacts: s.DeleteFacts, bump: s.Bump, versions: s.Versions, put: s.Put, add: s.Add, get: s.Get, list: s.List, delete: s.Delete,
	}
}

func (t *twist) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return t.inTx(ctx, fn)
}

func (t *twist) AfterCommit(ctx context.Context, f func(ctx context.Context)) { t.afterCommit(ctx, f) }

func (t *twist) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	return t.lock(ctx, kind, ids)
}

func (t *twist) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	return t.putFacts(ctx, facts)
}

func (t *twist) FactsOf(ctx context.Context, systems []string) iter.Seq2[storage.SystemFact, error] {
	return t.factsOf(ctx, systems)
}

func (t *twist) FactsFrom(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
	return t.factsFrom(ctx, kind, sources)
}

func (t *twist) DeleteFacts(ctx context.Context, systems []string) error {
	return t.InTx(ctx, func(ctx context.Context) error {
		if err := t.deleteFacts(ctx, systems); err != nil {
			return err
		}
		return t.forget(ctx, systems)
	})
}

func (t *twist) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	return t.bump(ctx, keys)
}

func (t *twist) Versions(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	return t.versions(ctx, keys)
}

func (t *twist) Put(ctx context.Context, records []storage.Record) error { return t.put(ctx, records) }

func (t *twist) Add(ctx context.Context, records []storage.Record) ([]bool, error) {
	return t.add(ctx, records)
}

func (t *twist) Get(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
	return t.get(ctx, keys)
}

func (t *twist) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	return t.list(ctx, r)
}

func (t *twist) Delete(ctx context.Context, keys []storage.Key) error { return t.delete(ctx, keys) }

func (t *twist) Histories(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
	return t.histories(ctx, systems)
}

func (t *twist) PutHistories(ctx context.Context, histories []storage.History) error {
	return t.putHistories(ctx, histories)
}
