package entity_test

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slokeep/slokeep/entity"
)

// Paths that the tests of conditions use, by their short names.
const (
	pa = "state.a.b.c"
	pb = "state.a.b.d"
)

type (
	level  int
	label  string
	share  float32
	answer bool
	spoken int // encodes itself
)

func (s spoken) MarshalText() ([]byte, error) { return []byte(strconv.Itoa(int(s))), nil }

func TestConditionsThatMeanTheSameAreTheSame(t *testing.T) {
	x, y, z := entity.Below(pa, 20), entity.Above(pa, 30), entity.Is(pb, true)
	tests := []struct {
		name string
		a, b entity.Condition
	}{
		{"For and Rearm go in either order", x.For(time.Minute).Rearm(25), x.Rearm(25).For(time.Minute)},
		{"a path in brackets is the bare one", entity.Below(`state["a"]["b"].c`, 20), x},
		{"-0 is 0 below", entity.Below(pa, math.Copysign(0, -1)), entity.Below(pa, 0)},
		{"-0 is 0 above", entity.Above(pa, math.Copysign(0, -1)), entity.Above(pa, 0)},
		{"-0 is 0 between", entity.Between(pa, math.Copysign(0, -1), 1), entity.Between(pa, 0, 1)},
		{"-0 is 0 to rearm", entity.Below(pa, 0).Rearm(math.Copysign(0, -1)), entity.Below(pa, 0).Rearm(0)},
		{"-0 is 0 where something is", entity.Is(pa, math.Copysign(0, -1)), entity.Is(pa, 0)},
		{"All of one is that one", entity.All(x), x},
		{"Any of one is that one", entity.Any(x.For(1000)), x.For(1000)},
		{"an All takes in an All", entity.All(entity.All(x, y), z), entity.All(x, y, z)},
		{"an All takes in All after All", entity.All(x, entity.All(y, entity.All(z, x))), entity.All(x, y, z, x)},
		{"an Any takes in an Any", entity.Any(x, entity.Any(y, z)), entity.Any(x, y, z)},
		{"an int8 is an integer", entity.Is(pa, int8(5)), entity.Is(pa, 5)},
		{"an int64 is an integer", entity.Is(pa, int64(5)), entity.Is(pa, 5)},
		{"a uint8 is an integer", entity.Is(pa, uint8(5)), entity.Is(pa, 5)},
		{"a uint64 is an integer", entity.Is(pa, uint64(5)), entity.Is(pa, 5)},
		{"a whole float64 is an integer", entity.Is(pa, 5.0), entity.Is(pa, 5)},
		{"a whole float32 is an integer", entity.Is(pa, float32(-5)), entity.Is(pa, -5)},
		{"the least int64 is the float that equals it", entity.Is(pa, -0x1p63), entity.Is(pa, math.MinInt64)},
		{"a great uint64 is the float that equals it", entity.Is(pa, 0x1p63), entity.Is(pa, uint64(1<<63))},
		{"a float32 is the float64 that equals it", entity.Is(pa, float32(0.1)), entity.Is(pa, float64(float32(0.1)))},
		{"a type of one's own counts as its kind: int", entity.Is(pa, level(5)), entity.Is(pa, 5)},
		{"a type of one's own counts as its kind: string", entity.Is(pa, label("x")), entity.Is(pa, "x")},
		{"a type of one's own counts as its kind: float32", entity.Is(pa, share(0.5)), entity.Is(pa, 0.5)},
		{"a type of one's own counts as its kind: bool", entity.Is(pa, answer(true)), entity.Is(pa, true)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range []entity.Condition{tt.a, tt.b} {
				if err := c.Validate(); err != nil {
					t.Fatal(err)
				}
			}
			if !entity.SameTree(tt.a, tt.b) || tt.a.String() != tt.b.String() {
				t.Errorf("%s is not %s", tt.a, tt.b)
			}
		})
	}
}

