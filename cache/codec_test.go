package cache_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slokeep/slokeep/cache"
)

// back is a codec that gives back one value, whatever it was given.
type back[V any] struct{ value V }

func (back[V]) Encode(V) ([]byte, error)   { return []byte("some"), nil }
func (c back[V]) Decode([]byte) (V, error) { return c.value, nil }

// comesBack reports whether b passes for a.
func comesBack[V any](t testing.TB, a, b V) bool {
	t.Helper()
	data, err := cache.Encode(back[V]{b}, a)
	switch {
	case err == nil:
		equal(t, "some", string(data))
	case data != nil:
		t.Fatalf("bytes beside the error %v", err)
	default:
		isError(t, err, cache.ErrCodec)
	}
	return err == nil
}

type (
	user struct {
		Name  string
		Roles []string
		Since time.Time
		Boss  *user
	}
	secret struct{ value string }
	day    struct{ at time.Time }
	odd    struct{ N int }
	even   struct{ N int }
	strict struct{ N int }
	many   struct{ N int }
	vague  struct{ N int }
	ring   struct {
		N    int
		Next *ring
	}
	loop   []loop
	maze   map[string]maze
	funcs  struct{ F func() }
	hidden struct {
		bytes []byte
		list  []int
		table map[string]int
		any   any
		point *int
		at    time.Time
	}
)

func (d day) Equal(e day) bool      { return d.at.Equal(e.at) }
func (o *odd) Equal(p *odd) bool    { return o.N%2 == p.N%2 }
func (e even) Equal(other any) bool { o, ok := other.(even); return ok && e.N/2 == o.N/2 }
func (strict) Equal(int) bool       { panic("this is not about another strict") }
func (vague) Equal(vague) int       { panic("nor is that") }
func (many) Equal(...many) bool     { panic("nor is this") }

func circle(n int) *ring {
	first := &ring{}
	last := first
	for i := 1; i < n; i++ {
		last.Next = &ring{N: i}
		last = last.Next
	}
	last.Next = first
	return first
}

func list(n int) *ring {
	var r *ring
	for range n {
		r = &ring{Next: r}
	}
	return r
}

// ladder has two to the power of n ways from its first rung to its last.
func ladder(n int) []any {
	rung := []any{1}
	for range n {
		rung = []any{rung, rung}
	}
	return rung
}

func endless() loop {
	l := loop{nil}
	l[0] = l
	return l
}

func labyrinth(name string) maze {
	m := maze{}
	m[name] = maze{name: m}
	return m
}

