package lincheck_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// asked is a Log that a Registry asks for everything, as it does where other processes may use it too.
type asked struct{ entity.Log }

func (asked) Shared() bool { return true }

// every reports true at each nth call.
type every struct {
	n     int64
	calls atomic.Int64
}

func (e *every) now() bool { return e.calls.Add(1)%e.n == 0 }

// The broken Logs. Each is a Memory but for one fault.
type (
	losesChange      struct{ *memory }
	losesEntry       struct{ *memory }
	repeatsVersion   struct{ *memory }
	repeatsChange    struct{ *memory }
	wrongPrev        struct{ *memory }
	losesTransition  struct{ *memory }
	outOfOrder       struct{ *memory }
	beforeCommit     struct{ *memory }
	commitsFailed    struct{ *memory }
	forgivesInner    struct{ *memory }
	staleHeads       struct{ *memory }
	hooksAtOnce      struct{ *memory }
	losesPending     struct{ *memory }
	passesChange     struct{ *memory }
	takesStale       struct{ *memory }
	leasesToAll      struct{ *memory }
	losesLease       struct{ *memory }
	trimsAll         struct{ *memory }
	trimsNone        struct{ *memory }
	usesEnded        struct{ *memory }
	openInterval     struct{ *memory }
	losesInterval    struct{ *memory }
	lastIsBehind     struct{ *memory }
	startsAnywhere   struct{ *memory }
	keepsDropped     struct{ *memory }
	forgetsMiscounts struct{ *memory }
)

// memory is what the broken Logs are made of.
type memory struct {
	*entity.Memory
	sometimes every

	mu     sync.Mutex
	heads  map[string]entity.Head
	hidden time.Time
}

func newMemory(log *entity.Memory) *memory {
	return &memory{Memory: log, sometimes: every{n: 5}, heads: map[string]entity.Head{}}
}

// mend changes the entries of an Append.
func (m *memory) mend(ctx context.Context, entries []entity.Entry, f func(e *entity.Entry)) error {
	entries = slices.Clone(entries)
	for i := range entries {
		if entries[i].Change.Version > 1 && m.sometimes.now() {
			f(&entries[i])
		}
	}
	return m.Memory.Append(ctx, entries)
}

func (l losesChange) Append(ctx context.Context, entries []entity.Entry) error {
	return l.mend(ctx, entries, func(e *entity.Entry) { e.Change.Version = 0 }) // a nudge, which nobody is told of
}

func (l losesEntry) Append(ctx context.Context, entries []entity.Entry) error {
	if l.sometimes.now() {
		return nil
	}
	return l.Memory.Append(ctx, entries)
}

func (l repeatsVersion) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	heads, err := l.Memory.Lock(ctx, kind, ids)
	for i := range heads {
		if heads[i].Version > 1 && l.sometimes.now() {
			heads[i].Version--
		}
	}
	return heads, err
}

func (l repeatsChange) Append(ctx context.Context, entries []entity.Entry) error {
	if l.sometimes.now() {
		entries = append(slices.Clone(entries), entries...)
	}
	return l.Memory.Append(ctx, entries)
}

func (l wrongPrev) Append(ctx context.Context, entries []entity.Entry) error {
	return l.mend(ctx, entries, func(e *entity.Entry) { e.Change.Prev = nil })
}

func (l losesTransition) Append(ctx context.Context, entries []entity.Entry) error {
	return l.mend(ctx, entries, func(e *entity.Entry) { e.Transitions = nil })
}