func TestConditionsThatDifferAreNotTheSame(t *testing.T) {
	x, y, z := entity.Below(pa, 20), entity.Above(pa, 30), entity.Is(pb, true)
	conditions := []entity.Condition{
		x, y, z, entity.Below(pb, 20), entity.Above(pa, 20), entity.Below(pa, math.Nextafter(20, 21)),
		entity.Is(pa, 20), entity.Is(pa, "20"), entity.Is(pa, nil), entity.Is(pa, "null"), entity.Is(pa, false),
		entity.Is(pa, 0), entity.Is(pa, ""), entity.Is(pa, 0.5), entity.Is(pa, uint64(math.MaxUint64)),
		entity.Is(pa, 0x1p64), entity.Is(pa, math.MaxInt64), entity.Is(pa, 0x1p63), entity.Is(pa, -0x1p63),
		entity.Is(pa, int64(1)<<53), entity.Is(pa, int64(1)<<53+1),
		x.For(time.Microsecond), x.For(time.Second), x.Rearm(20), x.Rearm(25), x.For(time.Second).Rearm(25),
		x.For(time.Second).For(time.Minute), x.For(time.Minute).For(time.Second),
		x.For(time.Second).For(time.Minute).For(time.Hour),
		entity.All(x, y), entity.All(y, x), entity.Any(x, y), entity.All(x, y).For(time.Second), entity.All(x, x),
		entity.All(entity.All(x, y).For(time.Second), z), entity.All(x, y, z), entity.All(x, y.For(time.Second), z),
		entity.Any(entity.All(x, y), z), entity.All(entity.Any(x, y), z), entity.All(x, entity.Any(y, z)),
		entity.Not(x), entity.Not(entity.Not(x)), entity.Not(x).For(time.Second), entity.Not(x.For(time.Second)),
		entity.Not(entity.All(x, y)), entity.All(entity.Not(x), y), entity.Not(x.Rearm(25)),
	}
	for i, a := range conditions {
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, b := range conditions[:i] {
			if entity.SameTree(a, b) || a.String() == b.String() {
				t.Errorf("%s is %s", a, b)
			}
		}
	}
}

