package entity

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
)

type memoryGroup struct {
	positions [Shards]int64
	pending   map[int64]Pending // by Position
}

// Relay has nothing to do: the commit gives the Positions. It checks the token.
func (m *Memory) Relay(_ context.Context, t Token, _ int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return 0, m.holds(t)
}

// Changes lists the feed; see [Feed].
func (m *Memory) Changes(ctx context.Context, after int64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		c := m.feed.seek(after)
		for part := c.read(); len(part) > 0; part = c.read() {
			if err := ctx.Err(); err != nil {
				yield(Change{}, err)
				return
			}
			for i := range part {
				if !yield(part[i], nil) {
					return
				}
			}
		}
	}
}

// Last returns the newest Position; the outbox is always empty.
func (m *Memory) Last(context.Context) (int64, bool, error) { return m.feed.end.Load(), true, nil }

// Trim deletes old changes, up to the first that must stay, and old intervals; see [Feed].
func (m *Memory) Trim(_ context.Context, t Token, before time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.holds(t); err != nil {
		return err
	}
	passed := int64(math.MaxInt64)
	for _, g := range m.groups {
		passed = min(passed, slices.Min(g.positions[:]))
	}
	low := m.feed.low
	c := m.feed.seek(low)
	for part := c.read(); len(part) > 0; part = c.read() {
		for i := range part {
			if part[i].Position > passed || !part[i].At.Before(before) {
				part = nil
				break
			}
			low = part[i].Position
		}
		if part == nil {
			break
		}
	}
	m.feed.mu.Lock()
	m.feed.trim(low)
	m.feed.mu.Unlock()
	for _, records := range m.kinds {
		for _, r := range records {
			for i := range r.fields {
				r.fields[i].trim(before)
			}
		}
	}
	return nil
}

// trim deletes the intervals that ended before an instant.
func (f *fieldIntervals) trim(before time.Time) {
	drop := 0
	for drop+1 < len(f.marks) && f.marks[drop+1].at().Before(before) {
		drop++
	}
	if drop < len(f.marks) && f.marks[drop].ends() && f.marks[drop].at().Before(before) {
		drop++
	}
	f.marks = slices.Delete(f.marks, 0, drop)
}