func (l outOfOrder) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return func(yield func(entity.Change, error) bool) {
		var list []entity.Change
		for c := range l.Memory.Changes(ctx, after) {
			list = append(list, c)
		}
		for i := 1; i < len(list); i += 2 { // each two change places
			a, b := &list[i-1], &list[i]
			*a, *b = *b, *a
			a.Position, b.Position = b.Position, a.Position
		}
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (l beforeCommit) Append(_ context.Context, entries []entity.Entry) error {
	err := l.Memory.InTx(context.Background(), func(ctx context.Context) error { return l.Memory.Append(ctx, entries) })
	time.Sleep(100 * time.Microsecond)
	return err
}

func (l commitsFailed) InTx(ctx context.Context, fn func(context.Context) error) error {
	var failed error
	err := l.Memory.InTx(ctx, func(ctx context.Context) error {
		failed = fn(ctx)
		return nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// innerKey marks the contexts of transactions.
type innerKey struct{}

func (l forgivesInner) InTx(ctx context.Context, fn func(context.Context) error) error {
	if ctx.Value(innerKey{}) != nil {
		return fn(ctx)
	}
	return l.Memory.InTx(context.WithValue(ctx, innerKey{}, true), fn)
}

func (l staleHeads) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	return func(yield func(entity.Head, error) bool) {
		for h, err := range l.Memory.Heads(ctx, kind, ids) {
			l.mu.Lock()
			if old, ok := l.heads[kind+h.ID]; ok && l.sometimes.now() {
				h = old
			}
			l.heads[kind+h.ID] = h
			l.mu.Unlock()
			if !yield(h, err) {
				return
			}
		}
	}
}

func (l usesEnded) Append(ctx context.Context, entries []entity.Entry) error {
	if err := l.Memory.Append(ctx, entries); !errors.Is(err, entity.ErrClosed) {
		return err
	}
	return nil // as if it had been done
}

func (hooksAtOnce) AfterCommit(ctx context.Context, f func(context.Context)) { f(ctx) }

func (l losesPending) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	p.Put = nil
	return l.Memory.Save(ctx, t, p)
}

func (l passesChange) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	p.Position++
	return l.Memory.Save(ctx, t, p)
}

func (l takesStale) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	newest, err := l.Lease(ctx, []string{"another"}, "somebody", time.Hour)
	if err != nil {
		return err
	}
	return l.Memory.Save(ctx, newest[0], p)
}

func (l leasesToAll) Lease(ctx context.Context, names []string, _ string, ttl time.Duration) ([]entity.Token, error) {
	return l.Memory.Lease(ctx, names, "everybody", ttl)
}

func (l leasesToAll) Leases(context.Context, string) iter.Seq2[entity.Lease, error] {
	return func(func(entity.Lease, error) bool) {} // nobody knows of the others
}

func (l losesLease) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	return func(yield func(entity.Lease, error) bool) {
		first := true
		for lease, err := range l.Memory.Leases(ctx, prefix) {
			if !first && !yield(lease, err) {
				return
			}
			first = false
		}
	}
}

func (l trimsAll) Trim(ctx context.Context, t entity.Token, before time.Time) error {
	err := l.Memory.Trim(ctx, t, before)
	if err == nil && before.After(l.hidden) {
		l.hidden = before
	}
	return err
}

func (l trimsAll) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return func(yield func(entity.Change, error) bool) {
		for c, err := range l.Memory.Changes(ctx, after) {
			if !c.At.Before(l.hidden) && !yield(c, err) {
				return
			}
		}
	}
}

func (l trimsNone) Trim(ctx context.Context, t entity.Token, _ time.Time) error {
	_, err := l.Relay(ctx, t, 1)
	return err
}

func (l openInterval) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	return func(yield func(entity.Interval, error) bool) {
		for v, err := range l.Memory.Intervals(ctx, kind, id, field, since) {
			v.Until = time.Time{}
			if !yield(v, err) {
				return
			}
		}
	}
}

func (l losesInterval) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	return func(yield func(entity.Interval, error) bool) {
		newest := true
		for v, err := range l.Memory.Intervals(ctx, kind, id, field, since) {
			if !newest && !yield(v, err) {
				return
			}
			newest = false
		}
	}
}

func (l lastIsBehind) Last(ctx context.Context) (int64, bool, error) {
	last, drained, err := l.Memory.Last(ctx)
	return max(0, last-1), drained, err
}

func (l startsAnywhere) Positions(ctx context.Context, g entity.Group, _ int64) ([entity.Shards]int64, error) {
	return l.Memory.Positions(ctx, g, 0)
}

func (l keepsDropped) Drop(context.Context, string) error { return nil }

func (l forgetsMiscounts) Forget(ctx context.Context, g entity.Group, positions ...int64) (int, error) {
	_, err := l.Memory.Forget(ctx, g, positions...)
	return len(positions), err
}
