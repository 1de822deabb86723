package storagetest

import (
	"context"
	"errors"
	"runtime"

	"github.com/slokeep/slokeep/storage"
)

var transactionLaws = []law{
	{
		name: "rows of all kinds commit together",
		why: `Facts, versions and records are written in the transaction that Append, Lock and AfterCommit know, by every method
that gets its ctx, from an inner InTx too. When it has committed all of it is there, for every handle, and before the
first function that was given to AfterCommit runs.`,
		check: func(w *world) {
			w.base()
			var inside, after []string
			w.tx(func(ctx context.Context) error {
				var afterErr error
				w.store.AfterCommit(ctx, func(ctx context.Context) { after, afterErr = view(ctx, w.other) })
				err := w.store.InTx(ctx, func(ctx context.Context) error { return change(ctx, w.store) })
				if err != nil {
					return err
				}
				inside, err = view(ctx, w.store)
				return errors.Join(err, afterErr)
			})
			w.same("what AfterCommit's function sees", after, inside)
			w.same("what others see afterwards", w.seen(), inside)
		},
	},
	{
		name: "rows of a transaction that fails are not there",
		why: `When fn, or the fn of an inner InTx, returns an error or panics, ends its goroutine, or when ctx ends before the commit,
nothing has been written, replaced or deleted.`,
		check: func(w *world) {
			w.base()
			before := w.seen()
			for what, end := range map[string]func(ctx context.Context, cancel func()) error{
				"an error":       func(context.Context, func()) error { return errBoom },
				"a panic":        func(context.Context, func()) error { panic(errBoom) },
				"the end of ctx": func(_ context.Context, cancel func()) error { cancel(); return nil },
				"the end of its goroutine": func(context.Context, func()) error {
					runtime.Goexit()
					return nil
				},
				"an inner error": func(ctx context.Context, _ func()) error {
					_ = w.store.InTx(ctx, func(context.Context) error { return errBoom })
					return nil
				},
			} {
				err := w.within("InTx", w.async(func() error {
					ctx, cancel := context.WithCancel(w.ctx)
					defer cancel()
					return w.store.InTx(ctx, func(ctx context.Context) error {
						if err := change(ctx, w.store); err != nil {
							return err
						}
						return end(ctx, cancel)
					})
				}))
				if err == nil {
					w.Errorf("after %s InTx returned nil", what)
				}
				w.same("after "+what, w.seen(), before)
			}
			w.tx(func(ctx context.Context) error { return change(ctx, w.store) }) // nothing is locked
		},
	},
	{
		name: "what is not committed is seen by nobody else",
		why: `Until the commit a reader outside of the transaction sees what was there before: no new row, no new version, and what
the transaction has deleted. It may wait for the commit instead, and then sees all of it.`,
		check: func(w *world) {
			w.base()
			before := w.seen()
			var reader <-chan error
			var seen []string
			w.tx(func(ctx context.Context) error {
				if err := change(ctx, w.store); err != nil {
					return err
				}
				got := make(chan struct{}, 1)
				reader = w.async(func() (err error) {
					defer func() { got <- struct{}{} }()
					seen, err = view(w.ctx, w.other)
					return err
				})
				if w.soon(got) {
					w.same("before the commit others see", seen, before)
					before = nil
				}
				return nil
			})
			w.must("a reader", w.within("a reader", reader))
			if before != nil {
				w.same("who waited for the commit sees", seen, w.seen())
			}
		},
	},
	{
		name: "a write without a transaction is one of its own",
		why:  `Each writing method, called with a ctx that has no transaction, has committed when it returns.`,
		check: func(w *world) {
			w.base()
			w.facts("FactsOf", []string{"a", "b"}, "a: both", "a: own", "b: both", "b: stated")
			w.deleteFacts("a")
			w.facts("FactsOf after DeleteFacts", []string{"a", "b"}, "b: both", "b: stated")
			w.versions("Versions", versionKeys("a"), 1)
			w.add(rec("v", "", "added"))
			w.delete(key("z", ""), key("y", ""))
			w.records("Get", []storage.Key{key("v", ""), key("x", ""), key("y", ""), key("z", "")}, rec("v", "", "added"), rec("x", "", "old"))
		},
	},
}
