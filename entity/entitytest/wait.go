package entitytest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var waitLaws = []law{
	{
		name: "a circle of waits ends",
		why: `Two transactions that hold one lock each and want the other's would wait for ever. At least one of them gets
ErrConflict, whose transaction has then done nothing and may be tried again as a whole. A Log that runs one
transaction at a time has no such circle.`,
		check: func(w *world) {
			held := map[string]chan struct{}{"a": make(chan struct{}, 1), "b": make(chan struct{}, 1)}
			both := func(first, second string) func() error {
				return func() error {
					return w.log.InTx(w.ctx, func(ctx context.Context) error {
						if err := write(ctx, w.log, first, named("x"), at(0)); err != nil {
							return err
						}
						select {
						case held[first] <- struct{}{}:
						default: // a function that runs twice is another law's matter
						}
						w.soon(held[second])
						return write(ctx, w.log, second, named("x"), at(0))
					})
				}
			}
			outcomes := []<-chan error{w.async(both("a", "b")), w.async(both("b", "a"))}
			written := 0
			for i, outcome := range outcomes {
				err := w.within("a transaction in a circle", outcome)
				switch {
				case errors.Is(err, entity.ErrConflict):
				case err != nil:
					w.Errorf("transaction %d: %v: want nil or ErrConflict", i, err)
				default:
					written++
				}
			}
			w.same("feed of a and b", len(w.feed()), 2*written)
			w.tx(func(ctx context.Context) error { // whoever lost tries again
				return errors.Join(write(ctx, w.log, "a", named("y"), at(1)), write(ctx, w.log, "b", named("y"), at(1)))
			})
			w.same("feed of a and b", len(w.feed()), 2*written+2)
		},
	},
	{
		name: "a wait for a lock ends with its ctx",
		why: `Who waits for a lock stops when its ctx ends: Lock, or InTx where that is what waits, returns an error soon, and
leaves nothing behind that the lock could be given to.`,
		check: func(w *world) {
			locked, release := make(chan struct{}, 1), make(chan struct{})
			holder := w.async(func() error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					if _, err := w.log.Lock(ctx, kind, []string{"a"}); err != nil {
						return err
					}
					locked <- struct{}{}
					select {
					case <-release:
					case <-ctx.Done():
					}
					return nil
				})
			})
			select {
			case <-locked:
			case <-time.After(w.patience):
				w.Fatalf("the holder does not get its lock")
			}
			ctx, cancel := context.WithTimeout(w.ctx, w.moment())
			defer cancel()
			waiter := w.async(func() error {
				return w.other.InTx(ctx, func(ctx context.Context) error {
					_, err := w.other.Lock(ctx, kind, []string{"a"})
					return err
				})
			})
			select {
			case err := <-waiter:
				if err == nil {
					w.Errorf("the lock was given while another transaction held it")
				}
			case <-time.After(w.patience / 2):
				w.Errorf("who waits for the lock still does, long after its ctx has ended")
			}
			close(release)
			w.must("the holder", w.within("the holder", holder))
			w.free("a")
		},
	},
	{
		name: "many writers make one sequence",
		why: `Under Lock, read-head and append-the-next-version cannot lose an update: each entity's versions are 1, 2, 3, ...
without a gap, each change's Prev is the Next of the one before, and the feed has each exactly once, those of an
entity in order.`,
		check: func(w *world) {
			const writers, rounds = 6, 8
			ids := []string{"a", "b", "c"}
			var relays <-chan error
			stop := make(chan struct{})
			if w.log.Shared() {
				t := w.token(entity.LeaseRelay)
				relays = w.async(func() error {
					for {
						select {
						case <-stop:
							return relay(w.ctx, w.other, t)
						default:
						}
						if _, err := w.other.Relay(w.ctx, t, 2); err != nil {
							return fmt.Errorf("relaying beside the writers: %w", err)
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			outcomes := make([]<-chan error, writers)
			for i := range outcomes {
				l := []entity.Log{w.log, w.other}[i%2]
				outcomes[i] = w.async(func() error {
					for round := range rounds {
						id := ids[(i+round)%len(ids)]
						err := l.InTx(w.ctx, func(ctx context.Context) error {
							err := write(ctx, l, id, named(fmt.Sprint(i, "/", round)), at(round))
							time.Sleep(200 * time.Microsecond) // so that who does not wait for the lock reads what is old
							return err
						})
						if err != nil {
							return err
						}
					}
					return nil
				})
			}
			for _, outcome := range outcomes {
				w.must("a writer", w.within("a writer", outcome))
			}
			close(stop)
			if relays != nil {
				w.must("the relay", w.within("the relay", relays))
			}
			w.sequence(w.changes(0), writers*rounds)
		},
	},
}

// sequence checks that changes are n, with Positions from 1, and those of each entity one sequence.
func (w *world) sequence(changes []entity.Change, n int) {
	w.Helper()
	if len(changes) != n {
		w.Errorf("%d changes are in the feed: want %d", len(changes), n)
	}
	last := map[string]entity.Change{}
	for i, c := range changes {
		if c.Position != int64(i)+1 {
			w.Errorf("change %d has the Position %d", i+1, c.Position)
		}
		before := last[c.ID]
		if c.Version != before.Version+1 {
			w.Errorf("%s %d comes after %s %d", c.ID, c.Version, c.ID, before.Version)
		}
		if prev, next := canonical(c.Prev), canonical(before.Next); prev != next {
			w.Errorf("%s %d: Prev is %s, the Next before is %s", c.ID, c.Version, prev, next)
		}
		last[c.ID] = c
	}
}
