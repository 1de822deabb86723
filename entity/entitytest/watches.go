package entitytest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slokeep/slokeep/entity"
)

var watchLaws = []law{
	{
		name: "watches are kept, and listed by name",
		why: `PutWatch writes a row or replaces the one of its name. Watches lists those of the names, passing over names
without a row, or all where it is given none, in the order of the names' bytes. All fields come back as they were.`,
		check: func(w *world) {
			var want []entity.WatchRow
			for i, name := range oddIDs() {
				want = append(want, entity.WatchRow{
					Name: name, Group: "g'", Condition: `state.a["b'"] < 20 for 10m`, Progress: fmt.Sprint("{\"ä\":", i, "}"),
					Position: 1<<40 + int64(i), At: at(i),
				})
			}
			want[0].Progress, want[0].Position = "", 0
			for _, row := range slices.Backward(want) {
				w.putWatch(w.ctx, entity.WatchRow{Name: row.Name, Group: "old", Progress: "old", At: at(99)})
				w.putWatch(w.ctx, row)
			}
			w.same("watches", w.watches(), want)
			w.same("watches", w.watches(want[7].Name, "none", want[5].Name), []entity.WatchRow{want[5], want[7]})
			w.same("watches", w.watches("none"), nil)
		},
	},
	{
		name: "a watch is dropped",
		why:  `DropWatch deletes the row of the name, and does nothing where there is none.`,
		check: func(w *world) {
			for _, name := range []string{"a", "b"} {
				w.putWatch(w.ctx, entity.WatchRow{Name: name, At: at(0)})
			}
			for range 2 {
				w.must("DropWatch", w.log.DropWatch(w.ctx, "a"))
			}
			w.same("watches", w.watches(), []entity.WatchRow{{Name: "b", At: at(0)}})
		},
	},
	{
		name: "a watch is part of the transaction",
		why: `The holder of the timers writes a watch's row together with the change that the watch made: PutWatch and DropWatch
with the ctx of a transaction show to it at once, to others when it commits, and are gone when it does not.`,
		check: func(w *world) {
			w.putWatch(w.ctx, entity.WatchRow{Name: "a", At: at(0)})
			work := func(end error) error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					w.putWatch(ctx, entity.WatchRow{Name: "b", At: at(1)})
					err := w.log.DropWatch(ctx, "a")
					got := collect(w, "Watches", w.log.Watches(ctx))
					w.same("in the transaction, watches", got, []entity.WatchRow{{Name: "b", At: at(1)}})
					return errors.Join(err, end)
				})
			}
			if err := work(errBoom); !errors.Is(err, errBoom) {
				w.Errorf("InTx returned %v: want %v", err, errBoom)
			}
			w.same("after a rollback, watches", w.watches(), []entity.WatchRow{{Name: "a", At: at(0)}})
			w.must("InTx", work(nil))
			w.same("after the commit, watches", w.watches(), []entity.WatchRow{{Name: "b", At: at(1)}})
		},
	},
	{
		name: "a watch refuses a stale token, and does not ask for none",
		why: `PutWatch compares the token that it is given and returns ErrLeaseLost, writing nothing, where it is not the newest
of its lease. The zero Token is of no lease and always good: so a process registers its watches.`,
		check: func(w *world) {
			stale, fresh := w.passed(entity.LeaseTimers)
			w.putWatch(w.ctx, entity.WatchRow{Name: "a", At: at(0)})
			for _, t := range []entity.Token{stale, {Name: entity.LeaseTimers}, {Name: "never", Number: 1}} {
				if err := w.log.PutWatch(w.ctx, t, entity.WatchRow{Name: "a", At: at(1)}); !errors.Is(err, entity.ErrLeaseLost) {
					w.Errorf("PutWatch with the token %+v returned %v: want ErrLeaseLost", t, err)
				}
			}
			w.same("watches", w.watches(), []entity.WatchRow{{Name: "a", At: at(0)}})
			w.must("PutWatch", w.log.PutWatch(w.ctx, fresh, entity.WatchRow{Name: "a", At: at(2)}))
			w.same("watches", w.watches(), []entity.WatchRow{{Name: "a", At: at(2)}})
		},
	},
}

func (w *world) putWatch(ctx context.Context, row entity.WatchRow) {
	w.Helper()
	w.must("PutWatch", w.log.PutWatch(ctx, entity.Token{}, row))
}

// watches lists the watches that others see.
func (w *world) watches(names ...string) []entity.WatchRow {
	w.Helper()
	return collect(w, "Watches", w.other.Watches(w.ctx, names...))
}
