package lincheck

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// Key names an entity.
type Key struct{ Kind, ID string }

type fieldKey struct {
	Key
	field string
}

// LogModel is an entity.Log as one who uses it alone sees it: maps and lists. States are *State or nil in it.
type LogModel struct {
	shared    bool
	heads     map[Key]entity.Head
	intervals map[fieldKey][]entity.Interval // oldest first
	appended  []entity.Change                // by the transaction that runs
	outbox    []entity.Change
	feed      []entity.Change
	last      int64
	groups    map[entity.Group][entity.Shards]int64
	pending   map[pendingKey]entity.Pending
	watches   map[string]entity.WatchRow
	leases    map[string]leaseRow
}

// NewLogModel makes the model of a Log in which nothing is.
func NewLogModel(shared bool) *LogModel {
	return &LogModel{
		shared: shared, heads: map[Key]entity.Head{}, intervals: map[fieldKey][]entity.Interval{},
		groups: map[entity.Group][entity.Shards]int64{}, pending: map[pendingKey]entity.Pending{},
		watches: map[string]entity.WatchRow{}, leases: map[string]leaseRow{},
	}
}

// clone is what a transaction starts from, and what is left when it does not commit.
func (m *LogModel) clone() LogModel {
	c := *m
	c.heads, c.groups, c.pending = maps.Clone(m.heads), maps.Clone(m.groups), maps.Clone(m.pending)
	c.watches, c.leases, c.intervals = maps.Clone(m.watches), maps.Clone(m.leases), map[fieldKey][]entity.Interval{}
	for key, list := range m.intervals {
		c.intervals[key] = slices.Clone(list)
	}
	return c
}

// Tx runs fn as a transaction does, and takes back what it did when it fails. before is what others see meanwhile.
func (m *LogModel) Tx(fn func(before *LogModel) error) error {
	before := m.clone()
	if err := fn(&before); err != nil {
		*m = before
		return err
	}
	for _, c := range m.appended {
		if m.shared {
			m.outbox = append(m.outbox, c)
		} else {
			m.give(c)
		}
	}
	m.appended = nil
	return nil
}

// give gives a change its Position.
func (m *LogModel) give(c entity.Change) {
	m.last++
	c.Position = m.last
	m.feed = append(m.feed, c)
}

// Head returns the head of an entity; one with an ID alone where there is none.
func (m *LogModel) Head(k Key) entity.Head {
	if h, ok := m.heads[k]; ok {
		return h
	}
	return entity.Head{ID: k.ID}
}

// Heads lists the heads of a kind, those of some ids or all, by id.
func (m *LogModel) Heads(kind string, ids []string) []entity.Head {
	var list []entity.Head
	for key, head := range m.heads {
		if key.Kind == kind && (ids == nil || slices.Contains(ids, key.ID)) {
			list = append(list, head)
		}
	}
	slices.SortFunc(list, func(a, b entity.Head) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Append writes an entry in the transaction that runs.
func (m *LogModel) Append(e entity.Entry) {
	key := Key{e.Change.Kind, e.Head.ID}
	m.heads[key] = e.Head
	m.appended = append(m.appended, e.Change)
	for _, field := range e.Transitions {
		list := m.intervals[fieldKey{key, field}]
		if n := len(list); n > 0 && list[n-1].Until.IsZero() {
			list[n-1].Until = e.Change.At
		}
		if e.Head.State != nil {
			list = append(list, entity.Interval{Since: e.Change.At})
		}
		m.intervals[fieldKey{key, field}] = list
	}
}

// Intervals lists the intervals of a field, newest first: those that begin at or after since, and the one that holds then.
func (m *LogModel) Intervals(k Key, field string, since time.Time) []entity.Interval {
	var list []entity.Interval
	for _, v := range slices.Backward(m.intervals[fieldKey{k, field}]) {
		holds := !v.Since.After(since) && (v.Until.IsZero() || v.Until.After(since))
		if !v.Since.Before(since) || holds {
			list = append(list, v)
		}
	}
	return list
}

// Relay moves changes to the feed, in the order of their commits, and returns how many.
func (m *LogModel) Relay(t entity.Token, limit int) (int, error) {
	if err := m.holds(t); err != nil {
		return 0, err
	}
	n := min(limit, len(m.outbox))
	for _, c := range m.outbox[:n] {
		m.give(c)
	}
	m.outbox = m.outbox[n:]
	return n, nil
}

// Changes lists the feed after a Position.
func (m *LogModel) Changes(after int64) []entity.Change {
	var list []entity.Change
	for _, c := range m.feed {
		if c.Position > after {
			list = append(list, c)
		}
	}
	return list
}

// Last returns the newest Position, and whether the outbox is empty.
func (m *LogModel) Last() (position int64, drained bool) { return m.last, len(m.outbox) == 0 }

// Trim deletes what may be deleted, in as far as the Log did, of which left is what it still lists. A Log need not delete
// a change that comes after one that must stay, nor one that the shard of its entity has passed and others have not.
func (m *LogModel) Trim(t entity.Token, before time.Time, left []entity.Change) error {
	if err := m.holds(t); err != nil {
		return err
	}
	stays := map[int64]bool{}
	for _, c := range left {
		stays[c.Position] = true
	}
	first := true // nothing has had to stay so far
	var feed []entity.Change
	for _, c := range m.feed {
		must, may := !c.At.Before(before), false
		for _, positions := range m.groups {
			must = must || positions[entity.Shard(c.Kind, c.ID)] < c.Position
			may = may || slices.Min(positions[:]) < c.Position
		}
		first = first && !must && !may
		switch {
		case must && !stays[c.Position]:
			return errors.New("a change is gone that must stay")
		case first && stays[c.Position]:
			return errors.New("a change is there that must go")
		case stays[c.Position]:
			feed = append(feed, c)
		}
	}
	m.feed = feed
	for key, list := range m.intervals {
		m.intervals[key] = slices.DeleteFunc(list, func(v entity.Interval) bool {
			return !v.Until.IsZero() && v.Until.Before(before)
		})
	}
	return nil
}

// byKey returns the values of a map in the order of cmp.
func byKey[K comparable, V any](m map[K]V, order func(a, b V) int) []V {
	return slices.SortedFunc(maps.Values(m), order)
}

func byPending(a, b entity.Pending) int {
	return cmp.Or(strings.Compare(a.Group.Name, b.Group.Name), strings.Compare(a.Group.Source, b.Group.Source),
		cmp.Compare(a.Change.Position, b.Change.Position))
}
