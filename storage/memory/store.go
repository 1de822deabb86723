package memory

import (
	"context"
	"fmt"
	"maps"
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

// tx is a transaction.
type tx struct {
	mu     sync.Mutex // taken before Store.mu
	over   bool
	staged bool // whether apply is part of the commit
	*writes
}

// writes are what a transaction has written so far, to be laid over the tables.
type writes struct {
	facts    []newFact
	keys     map[factKey]bool // of facts
	dropped  map[string]bool  // systems whose committed facts it has deleted
	versions map[storage.VersionKey]int64
	records  map[string]*drafts // by kind
}

// nothing is the transaction of who has none.
var nothing = tx{writes: &writes{}}

// used are writes that are empty again. Most transactions are small, and making the maps would be a third of their time.
var used = sync.Pool{New: func() any {
	return &writes{
		keys: map[factKey]bool{}, dropped: map[string]bool{},
		versions: map[storage.VersionKey]int64{}, records: map[string]*drafts{},
	}
}}

const roomKept = 256 // rows that may have been in each of the maps that are used again

func (w *writes) giveBack() {
	if max(len(w.facts), len(w.dropped), len(w.versions), len(w.records)) > roomKept {
		return
	}
	for _, of := range w.records {
		if len(of.writes) > roomKept {
			return
		}
	}
	clear(w.facts)
	w.facts = w.facts[:0]
	clear(w.keys)
	clear(w.dropped)
	clear(w.versions)
	for _, of := range w.records { // kinds are few, and come again
		of.clear()
	}
	used.Put(w)
}

var errOver = fmt.Errorf("%w: the transaction is over", storage.ErrClosed)

// txKey is what a Store's transaction is under in its context.
type txKey struct{ store *Store }

// InTx runs fn in a transaction; see [entity.Transactions].
func (s *Store) InTx(ctx context.Context, fn func(context.Context) error) error {
	if s.txOf(ctx) != nil {
		return s.Memory.InTx(ctx, fn)
	}
	return s.Memory.InTx(ctx, func(ctx context.Context) error {
		t := &tx{writes: used.Get().(*writes)}
		defer t.end() // before the commit, which a goroutine that fn leaves behind must not disturb
		return fn(context.WithValue(ctx, txKey{s}, t))
	})
}

func (s *Store) txOf(ctx context.Context) *tx {
	t, _ := ctx.Value(txKey{s}).(*tx)
	return t
}

// end lets nobody use the transaction any more.
func (t *tx) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	if !t.staged {
		t.giveBack()
	}
}

// write runs do with the transaction of ctx, or one of its own, and has what that wrote committed with it. The keys of
// kind are locked first, so that transactions which write the same happen one after the other.
func (s *Store) write(ctx context.Context, kind string, keys []string, do func(t *tx)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := s.txOf(ctx)
	if t == nil {
		return s.InTx(ctx, func(ctx context.Context) error { return s.write(ctx, kind, keys, do) })
	}
	if len(keys) > 0 {
		slices.Sort(keys)
		if _, err := s.Lock(ctx, kind, slices.Compact(keys)); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return errOver
	}
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
}

// read runs do with what is committed, and the transaction of ctx. What do returns to others it must have copied, unless
// it never changes.
func (s *Store) read(ctx context.Context, do func(t *tx)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := s.txOf(ctx)
	if t == nil {
		t = &nothing
	} else {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.over {
			return errOver
		}
	}
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
	for _, f := range t.facts {
		s.facts.add(f)
	}
	maps.Copy(s.versions, t.versions)
	for kind, of := range t.records {
		for key, w := range of.writes {
			s.table(kind).put(key, w)
		}
	}
	t.giveBack()
}
