package entitytest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var appendLaws = []law{
	{
		name: "an append shows to its own transaction",
		why:  `Heads and Intervals with the ctx of a transaction show what it has appended, before it commits.`,
		check: func(w *world) {
			w.publish("b", named("old"), at(0))
			w.tx(func(ctx context.Context) error {
				for i, id := range []string{"a", "b"} {
					if err := write(ctx, w.log, id, named("new"), at(1+i)); err != nil {
						return err
					}
				}
				for _, ids := range [][]string{nil, {"a", "b"}} {
					got, err := names(w.log.Heads(ctx, kind, ids))
					w.must("Heads", err)
					w.same(fmt.Sprintf("in the transaction, names of %q", ids), got, []string{"new", "new"})
				}
				got := collect(w, "Intervals", w.log.Intervals(ctx, kind, "b", field, at(-1)))
				w.same("in the transaction, intervals", got, []entity.Interval{{Since: at(2)}, {Since: at(0), Until: at(2)}})
				return nil
			})
		},
	},
	{
		name: "an append shows to others when it commits, and all of it",
		why: `Before the commit nobody else sees a part of it. After it everybody sees all: a reader that finds one entity of
the transaction finds the others too, and who is told by AfterCommit finds all of it.`,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error { return publishAll(ctx, w.log, kind, []string{"a", "b", "c"}) })
			var before <-chan error
			w.tx(func(ctx context.Context) error {
				for _, id := range []string{"a", "b", "c", "d"} {
					if err := write(ctx, w.log, id, named("new"), at(1)); err != nil {
						return err
					}
				}
				seen := make(chan struct{}, 1)
				before = w.async(func() error { // beside the transaction: a Log may let it wait for the commit
					list, err := names(w.other.Heads(w.ctx, kind, nil))
					seen <- struct{}{}
					if got := fmt.Sprint(list); err == nil && got != "[a b c]" && got != "[new new new new]" {
						err = fmt.Errorf("beside a transaction, names are %s: want all of it or nothing", got)
					}
					return err
				})
				if w.soon(seen) && len(w.names()) == 4 {
					return errors.New("what was appended shows before the commit")
				}
				return nil
			})
			w.must("a reader beside the transaction", w.within("a reader beside the transaction", before))
			w.same("names", w.names(), []string{"new", "new", "new", "new"})
		},
	},
	{
		name: "readers beside a commit see all of it or nothing",
		why: `The commit is one step also for who reads at that very moment: in one listing, two entities that are always
written together are of one version.`,
		check: func(w *world) {
			stop := make(chan struct{})
			both := func(i int) error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					return errors.Join(write(ctx, w.log, "a", named(fmt.Sprint(i)), at(i)), write(ctx, w.log, "b", named(fmt.Sprint(i)), at(i)))
				})
			}
			w.must("a write", both(0))
			reader := w.async(func() error {
				for {
					got, err := names(w.other.Heads(w.ctx, kind, nil))
					if err != nil {
						return err
					}
					if len(got) != 2 || got[0] != got[1] {
						return fmt.Errorf("two entities that are written together are %q", got)
					}
					select {
					case <-stop:
						return nil
					case <-time.After(50 * time.Microsecond):
					}
				}
			})
			for i := range 30 {
				w.must("a write", both(i))
			}
			close(stop)
			w.must("a reader", w.within("a reader", reader))
		},
	},
	{
		name: "entries are written in their order",
		why: `One Append may have several entries of one entity: the last one's head stays, and the feed has the changes in the
order of the entries.`,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error {
				heads, err := w.log.Lock(ctx, kind, []string{"a", "b"})
				if err != nil {
					return err
				}
				var entries []entity.Entry
				for i, name := range []string{"x", "y", "z"} {
					for j := range heads {
						e, err := entry(heads[j], named(name), at(i))
						if err != nil {
							return err
						}
						heads[j] = e.Head
						entries = append(entries, e)
					}
				}
				return w.log.Append(ctx, entries)
			})
			w.same("names", w.names(), []string{"z", "z"})
			w.same("intervals", w.intervals("a", at(-1)), []entity.Interval{
				{Since: at(2)}, {Since: at(1), Until: at(2)}, {Since: at(0), Until: at(1)},
			})
			w.deliver()
			w.sequence(w.changes(0), 6)
		},
	},
	{
		name: "an append does not keep the slice of its entries",
		why: `The caller may use the slice of entries again as soon as Append has returned: the entries are copied, or
encoded, before. What they hold, Transitions and Change.Fields too, the caller does not change any longer.`,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error {
				heads, err := w.log.Lock(ctx, kind, []string{"a"})
				if err != nil {
					return err
				}
				e, err := entry(heads[0], named("x"), at(0))
				if err != nil {
					return err
				}
				entries := []entity.Entry{e}
				if err := w.log.Append(ctx, entries); err != nil {
					return err
				}
				entries[0] = entity.Entry{Head: entity.Head{ID: "a"}}
				return nil
			})
			w.same("names", w.names("a"), []string{"x"})
			w.same("intervals", w.intervals("a", at(-1)), []entity.Interval{{Since: at(0)}})
			w.deliver()
			for _, c := range w.changes(0) {
				w.same("the fields", c.Fields, []string{field})
			}
		},
	},
	{
		name: "appending outside of a transaction is invalid",
		why:  `Append belongs to the write that it tells of. Without a transaction it returns ErrInvalid and writes nothing.`,
		check: func(w *world) {
			e, err := entry(entity.Head{ID: "a"}, named("x"), at(0))
			w.must("entry", err)
			if err := w.log.Append(w.ctx, []entity.Entry{e}); !errors.Is(err, entity.ErrInvalid) {
				w.Errorf("Append outside of a transaction returned %v: want ErrInvalid", err)
			}
			w.nothing("a")
		},
	},
}
