package crashtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/crashtest"
	"github.com/slokeep/slokeep/internal/failtest"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

// broken is a store with one fault, which workers get. What is nil is as it should be.
type broken struct {
	tabled
	inTx     func(ctx context.Context, fn func(ctx context.Context) error) error // of the outermost
	put      func(ctx context.Context, r storage.Record) (keep bool)
	putFacts func(ctx context.Context, facts []storage.Fact) ([]bool, error)
	forget   func(ctx context.Context, systems []string) error
	bump     func(ctx context.Context, keys []storage.VersionKey) ([]int64, error)
	append   func(e *entity.Entry)
	changes  func(c entity.Change) (keep bool)
	countUp  func(ctx context.Context, id string) error
}

type inside struct{ *broken }

func (b *broken) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if b.inTx == nil || ctx.Value(inside{b}) != nil {
		return b.Store.InTx(ctx, fn)
	}
	return b.inTx(ctx, func(ctx context.Context) error { return fn(context.WithValue(ctx, inside{b}, true)) })
}

func (b *broken) Put(ctx context.Context, records []storage.Record) error {
	var kept []storage.Record
	for _, r := range records {
		if b.put == nil || b.put(ctx, r) {
			kept = append(kept, r)
		}
	}
	return b.Store.Put(ctx, kept)
}

func (b *broken) PutFacts(ctx context.Context, facts []storage.Fact) ([]bool, error) {
	if b.putFacts == nil {
		return b.Store.PutFacts(ctx, facts)
	}
	return b.putFacts(ctx, facts)
}

func (b *broken) DeleteFacts(ctx context.Context, systems []string) error {
	if b.forget == nil {
		return b.Store.DeleteFacts(ctx, systems)
	}
	return b.forget(ctx, systems)
}

func (b *broken) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	if b.bump == nil {
		return b.Store.Bump(ctx, keys)
	}
	return b.bump(ctx, keys)
}

func (b *broken) Append(ctx context.Context, entries []entity.Entry) error {
	if b.append != nil {
		for i := range entries {
			b.append(&entries[i])
		}
	}
	return b.Store.Append(ctx, entries)
}

func (b *broken) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return func(yield func(entity.Change, error) bool) {
		for c, err := range b.Store.Changes(ctx, after) {
			if (b.changes == nil || err != nil || b.changes(c)) && !yield(c, err) {
				return
			}
		}
	}
}

func (b *broken) CountUp(ctx context.Context, id string) error {
	if b.countUp == nil {
		return b.tabled.CountUp(ctx, id)
	}
	return b.countUp(ctx, id)
}

var errBroken = errors.New("broken")

// each calls do now and then: at each nth call.
func each(n int64) func() bool {
	calls := new(atomic.Int64)
	return func() bool { return calls.Add(1)%n == 0 }
}

