package entity_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
)

func (s *sharedLog) Relay(_ context.Context, t entity.Token, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.holds(t); err != nil {
		return 0, err
	}
	n := min(limit, len(s.outbox))
	for _, c := range s.outbox[:n] {
		s.last++
		c.Position = s.last
		s.feed = append(s.feed, c)
	}
	s.outbox = slices.Delete(s.outbox, 0, n)
	return n, nil
}

func (s *sharedLog) Changes(_ context.Context, after int64) iter.Seq2[entity.Change, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, _ := slices.BinarySearchFunc(s.feed, after+1, func(c entity.Change, position int64) int { return cmp.Compare(c.Position, position) })
	return sharedList(slices.Clone(s.feed[i:]))
}

func (s *sharedLog) Last(context.Context) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, len(s.outbox) == 0, nil
}

func (s *sharedLog) Trim(_ context.Context, t entity.Token, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.holds(t); err != nil {
		return err
	}
	s.feed = slices.DeleteFunc(s.feed, func(c entity.Change) bool {
		passed := int64(math.MaxInt64)
		for _, positions := range s.groups {
			passed = min(passed, positions[entity.Shard(c.Kind, c.ID)])
		}
		return c.Position <= passed && c.At.Before(before)
	})
	for key, list := range s.intervals {
		s.intervals[key] = slices.DeleteFunc(list, func(v entity.Interval) bool { return !v.Until.IsZero() && v.Until.Before(before) })
	}
	return nil
}

func (s *sharedLog) Positions(ctx context.Context, g entity.Group, start int64) ([entity.Shards]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	positions, ok := s.groups[g]
	if !ok {
		for i := range positions {
			positions[i] = start
		}
		s.write(ctx, func() { s.groups[g] = positions })
	}
	return positions, nil
}

// Save refuses what a database would: a row that is written twice by one statement, and text that is none.
func (s *sharedLog) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.holds(t); err != nil {
		return err
	}
	seen := map[int64]bool{}
	for _, pending := range p.Put {
		if seen[pending.Change.Position] || slices.Contains(p.Done, pending.Change.Position) {
			return fmt.Errorf("the pending change at %d is written twice", pending.Change.Position)
		}
		seen[pending.Change.Position] = true
		if strings.ToValidUTF8(pending.Error, "") != pending.Error || strings.Contains(pending.Error, "\x00") {
			return fmt.Errorf("the error %q is no text", pending.Error)
		}
	}
	p.Put, p.Done = slices.Clone(p.Put), slices.Clone(p.Done)
	s.write(ctx, func() {
		positions := s.groups[p.Group]
		positions[p.Shard] = p.Position
		s.groups[p.Group] = positions
		for _, pending := range p.Put {
			c := &pending.Change
			c.Prev, c.Next = sharedBytes(c.Prev), sharedBytes(c.Next)
			s.pending[sharedPending{p.Group, c.Position}] = pending
		}
		for _, position := range p.Done {
			delete(s.pending, sharedPending{p.Group, position})
		}
	})
	return nil
}

func (s *sharedLog) Pending(_ context.Context, name string) iter.Seq2[entity.Pending, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []entity.Pending
	for _, p := range s.pending {
		if name == "" || p.Group.Name == name {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b entity.Pending) int {
		return cmp.Or(strings.Compare(a.Group.Name, b.Group.Name), strings.Compare(a.Group.Source, b.Group.Source),
			cmp.Compare(a.Change.Position, b.Change.Position))
	})
	return sharedList(list)
}

func (s *sharedLog) Forget(_ context.Context, g entity.Group, positions ...int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.pending)
	for _, position := range positions {
		delete(s.pending, sharedPending{g, position})
	}
	return before - len(s.pending), nil
}

func (s *sharedLog) Drop(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.groups, func(g entity.Group, _ [entity.Shards]int64) bool { return g.Name == name })
	maps.DeleteFunc(s.pending, func(key sharedPending, _ entity.Pending) bool { return key.group.Name == name })
	return nil
}

func (s *sharedLog) Watches(_ context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []entity.WatchRow
	for name, row := range s.watches {
		if len(names) == 0 || slices.Contains(names, name) {
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(a, b entity.WatchRow) int { return strings.Compare(a.Name, b.Name) })
	return sharedList(list)
}

func (s *sharedLog) PutWatch(ctx context.Context, t entity.Token, w entity.WatchRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t != (entity.Token{}) {
		if err := s.holds(t); err != nil {
			return err
		}
	}
	s.write(ctx, func() { s.watches[w.Name] = w })
	return nil
}

func (s *sharedLog) DropWatch(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(ctx, func() { delete(s.watches, name) })
	return nil
}

func (s *sharedLog) Lease(_ context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	tokens := make([]entity.Token, len(names))
	for i, name := range names {
		tokens[i].Name = name
		l := s.leases[name]
		mine := l.holder == holder
		switch free := !l.until.After(now); {
		case ttl == 0 && mine:
			l.holder, l.until = "", time.Time{}
			s.leases[name] = l
			continue
		case ttl == 0, !mine && !free:
			continue
		case !mine:
			l.number++
		}
		l.holder, l.until = holder, now.Add(ttl)
		s.leases[name] = l
		tokens[i].Number = l.number
	}
	return tokens, nil
}

func (s *sharedLog) Leases(_ context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var list []entity.Lease
	for name, l := range s.leases {
		if strings.HasPrefix(name, prefix) && l.until.After(now) {
			list = append(list, entity.Lease{Name: name, Holder: l.holder, Number: l.number})
		}
	}
	slices.SortFunc(list, func(a, b entity.Lease) int { return strings.Compare(a.Name, b.Name) })
	return sharedList(list)
}
