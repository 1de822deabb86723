package entity

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// codec knows the values of one type.
type codec struct {
	equal func(a, b reflect.Value) bool
	check func(v reflect.Value) error // why v cannot be encoded; nil: it always can
	clone func(dst, src reflect.Value)
	refs  bool
}

// checked says why v cannot be encoded.
func (k *codec) checked(v reflect.Value) error {
	if k.check == nil {
		return nil
	}
	return k.check(v)
}

// codecs has one codec for each type, so that a type may contain itself.
type codecs map[reflect.Type]*codec

func (c codecs) field(what string, sf reflect.StructField) (name string, _ *codec, err error) {
	name, _, _ = strings.Cut(sf.Tag.Get("json"), ",")
	switch {
	case !sf.IsExported():
		return "", nil, invalid(what, sf.Type, "an exported field, since others cannot be encoded")
	case sf.Tag.Get("json") == "-":
		return "", nil, invalid(what, `json:"-"`, "a field that is encoded")
	case name == "":
		name = sf.Name
	}
	codec, err := c.of(what, sf.Type)
	return name, codec, err
}

var (
	timeType = reflect.TypeFor[time.Time]()

	marshalers   = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}
	unmarshalers = []reflect.Type{reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()}
)

// encodesItself reports whether a type has a JSON form of its own, and whether it has any part of one.
func encodesItself(t reflect.Type) (both, any bool) {
	p := reflect.PointerTo(t)
	out := slices.ContainsFunc(marshalers, p.Implements)
	in := slices.ContainsFunc(unmarshalers, p.Implements)
	return out && in, out || in
}

func (c codecs) of(what string, t reflect.Type) (*codec, error) {
	if known := c[t]; known != nil {
		return known, nil
	}
	k := &codec{}
	c[t] = k
	if both, any := encodesItself(t); any && t != timeType {
		if !both {
			return nil, invalid(what, t, "a type that both encodes and decodes itself")
		}
		return k, k.custom(what, t)
	}
	var err error
	switch t.Kind() {
	case reflect.Bool:
		k.equal = func(a, b reflect.Value) bool { return a.Bool() == b.Bool() }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		k.equal = func(a, b reflect.Value) bool { return a.Int() == b.Int() }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		k.equal = func(a, b reflect.Value) bool { return a.Uint() == b.Uint() }
	case reflect.Float32, reflect.Float64:
		k.equal = func(a, b reflect.Value) bool { return a.Float() == b.Float() }
		k.check = finite
	case reflect.String:
		k.equal = func(a, b reflect.Value) bool { return a.String() == b.String() }
		k.check = validText
	case reflect.Pointer:
		err = k.pointer(c, what, t)
	case reflect.Slice:
		err = k.slice(c, what, t)
	case reflect.Array:
		err = k.array(c, what, t)
	case reflect.Map:
		err = k.mapping(c, what, t)
	case reflect.Struct:
		if t == timeType {
			k.equal, k.check = equalTimes, yearOfFourDigits
			break
		}
		err = k.structure(c, what, t)
	default:
		err = invalid(what, t, "a type that can be compared and encoded as JSON")
	}
	return k, err
}

func finite(v reflect.Value) error {
	if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("%v is not a finite number", f)
	}
	return nil
}

func validText(v reflect.Value) error {
	if !utf8.ValidString(v.String()) {
		return fmt.Errorf("%s is not valid UTF-8", quote(v.String()))
	}
	return nil
}

func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func equalTimes(a, b reflect.Value) bool { return timeOf(a).Equal(timeOf(b)) }

func yearOfFourDigits(v reflect.Value) error {
	if year := timeOf(v).Year(); year < 0 || year > 9999 {
		return fmt.Errorf("the year %d does not fit RFC 3339", year)
	}
	return nil
}

// custom is for types that encode themselves: they say themselves what is equal, or == does.
func (k *codec) custom(what string, t reflect.Type) error {
	if m, ok := t.MethodByName("Equal"); ok && m.Type.NumIn() == 2 && m.Type.In(1) == t &&
		m.Type.NumOut() == 1 && m.Type.Out(0).Kind() == reflect.Bool {
		k.equal = func(a, b reflect.Value) bool {
			return a.Method(m.Index).Call([]reflect.Value{b})[0].Bool()
		}
		return nil
	}
	if t.Kind() == reflect.Interface || !t.Comparable() {
		return invalid(what, t, "a type that == or its own method Equal compares")
	}
	k.equal = func(a, b reflect.Value) bool { return a.Equal(b) }
	return nil
}