func TestEncodeProvesThatAValueComesBackEqual(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cet := noon.In(time.FixedZone("CET", 3600))
	now := time.Now()
	one, other, two := 1, 1, 2
	nan := math.NaN()
	for _, c := range []struct {
		name  string
		a, b  any
		equal bool
	}{
		{"nothing is nothing", nil, nil, true},
		{"nothing is not something", nil, 0, false},
		{"something is not nothing", 0, nil, false},
		{"a number of another type is not the same", 1, 1.0, false},
		{"a number is the same", int8(-1), int8(-1), true},
		{"another number is not", uint64(1), uint64(1 << 63), false},
		{"truth is not its opposite", true, false, false},
		{"a text that has lost a byte is not the same", "a\xff", "a\uFFFD", false},
		{"NaN is NaN", nan, nan, true},
		{"NaN is no number", nan, 0.0, false},
		{"0 is -0", 0.0, math.Copysign(0, -1), true},
		{"complex NaN is NaN", complex(nan, 1), complex(nan, 1), true},
		{"another imaginary part is not the same", complex(nan, 1), complex(nan, 2), false},
		{"what a pointer points to counts", &one, &other, true},
		{"another number behind a pointer is not the same", &one, &two, false},
		{"a nil pointer is not one to zero", (*int)(nil), new(int), false},
		{"a nil pointer is a nil pointer", (*int)(nil), (*int)(nil), true},
		{"a nil slice is an empty one", []int(nil), []int{}, true},
		{"a nil map is an empty one", map[string]int{}, map[string]int(nil), true},
		{"nil bytes are no bytes", []byte(nil), []byte{}, true},
		{"an empty slice is not one with a zero", []int{}, []int{0}, false},
		{"a shorter slice is not the same", []int{1, 2}, []int{1}, false},
		{"bytes are the same", []byte{1, 2}, []byte{1, 2}, true},
		{"other bytes are not", []byte{1, 2}, []byte{1, 3}, false},
		{"an array is the same", [2]int{1, 2}, [2]int{1, 2}, true},
		{"another array is not", [2]int{1, 2}, [2]int{1, 3}, false},
		{"a map is the same", map[string]any{"a": 1, "b": nil}, map[string]any{"b": nil, "a": 1}, true},
		{"a map with another key is not", map[string]any{"a": nil}, map[string]any{"b": nil}, false},
		{"a map with another value is not", map[string]int{"a": 1}, map[string]int{"a": 2}, false},
		{"a map with a NaN as key is not", map[float64]int{nan: 1}, map[float64]int{nan: 1}, false},
		{"what a field that is not exported has counts", secret{"x"}, secret{}, false},
		{"what such a field has may be the same", secret{"x"}, secret{"x"}, true},
		{"such fields of all kinds are looked into",
			hidden{[]byte{1}, []int{1}, map[string]int{"a": 1}, secret{"x"}, &one, noon},
			hidden{[]byte{1}, []int{1}, map[string]int{"a": 1}, secret{"x"}, &other, noon}, true},
		{"bytes in such a field count", hidden{bytes: []byte{1}}, hidden{bytes: []byte{2}}, false},
		{"a map in such a field counts", hidden{table: map[string]int{"a": 1}}, hidden{table: map[string]int{"a": 2}}, false},
		{"an interface in such a field counts", hidden{any: secret{"x"}}, hidden{any: secret{"y"}}, false},
		{"a time in such a field cannot be asked", hidden{at: noon}, hidden{at: cet}, false},
		{"a type around such a time can be", day{noon}, day{cet}, true},
		{"and says what is not equal", day{noon}, day{noon.Add(1)}, false},
		{"a time in another location is the same", noon, cet, true},
		{"a time without its monotonic reading is the same", now, now.Round(0), true},
		{"another time is not", noon, noon.Add(1), false},
		{"times behind pointers are asked", &noon, &cet, true},
		{"times in maps are asked", map[string]time.Time{"a": noon}, map[string]time.Time{"a": cet}, true},
		{"an address in its longer form is the same", net.IPv4(1, 2, 3, 4).To4(), net.IPv4(1, 2, 3, 4), true},
		{"a type that can be compared is compared", netip.MustParseAddr("::1"), netip.MustParseAddr("::1"), true},
		{"an Equal of the pointer is asked", &odd{1}, &odd{3}, true},
		{"an Equal of the pointer says no", &odd{1}, &odd{2}, false},
		{"an Equal of the pointer is not the value's", odd{1}, odd{3}, false},
		{"a nil pointer is not asked", (*odd)(nil), &odd{1}, false},
		{"an Equal that takes an interface is asked", even{2}, even{3}, true},
		{"an Equal that takes an interface says no", even{2}, even{4}, false},
		{"an Equal to something else is not asked", strict{1}, strict{1}, true},
		{"an Equal to any number of others is not asked", many{1}, many{2}, false},
		{"an Equal that says something else is not asked", vague{1}, vague{2}, false},
		{"functions are not equal", funcs{func() {}}, funcs{func() {}}, false},
		{"functions that are nil are", funcs{}, funcs{}, true},
		{"channels are not equal", make(chan int), make(chan int), false},
		{"channels that are nil are", (chan int)(nil), (chan int)(nil), true},
		{"structs in structs are looked into",
			user{"a", nil, noon, &user{Name: "b", Roles: []string{}}}, user{"a", []string{}, cet, &user{Name: "b"}}, true},
		{"and what is different there is found", user{Boss: &user{Boss: &user{}}}, user{Boss: &user{Boss: &user{Name: "x"}}}, false},
		{"a circle is a circle", circle(3), circle(3), true},
		{"a large circle is a circle", circle(5000), circle(5000), true},
		{"another circle is not the same", circle(3), circle(4), false},
		{"a circle of slices is one", endless(), endless(), true},
		{"a circle of maps is one", labyrinth("a"), labyrinth("a"), true},
		{"another circle of maps is not", labyrinth("a"), labyrinth("b"), false},
		{"what is reached in many ways is compared once", ladder(200), ladder(200), true},
		{"a long list is the same", list(9000), list(9000), true},
		{"a list without end in sight is not", list(1_000_000), list(1_000_000), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			equal(t, c.equal, comesBack(t, c.a, c.b))
			equal(t, c.equal, comesBack(t, c.b, c.a))
		})
	}
	t.Run("now is what JSON makes of it", func(t *testing.T) {
		_, err := cache.Encode(cache.JSON[user](), user{Since: time.Now(), Roles: []string{}})
		noError(t, err)
	})
	t.Run("texts and bytes by themselves", func(t *testing.T) {
		equal(t, true, comesBack(t, "a", "a"))
		equal(t, false, comesBack(t, "a", "b"))
		equal(t, true, comesBack(t, []byte{}, nil))
		equal(t, false, comesBack(t, []byte("a"), []byte("b")))
	})
}

