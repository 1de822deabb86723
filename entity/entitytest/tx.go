package entitytest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var transactionLaws = []law{
	{
		name: "a transaction whose function returns nil commits",
		why: `When InTx has returned nil, everything that was written with fn's ctx is there, for every reader, through every
handle on the data.`,
		check: func(w *world) {
			w.publish("a", named("x"), at(0))
			w.same("names", w.names("a"), []string{"x"})
			w.same("intervals", w.intervals("a", time.Time{}), []entity.Interval{{Since: at(0)}})
			w.same("feed", w.feed(), []string{"a 1"})
		},
	},
	{
		name: "a transaction whose function fails leaves nothing",
		why: `When fn returns an error, InTx returns that error, wrapped or not, and nothing has happened: no head, no interval,
no change in the outbox, and no lock is left.`,
		check: func(w *world) {
			err := w.log.InTx(w.ctx, func(ctx context.Context) error {
				if err := write(ctx, w.log, "a", named("x"), at(0)); err != nil {
					return err
				}
				return errBoom
			})
			if !errors.Is(err, errBoom) {
				w.Errorf("InTx returned %v: want the function's error, %v", err, errBoom)
			}
			w.nothing("a")
		},
	},
	{
		name: "a transaction whose function panics leaves nothing",
		why: `When fn panics, the transaction is rolled back and its locks are free, whether InTx lets the panic pass or turns
it into an error. A deferred rollback does it; code after the call of fn is not reached.`,
		check: func(w *world) {
			err := w.within("InTx", w.async(func() error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					if err := write(ctx, w.log, "a", named("x"), at(0)); err != nil {
						return err
					}
					panic(errBoom)
				})
			}))
			if err == nil {
				w.Errorf("InTx returned nil, though its function panicked")
			}
			w.nothing("a")
		},
	},
	{
		name: "a transaction whose function ends its goroutine leaves nothing",
		why: `runtime.Goexit, which t.FailNow calls, runs deferred functions and nothing else: recover returns nil there. So a
rollback must not depend on a recovered value: roll back unless fn is known to have returned nil.`,
		check: func(w *world) {
			err := w.within("InTx", w.async(func() error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					if err := write(ctx, w.log, "a", named("x"), at(0)); err != nil {
						return err
					}
					runtime.Goexit()
					return nil
				})
			}))
			if err == nil {
				w.Errorf("InTx returned nil, though its function did not return")
			}
			w.nothing("a")
		},
	},
	{
		name: "a transaction whose ctx ends before the commit leaves nothing",
		why: `The caller has gone: it will not learn of a commit. InTx looks at ctx once more when fn has returned nil, and
returns an error where it has ended.`,
		check: func(w *world) {
			ctx, cancel := context.WithCancel(w.ctx)
			defer cancel()
			err := w.log.InTx(ctx, func(ctx context.Context) error {
				defer cancel()
				return write(ctx, w.log, "a", named("x"), at(0))
			})
			if err == nil {
				w.Errorf("InTx returned nil, though its ctx ended before the commit")
			}
			w.nothing("a")
		},
	},
	{
		name: "a transaction of a ctx that has ended does nothing",
		why:  `InTx returns an error at once where ctx has ended before it was called.`,
		check: func(w *world) {
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			err := w.log.InTx(ctx, func(ctx context.Context) error { return write(ctx, w.log, "a", named("x"), at(0)) })
			if err == nil {
				w.Errorf("InTx returned nil, though its ctx had ended")
			}
			w.nothing("a")
		},
	},
	{
		name: "a transaction runs its function at most once",
		why: `fn has effects that the database does not know of, and it is not InTx that may try again: on ErrConflict the
caller decides. So InTx calls fn once, or, where it cannot begin, not at all.`,
		check: func(w *world) {
			for _, want := range []error{nil, errBoom, fmt.Errorf("given up: %w", entity.ErrConflict)} {
				calls := 0
				err := w.log.InTx(w.ctx, func(ctx context.Context) error {
					calls++
					if err := write(ctx, w.log, "a", named(fmt.Sprint(calls)), at(calls)); err != nil {
						return err
					}
					return want
				})
				if !errors.Is(err, want) || calls != 1 {
					w.Errorf("the function returns %v: InTx called it %d times and returned %v", want, calls, err)
				}
			}
		},
	},
	{
		name: "a transaction that is over is refused",
		why: `A ctx that was kept after its InTx returned, after a commit as after a rollback, has no transaction that could
be joined, and must not quietly begin another one or write outside of any: InTx, Lock, Append and PutWatch
return ErrClosed, and nothing is written.`,
		check: func(w *world) {
			for _, end := range []error{nil, errBoom} {
				var over context.Context
				err := w.log.InTx(w.ctx, func(ctx context.Context) error {
					over = ctx
					return end
				})
				if !errors.Is(err, end) {
					w.Fatalf("InTx returned %v: want %v", err, end)
				}
				w.refused(over)
			}
			w.nothing("a")
			w.same("watches", collect(w, "Watches", w.other.Watches(w.ctx)), nil)
		},
	},
}

// refused checks that a ctx is good for nothing any more.
func (w *world) refused(over context.Context) {
	w.Helper()
	closed := func(what string, err error) {
		w.Helper()
		if !errors.Is(err, entity.ErrClosed) {
			w.Errorf("%s with the ctx of a transaction that is over returned %v: want ErrClosed", what, err)
		}
	}
	ran := false
	err := w.log.InTx(over, func(context.Context) error {
		ran = true
		return nil
	})
	closed("InTx", err)
	if ran {
		w.Errorf("InTx with the ctx of a transaction that is over ran its function")
	}
	_, err = w.log.Lock(over, kind, []string{"a"})
	closed("Lock", err)
	e, err := entry(entity.Head{ID: "a"}, named("x"), at(0))
	w.must("entry", err)
	closed("Append", w.log.Append(over, []entity.Entry{e}))
	closed("PutWatch", w.log.PutWatch(over, entity.Token{}, entity.WatchRow{Name: "w"}))
}
