package entity

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// accessor finds what a path says in the states of a kind.
type accessor struct {
	kind   *kind
	path   string // below the state, as a Question has it
	field  *field
	drifts bool
	steps  []step
	leaf   reflect.Type // without pointers
}

// step goes one part of a path deeper.
type step struct {
	index []int         // of a struct's field
	key   reflect.Value // of a map
	at    int           // in a slice or an array
}

// accessors are those that conditions share, by kind and fields.
type accessors struct {
	mu    sync.Mutex
	known map[accessorKey]*accessor
}

type accessorKey struct {
	kind   *kind
	fields string
}

const maxAccessors = 1 << 10

// accessor finds a path's accessor, or compiles it.
func (t *accessors) accessor(k *kind, p path) (*accessor, error) {
	key := accessorKey{k, strings.Join(p.fields, "\x00")}
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.known[key]; a != nil {
		return a, nil
	}
	a, err := k.accessor(p)
	if err == nil && len(t.known) < maxAccessors {
		if t.known == nil {
			t.known = map[accessorKey]*accessor{}
		}
		t.known[accessorKey{k, strings.Clone(key.fields)}] = a
	}
	return a, err
}

// accessor compiles a path's fields.
func (k *kind) accessor(p path) (*accessor, error) {
	i := slices.Index(k.shape.names, p.fields[0])
	if i < 0 {
		return nil, invalid(p.String(), p.fields[0], "a field of "+k.name+": "+strings.Join(k.shape.names, ", "))
	}
	a := &accessor{kind: k, path: strings.Join(p.fields, "."), field: &k.shape.fields[i], drifts: k.shape.drift.has(i)}
	t := k.typ.FieldByIndex(a.field.index).Type
	for _, part := range p.fields[1:] {
		s, next, err := stepInto(indirect(t), part)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, p, err)
		}
		a.steps, t = append(a.steps, s), next
	}
	a.leaf = indirect(t)
	return a, nil
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// stepInto finds a part of a path in a type.
func stepInto(t reflect.Type, part string) (step, reflect.Type, error) {
	if _, custom := encodesItself(t); custom {
		return step{}, nil, fmt.Errorf("a %s has no parts, such as %s", t, quote(part))
	}
	switch t.Kind() {
	case reflect.Struct:
		sf, ok := fieldNamed(t, part)
		if !ok {
			return step{}, nil, fmt.Errorf("no field %s in %s", quote(part), t)
		}
		return step{index: sf.Index}, sf.Type, nil
	case reflect.Slice, reflect.Array:
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 {
			return step{}, nil, fmt.Errorf("%s is no index", quote(part))
		}
		return step{at: i}, t.Elem(), nil
	case reflect.Map:
		key := reflect.New(t.Key())
		if t.Key().Kind() == reflect.String {
			key.Elem().SetString(part)
		} else if err := json.Unmarshal([]byte(part), key.Interface()); err != nil {
			return step{}, nil, fmt.Errorf("%s is no key of %s", quote(part), t)
		}
		return step{key: key.Elem()}, t.Elem(), nil
	}
	return step{}, nil, fmt.Errorf("a %s has no parts, such as %s", t, quote(part))
}

// fieldNamed finds the field of that name in JSON, also in structs embedded in t.
func fieldNamed(t reflect.Type, name string) (found reflect.StructField, ok bool) {
	for sf := range t.Fields() {
		tag, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.Anonymous && tag == "" && sf.Type.Kind() == reflect.Struct {
			if inner, in := fieldNamed(sf.Type, name); in && !ok {
				inner.Index = slices.Concat(sf.Index, inner.Index)
				found, ok = inner, true
			}
		} else if cmp.Or(tag, sf.Name) == name {
			return sf, true
		}
	}
	return found, ok
}

// find returns what the path says, without pointers. null says that it ends at a nil pointer; what is not valid otherwise
// is not there.
func (a *accessor) find(state any) (v reflect.Value, null bool) {
	if state == nil {
		return reflect.Value{}, false
	}
	p := reflect.ValueOf(state)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return reflect.Value{}, false
	}
	v = a.field.of(p.Elem())
	for _, s := range a.steps {
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch {
		case !v.IsValid():
			return v, false
		case s.index != nil:
			v = v.FieldByIndex(s.index)
		case s.key.IsValid():
			v = v.MapIndex(s.key)
		case s.at < v.Len():
			v = v.Index(s.at)
		default:
			return reflect.Value{}, false
		}
		if !v.IsValid() {
			return v, false
		}
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return reflect.Value{}, true
		}
		v = v.Elem()
	}
	return v, false
}