// Positions joins a group; see [Groups].
func (m *Memory) Positions(ctx context.Context, g Group, start int64) ([Shards]int64, error) {
	tx, err := m.within(ctx)
	if err != nil {
		return [Shards]int64{}, err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	group := m.groups[g]
	if group == nil {
		tx.takeBack(func() func() { return func() { delete(m.groups, g) } })
		group = &memoryGroup{pending: map[int64]Pending{}}
		for i := range group.positions {
			group.positions[i] = start
		}
		m.groups[g] = group
	}
	return group.positions, nil
}

// Save writes a Progress; see [Groups].
func (m *Memory) Save(ctx context.Context, t Token, p Progress) error {
	tx, err := m.within(ctx)
	if err != nil {
		return err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.holds(t); err != nil {
		return err
	}
	group := m.groups[p.Group]
	if group == nil {
		return fmt.Errorf("%w: group %q of %q", ErrNotFound, p.Group.Name, p.Group.Source)
	}
	tx.takeBack(group.restore)
	group.positions[p.Shard] = p.Position
	for _, pending := range p.Put {
		pending.Group = p.Group
		group.pending[pending.Change.Position] = pending
	}
	for _, position := range p.Done {
		delete(group.pending, position)
	}
	return nil
}

// restore returns what brings a group back to how it is.
func (g *memoryGroup) restore() func() {
	positions, pending := g.positions, maps.Clone(g.pending)
	return func() { g.positions, g.pending = positions, pending }
}

// Pending lists what is pending; see [Groups].
func (m *Memory) Pending(_ context.Context, name string) iter.Seq2[Pending, error] {
	return func(yield func(Pending, error) bool) {
		m.mu.Lock()
		var list []Pending
		for g, group := range m.groups {
			if name == "" || g.Name == name {
				list = slices.AppendSeq(list, maps.Values(group.pending))
			}
		}
		m.mu.Unlock()
		slices.SortFunc(list, func(a, b Pending) int {
			return cmp.Or(strings.Compare(a.Group.Name, b.Group.Name), strings.Compare(a.Group.Source, b.Group.Source),
				cmp.Compare(a.Change.Position, b.Change.Position))
		})
		for _, pending := range list {
			if !yield(pending, nil) {
				return
			}
		}
	}
}

// Forget deletes pending changes; see [Groups].
func (m *Memory) Forget(ctx context.Context, g Group, positions ...int64) (int, error) {
	tx, err := m.within(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	group := m.groups[g]
	if group == nil {
		return 0, nil
	}
	tx.takeBack(group.restore)
	before := len(group.pending)
	for _, position := range positions {
		delete(group.pending, position)
	}
	return before - len(group.pending), nil
}

// Drop deletes groups; see [Groups].
func (m *Memory) Drop(ctx context.Context, name string) error {
	tx, err := m.within(ctx)
	if err != nil {
		return err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	tx.takeBack(func() func() {
		groups := maps.Clone(m.groups)
		return func() { m.groups = groups }
	})
	maps.DeleteFunc(m.groups, func(g Group, _ *memoryGroup) bool { return g.Name == name })
	return nil
}

// Watches lists named watches; see [Watches].
func (m *Memory) Watches(_ context.Context, names ...string) iter.Seq2[WatchRow, error] {
	return func(yield func(WatchRow, error) bool) {
		m.mu.Lock()
		if len(names) == 0 {
			names = slices.Collect(maps.Keys(m.watches))
		}
		var rows []WatchRow
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
			if row, ok := m.watches[name]; ok {
				rows = append(rows, row)
			}
		}
		m.mu.Unlock()
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// PutWatch writes the row of a named watch; see [Watches].
func (m *Memory) PutWatch(ctx context.Context, t Token, w WatchRow) error {
	tx, err := m.within(ctx)
	if err != nil {
		return err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	if t != (Token{}) {
		if err := m.holds(t); err != nil {
			return err
		}
	}
	w.At = instant(w.At)
	tx.takeBack(func() func() { return m.restoreWatch(w.Name) })
	m.watches[w.Name] = w
	return nil
}

// DropWatch deletes the row of a named watch; see [Watches].
func (m *Memory) DropWatch(ctx context.Context, name string) error {
	tx, err := m.within(ctx)
	if err != nil {
		return err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	tx.takeBack(func() func() { return m.restoreWatch(name) })
	delete(m.watches, name)
	return nil
}

// restoreWatch returns what brings a row back to how it is.
func (m *Memory) restoreWatch(name string) func() {
	row, ok := m.watches[name]
	return func() {
		if ok {
			m.watches[name] = row
		} else {
			delete(m.watches, name)
		}
	}
}

type memoryLease struct {
	holder string
	number int64
	until  time.Time
}

// holds checks that t is the newest token of its lease.
func (m *Memory) holds(t Token) error {
	if l := m.leases[t.Name]; l == nil || t.Number == 0 || l.number != t.Number {
		return fmt.Errorf("%w: %q", ErrLeaseLost, t.Name)
	}
	return nil
}

// Lease takes leases, in real time; see [Leases].
func (m *Memory) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]Token, error) {
	if ttl < 0 {
		return nil, invalid("ttl", ttl, "0 or more")
	}
	tx, err := m.within(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	tx.takeBack(func() func() { return m.restoreLeases(names) })
	now := time.Now()
	tokens := make([]Token, len(names))
	for i, name := range names {
		tokens[i].Name = name
		l := m.leases[name]
		if l == nil {
			l = &memoryLease{}
			m.leases[name] = l
		}
		switch mine, free := l.holder == holder, !l.until.After(now); {
		case ttl == 0:
			if mine {
				l.holder, l.until = "", time.Time{}
			}
			continue
		case !mine && !free:
			continue
		case !mine:
			l.holder = holder
			l.number++
		}
		l.until = now.Add(ttl)
		tokens[i].Number = l.number
	}
	return tokens, nil
}

// restoreLeases returns what brings leases back to how they are.
func (m *Memory) restoreLeases(names []string) func() {
	before := make([]memoryLease, len(names))
	for i, name := range names {
		if l := m.leases[name]; l != nil {
			before[i] = *l
		}
	}
	return func() {
		for i, name := range names {
			*m.leases[name] = before[i]
		}
	}
}

// Leases lists the leases in force; see [Leases].
func (m *Memory) Leases(_ context.Context, prefix string) iter.Seq2[Lease, error] {
	return func(yield func(Lease, error) bool) {
		m.mu.Lock()
		now := time.Now()
		var leases []Lease
		for name, l := range m.leases {
			if strings.HasPrefix(name, prefix) && l.holder != "" && l.until.After(now) {
				leases = append(leases, Lease{name, l.holder, l.number})
			}
		}
		m.mu.Unlock()
		slices.SortFunc(leases, func(a, b Lease) int { return strings.Compare(a.Name, b.Name) })
		for _, lease := range leases {
			if !yield(lease, nil) {
				return
			}
		}
	}
}
