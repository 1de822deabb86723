package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

func groupKey(g entity.Group) storage.Key {
	return storage.Key{Kind: "group", ID: g.Name, Sub: g.Source}
}

// pending is an entity.Pending as JSON.
type pending struct {
	entity.Pending
	Change change
}

// pendingKey sorts by source, then by position: a NUL sorts before whatever a longer source goes on with.
func pendingKey(g entity.Group, position int64) storage.Key {
	return storage.Key{Kind: "pending", ID: g.Name, Sub: fmt.Sprintf("%s\x00%020d", g.Source, position)}
}

// Positions returns how far a group is, which is at start where it is new.
func (s *Store) Positions(ctx context.Context, g entity.Group, start int64) (positions [entity.Shards]int64, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		found, err := loaded[[entity.Shards]int64](ctx, s, groupKey(g))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			positions = found[0]
			return nil
		}
		for shard := range positions {
			positions[shard] = start
		}
		return s.save(ctx, groupKey(g), positions)
	})
	return positions, err
}

// Save writes the progress of a group.
func (s *Store) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.newest(ctx, t); err != nil {
			return err
		}
		found, err := loaded[[entity.Shards]int64](ctx, s, groupKey(p.Group))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%w: group %q of %q", entity.ErrNotFound, p.Group.Name, p.Group.Source)
		}
		found[0][p.Shard] = p.Position
		if err := s.save(ctx, groupKey(p.Group), found[0]); err != nil {
			return err
		}
		for _, put := range p.Put {
			if err := s.save(ctx, pendingKey(p.Group, put.Change.Position), put); err != nil {
				return err
			}
		}
		_, err = s.Forget(ctx, p.Group, p.Done...)
		return err
	})
}

// Pending lists what is pending.
func (s *Store) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	return listing(func() (list []entity.Pending, err error) {
		var found []pending
		if name == "" {
			found, err = listed[pending](ctx, s, "pending")
		} else {
			found, err = loaded[pending](ctx, s, storage.Key{Kind: "pending", ID: name})
		}
		for _, p := range found {
			p.Pending.Change, p.Due = p.Change.value(p.Change.Position), p.Due.UTC()
			list = append(list, p.Pending)
		}
		return list, err
	})
}

// Forget deletes pending changes.
func (s *Store) Forget(ctx context.Context, g entity.Group, positions ...int64) (n int, err error) {
	keys := make([]storage.Key, len(positions))
	for i, position := range positions {
		keys[i] = pendingKey(g, position)
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		removed, err := s.remove(ctx, logRows, keys)
		n = int(removed)
		return err
	})
	return n, err
}

// Drop deletes groups and what is pending of them.
func (s *Store) Drop(ctx context.Context, name string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		_, err := s.remove(ctx, logRows, []storage.Key{{Kind: "group", ID: name}, {Kind: "pending", ID: name}})
		return err
	})
}

func watchKey(name string) storage.Key { return storage.Key{Kind: "watch", ID: name} }

// Watches lists watches.
func (s *Store) Watches(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
	return listing(func() ([]entity.WatchRow, error) {
		if len(names) == 0 {
			return listed[entity.WatchRow](ctx, s, "watch")
		}
		keys := make([]storage.Key, len(names))
		for i, name := range names {
			keys[i] = watchKey(name)
		}
		return loaded[entity.WatchRow](ctx, s, keys...)
	})
}

// PutWatch writes a watch.
func (s *Store) PutWatch(ctx context.Context, t entity.Token, w entity.WatchRow) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if t != (entity.Token{}) {
			if err := s.newest(ctx, t); err != nil {
				return err
			}
		}
		w.At = w.At.UTC()
		return s.save(ctx, watchKey(w.Name), w)
	})
}

// DropWatch deletes a watch.
func (s *Store) DropWatch(ctx context.Context, name string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		_, err := s.remove(ctx, logRows, []storage.Key{watchKey(name)})
		return err
	})
}
