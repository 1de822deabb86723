package entitytest

import (
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var trimLaws = []law{
	{
		name: "trimming deletes what is older, and nothing else",
		why: `Trim deletes the changes with At before the instant; one at the instant stays. Heads stay. Who reads from a Position
that is gone begins with the oldest that is there.`,
		check: func(w *world) {
			for i := range 5 {
				w.publish(fmt.Sprint(i), named("x"), at(i))
			}
			w.deliver()
			t := w.token(entity.LeaseRelay)
			w.must("Trim", w.log.Trim(w.ctx, t, at(0)))
			w.same("feed", short(w.changes(0)), []string{"0 1", "1 1", "2 1", "3 1", "4 1"})
			w.must("Trim", w.log.Trim(w.ctx, t, at(2)))
			w.same("feed", short(w.changes(0)), []string{"2 1", "3 1", "4 1"})
			w.same("feed after 1", short(w.changes(1)), []string{"2 1", "3 1", "4 1"})
			w.same("heads", len(w.heads()), 5)
		},
	},
	{
		name: "trimming keeps what a group has not passed",
		why: `A change stays, however old, while a group is at a Position before it in the shard of its entity. What all groups
have passed goes; so it does when the group that was behind is dropped.`,
		check: func(w *world) {
			const n = 40
			for i := range n {
				w.publish(fmt.Sprint(i), named("x"), at(i))
			}
			w.deliver()
			all := w.changes(0)
			t := w.token(entity.LeaseRelay)
			g, slow := entity.Group{Name: "billing", Source: "kind order"}, entity.Group{Name: "audit", Source: "kind order"}
			for _, g := range []entity.Group{g, slow} {
				w.join(g, 0)
			}
			trim := func() []entity.Change {
				w.Helper()
				w.must("Trim", w.log.Trim(w.ctx, t, at(n+1)))
				return w.changes(0)
			}
			w.same("changes, of which no group has passed any", len(trim()), n)
			w.advance(t, g, n)
			w.same("changes, which one of two groups has not passed", len(trim()), n)
			w.advance(t, slow, 10)
			w.same("changes, of which a group has passed 10", len(trim()), n-10)
			behind := entity.Shard(kind, all[n-1].ID) // all but the shard of the newest change go on
			for shard := range entity.Shards {
				if shard != behind {
					w.must("Save", w.log.Save(w.ctx, t, entity.Progress{Group: slow, Shard: shard, Position: n}))
				}
			}
			kept := map[int64]bool{}
			for _, c := range trim() {
				kept[c.Position] = true
			}
			for _, c := range all[10:] {
				if entity.Shard(kind, c.ID) == behind && !kept[c.Position] {
					w.Errorf("the change at %d is gone, and one shard of a group is still at 10", c.Position)
				}
			}
			w.must("Drop", w.log.Drop(w.ctx, slow.Name))
			w.same("changes, which the group that is left has passed", len(trim()), 0)
		},
	},
	{
		name: "positions are not given again after a trim",
		why: `Position only grows, also when all changes are gone: the newest one that was given is kept apart from the changes.
Last still tells it.`,
		check: func(w *world) {
			for i := range 3 {
				w.publish("a", named(fmt.Sprint(i)), at(i))
			}
			w.deliver()
			w.must("Trim", w.log.Trim(w.ctx, w.token(entity.LeaseRelay), at(9)))
			w.same("feed", short(w.changes(0)), nil)
			if last, _, err := w.other.Last(w.ctx); last != 3 || err != nil {
				w.Errorf("after the trim, Last returned %d, %v: want 3", last, err)
			}
			w.publish("a", named("x"), at(10))
			w.deliver()
			for _, c := range w.changes(0) {
				w.same("the next position", c.Position, 4)
			}
			w.same("feed after 3", short(w.changes(3)), []string{"a 4"})
		},
	},
	{
		name: "trimming deletes intervals that ended before",
		why: `Intervals whose Until is before the instant go. One that ends at the instant or later stays, and one that has not
ended stays however old it is: it says since when the entity is as it is.`,
		check: func(w *world) {
			for i := range 4 {
				w.publish("a", named(fmt.Sprint(i)), at(i))
			}
			w.publish("b", named("x"), at(-60))
			w.deliver()
			w.must("Trim", w.log.Trim(w.ctx, w.token(entity.LeaseRelay), at(2)))
			w.same("intervals", w.intervals("a", time.Time{}), []entity.Interval{
				{Since: at(3)}, {Since: at(2), Until: at(3)}, {Since: at(1), Until: at(2)},
			})
			w.same("intervals", w.intervals("b", time.Time{}), []entity.Interval{{Since: at(-60)}})
		},
	},
	{
		name: "trimming refuses a stale token",
		why:  `Trim belongs to the holder of a lease. With a token that is not the newest it returns ErrLeaseLost and deletes nothing.`,
		check: func(w *world) {
			w.publish("a", named("x"), at(0))
			w.publish("a", named("y"), at(1))
			w.deliver()
			w.lease("suite", 0, entity.LeaseRelay)
			stale, _ := w.passed(entity.LeaseRelay)
			for _, t := range []entity.Token{stale, {Name: entity.LeaseRelay}, {}} {
				if err := w.log.Trim(w.ctx, t, at(9)); !errors.Is(err, entity.ErrLeaseLost) {
					w.Errorf("Trim with the token %+v returned %v: want ErrLeaseLost", t, err)
				}
			}
			w.same("feed", short(w.changes(0)), []string{"a 1", "a 2"})
			w.same("intervals", len(w.intervals("a", time.Time{})), 2)
		},
	},
}

// join makes a group known.
func (w *world) join(g entity.Group, start int64) [entity.Shards]int64 {
	w.Helper()
	positions, err := w.log.Positions(w.ctx, g, start)
	w.must("Positions", err)
	return positions
}

// advance moves all shards of a group.
func (w *world) advance(t entity.Token, g entity.Group, position int64) {
	w.Helper()
	for shard := range entity.Shards {
		w.must("Save", w.log.Save(w.ctx, t, entity.Progress{Group: g, Shard: shard, Position: position}))
	}
}
