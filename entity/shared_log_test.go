package entity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// sharedLog is a Log that several registries use at once, as processes use one database: maps under one mutex, states as
// bytes, an outbox that must be relayed, leases on time.Now, which in a bubble is its clock. It is simple where a database
// is fast.
type sharedLog struct {
	mu        sync.Mutex
	heads     map[sharedKey]entity.Head
	intervals map[sharedField][]entity.Interval // oldest first
	locks     map[sharedKey]*sharedTx
	freed     chan struct{} // closed when locks were freed
	outbox    []entity.Change
	feed      []entity.Change
	last      int64
	groups    map[entity.Group][entity.Shards]int64
	pending   map[sharedPending]entity.Pending
	watches   map[string]entity.WatchRow
	leases    map[string]sharedLease
}

type sharedKey struct{ kind, id string }

type sharedField struct{ kind, id, field string }

type sharedPending struct {
	group    entity.Group
	position int64
}

type sharedLease struct {
	holder string
	number int64
	until  time.Time
}

var _ entity.Log = (*sharedLog)(nil)

func newSharedLog() *sharedLog {
	return &sharedLog{
		heads: map[sharedKey]entity.Head{}, intervals: map[sharedField][]entity.Interval{}, locks: map[sharedKey]*sharedTx{},
		freed: make(chan struct{}), groups: map[entity.Group][entity.Shards]int64{},
		pending: map[sharedPending]entity.Pending{}, watches: map[string]entity.WatchRow{}, leases: map[string]sharedLease{},
	}
}

func (s *sharedLog) Shared() bool { return true }

// sharedTx is a transaction: what it wrote is done at its end.
type sharedTx struct {
	entries []entity.Entry
	writes  []func()
	after   []func(context.Context)
	doomed  error
}

type sharedTxKey struct{ log *sharedLog }

func (s *sharedLog) tx(ctx context.Context) *sharedTx {
	tx, _ := ctx.Value(sharedTxKey{s}).(*sharedTx)
	return tx
}

func (s *sharedLog) InTx(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	if tx := s.tx(ctx); tx != nil {
		if err := fn(ctx); err != nil {
			tx.doomed = err
			return err
		}
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, committed := &sharedTx{}, false
	defer func() {
		s.mu.Lock()
		for key, owner := range s.locks {
			if owner == tx {
				delete(s.locks, key)
			}
		}
		close(s.freed)
		s.freed = make(chan struct{})
		s.mu.Unlock()
		if committed {
			for _, f := range tx.after {
				f(context.WithoutCancel(ctx))
			}
		}
	}()
	if err := fn(context.WithValue(ctx, sharedTxKey{s}, tx)); err != nil {
		return err
	}
	if tx.doomed != nil {
		return tx.doomed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, write := range tx.writes {
		write()
	}
	for i := range tx.entries {
		s.append(&tx.entries[i])
	}
	committed = true
	return nil
}

func (s *sharedLog) AfterCommit(ctx context.Context, f func(ctx context.Context)) {
	if tx := s.tx(ctx); tx != nil {
		tx.after = append(tx.after, f)
		return
	}
	f(context.WithoutCancel(ctx))
}

// write does f with the transaction of ctx, or at once.
func (s *sharedLog) write(ctx context.Context, f func()) {
	if tx := s.tx(ctx); tx != nil {
		tx.writes = append(tx.writes, f)
		return
	}
	f()
}

func (s *sharedLog) append(e *entity.Entry) {
	c := e.Change
	s.heads[sharedKey{c.Kind, e.Head.ID}] = e.Head
	for _, field := range e.Transitions {
		key := sharedField{c.Kind, e.Head.ID, field}
		if list := s.intervals[key]; len(list) > 0 && list[len(list)-1].Until.IsZero() {
			list[len(list)-1].Until = c.At
		}
		if e.Head.State != nil {
			s.intervals[key] = append(s.intervals[key], entity.Interval{Since: c.At})
		}
	}
	s.outbox = append(s.outbox, c)
}

func (s *sharedLog) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	tx := s.tx(ctx)
	if tx == nil {
		return nil, entity.ErrInvalid
	}
	heads := make([]entity.Head, len(ids))
	for i, id := range ids {
		if err := s.lock(ctx, tx, sharedKey{kind, id}); err != nil {
			return nil, err
		}
		heads[i] = s.head(tx, sharedKey{kind, id})
		heads[i].ID = id
	}
	return heads, nil
}

func (s *sharedLog) lock(ctx context.Context, tx *sharedTx, key sharedKey) error {
	for {
		s.mu.Lock()
		owner, freed := s.locks[key], s.freed
		if owner == nil {
			s.locks[key] = tx
		}
		s.mu.Unlock()
		if owner == nil || owner == tx {
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *sharedLog) head(tx *sharedTx, key sharedKey) entity.Head {
	for _, e := range slices.Backward(tx.entries) {
		if e.Change.Kind == key.kind && e.Head.ID == key.id {
			return e.Head
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heads[key]
}

func (s *sharedLog) Heads(_ context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []entity.Head
	for key, h := range s.heads {
		if key.kind == kind && (ids == nil || slices.Contains(ids, key.id)) {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b entity.Head) int { return strings.Compare(a.ID, b.ID) })
	return sharedList(list)
}

func (s *sharedLog) Append(ctx context.Context, entries []entity.Entry) error {
	tx := s.tx(ctx)
	if tx == nil {
		return entity.ErrInvalid
	}
	for _, e := range entries {
		for _, state := range []*any{&e.Head.State, &e.Head.Published, &e.Change.Prev, &e.Change.Next} {
			*state = sharedBytes(*state)
		}
		tx.entries = append(tx.entries, e)
	}
	return nil
}

// sharedBytes is a state as a database has it.
func sharedBytes(state any) any {
	if state == nil {
		return nil
	}
	raw, err := json.Marshal(state)
	if err != nil {
		panic(err)
	}
	return json.RawMessage(raw)
}

func (s *sharedLog) Intervals(_ context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []entity.Interval
	for _, v := range slices.Backward(s.intervals[sharedField{kind, id, field}]) {
		if !v.Since.Before(since) || v.Until.IsZero() || v.Until.After(since) {
			list = append(list, v)
		}
	}
	return sharedList(list)
}

func sharedList[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// holds checks a token.
func (s *sharedLog) holds(t entity.Token) error {
	if l, ok := s.leases[t.Name]; !ok || l.number != t.Number {
		return fmt.Errorf("lease %q: %w", t.Name, entity.ErrLeaseLost)
	}
	return nil
}