func (k *codec) pointer(c codecs, what string, t reflect.Type) error {
	elem, err := c.of(what, t.Elem())
	k.refs = true
	k.equal = func(a, b reflect.Value) bool {
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return elem.equal(a.Elem(), b.Elem())
	}
	k.check = func(v reflect.Value) error {
		if v.IsNil() {
			return nil
		}
		return elem.checked(v.Elem())
	}
	k.clone = func(dst, src reflect.Value) {
		if !src.IsNil() {
			p := reflect.New(t.Elem())
			elem.copy(p.Elem(), src.Elem())
			dst.Set(p)
		}
	}
	return err
}

// copy sets dst to src, and makes it share no memory with it.
func (k *codec) copy(dst, src reflect.Value) {
	dst.Set(src)
	if k.refs {
		k.clone(dst, src)
	}
}

// slice reads nil and empty as the same: with omitempty they have one JSON form.
func (k *codec) slice(c codecs, what string, t reflect.Type) error {
	elem, err := c.of(what, t.Elem())
	k.refs = true
	k.elements(elem)
	k.clone = func(dst, src reflect.Value) {
		if !src.IsNil() {
			list := reflect.MakeSlice(t, src.Len(), src.Len())
			for i := range src.Len() {
				elem.copy(list.Index(i), src.Index(i))
			}
			dst.Set(list)
		}
	}
	return err
}

func (k *codec) array(c codecs, what string, t reflect.Type) error {
	elem, err := c.of(what, t.Elem())
	k.elements(elem)
	k.refs = elem.refs
	k.clone = func(dst, src reflect.Value) {
		for i := range src.Len() {
			elem.copy(dst.Index(i), src.Index(i))
		}
	}
	return err
}

// elements compares and checks what has an order.
func (k *codec) elements(elem *codec) {
	k.equal = func(a, b reflect.Value) bool {
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !elem.equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	k.check = func(v reflect.Value) error {
		if elem.check == nil {
			return nil
		}
		for i := range v.Len() {
			if err := elem.checked(v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func (k *codec) mapping(c codecs, what string, t reflect.Type) error {
	if kind := t.Key().Kind(); kind != reflect.String && !(kind >= reflect.Int && kind <= reflect.Uintptr) {
		return invalid(what, t, "a map with strings or integers as keys")
	}
	if _, custom := encodesItself(t.Key()); custom {
		return invalid(what, t, "a map whose keys do not encode themselves")
	}
	key, err := c.of(what, t.Key())
	if err != nil {
		return err
	}
	elem, err := c.of(what, t.Elem())
	k.refs = true
	k.equal = func(a, b reflect.Value) bool {
		if a.Len() != b.Len() {
			return false
		}
		for entries := a.MapRange(); entries.Next(); {
			other := b.MapIndex(entries.Key())
			if !other.IsValid() || !elem.equal(entries.Value(), other) {
				return false
			}
		}
		return true
	}
	k.check = func(v reflect.Value) error {
		for entries := v.MapRange(); entries.Next(); {
			if err := key.checked(entries.Key()); err != nil {
				return err
			}
			if err := elem.checked(entries.Value()); err != nil {
				return err
			}
		}
		return nil
	}
	k.clone = func(dst, src reflect.Value) {
		if src.IsNil() {
			return
		}
		m := reflect.MakeMapWithSize(t, src.Len())
		for entries := src.MapRange(); entries.Next(); {
			value := reflect.New(t.Elem()).Elem()
			elem.copy(value, entries.Value())
			m.SetMapIndex(entries.Key(), value)
		}
		dst.Set(m)
	}
	return err
}

// part is a field of a struct within a state.
type part struct {
	i     int
	codec *codec
}

func (k *codec) structure(c codecs, what string, t reflect.Type) error {
	var parts []part
	names := map[string]bool{}
	for sf := range t.Fields() {
		name, of, err := c.field(what+"."+sf.Name, sf)
		if err != nil {
			return err
		}
		if names[name] {
			return invalid(what, t, "one field named "+quote(name))
		}
		names[name] = true
		k.refs = k.refs || of.refs
		parts = append(parts, part{sf.Index[0], of})
	}
	k.equal = func(a, b reflect.Value) bool {
		for _, part := range parts {
			if !part.codec.equal(a.Field(part.i), b.Field(part.i)) {
				return false
			}
		}
		return true
	}
	k.check = func(v reflect.Value) error {
		for _, part := range parts {
			if err := part.codec.checked(v.Field(part.i)); err != nil {
				return err
			}
		}
		return nil
	}
	k.clone = func(dst, src reflect.Value) {
		for _, part := range parts {
			part.codec.copy(dst.Field(part.i), src.Field(part.i))
		}
	}
	return nil
}
