package entitytest

import (
	"context"
	"errors"
	"fmt"
)

var joinLaws = []law{
	{
		name: "an inner transaction joins the outer one",
		why: `InTx with the ctx of a transaction runs its fn in that transaction: it sees what the outer one wrote, the outer
one sees what it wrote, and it commits nothing: everything commits with the outermost, or not at all.`,
		check: func(w *world) {
			nested := func(end error) error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					if err := write(ctx, w.log, "a", named("outer"), at(0)); err != nil {
						return err
					}
					err := w.log.InTx(ctx, func(ctx context.Context) error {
						return errors.Join(w.sees(ctx, "a", "outer"), write(ctx, w.log, "b", named("inner"), at(0)))
					})
					if err != nil {
						return err
					}
					return errors.Join(w.sees(ctx, "b", "inner"), end)
				})
			}
			if err := nested(errBoom); !errors.Is(err, errBoom) {
				w.Errorf("InTx returned %v: want %v", err, errBoom)
			}
			w.same("after a rollback, names", w.names("a", "b"), nil)
			w.must("InTx", nested(nil))
			w.same("after the commit, names", w.names("a", "b"), []string{"outer", "inner"})
			w.same("feed", w.feed(), []string{"a 1", "b 1"})
		},
	},
	{
		name: "an inner error dooms the whole",
		why: `What the inner InTx did cannot be taken back alone, and it said that it must not stay. So once an inner fn has
returned an error, the outermost InTx rolls back and returns an error, even where the outer fn returns nil.`,
		check: func(w *world) {
			err := w.log.InTx(w.ctx, func(ctx context.Context) error {
				if err := write(ctx, w.log, "a", named("x"), at(0)); err != nil {
					return err
				}
				if err := w.log.InTx(ctx, func(context.Context) error { return errBoom }); !errors.Is(err, errBoom) {
					return fmt.Errorf("the inner InTx returned %w", err)
				}
				return nil
			})
			if err == nil {
				w.Errorf("the outer InTx returned nil")
			}
			w.nothing("a")
		},
	},
	{
		name: "an inner panic dooms the whole",
		why: `A panic of an inner fn is no less than an error of it. Where the outer fn recovers and returns nil, the outermost
InTx rolls back and returns an error.`,
		check: func(w *world) {
			err := w.log.InTx(w.ctx, func(ctx context.Context) error {
				defer func() { _ = recover() }()
				return w.log.InTx(ctx, func(ctx context.Context) error {
					if err := write(ctx, w.log, "a", named("x"), at(0)); err != nil {
						return err
					}
					panic(errBoom)
				})
			})
			if err == nil {
				w.Errorf("the outer InTx returned nil")
			}
			w.nothing("a")
		},
	},
	{
		name: "an inner transaction keeps its locks until the outermost ends",
		why: `A lock belongs to the transaction, and an inner InTx has none of its own: its end frees nothing, or somebody
else would go on from a state that may yet be rolled back.`,
		check: func(w *world) {
			var waiter <-chan error
			w.tx(func(ctx context.Context) error {
				err := w.log.InTx(ctx, func(ctx context.Context) error {
					_, err := w.log.Lock(ctx, kind, []string{"a"})
					return err
				})
				if err != nil {
					return err
				}
				got := make(chan struct{}, 1)
				waiter = w.async(func() error {
					return w.other.InTx(w.ctx, func(ctx context.Context) error {
						_, err := w.other.Lock(ctx, kind, []string{"a"})
						got <- struct{}{}
						return err
					})
				})
				if w.soon(got) {
					return errors.New("another transaction got the lock when the inner one had ended")
				}
				return nil
			})
			w.must("the transaction that waited", w.within("the transaction that waited", waiter))
		},
	},
}

// sees checks that the transaction of ctx finds an entity of that name.
func (w *world) sees(ctx context.Context, id, name string) error {
	got, err := names(w.log.Heads(ctx, kind, []string{id}))
	if err == nil && (len(got) != 1 || got[0] != name) {
		err = fmt.Errorf("in the transaction, Heads of %q shows %q: want what it wrote itself, %q", id, got, name)
	}
	return err
}

var afterCommitLaws = []law{
	{
		name: "what follows a commit runs in order, once it can be seen",
		why: `AfterCommit queues on the outermost transaction, whichever ctx inside of it was used. When that has committed,
and before its InTx returns, the functions run in the order of the calls; what was committed is there for them.`,
		check: func(w *world) {
			var ran []string
			say := func(what string) func(context.Context) {
				return func(context.Context) { ran = append(ran, fmt.Sprint(what, w.names("a"))) }
			}
			w.tx(func(ctx context.Context) error {
				w.log.AfterCommit(ctx, say("one"))
				err := w.log.InTx(ctx, func(ctx context.Context) error {
					w.log.AfterCommit(ctx, say("two"))
					return write(ctx, w.log, "a", named("x"), at(0))
				})
				w.log.AfterCommit(ctx, say("three"))
				if len(ran) > 0 {
					return fmt.Errorf("before the commit %q ran", ran)
				}
				return err
			})
			w.same("when InTx has returned, what ran and saw", ran, []string{"one[x]", "two[x]", "three[x]"})
		},
	},
	{
		name: "what follows a commit does not run without one",
		why: `A function given to AfterCommit is never called when its transaction does not commit: it tells others of what has
not happened.`,
		check: func(w *world) {
			for _, inner := range []bool{false, true} {
				ran := false
				err := w.log.InTx(w.ctx, func(ctx context.Context) error {
					w.log.AfterCommit(ctx, func(context.Context) { ran = true })
					if !inner {
						return errBoom
					}
					_ = w.log.InTx(ctx, func(context.Context) error { return errBoom })
					return nil
				})
				if err == nil || ran {
					w.Errorf("rolled back by an inner error %v: InTx returned %v, the function ran: %v", inner, err, ran)
				}
			}
		},
	},
	{
		name: "what follows a commit runs at once where there is no transaction",
		why:  `Outside of a transaction everything has committed already: AfterCommit calls f before it returns.`,
		check: func(w *world) {
			ran := false
			w.log.AfterCommit(w.ctx, func(ctx context.Context) { ran = ctx.Err() == nil })
			if !ran {
				w.Errorf("AfterCommit outside of a transaction returned without having called its function")
			}
		},
	},
	{
		name: "what follows a commit has a context that does not end",
		why: `The commit has happened, and must be told even where the caller has gone by now: the context that f gets has the
values of the one that was given to the outermost InTx, its end does not reach it, and it has no transaction:
f may begin one.`,
		check: func(w *world) {
			type key struct{}
			ctx, cancel := context.WithCancel(context.WithValue(w.ctx, key{}, "value"))
			defer cancel()
			ran := false
			err := w.log.InTx(ctx, func(ctx context.Context) error {
				w.log.AfterCommit(ctx, func(context.Context) { cancel() })
				w.log.AfterCommit(ctx, func(ctx context.Context) {
					ran = true
					if err := ctx.Err(); err != nil {
						w.Errorf("the context ended with InTx's: %v", err)
					}
					if ctx.Value(key{}) != "value" {
						w.Errorf("the context does not have the values of InTx's")
					}
					err := w.log.InTx(ctx, func(ctx context.Context) error {
						return write(ctx, w.log, "a", named("x"), at(0))
					})
					if err != nil {
						w.Errorf("InTx with that context: %v", err)
					}
				})
				return nil
			})
			if err != nil || !ran {
				w.Errorf("InTx returned %v, the second function ran: %v", err, ran)
			}
			w.same("names", w.names("a"), []string{"x"})
		},
	},
}