// The types that a condition can look at.
func (a *accessor) number() bool {
	_, custom := encodesItself(a.leaf)
	kind := a.leaf.Kind()
	return !custom && kind >= reflect.Int && kind <= reflect.Float64
}

func (a *accessor) text() bool {
	return a.leaf == timeType || reflect.PointerTo(a.leaf).Implements(marshalers[1]) ||
		!a.custom() && a.leaf.Kind() == reflect.String
}

func (a *accessor) boolean() bool { return !a.custom() && a.leaf.Kind() == reflect.Bool }

func (a *accessor) custom() bool { _, custom := encodesItself(a.leaf); return custom }

// comparable reports whether a field of this type can ever be the scalar.
func (a *accessor) comparable(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return a.boolean()
	case string:
		if a.leaf == timeType {
			_, err := time.Parse(time.RFC3339, value)
			return err == nil
		}
		return a.text()
	}
	return a.number()
}

// compare says how a number is to x; false where there is no number.
func (a *accessor) compare(state any, x float64) (int, bool) {
	v, _ := a.find(state)
	if !v.IsValid() {
		return 0, false
	}
	return compareNumber(v, x), true
}

func compareNumber(v reflect.Value, x float64) int {
	switch {
	case v.CanFloat():
		return cmp.Compare(v.Float(), x)
	case v.CanInt():
		if x >= math.MaxInt64 { // which is 2^63 as a float
			return -1
		}
		if x < math.MinInt64 {
			return 1
		}
		whole := math.Floor(x)
		return cmp.Or(cmp.Compare(v.Int(), int64(whole)), cmp.Compare(whole, x))
	default:
		if x >= math.MaxUint64 {
			return -1
		}
		if x < 0 {
			return 1
		}
		whole := math.Floor(x)
		return cmp.Or(cmp.Compare(v.Uint(), uint64(whole)), cmp.Compare(whole, x))
	}
}

// scalar returns what the path says as Is compares it: nil, a bool, a string, an int64, a uint64 above the int64s, or a
// float64. It reports false where there is nothing, or nothing of that kind.
func (a *accessor) scalar(state any) (any, bool) {
	v, null := a.find(state)
	if !v.IsValid() {
		return nil, null
	}
	switch {
	case a.leaf == timeType:
		return timeOf(v).Format(time.RFC3339Nano), true
	case a.text() && a.custom():
		return marshalText(v)
	case a.custom():
		return nil, false
	case v.Kind() == reflect.Bool:
		return v.Bool(), true
	case v.Kind() == reflect.String:
		return v.String(), true
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		if u := v.Uint(); u > math.MaxInt64 {
			return u, true
		}
		return int64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return nil, false
}

// marshalText reports false also where MarshalText panics.
func marshalText(v reflect.Value) (any, bool) {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	var text []byte
	err := guard(func() (err error) {
		text, err = p.Interface().(encoding.TextMarshaler).MarshalText()
		return err
	})
	return string(text), err == nil
}

// is reports whether the path says value, which is as scalar returns it.
func (a *accessor) is(state any, value any) bool {
	got, ok := a.scalar(state)
	if !ok {
		return false
	}
	switch want := value.(type) {
	case string:
		if a.leaf == timeType { // two texts may be one instant
			at, err := time.Parse(time.RFC3339, want)
			v, _ := a.find(state)
			return err == nil && timeOf(v).Equal(at)
		}
		return got == value
	case nil, bool:
		return got == value
	case float64:
		v, _ := a.find(state)
		return v.IsValid() && a.number() && compareNumber(v, want) == 0
	}
	if f, ok := got.(float64); ok {
		if want, ok := value.(int64); ok {
			return compareNumber(reflect.ValueOf(want), f) == 0
		}
		return compareNumber(reflect.ValueOf(value), f) == 0
	}
	return got == value
}
