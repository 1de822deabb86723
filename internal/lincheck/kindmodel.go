package lincheck

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// KindModel is a kind of entities of a Registry as one who uses it alone sees it: the host's rows, what was published of
// each, and since when. Instants are in microseconds.
type KindModel struct {
	External bool
	Rows     map[string]State // the host's own
	Feed     []Change         // all that was published, in its order

	things map[string]thing
}

// thing is what is known of an entity.
type thing struct {
	seen    bool
	version int64
	state   *State
	at      time.Time
	fields  map[string][]entity.Interval // oldest first
}

// NewKindModel makes the model of a kind of which nothing is there.
func NewKindModel(external bool) *KindModel {
	return &KindModel{External: external, Rows: map[string]State{}, things: map[string]thing{}}
}

// Row returns a row of the host; nil where there is none.
func (m *KindModel) Row(id string) *State {
	if row, ok := m.Rows[id]; ok {
		return &row
	}
	return nil
}

// Put writes a row of the host; nil deletes it.
func (m *KindModel) Put(id string, s *State) {
	if s == nil {
		delete(m.Rows, id)
	} else {
		m.Rows[id] = *s
	}
}

// Tx runs fn, and takes back what it did when it fails.
func (m *KindModel) Tx(fn func() error) error {
	rows, things, n := maps.Clone(m.Rows), map[string]thing{}, len(m.Feed)
	for id, t := range m.things {
		things[id] = t.clone()
	}
	err := fn()
	if err != nil {
		m.Rows, m.things, m.Feed = rows, things, m.Feed[:n]
	}
	return err
}

func (t thing) clone() thing {
	fields := map[string][]entity.Interval{}
	for name, list := range t.fields {
		fields[name] = slices.Clone(list)
	}
	t.fields = fields
	return t
}

// Write is Mutate of these ids, which are sorted, or with gone their Remove: it returns what was published by the write
// itself. write changes rows; now is the time of the Registry that it goes through.
func (m *KindModel) Write(ids []string, actor entity.Actor, now time.Time, gone bool, write func() error) (made []Change, err error) {
	err = m.Tx(func() error {
		before := map[string]*State{}
		for _, id := range ids {
			switch t := m.things[id]; {
			case !t.seen:
				before[id] = m.Row(id) // as it is now, where nothing was ever published
			case m.External:
				m.publish(id, t.state, entity.Observed, now)
			}
		}
		if err := write(); err != nil {
			return err
		}
		for _, id := range ids {
			if gone && m.Row(id) != nil {
				return fmt.Errorf("%w: %s is still there", entity.ErrRead, id)
			}
			t := m.things[id]
			prev := t.state
			if !t.seen {
				prev = before[id]
			}
			if c, ok := m.publish(id, prev, actor, now); ok {
				made = append(made, c)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// Refresh publishes what has become of entities, those that were never seen apart: they are taken as they are.
func (m *KindModel) Refresh(ids []string, now time.Time) {
	for _, id := range ids {
		t := m.things[id]
		switch row := m.Row(id); {
		case t.seen:
			m.publish(id, t.state, entity.System, now)
		case row != nil:
			m.things[id] = thing{seen: true, state: row, at: now, fields: map[string][]entity.Interval{}}
		}
	}
}

// publish compares a state with the row, and makes a Change of what differs.
func (m *KindModel) publish(id string, prev *State, actor entity.Actor, now time.Time) (Change, bool) {
	next := m.Row(id)
	fields := Differ(prev, next)
	if len(fields) == 0 {
		return Change{}, false
	}
	t := m.things[id].clone()
	if now.Before(t.at) {
		now = t.at // never before the entity's last change
	}
	t.seen, t.state, t.at = true, next, now
	t.version++
	for _, name := range fields {
		list := t.fields[name]
		if n := len(list); n > 0 && list[n-1].Until.IsZero() {
			list[n-1].Until = now
		}
		if next != nil {
			list = append(list, entity.Interval{Since: now})
		}
		t.fields[name] = list
	}
	m.things[id] = t
	c := Change{ID: id, Version: t.version, Prev: prev, Next: next, Fields: fields, Actor: actor, At: now}
	m.Feed = append(m.Feed, c)
	return c, true
}

// Version returns the Version of the last Change.
func (m *KindModel) Version(id string) int64 { return m.things[id].version }

// Since says since when a field has had its value, where that is known.
func (m *KindModel) Since(id, field string) (time.Time, bool) {
	list := m.things[id].fields[field]
	if n := len(list); n > 0 && list[n-1].Until.IsZero() {
		return list[n-1].Since, true
	}
	return time.Time{}, false
}

// Transitions counts how often a field got another value at from or later.
func (m *KindModel) Transitions(id, field string, from time.Time) int {
	n := 0
	for _, v := range m.things[id].fields[field] {
		if !v.Since.Before(from) {
			n++
		}
	}
	return n
}

// ErrWrite is the error of writes that are to fail.
var ErrWrite = errors.New("the write was to fail")
