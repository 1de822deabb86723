package entitytest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var relayLaws = []law{
	{
		name: "nothing is delivered before the relay",
		why: `A shared Log's changes lie in the outbox when they have committed. Relay alone gives Positions, since its caller
holds a lease and so is the only one.`,
		of: sharedOnly,
		check: func(w *world) {
			w.publish("a", named("x"), at(0))
			w.same("before the relay, feed", short(w.changes(0)), nil)
			w.deliver()
			w.same("after the relay, feed", short(w.changes(0)), []string{"a 1"})
		},
	},
	{
		name: "the relay moves as many as it may",
		why: `Relay moves at most limit changes and returns how many. Less than limit says that the outbox is empty, so that who
relays knows when to stop; where there are exactly limit, the next call returns 0. What was moved is not moved
again.`,
		of: sharedOnly,
		check: func(w *world) {
			t := w.token(entity.LeaseRelay)
			w.tx(func(ctx context.Context) error {
				for i := range 6 {
					if err := write(ctx, w.log, []string{"a", "b"}[i%2], named(fmt.Sprint(i)), at(i)); err != nil {
						return err
					}
				}
				return nil
			})
			var moved []int
			for range 4 {
				n, err := w.log.Relay(w.ctx, t, 2)
				w.must("Relay", err)
				moved = append(moved, n)
				w.same("changes in the feed", len(w.changes(0)), min(2*len(moved), 6))
			}
			w.same("moved", moved, []int{2, 2, 2, 0})
			w.sequence(w.changes(0), 6)
		},
	},
	{
		name: "what began first and commits last is not lost",
		why: `An outbox row's number is given when it is written, not when it commits: a reader that keeps a place by that number
passes over a row that commits later. So Relay takes whatever has committed and is not in the feed, and its Positions
are given then. A Log that runs one transaction at a time has no such order.`,
		of: sharedOnly,
		check: func(w *world) {
			appended, release := make(chan struct{}), make(chan struct{})
			late := w.async(func() error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					if err := write(ctx, w.log, "late", named("x"), at(0)); err != nil {
						return err
					}
					close(appended)
					select {
					case <-release:
					case <-ctx.Done():
					}
					return nil
				})
			})
			select {
			case <-appended:
			case <-time.After(w.patience):
				w.Fatalf("the first transaction does not append")
			}
			done := make(chan struct{})
			early := w.async(func() error {
				defer close(done)
				return w.other.InTx(w.ctx, func(ctx context.Context) error { return write(ctx, w.other, "early", named("x"), at(1)) })
			})
			if w.soon(done) {
				w.same("feed before the late commit", w.feed(), []string{"early 1"})
			}
			close(release)
			w.must("the late transaction", w.within("the late transaction", late))
			w.must("the early transaction", w.within("the early transaction", early))
			w.same("changes in the feed after both commits", len(w.feed()), 2)
			for i, c := range w.changes(0) {
				w.same("position of "+c.ID, c.Position, i+1)
			}
		},
	},
	{
		name: "the relay refuses a stale token",
		why: `A process that was paused may come back after its lease has passed to another. Relay compares the token in the
transaction in which it moves changes, and returns ErrLeaseLost where it is not the newest: two relays at once would
give one Position twice.`,
		of: sharedOnly,
		check: func(w *world) {
			stale, fresh := w.passed(entity.LeaseRelay)
			w.publish("a", named("x"), at(0))
			for _, t := range []entity.Token{stale, {Name: entity.LeaseRelay}, {Name: "never", Number: 1}} {
				if n, err := w.log.Relay(w.ctx, t, 10); n != 0 || !errors.Is(err, entity.ErrLeaseLost) {
					w.Errorf("Relay with the token %+v, the newest being %+v, returned %d, %v: want ErrLeaseLost", t, fresh, n, err)
				}
			}
			w.same("feed", short(w.changes(0)), nil)
			w.must("Relay", relay(w.ctx, w.log, fresh))
			w.same("feed", short(w.changes(0)), []string{"a 1"})
		},
	},
}
