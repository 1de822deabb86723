package entity

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"
)

// codec knows the values of one type.
type codec struct {
	equal func(a, b reflect.Value) bool
	check func(v reflect.Value) error  // why v cannot be encoded; nil: it always can
	clone func(dst, src reflect.Value) // nil: a copy shares no memory
	refs  bool                         // clone is there, or will be
	own   bool                         // the type encodes itself
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

var (
	timeType   = reflect.TypeFor[time.Time]()
	numberType = reflect.TypeFor[json.Number]()

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
	k := &codec{refs: true} // a type that contains itself does so by a reference
	c[t] = k
	err := k.learn(c, what, t)
	k.refs = k.clone != nil
	return k, err
}

func (k *codec) learn(c codecs, what string, t reflect.Type) error {
	if both, any := encodesItself(t); any && t != timeType {
		if !both {
			return invalid(what, t, "a type that both encodes and decodes itself")
		}
		return k.custom(what, t)
	}
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
		if t == numberType {
			k.check = k.comesBack
		}
	case reflect.Pointer:
		return k.pointer(c, what, t)
	case reflect.Slice:
		return k.slice(c, what, t)
	case reflect.Array:
		return k.array(c, what, t)
	case reflect.Map:
		return k.mapping(c, what, t)
	case reflect.Struct:
		if t != timeType {
			return k.structure(c, what, t)
		}
		k.equal, k.check = equalTimes, fitsRFC3339
	default:
		return invalid(what, t, "a type that can be compared and encoded as JSON")
	}
	return nil
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

// fitsRFC3339 holds for a time that comes back as the same instant. Local time of the years before there were zones is
// often some seconds off the full minute.
func fitsRFC3339(v reflect.Value) error {
	t := timeOf(v)
	if year := t.Year(); year < 0 || year > 9999 {
		return fmt.Errorf("the year %d does not fit RFC 3339", year)
	}
	if _, offset := t.Zone(); offset%60 != 0 || max(offset, -offset) >= 24*60*60 {
		return fmt.Errorf("a zone that is %d seconds off UTC does not fit RFC 3339", offset)
	}
	return nil
}

// custom is for types that encode themselves: they say themselves what is equal, or == does. Nothing is known of what
// they make of a value, so each is tried.
func (k *codec) custom(what string, t reflect.Type) error {
	k.own, k.check = true, k.comesBack
	if m, ok := t.MethodByName("Equal"); ok && m.Type.NumIn() == 2 && m.Type.In(1) == t &&
		m.Type.NumOut() == 1 && m.Type.Out(0).Kind() == reflect.Bool {
		k.equal = func(a, b reflect.Value) bool {
			return a.Method(m.Index).Call([]reflect.Value{b})[0].Bool()
		}
		if refers(t) {
			k.clone = func(dst, src reflect.Value) {
				if back, err := throughJSON(src); err == nil && k.equal(src, back) { // else it is refused anyway
					dst.Set(back)
				}
			}
		}
		return nil
	}
	if t.Kind() == reflect.Interface || !t.Comparable() {
		return invalid(what, t, "a type that == or its own method Equal compares")
	}
	k.equal = func(a, b reflect.Value) bool { return a.Equal(b) }
	return nil
}

// refers reports whether values of a type may share memory that can be written to.
func refers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return refers(t.Elem())
	case reflect.Struct:
		for sf := range t.Fields() {
			if refers(sf.Type) {
				return true
			}
		}
		return false
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

// throughJSON returns v as it comes back from JSON.
func throughJSON(v reflect.Value) (reflect.Value, error) {
	from := v
	if v.CanAddr() {
		from = v.Addr() // so that encoders of the pointer are called, where they are in the state
	}
	raw, err := json.Marshal(from.Interface())
	if err != nil {
		return reflect.Value{}, err
	}
	back := reflect.New(v.Type())
	err = json.Unmarshal(raw, back.Interface())
	return back.Elem(), err
}

func (k *codec) comesBack(v reflect.Value) error {
	back, err := throughJSON(v)
	if err == nil && !k.equal(v, back) {
		err = fmt.Errorf("JSON brings a %s back that is not equal", v.Type())
	}
	return err
}

func (k *codec) pointer(c codecs, what string, t reflect.Type) error {
	elem, err := c.of(what, t.Elem())
	switch kind := t.Elem().Kind(); {
	case err != nil:
		return err
	case kind == reflect.Pointer || !elem.own && (kind == reflect.Slice || kind == reflect.Map):
		return invalid(what, t, "a pointer to what is never null itself")
	}
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
	if elem.own { // it may encode itself as null
		k.check = k.comesBack
	}
	k.clone = func(dst, src reflect.Value) {
		if !src.IsNil() {
			p := reflect.New(t.Elem())
			elem.copy(p.Elem(), src.Elem())
			dst.Set(p)
		}
	}
	return nil
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
	if err == nil && elem.refs {
		k.clone = func(dst, src reflect.Value) {
			for i := range src.Len() {
				elem.copy(dst.Index(i), src.Index(i))
			}
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

func (k *codec) structure(c codecs, what string, t reflect.Type) error {
	parts, err := c.fields(what, t, nil)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(parts, func(f field) bool { return f.drifts }); i >= 0 {
		return invalid(what+"."+parts[i].name, "drifts", "no tag entity on a part of a field")
	}
	k.equal = func(a, b reflect.Value) bool {
		for i := range parts {
			if part := &parts[i]; !part.codec.equal(part.of(a), part.of(b)) {
				return false
			}
		}
		return true
	}
	k.check = func(v reflect.Value) error {
		for i := range parts {
			if err := parts[i].codec.checked(parts[i].of(v)); err != nil {
				return err
			}
		}
		return nil
	}
	if slices.ContainsFunc(parts, func(f field) bool { return f.codec.refs }) {
		k.clone = func(dst, src reflect.Value) {
			for i := range parts {
				part := &parts[i]
				part.codec.copy(part.of(dst), part.of(src))
			}
		}
	}
	return nil
}
