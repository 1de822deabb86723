package entitytest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var feedLaws = []law{
	{
		name: "positions are 1, 2, 3 without a gap",
		why: `Position is a change's place among all changes of the Log. It is given after the commit, so that a transaction
that is rolled back takes none, and goes on from the last one, whoever relays.`,
		check: func(w *world) {
			for i, id := range []string{"a", "b", "a", "c", "a"} {
				w.publish(id, named(fmt.Sprint(i)), at(i))
				_ = w.log.InTx(w.ctx, func(ctx context.Context) error {
					return errors.Join(write(ctx, w.log, "b", named("never"), at(i)), errBoom)
				})
				if i%2 == 0 {
					w.deliver()
				}
			}
			w.same("feed", w.feed(), []string{"a 1", "b 1", "a 2", "c 1", "a 3"})
			w.sequence(w.changes(0), 5)
		},
	},
	{
		name: "a change comes as it was appended",
		why: `A delivered change has all that was given to Append and its Position: Kind, ID, Version, states, Fields, Actor, At.
States come back as the pointer that was given or as a json.RawMessage of its json.Marshal, and nil as nil: a nil
Prev is a creation and a nil Next a removal, so neither may be empty bytes or a nil pointer.`,
		check: func(w *world) {
			full := &state{Name: "<&>\u2028 \x00 'quoted' \"", Amount: 1<<53 + 1, Tags: []string{"", "ä", "日本語"}}
			actor := entity.Actor{Type: "user", ID: "ü'\"", Name: "Zoë <z@example.org>"}
			early, late := time.Date(1907, time.May, 4, 3, 2, 1, 999999000, time.UTC), time.Date(2391, time.May, 4, 3, 2, 1, 1000, time.UTC)
			given := []entity.Change{
				{Kind: kind, ID: "a", Version: 1, Next: full, Fields: []string{"amount", "name", "tags"}, Actor: actor, At: at(0)},
				{Kind: kind, ID: "a", Version: 2, Prev: full, Next: named("x"), Fields: []string{"a'b"}, Actor: entity.Observed, At: early},
				{Kind: kind, ID: "a", Version: 3, Prev: named("x"), Fields: []string{"name"}, Actor: entity.System, At: late},
				{Kind: "event order.paid", ID: `b"'`, Version: 1 << 40, Prev: &state{}, Next: &state{}, At: at(1)},
			}
			for i, c := range given {
				w.tx(func(ctx context.Context) error { return appendChange(ctx, w.log, c) })
				given[i].Position = int64(i) + 1
			}
			w.deliver()
			got := w.changes(0)
			w.same("changes", got, given)
			for i, c := range got {
				if i < len(given) && ((c.Prev == nil) != (given[i].Prev == nil) || (c.Next == nil) != (given[i].Next == nil)) {
					w.Errorf("change %d has the states %#v and %#v: want nil exactly where nil was given", i+1, c.Prev, c.Next)
				}
			}
		},
	},
	{
		name: "a nudge is delivered too",
		why: `A change of Version 0 publishes nothing, and still gets a Position and is delivered to who reads the Log: it says
that what is known of the future may have moved. The head's Version stays.`,
		check: func(w *world) {
			w.publish("a", named("x"), at(0))
			nudge := entity.Change{Kind: kind, ID: "a", Prev: named("x"), Next: named("x"), Actor: entity.System, At: at(1)}
			w.tx(func(ctx context.Context) error {
				heads, err := w.log.Lock(ctx, kind, []string{"a"})
				if err != nil {
					return err
				}
				return w.log.Append(ctx, []entity.Entry{{Head: heads[0], Change: nudge}})
			})
			w.publish("a", named("y"), at(2))
			w.same("feed", w.feed(), []string{"a 1", "a 0", "a 2"})
			for i, c := range w.changes(0) {
				w.same("position", c.Position, i+1)
			}
		},
	},
	{
		name: "changes are those after a position",
		why: `Changes begins behind the Position it is given, with the oldest that is there, and ends when it has yielded the
newest: it does not wait for more. Behind the newest there is nothing, and that is no error.`,
		check: func(w *world) {
			const n = 150
			w.same("changes of an empty feed", w.changes(0), nil)
			ids := make([]string, n)
			for i := range ids {
				ids[i] = fmt.Sprintf("%03d", i)
			}
			w.tx(func(ctx context.Context) error { return publishAll(ctx, w.log, kind, ids) })
			w.deliver()
			for _, after := range []int64{0, 1, 63, 64, 65, 100, n - 1, n, n + 1, 1 << 40} {
				got := w.changes(after)
				if want := max(n-after, 0); int64(len(got)) != want || want > 0 && got[0].Position != after+1 {
					w.Errorf("Changes after %d of %d yields %d: want %d", after, n, len(got), want)
				}
			}
		},
	},
	{
		name: "changes can be left early, and the Log used on the way",
		why: `The body of a loop over Changes may call the Log, write to it, and break: a handler does. A listing therefore holds
neither a lock nor the only connection while it yields, and frees what it has when it is left.`,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error { return publishAll(ctx, w.log, kind, []string{"a", "b", "c"}) })
			w.deliver()
			for i := range 20 { // more than a pool has connections
				err := w.within("a write inside of a loop over Changes", w.async(func() error {
					for c, err := range w.log.Changes(w.ctx, 1) {
						if err != nil {
							return err
						}
						if c.Position != 2 {
							return fmt.Errorf("after 1 comes %d", c.Position)
						}
						return w.log.InTx(w.ctx, func(ctx context.Context) error {
							return write(ctx, w.log, c.ID, named(fmt.Sprint(i)), at(i))
						})
					}
					return errors.New("no changes come")
				}))
				w.must("a write inside of a loop over Changes", err)
			}
			w.same("feed", len(w.feed()), 23)
		},
	},
	{
		name: "the last position is known, and whether all is delivered",
		why: `Last returns the newest Position that was ever given, 0 before the first, and true where the outbox has nothing
that has committed and waits for the relay.`,
		check: func(w *world) {
			last := func(what string, want int64, wantDrained bool) {
				w.Helper()
				got, drained, err := w.other.Last(w.ctx)
				if err != nil || got != want || drained != wantDrained {
					w.Errorf("%s, Last returned %d, %v, %v: want %d, %v", what, got, drained, err, want, wantDrained)
				}
			}
			last("in an empty Log", 0, true)
			for i := range int64(3) {
				w.publish("a", named("x"), at(0))
				if w.log.Shared() {
					last("before the relay", i, false)
				}
				w.deliver()
				last("after the delivery", i+1, true)
			}
		},
	},
	{
		name: "a Log that is not shared delivers as it commits",
		why: `Where Shared reports false, nothing is relayed: Append's changes have their Position, and are in the feed, when
their transaction has committed, for AfterCommit already. Relay moves nothing.`,
		of: unsharedOnly,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error {
				w.log.AfterCommit(ctx, func(context.Context) { w.same("after the commit, feed", short(w.changes(0)), []string{"a 1"}) })
				return write(ctx, w.log, "a", named("x"), at(0))
			})
			if n, err := w.log.Relay(w.ctx, w.token(entity.LeaseRelay), 10); n != 0 || err != nil {
				w.Errorf("Relay returned %d, %v: want 0", n, err)
			}
			w.same("feed", short(w.changes(0)), []string{"a 1"})
		},
	},
}

// appendChange writes a change as it is, with a head.
func appendChange(ctx context.Context, l entity.Log, c entity.Change) error {
	if _, err := l.Lock(ctx, c.Kind, []string{c.ID}); err != nil {
		return err
	}
	h := entity.Head{ID: c.ID, Version: c.Version, State: c.Next, Published: c.Next, At: c.At}
	return l.Append(ctx, []entity.Entry{{Head: h, Change: c}})
}
