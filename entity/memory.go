package entity

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a Log in memory, of one process. It keeps states as they are, not as bytes. Transactions run side by side:
// what a transaction appends is its own until it commits, and then there at once; what they wait for are locks, each of
// one entity. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex // held for moments, never while a host's function runs
	kinds   map[string]map[string]*record
	feed    *stream
	groups  map[Group]*memoryGroup
	watches map[string]WatchRow
	leases  map[string]*memoryLease
	txs     sync.Pool // of *memoryTx that have ended
}

var _ Log = (*Memory)(nil)

// NewMemory makes an empty Memory.
func NewMemory() *Memory {
	return &Memory{
		kinds:   map[string]map[string]*record{},
		feed:    newStream(0),
		groups:  map[Group]*memoryGroup{},
		watches: map[string]WatchRow{},
		leases:  map[string]*memoryLease{},
	}
}

// Shared reports false: the data is one process's.
func (m *Memory) Shared() bool { return false }

func (m *Memory) stream() *stream { return m.feed }

// record is what is kept under one (kind, id): a lock, a head and its intervals.
type record struct {
	kind    string
	owner   *memoryTx
	waiters []*waiter
	head    Head
	fields  []fieldIntervals
}

// fieldIntervals are the intervals of one field.
type fieldIntervals struct {
	field string
	marks []mark // oldest first
}

// mark is an instant at which an interval ends and, unless it ends all, the next begins: microseconds, doubled, and one
// more for an end.
type mark int64

func markAt(at time.Time, ends bool) mark {
	m := mark(micros(at)) << 1
	if ends {
		m |= 1
	}
	return m
}

func (m mark) ends() bool    { return m&1 != 0 }
func (m mark) at() time.Time { return fromMicros(int64(m >> 1)) }

// interval is the one that begins with mark i.
func (f *fieldIntervals) interval(i int) Interval {
	interval := Interval{Since: f.marks[i].at()}
	if i+1 < len(f.marks) {
		interval.Until = f.marks[i+1].at()
	}
	return interval
}

// seen reports whether a head was ever written.
func (h *Head) seen() bool { return !h.At.IsZero() || h.State != nil }

// record returns the record of (kind, id), made if need be.
func (m *Memory) record(kind, id string) *record {
	ids := m.kinds[kind]
	if ids == nil {
		ids = map[string]*record{}
		m.kinds[kind] = ids
	}
	r := ids[id]
	if r == nil {
		r = &record{kind: kind, head: Head{ID: id}}
		ids[id] = r
	}
	return r
}

// apply makes entries visible, and says which parts of the feed they are in.
func (m *Memory) apply(entries []Entry) shardSet {
	if len(entries) == 0 {
		return 0
	}
	var shards shardSet
	fine := m.feed.fine.Load() > 0
	m.feed.mu.Lock()
	defer m.feed.mu.Unlock()
	position := m.feed.end.Load()
	for i := range entries {
		e := &entries[i]
		c := &e.Change
		r := m.record(c.Kind, e.Head.ID)
		r.head = e.Head
		for _, field := range e.Transitions {
			r.transit(field, c.At, e.Head.State != nil)
		}
		position++
		c.Position = position
		m.feed.append(c)
		shards |= shardOf(c, fine)
	}
	return shards
}

func (r *record) transit(field string, at time.Time, begins bool) {
	i := slices.IndexFunc(r.fields, func(f fieldIntervals) bool { return f.field == field })
	if i < 0 {
		i = len(r.fields)
		r.fields = append(r.fields, fieldIntervals{field: field})
	}
	r.fields[i].marks = append(r.fields[i].marks, markAt(at, !begins))
}

// Heads lists heads; see [Heads].
func (m *Memory) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		tx, err := m.within(ctx)
		if err != nil {
			yield(Head{}, err)
			return
		}
		var heads []Head
		m.mu.Lock()
		if ids == nil {
			ids = slices.Collect(maps.Keys(m.kinds[kind]))
		}
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			r := m.kinds[kind][id]
			if r == nil {
				continue
			}
			if head := tx.head(r); head.seen() {
				heads = append(heads, head)
			}
		}
		m.mu.Unlock()
		tx.leave()
		for _, head := range heads {
			if !yield(head, nil) {
				return
			}
		}
	}
}

// Intervals lists the intervals of a field; see [Heads].
func (m *Memory) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[Interval, error] {
	return func(yield func(Interval, error) bool) {
		f, err := m.intervals(ctx, kind, id, field)
		if err != nil {
			yield(Interval{}, err)
			return
		}
		for i := len(f.marks) - 1; i >= 0; i-- {
			if f.marks[i].ends() {
				continue
			}
			interval := f.interval(i)
			over := !interval.Until.IsZero() && !interval.Until.After(since)
			if over && interval.Since.Before(since) || !yield(interval, nil) {
				return
			}
		}
	}
}

// intervals returns a copy of them, as the transaction of ctx sees them if there is one.
func (m *Memory) intervals(ctx context.Context, kind, id, field string) (fieldIntervals, error) {
	tx, err := m.within(ctx)
	if err != nil {
		return fieldIntervals{}, err
	}
	defer tx.leave()
	m.mu.Lock()
	defer m.mu.Unlock()
	view := record{kind: kind, fields: []fieldIntervals{{field: field}}}
	if r := m.kinds[kind][id]; r != nil {
		i := slices.IndexFunc(r.fields, func(f fieldIntervals) bool { return f.field == field })
		if i >= 0 {
			view.fields[0].marks = slices.Clone(r.fields[i].marks)
		}
	}
	if tx != nil {
		for i := range tx.entries {
			if e := &tx.entries[i]; e.Change.Kind == kind && e.Head.ID == id && slices.Contains(e.Transitions, field) {
				view.transit(field, e.Change.At, e.Head.State != nil)
			}
		}
	}
	return view.fields[0], nil
}
