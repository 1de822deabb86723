package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// Store is a [storage.Store] in memory. It is safe for concurrent use. The zero Store is not one; New makes one.
type Store struct {
	*entity.Memory
	mu sync.RWMutex // held for moments, never while a caller's function runs
	tables
}

var _ storage.Store = (*Store)(nil)

// tables are what is committed.
type tables struct {
	facts    facts
	versions map[storage.VersionKey]int64
	records  map[string]*records // by kind
}

// New makes an empty Store.
func New() *Store {
	return &Store{
		Memory: entity.NewMemory(),
		tables: tables{facts: newFacts(), versions: map[storage.VersionKey]int64{}, records: map[string]*records{}},
	}
}

// tx is what a transaction has written so far.
type tx struct {
	mu       sync.Mutex // taken before Store.mu
	staged   bool
	facts    []staged
	dropped  map[string]bool // systems whose committed facts it has deleted
	versions map[storage.VersionKey]int64
	records  map[storage.Key]*write
}

// txKey is what a Store's transaction is under in its context.
type txKey struct{ store *Store }

// InTx runs fn in a transaction; see [entity.Transactions].
func (s *Store) InTx(ctx context.Context, fn func(context.Context) error) error {
	if s.txOf(ctx) != nil {
		return s.Memory.InTx(ctx, fn)
	}
	return s.Memory.InTx(ctx, func(ctx context.Context) error {
		return fn(context.WithValue(ctx, txKey{s}, &tx{}))
	})
}

func (s *Store) txOf(ctx context.Context) *tx {
	t, _ := ctx.Value(txKey{s}).(*tx)
	return t
}

// write runs do with the transaction of ctx, or one of its own, and has what that wrote committed with it. The keys of
// kind are locked first, so that transactions which write the same happen one after the other.
func (s *Store) write(ctx context.Context, kind string, keys []string, do func(t *tx)) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if len(keys) > 0 {
			slices.Sort(keys)
			if _, err := s.Lock(ctx, kind, slices.Compact(keys)); err != nil {
				return err
			}
		}
		t := s.txOf(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		if !t.staged {
			if err := s.Stage(ctx, func() { s.apply(t) }); err != nil {
				return err
			}
			t.staged = true
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		do(t)
		return nil
	})
}

// read runs do with what is committed, and the transaction of ctx: an empty one where there is none.
func (s *Store) read(ctx context.Context, do func(t *tx)) error {
	t := s.txOf(ctx)
	if t == nil {
		t = &tx{}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	do(t)
	return nil
}

// apply is the commit.
func (s *Store) apply(t *tx) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for system := range t.dropped {
		s.facts.drop(system)
	}
	for i := range t.facts {
		s.facts.add(&t.facts[i])
	}
	for key, version := range t.versions {
		s.versions[key] = version
	}
	for key, w := range t.records {
		s.table(key.Kind).put(key, w)
	}
}
