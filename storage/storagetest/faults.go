package storagetest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// ErrFault is the error of a [Fault] that has none of its own.
var ErrFault = errors.New("storagetest: fault")

// When says at which point of a call a [Fault] strikes.
type When int

const (
	// Before: nothing of the call has happened. An InTx has not run its function.
	Before When = iota

	// AtCommit is for InTx: its function has run and returned nil, and the transaction is rolled back. Of other methods it is
	// as Before.
	AtCommit

	// After: all of the call has happened, though its caller is told that it failed. A listing gives all its rows, and then
	// the error. An InTx has committed, and what was to follow the commit does not run: as if the connection had been lost
	// before the answer came.
	After
)

// Fault says which call of a Store fails, and how.
type Fault struct {
	Method string // such as "Put"; empty: any
	N      int    // which of the calls from now on, 1 being the next; 0: all of them, until Reset
	When   When
	Err    error // what the caller gets; nil: ErrFault
}

// Faults fails calls of the Stores that it has wrapped, and counts them. The zero Faults fails none. It is safe for
// concurrent use; with concurrent callers it is the scheduler who says which call is the third.
//
// A call is counted by the name of its method, also where it fails, and where it is one of several in a transaction; a
// listing each time that it is taken. AfterCommit and Shared, which have no error, are not counted.
type Faults struct {
	mu      sync.Mutex
	calls   map[string]int
	faults  []Fault
	refused error
}

// Wrap returns a Store that does what store does, but for the faults. Where store is a [storage.HistoryCache] it is one, too;
// of what else store has beside [storage.Store] nothing is left. A Registry gets the changes of a store in memory directly,
// as without Faults, and polls nothing.
func (f *Faults) Wrap(store storage.Store) storage.Store {
	s := &faulty{f, store}
	if cache, ok := store.(storage.HistoryCache); ok {
		return &faultyCache{s, cache}
	}
	return s
}

// Fail orders a fault. Of several that strike one call the one that was ordered first counts.
func (f *Faults) Fail(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault.Err == nil {
		fault.Err = ErrFault
	}
	f.faults = append(f.faults, fault)
}

// RefuseWrites makes all methods that write fail with err, before they do anything, and Lock too, which a database that is
// read-only does not allow. InTx is no write, nor is a commit of nothing. nil: writes are allowed again.
func (f *Faults) RefuseWrites(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = err
}

// Calls returns how many calls there were of each method since the last Reset. The map is the caller's.
func (f *Faults) Calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := maps.Clone(f.calls)
	if calls == nil {
		calls = map[string]int{}
	}
	return calls
}

// Reset takes back all faults, allows writes, and begins to count anew.
func (f *Faults) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.faults, f.refused = nil, nil, nil
}

var writing = map[string]bool{
	"Lock": true, "Append": true, "Relay": true, "Trim": true, "Positions": true, "Save": true, "Forget": true, "Drop": true,
	"PutWatch": true, "DropWatch": true, "Lease": true, "PutFacts": true, "DeleteFacts": true, "Bump": true, "Put": true, "Add": true,
	"Delete": true, "PutHistories": true,
}

// begin counts a call, and returns the fault that strikes it.
func (f *Faults) begin(method string) (struck *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[method]++
	if f.refused != nil && writing[method] {
		return &Fault{Err: f.refused}
	}
	f.faults = slices.DeleteFunc(f.faults, func(fault Fault) bool { return fault.N == spent })
	for i := range f.faults {
		fault := &f.faults[i]
		if fault.Method != "" && fault.Method != method {
			continue
		}
		if fault.N <= 1 && struck == nil {
			struck = &Fault{When: fault.When, Err: fault.Err}
		}
		switch {
		case fault.N == 1:
			fault.N = spent
		case fault.N > 1:
			fault.N--
		}
	}
	return struck
}

const spent = -1

// faulty is a Store that asks its Faults first.
type faulty struct {
	faults *Faults
	store  storage.Store
}

// faultyCache is one that keeps histories, too.
type faultyCache struct {
	*faulty
	cache storage.HistoryCache
}

var _ storage.HistoryCache = (*faultyCache)(nil)

// Unwrap says to a Registry what is underneath, so that it finds a Memory there.
func (s *faulty) Unwrap() entity.Log { return s.store }

// call is a call that may be struck.
func call[T any](s *faulty, method string, do func() (T, error)) (v T, err error) {
	fault := s.faults.begin(method)
	if fault != nil && fault.When != After {
		return v, fault.Err
	}
	done, err := do()
	if err == nil && fault != nil {
		return v, fault.Err
	}
	return done, err
}

func callOnly(s *faulty, method string, do func() error) error {
	_, err := call(s, method, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func listing[T any](s *faulty, method string, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		fault := s.faults.begin(method)
		if fault != nil && fault.When != After {
			yield(none, fault.Err)
			return
		}
		for v, err := range seq {
			if !yield(v, err) || err != nil {
				return
			}
		}
		if fault != nil {
			yield(none, fault.Err)
		}
	}
}

// outcome is what the caller of a transaction learns of it: lost, if it commits and nobody hears of it.
type outcome struct{ lost atomic.Bool }

type outcomeKey struct{ s *faulty }

func (s *faulty) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	fault := s.faults.begin("InTx")
	if fault != nil && fault.When == Before {
		return fault.Err
	}
	o, _ := ctx.Value(outcomeKey{s}).(*outcome)
	outermost := o == nil
	if outermost {
		o = &outcome{}
	}
	err := s.store.InTx(ctx, func(ctx context.Context) error {
		if outermost {
			ctx = context.WithValue(ctx, outcomeKey{s}, o)
		}
		if err := fn(ctx); err != nil || fault == nil {
			return err
		}
		if fault.When == AtCommit {
			return fault.Err
		}
		if outermost {
			o.lost.Store(true)
		}
		return nil
	})
	if err == nil && fault != nil {
		return fault.Err
	}
	return err
}

func (s *faulty) AfterCommit(ctx context.Context, f func(ctx context.Context)) {
	o, _ := ctx.Value(outcomeKey{s}).(*outcome)
	s.store.AfterCommit(ctx, func(ctx context.Context) {
		if o == nil || !o.lost.Load() {
			f(ctx)
		}
	})
}
