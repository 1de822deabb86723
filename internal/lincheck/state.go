package lincheck

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// State is the state of every entity that is checked. It is small, and its values are few, so that writes are often equal
// to what is there.
type State struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

func (s *State) String() string {
	if s == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s/%d", s.Name, s.Count)
}

// Decode gives a state that a Log gave back its type.
func Decode(v any) (*State, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case *State:
		return v, nil
	case json.RawMessage:
		s := new(State)
		err := json.Unmarshal(v, s)
		return s, err
	}
	return nil, fmt.Errorf("a state came back as %T", v)
}

// same compares two states, of which each may be nil.
func same(a, b *State) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Differ names the fields in which two states differ, sorted: all of them where one of the states is nothing.
func Differ(prev, next *State) []string {
	var fields []string
	switch {
	case prev == nil && next == nil:
	case prev == nil || next == nil:
		fields = []string{"count", "name"}
	default:
		if prev.Count != next.Count {
			fields = append(fields, "count")
		}
		if prev.Name != next.Name {
			fields = append(fields, "name")
		}
	}
	return fields
}

// Mask is what a Redactor leaves of a state: the first letter of the name, so that two states that differ may look the
// same.
func Mask(s *State) *State {
	if s == nil {
		return nil
	}
	masked := *s
	masked.Name = s.Name[:min(1, len(s.Name))]
	return &masked
}

// Change is an entity.Change as the models look at it.
type Change struct {
	ID       string
	Version  int64
	Position int64
	Prev     *State
	Next     *State
	Fields   []string
	Actor    entity.Actor
	At       time.Time
}

// ChangeOf takes from a typed change what the models look at.
func ChangeOf(c entity.Typed[State]) Change {
	return Change{
		ID: c.ID, Version: c.Version, Position: c.Position, Prev: c.Prev, Next: c.Next, Fields: c.Fields, Actor: c.Actor, At: c.At,
	}
}

// DecodeChange is ChangeOf for a change that comes from a Log.
func DecodeChange(c entity.Change) (Change, error) {
	prev, err := Decode(c.Prev)
	if err != nil {
		return Change{}, err
	}
	next, err := Decode(c.Next)
	if err != nil {
		return Change{}, err
	}
	return ChangeOf(entity.Typed[State]{Change: c, Prev: prev, Next: next}), nil
}

func (c Change) String() string {
	return fmt.Sprintf("%s %d at position %d: %v to %v, fields %v, by %s at %s",
		c.ID, c.Version, c.Position, c.Prev, c.Next, c.Fields, c.Actor.Type, c.At.Format("15:04:05.000000"))
}
