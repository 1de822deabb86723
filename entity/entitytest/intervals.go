package entitytest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var intervalLaws = []law{
	{
		name: "a transition ends an interval and begins the next",
		why: `At Change.At the open interval of each field in Transitions ends and, the entity being there, a new one begins.
Intervals lists them newest first; the one that goes on has a zero Until.`,
		check: func(w *world) {
			w.same("intervals of nothing", w.intervals("a", time.Time{}), nil)
			w.publish("a", named("x"), at(0))
			w.publish("a", named("y"), at(2))
			w.publish("a", named("z"), at(3))
			w.same("intervals", w.intervals("a", time.Time{}), []entity.Interval{
				{Since: at(3)}, {Since: at(2), Until: at(3)}, {Since: at(0), Until: at(2)},
			})
		},
	},
	{
		name: "intervals are those that begin at an instant or later, and the one that holds then",
		why: `since is included, and so is the interval that began before it and lasts until after it. One that ends at since
does not hold at since: an interval holds from its Since until just before its Until.`,
		check: func(w *world) {
			const us = time.Microsecond
			for i := range 4 {
				w.publish("a", named(fmt.Sprint(i)), at(i))
			}
			for since, want := range map[time.Time]int{
				{}: 4, at(0).Add(-us): 4, at(0): 4, at(1).Add(-us): 4, at(1): 3, at(1).Add(us): 3, at(2).Add(-us): 3, at(2): 2,
				at(3).Add(-us): 2, at(3): 1, at(3).Add(us): 1, at(9): 1,
			} {
				if got := w.intervals("a", since); len(got) != want {
					w.Errorf("intervals since %v:\n got %s\nwant the newest %d of those that begin at %v, %v, %v and %v",
						since, canonical(got), want, at(0), at(1), at(2), at(3))
				}
			}
		},
	},
	{
		name: "a removal ends intervals, and a creation begins one",
		why: `A removed entity has no value: a transition with a nil Head.State ends the open interval and begins none. When the
entity is there again, a new interval begins, and the time between belongs to none.`,
		check: func(w *world) {
			w.publish("a", named("x"), at(0))
			w.publish("a", nil, at(1))
			w.same("after the removal", w.intervals("a", time.Time{}), []entity.Interval{{Since: at(0), Until: at(1)}})
			w.same("since after the removal", w.intervals("a", at(2)), nil)
			w.publish("a", named("x"), at(3))
			w.same("after the creation", w.intervals("a", at(-1)), []entity.Interval{{Since: at(3)}, {Since: at(0), Until: at(1)}})
			w.same("since between the two", w.intervals("a", at(2)), []entity.Interval{{Since: at(3)}})
		},
	},
	{
		name: "intervals are of one field of one entity",
		why: `Only the fields in Transitions get a new interval; other fields, entities and kinds keep theirs. Names of fields
are strings like ids.`,
		check: func(w *world) {
			transit := func(kind, id string, at time.Time, fields ...string) {
				w.Helper()
				w.tx(func(ctx context.Context) error {
					heads, err := w.log.Lock(ctx, kind, []string{id})
					if err != nil {
						return err
					}
					e, err := entry(heads[0], named("x"), at)
					e.Change.Kind, e.Transitions = kind, fields
					return errors.Join(err, w.log.Append(ctx, []entity.Entry{e}))
				})
			}
			transit(kind, "a", at(0), "f", "F", "f'")
			transit(kind, "b", at(1), "f")
			transit("orders", "a", at(2), "f")
			transit(kind, "a", at(3), "F")
			transit(kind, "a", at(4))
			for _, c := range []struct {
				kind, id, field string
				want            []entity.Interval
			}{
				{kind, "a", "f", []entity.Interval{{Since: at(0)}}},
				{kind, "a", "F", []entity.Interval{{Since: at(3)}, {Since: at(0), Until: at(3)}}},
				{kind, "a", "f'", []entity.Interval{{Since: at(0)}}},
				{kind, "a", "g", nil},
				{kind, "b", "f", []entity.Interval{{Since: at(1)}}},
				{"orders", "a", "f", []entity.Interval{{Since: at(2)}}},
			} {
				got := collect(w, "Intervals", w.other.Intervals(w.ctx, c.kind, c.id, c.field, time.Time{}))
				w.same(fmt.Sprintf("intervals of %s %s.%s", c.kind, c.id, c.field), got, c.want)
			}
		},
	},
}
