package cache

import (
	"bytes"
	"reflect"
	"time"
)

// equal reports whether what two pointers point to is equal, in the sense of Encode.
func equal[V any](a, b *V) bool {
	switch a := any(a).(type) {
	case *[]byte:
		return bytes.Equal(*a, *any(b).(*[]byte))
	case *string:
		return *a == *any(b).(*string)
	}
	var c comparison
	return c.equal(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), 0)
}

const (
	// deepest is how deep values may be nested, since each level takes stack.
	deepest = 20_000

	// carefree is how many pointers, slices and maps are followed before what is followed twice is found, in a circle or
	// otherwise: few values have so many, and the others cost no memory.
	carefree = 1000
)

// A comparison is one call of equal.
type comparison struct {
	followed int
	seen     map[pair]bool
	methods  map[reflect.Type]bool // whether it has an Equal
}

// A pair is two things that refer to others.
type pair struct {
	a, b   uintptr
	length int
	typ    reflect.Type
}

func (c *comparison) equal(a, b reflect.Value, depth int) bool {
	if depth > deepest {
		return false
	}
	depth++
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
	}
	if a.Kind() != reflect.Interface && a.Type().NumMethod() > 0 && a.CanInterface() && b.CanInterface() {
		if same, decided := c.ask(a, b); decided {
			return same
		}
	}
	switch a.Kind() {
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return a.Uint() == b.Uint()
	case reflect.Float32, reflect.Float64:
		return equalFloats(a.Float(), b.Float())
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return equalFloats(real(x), real(y)) && equalFloats(imag(x), imag(y))
	case reflect.String:
		return a.String() == b.String()
	case reflect.Interface:
		a, b = a.Elem(), b.Elem()
		return a.Type() == b.Type() && c.equal(a, b, depth)
	case reflect.Pointer:
		return c.follow(a, b, 0) || c.equal(a.Elem(), b.Elem(), depth)
	case reflect.Struct:
		for i := range a.NumField() {
			if !c.equal(a.Field(i), b.Field(i), depth) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		if a.Type().Elem().Kind() == reflect.Uint8 && a.Type().Elem().NumMethod() == 0 {
			return bytes.Equal(a.Bytes(), b.Bytes())
		}
		return c.follow(a, b, a.Len()) || c.equalElements(a, b, depth)
	case reflect.Array:
		return c.equalElements(a, b, depth)
	case reflect.Map:
		return a.Len() == b.Len() && (c.follow(a, b, 0) || c.equalMaps(a, b, depth))
	}
	return a.IsZero() && b.IsZero() // functions, channels and what only package unsafe knows
}

func equalFloats(x, y float64) bool { return x == y || x != x && y != y }

func (c *comparison) equalElements(a, b reflect.Value, depth int) bool {
	for i := range a.Len() {
		if !c.equal(a.Index(i), b.Index(i), depth) {
			return false
		}
	}
	return true
}

func (c *comparison) equalMaps(a, b reflect.Value, depth int) bool {
	for entries := a.MapRange(); entries.Next(); {
		other := b.MapIndex(entries.Key())
		if !other.IsValid() || !c.equal(entries.Value(), other, depth) {
			return false
		}
	}
	return true
}

// follow reports whether what a and b refer to has been compared, or is just being: the first difference ends all.
func (c *comparison) follow(a, b reflect.Value, length int) bool {
	p := pair{a.Pointer(), b.Pointer(), length, a.Type()}
	if c.followed++; c.followed <= carefree {
		return false
	}
	if c.seen == nil {
		c.seen = map[pair]bool{}
	}
	seen := c.seen[p]
	c.seen[p] = true
	return seen
}

// ask asks a for its equality, if its type has a word in that.
func (c *comparison) ask(a, b reflect.Value) (same, decided bool) {
	if t, ok := reflect.TypeAssert[time.Time](a); ok {
		u, _ := reflect.TypeAssert[time.Time](b)
		return t.Equal(u), true
	}
	has, known := c.methods[a.Type()]
	if !known {
		has = hasEqual(a.Type())
		if c.methods == nil {
			c.methods = map[reflect.Type]bool{}
		}
		c.methods[a.Type()] = has
	}
	if !has {
		return false, false
	}
	return a.MethodByName("Equal").Call([]reflect.Value{b})[0].Bool(), true
}

// hasEqual reports whether t has a method by which it says what is equal. The method is always asked for by its name, a
// constant: else the linker would keep all methods of all types in the host's program.
func hasEqual(t reflect.Type) bool {
	m, ok := t.MethodByName("Equal")
	if !ok || m.Type.NumIn() != 2 || m.Type.IsVariadic() || !t.AssignableTo(m.Type.In(1)) {
		return false
	}
	return m.Type.NumOut() == 1 && m.Type.Out(0) == reflect.TypeFor[bool]()
}
