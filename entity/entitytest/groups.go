package entitytest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var groupLaws = []law{
	{
		name: "a new group starts where it is told, and goes on where it stopped",
		why: `Positions of a group that is new puts all its shards at start. A group that is known keeps its own, whatever start
says. A group is its Name and its Source: one of the same Name with another Source is another one.`,
		check: func(w *world) {
			g, other := entity.Group{Name: "billing", Source: "kind order"}, entity.Group{Name: "billing", Source: "event order.paid"}
			want := func(what string, got [entity.Shards]int64, shard3, rest int64) {
				w.Helper()
				var want [entity.Shards]int64
				for i := range want {
					want[i] = rest
				}
				want[3] = shard3
				if got != want {
					w.Errorf("%s: positions are %v: want %v", what, got, want)
				}
			}
			want("a new group", w.join(g, 5), 5, 5)
			want("a known group", w.join(g, 9), 5, 5)
			want("a group of another source", w.join(other, 9), 9, 9)
			w.must("Save", w.log.Save(w.ctx, w.token("g"), entity.Progress{Group: g, Shard: 3, Position: 7}))
			want("after a Save of shard 3", w.join(g, 0), 7, 5)
			want("a group of another source", w.join(other, 0), 9, 9)
			got, err := w.other.Positions(w.ctx, g, 0)
			w.must("Positions", err)
			want("another handle", got, 7, 5)
		},
	},
	{
		name: "progress is saved with what is pending",
		why: `Save moves its shard, writes what is new or changed under the key (Group, Change.Position), and deletes what is done,
in one transaction: otherwise a crash between the two loses a change that the group has passed, or handles it twice.
A Position of Done that is not pending is no error.`,
		check: func(w *world) {
			g := entity.Group{Name: "billing", Source: "kind order"}
			w.join(g, 0)
			t := w.token("g")
			list := w.failed(g, 3)
			w.save(t, entity.Progress{Group: g, Position: 2, Put: list[:2]})
			w.same("pending", w.pending("billing"), list[:2])
			list[1].Attempts, list[1].Error, list[1].Due, list[1].Parked = 10, "again", time.Time{}, true
			w.save(t, entity.Progress{Group: g, Position: 3, Put: list[1:], Done: []int64{1}})
			w.same("pending", w.pending("billing"), list[1:])
			w.save(t, entity.Progress{Group: g, Position: 3, Done: []int64{2, 3, 9}})
			w.same("pending", w.pending("billing"), nil)
			w.same("position", w.join(g, 0)[0], 3)
		},
	},
	{
		name: "saving refuses a stale token",
		why: `A process whose lease has passed to another must not move a group back or write over its pending changes: Save
returns ErrLeaseLost and writes nothing.`,
		check: func(w *world) {
			g := entity.Group{Name: "billing", Source: "kind order"}
			w.join(g, 0)
			list := w.failed(g, 2)
			stale, fresh := w.passed("g")
			w.save(fresh, entity.Progress{Group: g, Position: 1, Put: list[:1]})
			for _, t := range []entity.Token{stale, {Name: "g"}, {}} {
				p := entity.Progress{Group: g, Position: 2, Put: list[1:], Done: []int64{1}}
				if err := w.log.Save(w.ctx, t, p); !errors.Is(err, entity.ErrLeaseLost) {
					w.Errorf("Save with the token %+v returned %v: want ErrLeaseLost", t, err)
				}
			}
			w.same("pending", w.pending(""), list[:1])
			w.same("position", w.join(g, 0)[0], 1)
		},
	},
	{
		name: "dropping a group leaves nothing of it",
		why: `Drop deletes all groups of the name, of whatever source, with what is pending. The next Positions makes a new group.
Other groups stay, and where there is none of the name nothing is wrong.`,
		check: func(w *world) {
			t := w.token("g")
			groups := []entity.Group{
				{Name: "billing", Source: "event order.paid"}, {Name: "billing", Source: "kind order"}, {Name: "billing2", Source: "kind order"},
			}
			for _, g := range groups {
				w.join(g, 5)
				w.save(t, entity.Progress{Group: g, Position: 6, Put: w.failed(g, 1)})
			}
			w.must("Drop", w.log.Drop(w.ctx, "billing"))
			w.must("Drop", w.log.Drop(w.ctx, "nobody"))
			w.same("pending", w.pending(""), w.failed(groups[2], 1))
			for i, want := range []int64{1, 1, 6} {
				w.same("position", w.join(groups[i], 1)[0], want)
			}
		},
	},
	{
		name: "what a group writes is part of the transaction",
		why: `Every method that is called with the ctx of a transaction is part of it: what Positions, Save, Forget and Drop write
is there for the transaction itself, for others when it commits, and gone when it does not.`,
		check: func(w *world) {
			t := w.token("g")
			kept, gone := entity.Group{Name: "a", Source: "kind order"}, entity.Group{Name: "b", Source: "kind order"}
			for _, g := range []entity.Group{kept, gone} {
				w.join(g, 0)
				w.save(t, entity.Progress{Group: g, Position: 2, Put: w.failed(g, 2)})
			}
			before := w.pending("")
			work := func(end error) error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					if _, err := w.log.Forget(ctx, kept, 1); err != nil {
						return err
					}
					p := entity.Progress{Group: kept, Position: 3, Put: w.failed(kept, 3)[2:]}
					err := errors.Join(w.log.Save(ctx, t, p), w.log.Drop(ctx, gone.Name))
					list := collect(w, "Pending", w.log.Pending(ctx, ""))
					w.same("in the transaction, pending", list, w.failed(kept, 3)[1:])
					return errors.Join(err, end)
				})
			}
			if err := work(errBoom); !errors.Is(err, errBoom) {
				w.Errorf("InTx returned %v: want %v", err, errBoom)
			}
			w.same("after a rollback, pending", w.pending(""), before)
			w.same("after a rollback, position", w.join(kept, 0)[0], 2)
			w.must("InTx", work(nil))
			w.same("after the commit, pending", w.pending(""), w.failed(kept, 3)[1:])
			w.same("after the commit, position", w.join(kept, 0)[0], 3)
		},
	},
}