// A harness that finds nothing is worth nothing. Each of these stores has one fault, and must be found out.
func TestFaultsAreFound(t *testing.T) {
	for _, test := range []struct {
		name  string
		crowd time.Duration // how long two work at once; 0: one is killed three times
		cut   bool          // one is cut, not killed
		want  []string      // what is said of it
		fault func(b *broken, now func() bool)
	}{
		{
			name: "a transaction is acknowledged and not committed", want: []string{"acknowledged, and lost"},
			fault: func(b *broken, now func() bool) {
				b.inTx = func(ctx context.Context, fn func(ctx context.Context) error) error {
					err := b.Store.InTx(ctx, func(ctx context.Context) error {
						if err := fn(ctx); err != nil || !now() {
							return err
						}
						return errBroken
					})
					if errors.Is(err, errBroken) {
						return nil
					}
					return err
				}
			},
		},
		{
			name: "a transaction is committed and refused", want: []string{"refused or deleted, and there"},
			fault: func(b *broken, now func() bool) {
				b.inTx = func(ctx context.Context, fn func(ctx context.Context) error) error {
					if err := b.Store.InTx(ctx, fn); err != nil || !now() {
						return err
					}
					return storage.ErrConflict
				}
			},
		},
		{
			name: "a transaction is tried again after its commit", want: []string{"there twice"},
			fault: func(b *broken, now func() bool) {
				b.inTx = func(ctx context.Context, fn func(ctx context.Context) error) error {
					if err := b.Store.InTx(ctx, fn); err != nil || !now() {
						return err
					}
					return b.Store.InTx(ctx, fn)
				}
			},
		},
		{
			name: "a transaction fails for no reason", crowd: 300 * time.Millisecond, want: []string{"a worker saw an error: "},
			fault: func(b *broken, now func() bool) {
				b.inTx = func(ctx context.Context, fn func(ctx context.Context) error) error {
					if now() {
						return errCut // where nothing is cut
					}
					return b.Store.InTx(ctx, fn)
				}
			},
		},
		{
			name: "a transaction fails otherwise than a cut explains", cut: true,
			want: []string{"a worker saw an error: ", "a worker failed in the background: ", errBroken.Error()},
			fault: func(b *broken, now func() bool) {
				b.inTx = func(ctx context.Context, fn func(ctx context.Context) error) error {
					if now() {
						return errBroken
					}
					return b.Store.InTx(ctx, fn)
				}
			},
		},
		{
			name: "a fact is committed by itself", want: []string{"half there"},
			fault: func(b *broken, now func() bool) {
				b.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
					if len(facts) < 2 || !now() {
						return b.Store.PutFacts(ctx, facts)
					}
					_, err := b.Store.PutFacts(context.Background(), facts[:1])
					return nil, errors.Join(err, errBroken)
				}
			},
		},
		{
			name: "facts that are deleted stay", want: []string{"refused or deleted, and there"},
			fault: func(b *broken, now func() bool) {
				b.forget = func(context.Context, []string) error { return nil }
			},
		},
		{
			name: "nobody is told to look again", crowd: time.Second, want: []string{"other answers than an engine in memory gives"},
			fault: func(b *broken, now func() bool) {
				b.put = func(_ context.Context, r storage.Record) bool { return r.Kind != "touched" || now() }
			},
		},
		{
			name: "a day is counted twice", crowd: time.Second, want: []string{"other answers than an engine in memory gives", "day 2025-01-"},
			fault: func(b *broken, now func() bool) {
				b.put = func(ctx context.Context, r storage.Record) bool {
					var day streak.Day
					if r.Kind != "day" || json.Unmarshal(r.Data, &day) != nil {
						return true
					}
					day.Streak.Current++
					r.Data, _ = json.Marshal(day)
					_ = b.Store.Put(ctx, []storage.Record{r})
					return false
				}
			},
		},
		{
			name: "a version is not counted", crowd: 300 * time.Millisecond, want: []string{"other answers than the worker's own engine"},
			fault: func(b *broken, now func() bool) {
				b.bump = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
					if keys[0].Kind != "system" {
						return b.Store.Bump(ctx, keys)
					}
					versions, err := b.Store.Versions(ctx, keys)
					for i := range versions {
						versions[i]++
					}
					return versions, err
				}
			},
		},
		{
			name: "a row is written beside its transaction", want: []string{"a row and its entity differ"},
			fault: func(b *broken, now func() bool) {
				b.put = func(ctx context.Context, r storage.Record) bool {
					if r.Kind == "account" {
						r.Data = []byte(strings.Replace(string(r.Data), `"n":`, `"n":1`, 1))
						b.Store.AfterCommit(ctx, func(ctx context.Context) { _ = b.Store.Put(ctx, []storage.Record{r}) })
					}
					return true
				}
			},
		},
		{
			name: "a host's table is written beside its transaction", want: []string{"the host's table and its accounts differ"},
			fault: func(b *broken, now func() bool) {
				b.countUp = func(ctx context.Context, id string) error {
					if !now() {
						return b.tabled.CountUp(ctx, id)
					}
					return errors.Join(b.tabled.CountUp(context.Background(), id), storage.ErrConflict)
				}
			},
		},
		{
			name: "what a host's table gets is lost", want: []string{"the host's table and its accounts differ"},
			fault: func(b *broken, now func() bool) {
				b.countUp = func(ctx context.Context, id string) error {
					if now() {
						return nil
					}
					return b.tabled.CountUp(ctx, id)
				}
			},
		},
		{
			name: "a change is another's", want: []string{"acknowledged, and lost", "nobody did it, and it is there"},
			fault: func(b *broken, now func() bool) {
				b.append = func(e *entity.Entry) {
					if e.Change.Kind == "account" {
						e.Change.Actor.ID += "!"
					}
				}
			},
		},
		{
			name: "a change has lost what was before", want: []string{"the feed is not whole", "the Prev of version"},
			fault: func(b *broken, now func() bool) {
				b.append = func(e *entity.Entry) {
					if e.Change.Version > 1 && now() {
						e.Change.Prev = nil
					}
				}
			},
		},
		{
			name: "a version is left out", crowd: 300 * time.Millisecond, want: []string{"the feed is not whole", "follows"},
			fault: func(b *broken, now func() bool) {
				b.append = func(e *entity.Entry) {
					if e.Change.Version > 0 && now() {
						e.Head.Version++
						e.Change.Version++
					}
				}
			},
		},
		{
			name: "a change is passed over", want: []string{"not handled"},
			fault: func(b *broken, now func() bool) {
				b.changes = func(c entity.Change) bool { return !now() }
			},
		},
		{
			name: "what a handler writes is lost", want: []string{"not handled", "handled out of order"},
			fault: func(b *broken, now func() bool) {
				b.put = func(_ context.Context, r storage.Record) bool { return r.Kind != "handled" || !now() }
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var missing []string
			var said string
			for seed := range uint64(6) { // on a busy machine little is done in a run, and it takes more patience
				said = tryBroken(t, test.crowd<<seed, test.cut, 400*time.Millisecond<<seed, seed, test.fault)
				missing = slices.DeleteFunc(slices.Clone(test.want), func(want string) bool { return strings.Contains(said, want) })
				if len(missing) == 0 {
					return
				}
			}
			t.Errorf("want %q in:\n%.3000s", missing, said)
		})
	}
}

// tryBroken has workers work with a store that has a fault, and returns what a test says of that which fails, as it should.
func tryBroken(t *testing.T, crowd time.Duration, cut bool, patience time.Duration, seed uint64, fault func(b *broken, now func() bool)) string {
	store, now := tabled{memory.New()}, each(7)
	h := crashtest.Harness{Open: opening(store), Kills: 3, Seed: seed, Patience: patience, InOrder: isCut}
	if cut {
		h.Cut = func(testing.TB) {}
	}
	h.InProcess = func(context.Context, string) (storage.Store, func() error, error) {
		b := &broken{tabled: store}
		fault(b, now)
		return b, func() error { return nil }, nil
	}
	failed, said := failtest.Run(t, func(t testing.TB) {
		if crowd > 0 {
			crashtest.Crowd(t, h, 2, crowd)
		} else {
			crashtest.Kill(t, h)
		}
	})
	if !failed {
		return "nothing is wrong:\n" + said
	}
	return said
}
