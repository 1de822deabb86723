package lincheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
)

type pendingKey struct {
	group    entity.Group
	position int64
}

// leaseRow is what is known of a lease. Leases of the model end when they are given up, or at once.
type leaseRow struct {
	holder string
	number int64
	force  bool // it is in force
}

// holds checks that a token is the newest of its lease.
func (m *LogModel) holds(t entity.Token) error {
	if t.Number == 0 || m.leases[t.Name].number != t.Number {
		return fmt.Errorf("model: %w: %v", entity.ErrLeaseLost, t)
	}
	return nil
}

// Lease takes leases, or with a ttl of 0 gives them up. One of a nanosecond has run out at once.
func (m *LogModel) Lease(names []string, holder string, ttl time.Duration) []entity.Token {
	var tokens []entity.Token
	for _, name := range names {
		t, l := entity.Token{Name: name}, m.leases[name]
		switch mine := l.holder == holder; {
		case ttl == 0 && mine:
			l.holder, l.force = "", false
		case ttl == 0 || !mine && l.force:
		default:
			if !mine {
				l.holder = holder
				l.number++
			}
			l.force = ttl > time.Nanosecond
			t.Number = l.number
		}
		m.leases[name] = l
		tokens = append(tokens, t)
	}
	return tokens
}

// Leases lists the leases in force.
func (m *LogModel) Leases(prefix string) []entity.Lease {
	var list []entity.Lease
	for name, l := range m.leases {
		if l.force && strings.HasPrefix(name, prefix) {
			list = append(list, entity.Lease{Name: name, Holder: l.holder, Number: l.number})
		}
	}
	slices.SortFunc(list, func(a, b entity.Lease) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Positions returns those of a group, which it makes if need be.
func (m *LogModel) Positions(g entity.Group, start int64) [entity.Shards]int64 {
	positions, ok := m.groups[g]
	if !ok {
		for i := range positions {
			positions[i] = start
		}
		m.groups[g] = positions
	}
	return positions
}

// Groups lists the groups there are.
func (m *LogModel) Groups() []entity.Group {
	return slices.SortedFunc(maps.Keys(m.groups), func(a, b entity.Group) int {
		return strings.Compare(a.Name+"\x00"+a.Source, b.Name+"\x00"+b.Source)
	})
}

// Save writes the progress of a group that is there.
func (m *LogModel) Save(t entity.Token, p entity.Progress) error {
	if err := m.holds(t); err != nil {
		return err
	}
	positions := m.groups[p.Group]
	positions[p.Shard] = p.Position
	m.groups[p.Group] = positions
	for _, pending := range p.Put {
		pending.Group = p.Group
		m.pending[pendingKey{p.Group, pending.Change.Position}] = pending
	}
	for _, position := range p.Done {
		delete(m.pending, pendingKey{p.Group, position})
	}
	return nil
}

// Pending lists what is pending of the groups of that name, of all where it is empty.
func (m *LogModel) Pending(name string) []entity.Pending {
	return slices.DeleteFunc(byKey(m.pending, byPending), func(p entity.Pending) bool {
		return name != "" && p.Group.Name != name
	})
}

// Forget deletes pending changes, and says how many there were.
func (m *LogModel) Forget(g entity.Group, positions []int64) int {
	before := len(m.pending)
	for _, position := range positions {
		delete(m.pending, pendingKey{g, position})
	}
	return before - len(m.pending)
}

// Drop deletes the groups of that name.
func (m *LogModel) Drop(name string) {
	maps.DeleteFunc(m.groups, func(g entity.Group, _ [entity.Shards]int64) bool { return g.Name == name })
	maps.DeleteFunc(m.pending, func(k pendingKey, _ entity.Pending) bool { return k.group.Name == name })
}

// Watches lists the rows of these names, of all where there are none.
func (m *LogModel) Watches(names []string) []entity.WatchRow {
	rows := byKey(m.watches, func(a, b entity.WatchRow) int { return strings.Compare(a.Name, b.Name) })
	return slices.DeleteFunc(rows, func(w entity.WatchRow) bool { return len(names) > 0 && !slices.Contains(names, w.Name) })
}

// PutWatch writes a row; the zero Token is not asked.
func (m *LogModel) PutWatch(t entity.Token, w entity.WatchRow) error {
	if t != (entity.Token{}) {
		if err := m.holds(t); err != nil {
			return err
		}
	}
	m.watches[w.Name] = w
	return nil
}

// DropWatch deletes a row.
func (m *LogModel) DropWatch(name string) { delete(m.watches, name) }
