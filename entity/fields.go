package entity

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// shape is what is known of a kind's struct: its fields by their JSON names, how they compare, and what must be looked at
// before a state is published.
type shape struct {
	fields []field // by name
	names  []string
	drift  fieldSet // which of them drift
	refs   bool     // a copy of the struct would share memory with it

	mu   sync.Mutex
	last atomic.Pointer[namedFields] // that was listed
	sets map[fieldSet][]string       // names of the fields in a set, which changes share
}

type field struct {
	name   string
	index  []int
	codec  *codec
	drifts bool
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
	fields, err := codecs{}.fields("field "+t.String(), t, nil)
	if err != nil {
		return nil, err
	}
	if n := len(fields); n == 0 || n > maxFields {
		return nil, invalid("state", t, fmt.Sprintf("1 to %d fields", maxFields))
	}
	s := &shape{fields: fields, sets: map[fieldSet][]string{}}
	for i, f := range fields {
		s.names = append(s.names, f.name)
		s.refs = s.refs || f.codec.refs
		if f.drifts {
			s.drift.add(i)
		}
	}
	return s, nil
}

// fields reads the fields of a struct as JSON has them: those of a struct that is embedded are the outer one's own.
func (c codecs) fields(what string, t reflect.Type, index []int) ([]field, error) {
	var fields []field
	for sf := range t.Fields() {
		at := append(slices.Clone(index), sf.Index...)
		of := what + "." + sf.Name
		name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		embedded := sf.Anonymous && name == "" && sf.IsExported()
		tag := sf.Tag.Get("entity")
		switch {
		case embedded && sf.Type.Kind() == reflect.Struct && tag == "":
			inner, err := c.fields(what, sf.Type, at)
			if err != nil {
				return nil, err
			}
			fields = append(fields, inner...)
			continue
		case embedded && indirect(sf.Type).Kind() == reflect.Struct && tag == "":
			return nil, invalid(of, sf.Type, "a name, or the struct itself: JSON does not bring back an embedded pointer")
		case !sf.IsExported():
			return nil, invalid(of, sf.Type, "an exported field, since others cannot be encoded")
		case sf.Tag.Get("json") == "-":
			return nil, invalid(of, `json:"-"`, "a field that is encoded")
		case tag != "" && tag != "drifts" || embedded && tag != "" && indirect(sf.Type).Kind() == reflect.Struct:
			return nil, invalid(of, tag, `no tag entity, or entity:"drifts" on a field with a name`)
		case name == "":
			name = sf.Name
		}
		codec, err := c.of(of, sf.Type)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{name, at, codec, tag == "drifts"})
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for i := range fields {
		if i > 0 && fields[i-1].name == fields[i].name {
			return nil, invalid(what, t, "one field named "+quote(fields[i].name))
		}
	}
	return fields, nil
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
	if last := s.last.Load(); last != nil && last.set == set {
		return last.names
	}
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
	s.last.Store(&namedFields{set, names})
	return names
}

// namedFields is a set with the names in it.
type namedFields struct {
	set   fieldSet
	names []string
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