// failing is a codec that fails, or panics, where a function is given.
type failing struct {
	encode func() ([]byte, error)
	decode func() (string, error)
}

func (f failing) Encode(v string) ([]byte, error) {
	if f.encode != nil {
		return f.encode()
	}
	return []byte(v), nil
}

func (f failing) Decode(data []byte) (string, error) {
	if f.decode != nil {
		return f.decode()
	}
	return string(data), nil
}

var errOdd = errors.New("odd")

func TestACodecThatFailsIsAnError(t *testing.T) {
	fail := failing{encode: func() ([]byte, error) { return []byte("x"), errOdd }}
	failBack := failing{decode: func() (string, error) { return "x", errOdd }}
	panics := failing{encode: func() ([]byte, error) { panic(errOdd) }}
	panicsBack := failing{decode: func() (string, error) { panic(errOdd) }}
	for name, c := range map[string]failing{
		"in Encode": fail, "in Decode": failBack, "with a panic in Encode": panics, "with a panic in Decode": panicsBack,
	} {
		t.Run(name, func(t *testing.T) {
			data, err := cache.Encode(c, "v")
			isError(t, err, cache.ErrCodec)
			isError(t, err, errOdd)
			none(t, data)
		})
	}
	for name, c := range map[string]failing{"in Decode alone": failBack, "with a panic in Decode alone": panicsBack} {
		t.Run(name, func(t *testing.T) {
			v, err := cache.Decode(c, []byte("v"))
			isError(t, err, cache.ErrUnreadable)
			isError(t, err, errOdd)
			equal(t, "", v)
		})
	}
}

func TestJSONRefusesWhatItLoses(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
	}{
		{"a struct without exported fields", encodeJSON(secret{"x"})},
		{"an int in an any", encodeJSON(map[string]any{"n": 1})},
		{"what is no UTF-8", encodeJSON("\xff")},
		{"a field that is left out", encodeJSON(struct {
			N int `json:"-"`
		}{1})},
		{"a function", encodeJSON(funcs{func() {}})},
		{"NaN, which has no JSON", encodeJSON(math.NaN())},
		{"a circle, which has none either", encodeJSON(circle(3))},
	} {
		t.Run(c.name, func(t *testing.T) { isError(t, c.err, cache.ErrCodec) })
	}
	noError(t, encodeJSON(secret{}))
	noError(t, encodeJSON(user{Name: "a", Roles: []string{"b"}, Boss: &user{}}))
	noError(t, encodeJSON(map[string]any{"n": 1.5, "s": []any{"x", nil}}))
	noError(t, encodeJSON[*user](nil))
}