func TestConditionKeepsTheFirstFault(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	x := entity.Below(pa, 20)
	both := entity.All(x, entity.Above(pb, 3))
	tests := []struct {
		name string
		c    entity.Condition
		says []string
	}{
		{"the zero Condition", entity.Condition{}, []string{"zero"}},
		{"below NaN", entity.Below(pa, nan), []string{pa + " < NaN", "finite"}},
		{"above infinity", entity.Above(pa, inf), []string{pa + " > +Inf", "finite"}},
		{"above minus infinity", entity.Above(pa, -inf), []string{pa + " > -Inf", "finite"}},
		{"between NaN and a number", entity.Between(pa, nan, 1), []string{"NaN < " + pa + " < 1", "finite"}},
		{"between a number and NaN", entity.Between(pa, 1, nan), []string{"1 < " + pa + " < NaN", "finite"}},
		{"between infinities", entity.Between(pa, -inf, inf), []string{"-Inf < " + pa + " < +Inf", "finite"}},
		{"between equal numbers", entity.Between(pa, 3, 3), []string{"3 < " + pa + " < 3", "lesser"}},
		{"between -0 and 0", entity.Between(pa, math.Copysign(0, -1), 0), []string{"lesser"}},
		{"between the greater and the lesser", entity.Between(pa, 4, 3), []string{"4 < " + pa + " < 3", "lesser"}},
		{"is NaN", entity.Is(pa, nan), []string{pa + " == NaN", "finite"}},
		{"is infinite", entity.Is(pa, float32(inf)), []string{pa + " == +Inf", "finite"}},
		{"is a list", entity.Is(pa, []int{1}), []string{pa, "[]int", "a number"}},
		{"is a pointer", entity.Is(pa, new(int)), []string{pa, "*int"}},
		{"is a nil pointer", entity.Is(pa, (*int)(nil)), []string{pa, "*int"}},
		{"is a struct", entity.Is(pa, struct{}{}), []string{pa, "struct {}"}},
		{"is a complex number", entity.Is(pa, 1i), []string{pa, "complex128"}},
		{"is an instant, which encodes itself", entity.Is(pa, time.Time{}), []string{pa, "time.Time", "encodes to"}},
		{"is a number that encodes itself", entity.Is(pa, spoken(3)), []string{pa, "spoken", "encodes to"}},
		{"is a json.Number", entity.Is(pa, json.Number("3")), []string{pa, `"3"`, "encodes to"}},
		{"is a string that is not UTF-8", entity.Is(pa, "a\xff"), []string{pa, `"a\xff"`, "UTF-8"}},
		{"at no path", entity.Is("state.a.b", 1), []string{"column 10", "a field"}},
		{"between at no path", entity.Between("", 1, 2), []string{"column 1"}},
		{"for no time", x.For(0), []string{pa + " < 20", "for 0s", "more than 0"}},
		{"for a negative time", x.For(-time.Second), []string{"for -1s", "more than 0"}},
		{"for half a microsecond", x.For(500), []string{"for 500ns", "whole microseconds"}},
		{"for too long", x.For(3650*24*time.Hour + time.Microsecond), []string{"at most 3650d"}},
		{"for the longest time there is", x.For(math.MaxInt64), []string{"at most 3650d"}},
		{"rearm on the true side below", x.Rearm(math.Nextafter(20, 0)), []string{pa + " < 20 rearm 19.99", "20 or more"}},
		{"rearm on the true side above", entity.Above(pa, 20).Rearm(21), []string{pa + " > 20 rearm 21", "20 or less"}},
		{"rearm at NaN", x.Rearm(nan), []string{"rearm NaN", "finite"}},
		{"rearm at infinity", x.Rearm(inf), []string{"rearm +Inf", "finite"}},
		{"rearm twice", x.Rearm(25).Rearm(30), []string{"rearm 25 rearm 30", "one rearm"}},
		{"rearm twice around For", x.Rearm(25).For(time.Second).Rearm(25), []string{"one rearm"}},
		{"rearm of a Between", entity.Between(pa, 1, 2).Rearm(3), []string{"rearm only"}},
		{"rearm of an Is", entity.Is(pa, 1).Rearm(3), []string{"rearm only"}},
		{"rearm of a Not", entity.Not(x).Rearm(20), []string{"rearm only"}},
		{"rearm of an All", both.Rearm(20), []string{"rearm only"}},
		{"rearm of an Any", entity.Any(x, x).Rearm(20), []string{"rearm only"}},
		{"rearm of a second For", x.For(time.Second).For(time.Second).Rearm(25), []string{"rearm only"}},
		{"All of nothing", entity.All(), []string{"All", "at least one"}},
		{"Any of nothing", entity.Any(), []string{"Any", "at least one"}},
		{"All of what is at fault", entity.All(x, entity.Below(pa, nan), entity.Above(pa, inf)), []string{pa + " < NaN"}},
		{"All of a zero Condition alone", entity.All(entity.Condition{}), []string{"zero"}},
		{"Any of a zero Condition", entity.Any(x, entity.Condition{}), []string{"zero"}},
		{"Not of what is at fault", entity.Not(entity.Below(pa, nan)), []string{pa + " < NaN"}},
		{"a second fault", entity.Below(pa, nan).For(-1).Rearm(inf), []string{pa + " < NaN", "finite"}},
		{"the zero Condition's For", entity.Condition{}.For(time.Second), []string{"zero"}},
		{"the zero Condition's Rearm", entity.Condition{}.Rearm(1), []string{"zero"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.c.Validate()
			if !errors.Is(err, entity.ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			for _, word := range tt.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			if got, want := tt.c.String(), "<"+err.Error()+">"; got != want {
				t.Errorf("String is %q, want %q", got, want)
			}
			if text, got := tt.c.MarshalText(); got == nil || got.Error() != err.Error() {
				t.Errorf("MarshalText gives %q, %v, want the fault", text, got)
			}
		})
	}
}

func TestFaultOfALongConditionIsShort(t *testing.T) {
	for n := range 8 {
		letters := strings.Repeat("x", n)
		long := entity.Path("slo"+letters, strings.Repeat("é", 128), strings.Repeat("日", 80)+letters, "end")
		message := entity.Below(long, math.NaN()).Validate().Error()
		if len(message) > 300 || !strings.Contains(message, ".end < NaN") || !strings.Contains(message, "state.slo") {
			t.Errorf("%d bytes: %s", len(message), message)
		}
		if !utf8.ValidString(message) {
			t.Errorf("a character is cut: %q", message)
		}
	}
}

func TestConditionHasLimits(t *testing.T) {
	x := entity.Below(pa, 20)
	many := func(n int) []entity.Condition {
		list := make([]entity.Condition, n)
		for i := range list {
			list[i] = x
		}
		return list
	}
	nots := func(n int) entity.Condition {
		c := x
		for range n {
			c = entity.Not(c)
		}
		return c
	}
	fors := func(n int) entity.Condition {
		c := x
		for range n {
			c = c.For(time.Second)
		}
		return c
	}
	doubled := func(n int) entity.Condition { // in memory small, as a tree not
		c := x
		for range n {
			c = entity.Any(entity.All(c, x), c)
		}
		return c
	}
	nested := nots(99)
	for range 200 {
		nested = entity.All(x, nested) // is taken in again and again
	}
	tests := []struct {
		name  string
		c     entity.Condition
		valid bool
	}{
		{"1000 parts are allowed", entity.All(many(999)...), true},
		{"1001 are not", entity.All(many(1000)...), false},
		{"1000 with what is taken in are allowed", entity.Any(entity.Any(many(500)...), entity.Any(many(499)...)), true},
		{"1001 with what is taken in are not", entity.Any(entity.Any(many(500)...), entity.Any(many(500)...)), false},
		{"a Not too many is one", entity.Not(entity.All(many(999)...)), false},
		{"a second For too many is one", entity.All(many(999)...).For(time.Second).For(time.Second), false},
		{"100 deep is allowed", nots(99), true},
		{"101 deep is not", nots(100), false},
		{"100 Fors are allowed", fors(100), true},
		{"101 are not", fors(101), false},
		{"100 deep in an All is 101", entity.All(x, nots(99)), false},
		{"99 deep in an All is allowed", entity.All(x, nots(98)), true},
		{"a tree that shares its parts counts each", doubled(7), true},
		{"and is refused before it grows", doubled(90), false},
		{"what is refused stays refused", nested, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.c.Validate()
			if !tt.valid {
				if !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), "want at most") {
					t.Errorf("got %v, want ErrInvalid that says how much is allowed", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			size, depth := entity.Measure(tt.c)
			if s, d := entity.Claims(tt.c); s != size || d != depth {
				t.Errorf("it says %d parts, %d deep; it has %d, %d deep", s, d, size, depth)
			}
			if back, err := entity.ParseCondition(tt.c.String()); err != nil || !entity.SameTree(back, tt.c) {
				t.Errorf("its text does not parse back: %v", err)
			}
		})
	}
}

func TestConditionNeverChanges(t *testing.T) {
	x, y := entity.Below(pa, 20), entity.Above(pb, 3)
	list := []entity.Condition{x, y, entity.Is(pa, 1)}
	group := entity.Any(list[:2]...)
	texts := []string{x.String(), group.String()}

	x.For(time.Second)
	x.Rearm(25)
	group.For(time.Second)
	entity.Any(group, entity.Is(pa, 2))
	entity.Any(group, entity.Is(pa, 3))
	list[0] = entity.Condition{}

	if got := []string{x.String(), group.String()}; got[0] != texts[0] || got[1] != texts[1] {
		t.Errorf("got %q, want %q", got, texts)
	}
}

func TestConditionIsAStringInJSON(t *testing.T) {
	type rule struct {
		If entity.Condition `json:"if"`
	}
	t.Run("and comes back", func(t *testing.T) {
		want := rule{entity.Below(pa, 20).For(90 * time.Minute).Rearm(25)}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got rule
		if err := json.Unmarshal(text, &got); err != nil || !entity.SameTree(got.If, want.If) {
			t.Errorf("%s came back as %s, %v", text, got.If, err)
		}
	})
	t.Run("that is written as String has it", func(t *testing.T) {
		c := entity.Is(pa, "x")
		if text, err := c.MarshalText(); err != nil || string(text) != c.String() {
			t.Errorf("got %q, %v, want %q", text, err, c)
		}
	})
	t.Run("but not at fault", func(t *testing.T) {
		if text, err := json.Marshal(rule{}); !errors.Is(err, entity.ErrInvalid) {
			t.Errorf("got %s, %v, want ErrInvalid", text, err)
		}
	})
	t.Run("and a string that does not parse leaves it alone", func(t *testing.T) {
		got := rule{entity.Is(pa, 1)}
		err := json.Unmarshal([]byte(`{"if":"state.a.b.c = 2"}`), &got)
		if at, ok := errors.AsType[*entity.SyntaxError](err); !ok || at.Column != 13 {
			t.Errorf("got %v, want a SyntaxError at column 13", err)
		}
		if !entity.SameTree(got.If, entity.Is(pa, 1)) {
			t.Errorf("it has become %s", got.If)
		}
	})
}
