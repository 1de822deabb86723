package entity

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// shape is what is known of a kind's struct: its fields by their JSON names, how they compare, and what must be looked at
// before a state is published.
type shape struct {
	fields []field // by name
	names  []string
	drift  fieldSet // which of them drift
	refs   bool     // a copy of the struct would share memory with it

	mu   sync.Mutex
	sets map[fieldSet][]string // names of the fields in a set, which changes share
}

type field struct {
	name  string
	index []int
	codec *codec
}

const maxFields = 256

// fieldSet is a set of a shape's fields.
type fieldSet [maxFields / 64]uint64

func (s *fieldSet) add(i int)     { s[i/64] |= 1 << (i % 64) }
func (s fieldSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// without returns the fields of s that are not in other.
func (s fieldSet) without(other fieldSet) fieldSet {
	for i := range s {
		s[i] &^= other[i]
	}
	return s
}

// shapeOf reads a struct type. The error names the field at fault.
func shapeOf(t reflect.Type) (*shape, error) {
	if t.Kind() != reflect.Struct {
		return nil, invalid("state", t, "a struct")
	}
	if _, custom := encodesItself(t); custom {
		return nil, invalid("state", t, "a struct that does not encode itself")
	}
	s := &shape{sets: map[fieldSet][]string{}}
	c := codecs{}
	if err := s.add(c, t, nil); err != nil {
		return nil, err
	}
	slices.SortFunc(s.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for i, f := range s.fields {
		if i > 0 && s.names[i-1] == f.name {
			return nil, invalid("state", t, "one field named "+quote(f.name))
		}
		s.names = append(s.names, f.name)
		s.refs = s.refs || f.codec.refs
		if t.FieldByIndex(f.index).Tag.Get("entity") == "drifts" {
			s.drift.add(i)
		}
	}
	if n := len(s.fields); n == 0 || n > maxFields {
		return nil, invalid("state", t, fmt.Sprintf("1 to %d fields", maxFields))
	}
	return s, nil
}

// add reads the fields of t, and of structs embedded in it.
func (s *shape) add(c codecs, t reflect.Type, index []int) error {
	for sf := range t.Fields() {
		at := append(slices.Clone(index), sf.Index...)
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.Anonymous && name == "" && sf.Type.Kind() == reflect.Struct && sf.IsExported() {
			if err := s.add(c, sf.Type, at); err != nil {
				return err
			}
			continue
		}
		fieldOf := "field " + t.String() + "." + sf.Name
		if tag := sf.Tag.Get("entity"); tag != "" && tag != "drifts" {
			return invalid(fieldOf, tag, `no tag entity, or entity:"drifts"`)
		}
		name, codec, err := c.field(fieldOf, sf)
		if err != nil {
			return err
		}
		s.fields = append(s.fields, field{name, at, codec})
	}
	return nil
}

// diff returns the fields that differ. prev and next point to the shape's struct; one of them may be nil.
func (s *shape) diff(prev, next any) fieldSet {
	var set fieldSet
	if prev == nil || next == nil {
		if prev == nil && next == nil {
			return set
		}
		for i := range s.fields {
			set.add(i)
		}
		return set
	}
	a, b := reflect.ValueOf(prev).Elem(), reflect.ValueOf(next).Elem()
	for i := range s.fields {
		f := &s.fields[i]
		if !f.codec.equal(f.of(a), f.of(b)) {
			set.add(i)
		}
	}
	return set
}

func (f *field) of(state reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return state.Field(f.index[0])
	}
	return state.FieldByIndex(f.index)
}

// list returns the names of the fields in a set. The slice is shared.
func (s *shape) list(set fieldSet) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, ok := s.sets[set]
	if !ok {
		for i, name := range s.names {
			if set.has(i) {
				names = append(names, name)
			}
		}
		names = slices.Clip(names)
		if len(s.sets) < 1<<10 {
			s.sets[set] = names
		}
	}
	return names
}

// check says why a state cannot be encoded, or would not come back as it is.
func (s *shape) check(state any) error {
	v := reflect.ValueOf(state).Elem()
	for i := range s.fields {
		f := &s.fields[i]
		if err := f.codec.checked(f.of(v)); err != nil {
			return fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return nil
}

// clone makes dst, which points to a copy of what src points to, share no memory with it.
func (s *shape) clone(dst, src any) {
	to, from := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()
	for i := range s.fields {
		if f := &s.fields[i]; f.codec.refs {
			f.codec.clone(f.of(to), f.of(from))
		}
	}
}