func encodeJSON[V any](v V) error {
	data, err := cache.Encode(cache.JSON[V](), v)
	if err == nil {
		_, err = cache.Decode(cache.JSON[V](), data)
	}
	return err
}

func TestBytesAreCopied(t *testing.T) {
	given := []byte("abc")
	data, err := cache.Encode(cache.Bytes(), given)
	noError(t, err)
	got, err := cache.Decode(cache.Bytes(), data)
	noError(t, err)
	given[0], data[1] = 'x', 'x'
	equal(t, "axc", string(data))
	equal(t, "abc", string(got))
}

// reader makes values of what a fuzzer thinks of.
type reader struct {
	data   []byte
	inside bool // a field that is not exported, where go-cmp can call methods
	depth  int  // which takes go-cmp exponential time
}

func (r *reader) next() byte {
	if len(r.data) == 0 {
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

type tree struct {
	N      int8
	F      float32
	S      string
	B      []byte
	L      []tree
	M      map[byte]*tree
	P      *tree
	A      any
	T      time.Time
	E      even
	hidden *tree
	quiet  []byte
}

func (r *reader) tree() (t tree) {
	if r.depth == 6 {
		return tree{}
	}
	r.depth++
	defer func() { r.depth-- }()
	switch kind := r.next() % 14; kind {
	case 1:
		t.N = int8(r.next())
	case 2:
		t.F = []float32{0, 1, float32(math.NaN()), float32(math.Inf(1))}[r.next()%4]
	case 3:
		t.S = string(r.data[:min(len(r.data), 2)])
	case 4:
		t.B = bytes.Clone(r.data[:min(len(r.data), 2)])
	case 5:
		t.L = []tree{}
		for range r.next() % 3 {
			t.L = append(t.L, r.tree())
		}
	case 6:
		t.M = map[byte]*tree{}
		for range r.next() % 3 {
			inner := r.tree()
			t.M[r.next()%2] = &inner
		}
	case 7:
		inner := r.tree()
		t.P = &inner
	case 8:
		t.A = r.tree()
	case 9:
		t.A = []any{nil, 1, 1.0, "a", []int(nil), []int{}}[r.next()%6]
	case 10, 11:
		if r.inside {
			break
		}
		if kind == 10 {
			t.T = time.Unix(int64(r.next()%2), 0).In([]*time.Location{time.UTC, time.FixedZone("x", 60)}[r.next()%2])
		} else {
			t.E = even{int(r.next() % 4)}
		}
	case 12:
		was := r.inside
		r.inside = true
		inner := r.tree()
		t.hidden, r.inside = &inner, was
	case 13:
		t.quiet = bytes.Clone(r.data[:min(len(r.data), 1)])
	}
	return t
}

// What is equal is what go-cmp says it is.
func FuzzEncodeComparesAsCmp(f *testing.F) {
	f.Add([]byte{7, 10, 1, 0}, []byte{7, 10, 1, 1})
	f.Add([]byte{5, 0}, []byte{0})
	f.Add([]byte{12, 1, 1}, []byte{12, 1, 2})
	f.Add([]byte{6, 1, 2, 2, 1}, []byte{6, 1, 2, 2, 1})
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	f.Fuzz(func(t *testing.T, x, y []byte) {
		a, b := (&reader{data: x}).tree(), (&reader{data: y}).tree()
		want := cmp.Equal(a, b, all, cmpopts.EquateEmpty(), cmpopts.EquateNaNs())
		if got := comesBack(t, a, b); got != want {
			t.Errorf("%+v passes for %+v: %t, want %t", b, a, got, want)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	u := user{Name: "Ada", Roles: []string{"admin", "user"}, Since: time.Now(), Boss: &user{Name: "Bob"}}
	b.Run("JSON there and back", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data, _ := json.Marshal(u)
			var v user
			_ = json.Unmarshal(data, &v)
		}
	})
	b.Run("Encode with JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = cache.Encode(cache.JSON[user](), u)
		}
	})
	b.Run("Encode with Bytes", func(b *testing.B) {
		data := make([]byte, 1000)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = cache.Encode(cache.Bytes(), data)
		}
	})
}