var pendingLaws = []law{
	{
		name: "pending changes are listed by name, source and position",
		why: `Pending lists what is pending of the groups of a name, compared as bytes and as a whole, or of all where the name is
empty; by name, then source, then Position as a number. Each has its whole Change, also when that is trimmed from the
feed.`,
		check: func(w *world) {
			t := w.token(entity.LeaseRelay)
			var want []entity.Pending
			for _, g := range []entity.Group{
				{Name: "A", Source: "kind order"}, {Name: "a", Source: "event order.paid"}, {Name: "a", Source: "kind order"},
				{Name: "a ", Source: "kind order"}, {Name: "a%", Source: "kind order"}, {Name: "ab", Source: "kind 'o'"},
			} {
				w.join(g, 0)
				want = append(want, w.failed(g, 12)...)
			}
			for i := len(want) - 1; i >= 0; i-- {
				w.save(t, entity.Progress{Group: want[i].Group, Position: 12, Put: want[i : i+1]})
			}
			w.must("Trim", w.log.Trim(w.ctx, t, at(1000)))
			w.same("pending", w.pending(""), want)
			w.same("pending of a", w.pending("a"), want[12:36])
			w.same("pending of nobody", w.pending("nobody"), nil)
		},
	},
	{
		name: "pending changes are forgotten by position",
		why:  `Forget deletes those of the group at the Positions, without a token, and returns how many there were.`,
		check: func(w *world) {
			g, other := entity.Group{Name: "a", Source: "kind order"}, entity.Group{Name: "a", Source: "kind orders"}
			t := w.token("g")
			for _, g := range []entity.Group{g, other} {
				w.join(g, 0)
				w.save(t, entity.Progress{Group: g, Position: 3, Put: w.failed(g, 3)})
			}
			for _, c := range []struct {
				positions []int64
				want      int
			}{{nil, 0}, {[]int64{9}, 0}, {[]int64{1, 3, 9}, 2}, {[]int64{1}, 0}} {
				n, err := w.log.Forget(w.ctx, g, c.positions...)
				if err != nil || n != c.want {
					w.Errorf("Forget at %v returned %d, %v: want %d", c.positions, n, err, c.want)
				}
			}
			w.same("pending", w.pending(""), append(w.failed(g, 3)[1:2], w.failed(other, 3)...))
		},
	},
	{
		name: "pending changes can be left early, and the Log used on the way",
		why: `The body of a loop over Pending may call the Log, write to it, and break: a listing holds neither a lock nor the
only connection while it yields.`,
		check: func(w *world) {
			g := entity.Group{Name: "a", Source: "kind order"}
			w.join(g, 0)
			w.save(w.token("g"), entity.Progress{Group: g, Position: 30, Put: w.failed(g, 30)})
			for range 20 {
				err := w.within("Forget inside of a loop over Pending", w.async(func() error {
					for p, err := range w.log.Pending(w.ctx, "") {
						if err != nil {
							return err
						}
						_, err := w.log.Forget(w.ctx, g, p.Change.Position)
						return err
					}
					return errors.New("nothing is pending")
				}))
				w.must("Forget inside of a loop over Pending", err)
			}
			w.same("pending", w.pending(""), w.failed(g, 30)[20:])
		},
	},
}

// failed makes n pending changes of a group, at the Positions 1 to n.
func (w *world) failed(g entity.Group, n int) []entity.Pending {
	list := make([]entity.Pending, n)
	for i := range list {
		list[i] = entity.Pending{
			Group: g, Attempts: i, Error: fmt.Sprint("boom 'ä' ", i),
			Change: entity.Change{
				Kind: kind, ID: fmt.Sprint(i % 3), Version: int64(i/3) + 1, Position: int64(i) + 1, Next: named(fmt.Sprint(i)),
				Fields: []string{"amount", "name"}, Actor: entity.Actor{Type: "user", ID: "u", Name: "Zoë"}, At: at(i),
			},
		}
		switch i % 3 {
		case 0:
			list[i].Due = at(i + 1)
		case 1:
			list[i].Parked = true
		default: // waits behind another
			list[i].Change.Prev, list[i].Change.Next = list[i].Change.Next, nil
		}
	}
	return list
}

func (w *world) save(t entity.Token, p entity.Progress) {
	w.Helper()
	w.must("Save", w.log.Save(w.ctx, t, p))
}

// pending lists what others see to be pending.
func (w *world) pending(name string) []entity.Pending {
	w.Helper()
	return collect(w, "Pending", w.other.Pending(w.ctx, name))
}
