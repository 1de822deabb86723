package entitytest

import (
	"context"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var headLaws = []law{
	{
		name: "heads are listed by id, as bytes",
		why: `Heads yields in the order of the ids' bytes (COLLATE "C"), whatever the order in which it was asked or in which
they were written, and each id as it was given: not folded, normalized, trimmed or cut.`,
		check: func(w *world) {
			ids := oddIDs()
			w.tx(func(ctx context.Context) error { return publishAll(ctx, w.log, kind, ids) })
			asked := slices.Clone(ids)
			slices.Reverse(asked)
			for what, list := range map[string][]entity.Head{"of all": w.heads(), "of those asked for": w.heads(asked...)} {
				got := make([]string, len(list))
				for i, h := range list {
					got[i] = h.ID
					if s, err := decode(h.State); err != nil || s == nil || s.Name != h.ID {
						w.Errorf("heads %s: %q has the state %s", what, h.ID, canonical(h.State))
					}
				}
				if !slices.Equal(got, ids) {
					w.Errorf("heads %s:\n got %q\nwant %q", what, got, ids)
				}
			}
		},
	},
	{
		name: "heads are of one kind",
		why:  `Kinds are separate: an entity of another kind with the same id is another one, and Heads lists those of one kind.`,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error {
				for _, kind := range []string{"Order", "order ", "orders", "order'"} {
					if err := publishAll(ctx, w.log, kind, []string{"a", "b"}); err != nil {
						return err
					}
				}
				return publishAll(ctx, w.log, kind, []string{"b", "c"})
			})
			w.same("names", w.names(), []string{"b", "c"})
			w.same("names", w.names("a", "b"), []string{"b"})
		},
	},
	{
		name: "what has no head is passed over",
		why:  `Heads yields nothing for an id that was never written; it is no error.`,
		check: func(w *world) {
			w.publish("b", named("x"), at(0))
			w.same("names", w.names("a", "b", "c"), []string{"x"})
			w.same("names", w.names("c"), nil)
		},
	},
	{
		name: "an empty list of ids is none, and nil is all",
		why: `Heads with ids of length 0 that are not nil asks for no entity. A caller that filtered its ids down to none must
not get all of the kind.`,
		check: func(w *world) {
			w.publish("a", named("x"), at(0))
			list := collect(w, "Heads", w.other.Heads(w.ctx, kind, []string{}))
			w.same("Heads of no ids", list, nil)
			list = collect(w, "Heads", w.other.Heads(w.ctx, kind, nil))
			w.same("Heads of nil", len(list), 1)
		},
	},
	{
		name: "a head comes back as it was appended",
		why: `Append replaces the whole head: Version, State and Published apart from each other, At in UTC. States come back as
what was given, or as a json.RawMessage of its json.Marshal, and nil as nil. A head of Version 0, of an entity that
was seen and never published, has no At, and is listed as others are. A removed entity keeps its head, with a nil
State.`,
		check: func(w *world) {
			full := &state{Name: "<&>\u2028 \x00 'quoted' \"", Amount: 1<<53 + 1, Tags: []string{"", "ä", "日本語"}}
			for _, h := range []entity.Head{
				{ID: "a", State: full, Published: named("redacted")},
				{ID: "a", Version: 1, State: named("x"), Published: named("x"), At: at(0)},
				{ID: "a", Version: 2, State: full, Published: named("redacted"), At: time.Date(1907, time.May, 4, 3, 2, 1, 999999000, time.UTC)},
				{ID: "a", Version: 3, At: time.Date(2391, time.May, 4, 3, 2, 1, 1000, time.UTC)},
				{ID: "a", Version: 1 << 40, State: &state{}, Published: &state{}, At: at(1)},
			} {
				w.tx(func(ctx context.Context) error { return appendHead(ctx, w.log, h) })
				list := w.heads()
				w.same("Heads", list, []entity.Head{h})
				for _, got := range list {
					if (got.State == nil) != (h.State == nil) || (got.Published == nil) != (h.Published == nil) {
						w.Errorf("the states of %s are %#v and %#v", canonical(h), got.State, got.Published)
					}
				}
			}
		},
	},
	{
		name: "an instant comes back in UTC",
		why: `Instants are points in time: handed in with any Location, they come back with time.UTC, so that a Time prints and
compares (==) the same in each process.`,
		check: func(w *world) {
			zone := time.FixedZone("far", 5*60*60+30*60)
			w.publish("a", named("x"), at(0).In(zone))
			w.deliver()
			instants := map[string]time.Time{}
			for _, h := range w.heads() {
				instants["Head.At"] = h.At
			}
			for _, v := range w.intervals("a", time.Time{}) {
				instants["Interval.Since"] = v.Since
			}
			for _, c := range w.changes(0) {
				instants["Change.At"] = c.At
			}
			if len(instants) != 3 {
				w.Errorf("found only %v", instants)
			}
			for what, got := range instants {
				if got != at(0) {
					w.Errorf("%s is %v: want %v", what, got, at(0))
				}
			}
		},
	},
	{
		name: "heads can be left early, and the Log used on the way",
		why: `The body of a loop over Heads may call the Log, write to it, and break. A listing therefore holds neither a lock
nor the only connection while it yields, and frees what it has when it is left.`,
		check: func(w *world) {
			w.tx(func(ctx context.Context) error { return publishAll(ctx, w.log, kind, []string{"a", "b", "c"}) })
			seen := 0
			for range 20 { // more than a pool has connections
				err := w.within("a write inside of a loop over Heads", w.async(func() error {
					for _, err := range w.log.Heads(w.ctx, kind, nil) {
						if err != nil {
							return err
						}
						seen++
						return w.log.InTx(w.ctx, func(ctx context.Context) error { return write(ctx, w.log, "b", named("y"), at(1)) })
					}
					return nil
				}))
				w.must("a write inside of a loop over Heads", err)
			}
			w.same("heads seen", seen, 20)
			w.same("names", w.names(), []string{"a", "y", "c"})
		},
	},
}

// publishAll writes entities of a kind, sorted and distinct, each with its id for a name.
func publishAll(ctx context.Context, l entity.Log, kind string, ids []string) error {
	heads, err := l.Lock(ctx, kind, ids)
	if err != nil {
		return err
	}
	entries := make([]entity.Entry, len(heads))
	for i, h := range heads {
		if entries[i], err = entry(h, named(h.ID), at(0)); err != nil {
			return err
		}
		entries[i].Change.Kind = kind
	}
	return l.Append(ctx, entries)
}

// appendHead writes a head, with a nudge, and nothing else.
func appendHead(ctx context.Context, l entity.Log, h entity.Head) error {
	if _, err := l.Lock(ctx, kind, []string{h.ID}); err != nil {
		return err
	}
	c := entity.Change{Kind: kind, ID: h.ID, Actor: entity.System, At: at(0)}
	return l.Append(ctx, []entity.Entry{{Head: h, Change: c}})
}
