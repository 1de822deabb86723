package entitytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var lockLaws = []law{
	{
		name: "one transaction at a time holds a lock",
		why: `Between Lock and the end of its transaction, no other transaction, of this handle or of another, holds the same
(kind, id). It need not be an entity of which there is a head.`,
		check: func(w *world) {
			var inside atomic.Int32
			outcomes := make([]<-chan error, 8)
			for i := range outcomes {
				l := []entity.Log{w.log, w.other}[i%2]
				outcomes[i] = w.async(func() error {
					return l.InTx(w.ctx, func(ctx context.Context) error {
						if _, err := l.Lock(ctx, "source", []string{"a", "b"}); err != nil {
							return err
						}
						if n := inside.Add(1); n != 1 {
							return fmt.Errorf("%d transactions hold the lock", n)
						}
						time.Sleep(2 * time.Millisecond)
						inside.Add(-1)
						return nil
					})
				})
			}
			for _, outcome := range outcomes {
				w.must("a transaction", w.within("a transaction", outcome))
			}
		},
	},
	{
		name: "a lock that the transaction has already is no wait",
		why: `Locks are re-entrant: a write may call what locks the same entity again, alone or among others, in an inner
InTx too.`,
		check: func(w *world) {
			err := w.within("the transaction", w.async(func() error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					for _, ids := range [][]string{{"b"}, {"b"}, {"a", "b", "c"}} {
						err := w.log.InTx(ctx, func(ctx context.Context) error {
							_, err := w.log.Lock(ctx, kind, ids)
							return err
						})
						if err != nil {
							return err
						}
					}
					return nil
				})
			}))
			w.must("InTx", err)
		},
	},
	{
		name: "locking returns the heads in the order of the ids",
		why: `Lock returns one Head per id, at the same index. Of an entity without a head it is one with an ID alone: Version
0, State and Published nil (as an interface, not a nil pointer or empty bytes), At zero.`,
		check: func(w *world) {
			w.publish("b", named("x"), at(0))
			w.tx(func(ctx context.Context) error {
				heads, err := w.log.Lock(ctx, kind, []string{"a", "b", "c"})
				want := []entity.Head{{ID: "a"}, {ID: "b", Version: 1, State: named("x"), Published: named("x"), At: at(0)}, {ID: "c"}}
				w.same("Lock", heads, want)
				for _, h := range heads {
					if h.ID != "b" && (h.State != nil || h.Published != nil) {
						w.Errorf("the head of %q has the states %#v and %#v: want nil", h.ID, h.State, h.Published)
					}
				}
				return err
			})
		},
	},
	{
		name: "locking shows what the transaction appended itself",
		why: `A method with the ctx of a transaction sees its writes: a second write of the same entity in the same transaction
goes on from the first one's head.`,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error {
				return errors.Join(write(ctx, w.log, "a", named("x"), at(0)), write(ctx, w.log, "a", named("y"), at(1)))
			})
			w.same("feed", w.feed(), []string{"a 1", "a 2"})
			w.same("names", w.names("a"), []string{"y"})
		},
	},
	{
		name: "locking shows what the holder before committed",
		why: `Who waited for a lock gets the head that the holder before left, not one from a snapshot that is older than the
wait. In SQL this wants READ COMMITTED, or a transaction that begins with its first lock.`,
		check: func(w *world) {
			locked := make(chan struct{}, 1)
			begun := make(chan struct{}, 1)
			holder := w.async(func() error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					if _, err := w.log.Lock(ctx, kind, []string{"a"}); err != nil {
						return err
					}
					locked <- struct{}{}
					w.soon(begun)              // in vain where one transaction runs at a time
					time.Sleep(w.moment() / 4) // time for the other to wait: not enough of it makes the law no stricter
					return write(ctx, w.log, "a", named("first"), at(0))
				})
			})
			select {
			case <-locked:
			case <-time.After(w.patience):
				w.Fatalf("the first transaction does not get its lock")
			}
			waiter := w.async(func() error {
				return w.other.InTx(w.ctx, func(ctx context.Context) error {
					if _, err := w.other.Lock(ctx, kind, []string{"z"}); err != nil { // the transaction has begun, whatever begins it
						return err
					}
					begun <- struct{}{}
					return write(ctx, w.other, "a", named("second"), at(1))
				})
			})
			w.must("the holder", w.within("the holder", holder))
			w.must("the one who waited", w.within("the one who waited", waiter))
			w.same("feed", w.feed(), []string{"a 1", "a 2"})
			w.same("names", w.names("a"), []string{"second"})
		},
	},
	{
		name: "locking outside of a transaction is invalid",
		why:  `A lock ends with its transaction; without one it would never end. Lock returns ErrInvalid.`,
		check: func(w *world) {
			if _, err := w.log.Lock(w.ctx, kind, []string{"a"}); !errors.Is(err, entity.ErrInvalid) {
				w.Errorf("Lock outside of a transaction returned %v: want ErrInvalid", err)
			}
		},
	},
	{
		name: "locks are of a kind and an id, whatever these are",
		why: `Kind and id are any strings of valid UTF-8 without NUL. They are compared as bytes: not folded, normalized,
trimmed or joined with a separator that may occur in them.`,
		check: func(w *world) {
			ids := oddIDs()
			for _, kind := range []string{kind, "Order", "order ", "order'\"", "a/b", "a"} {
				w.tx(func(ctx context.Context) error {
					heads, err := w.log.Lock(ctx, kind, ids)
					got := make([]string, len(heads))
					for i, h := range heads {
						got[i] = h.ID
					}
					if err == nil && !slices.Equal(got, ids) {
						err = fmt.Errorf("kind %q: Lock returned heads of\n%q, want\n%q", kind, got, ids)
					}
					return err
				})
			}
		},
	},
}

// oddIDs are ids that a database may confuse, each valid, sorted as bytes.
func oddIDs() []string {
	long := "ü"
	for len(long) < 253 {
		long += "☃"
	}
	ids := []string{
		"a", "A", "\u00e4", "a\u0308", "a ", " a", "ab", "a\tb", "a\nb", "a'b", `a"b`, "a`b", `a\b`, "a%", "a_", "a;--b", "a/b", "a:b",
		"a\u00a0", "a\u200b", "ß", "ss", "i", "I", "ı", "İ", "1", "01", "1.0", "null", "NULL", "$1", "?", "{}", "[]",
		"\uffff", "\U00010000", "\U0010ffff", "\x7f", "~", long, long + "1",
	}
	slices.Sort(ids)
	return ids
}
