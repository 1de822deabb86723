package entity_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// ThingGrade encodes itself as text.
type ThingGrade int

func (g ThingGrade) MarshalText() ([]byte, error) {
	if g == 13 {
		panic("a grade that cannot be named")
	}
	return fmt.Appendf(nil, "grade %d", int(g)), nil
}

func (g *ThingGrade) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "grade %d", (*int)(g))
	return err
}

type ThingCommon struct {
	Owner string `json:"owner"`
}

type ThingPart struct {
	ThingCommon
	Size *float64       `json:"size"`
	More map[string]int `json:"more"`
}

// Thing has a field of each type that a condition can look at.
type Thing struct {
	On     bool                `json:"on"`
	Name   string              `json:"name"`
	Size   int64               `json:"size"`
	Tiny   int8                `json:"tiny"`
	Big    uint64              `json:"big"`
	Share  float64             `json:"share"`
	Single float32             `json:"single"`
	Note   *string             `json:"note"`
	Since  time.Time           `json:"since"`
	Grade  ThingGrade          `json:"grade"`
	Part   ThingPart           `json:"part"`
	Maybe  *ThingPart          `json:"maybe"`
	Parts  []ThingPart         `json:"parts"`
	Pair   [2]int              `json:"pair"`
	ByName map[string]int      `json:"by.name"`
	ByID   map[int32]ThingPart `json:"byID"`
}

func TestWhatConditionsSayOfAState(t *testing.T) {
	note, half := "x", 0.5
	same := time.Date(2026, 3, 2, 13, 0, 0, 1000, time.FixedZone("", 3600))
	below, above, is := entity.Below, entity.Above, entity.Is
	at := func(field ...string) string { return entity.Path("thing", "a", field...) }
	for _, tt := range []struct {
		name      string
		condition entity.Condition
		state     Thing
		want      bool
		value     any
	}{
		{"a bool", is(at("on"), true), Thing{On: true}, true, true},
		{"a bool that is not", is(at("on"), false), Thing{On: true}, false, nil},
		{"a string", is(at("name"), "ä"), Thing{Name: "ä"}, true, "ä"},
		{"a string is not another by case", is(at("name"), "A"), Thing{Name: "a"}, false, nil},
		{"an integer", is(at("size"), 5), Thing{Size: 5}, true, int64(5)},
		{"an integer as a float", is(at("size"), 5.0), Thing{Size: 5}, true, int64(5)},
		{"no integer is a half", is(at("size"), 5.5), Thing{Size: 5}, false, nil},
		{"integers beyond 2^53 differ by one", is(at("size"), int64(1<<53)), Thing{Size: 1<<53 + 1}, false, nil},
		{"and are the same when they are", is(at("size"), int64(1<<53+1)), Thing{Size: 1<<53 + 1}, true, int64(1<<53 + 1)},
		{"the least integer", is(at("size"), int64(math.MinInt64)), Thing{Size: math.MinInt64}, true, int64(math.MinInt64)},
		{"a small type", is(at("tiny"), -128), Thing{Tiny: -128}, true, int64(-128)},
		{"a small type and a value beyond it", is(at("tiny"), 1000), Thing{Tiny: -24}, false, nil},
		{"the greatest integer of all", is(at("big"), uint64(math.MaxUint64)), Thing{Big: math.MaxUint64}, true, uint64(math.MaxUint64)},
		{"and the one before", is(at("big"), uint64(math.MaxUint64-1)), Thing{Big: math.MaxUint64}, false, nil},
		{"an unsigned one that is small", is(at("big"), 7), Thing{Big: 7}, true, int64(7)},
		{"a negative one is no unsigned one", is(at("big"), -1), Thing{Big: math.MaxUint64}, false, nil},
		{"a float", is(at("share"), 0.1), Thing{Share: 0.1}, true, 0.1},
		{"a float that is whole stays one", is(at("share"), 5), Thing{Share: 5}, true, 5.0},
		{"a float32 is what it equals", is(at("single"), float32(0.1)), Thing{Single: 0.1}, true, float64(float32(0.1))},
		{"and not what it is near", is(at("single"), 0.1), Thing{Single: 0.1}, false, nil},
		{"a null pointer", is(at("note"), nil), Thing{}, true, nil},
		{"a pointer that is not", is(at("note"), nil), Thing{Note: &note}, false, nil},
		{"what a pointer points to", is(at("note"), "x"), Thing{Note: &note}, true, "x"},
		{"a null is no string", is(at("note"), ""), Thing{}, false, nil},
		{"an empty string is no null", is(at("name"), nil), Thing{}, false, nil},
		{"a time", is(at("since"), "2026-03-02T12:00:00.000001Z"), Thing{Since: same.UTC()}, true, "2026-03-02T12:00:00.000001Z"},
		{"a time of another zone", is(at("since"), "2026-03-02T12:00:00.000001Z"), Thing{Since: same}, true, "2026-03-02T13:00:00.000001+01:00"},
		{"another time", is(at("since"), "2026-03-02T12:00:00Z"), Thing{Since: same}, false, nil},
		{"a type with a text of its own", is(at("grade"), "grade 3"), Thing{Grade: 3}, true, "grade 3"},
		{"whose number it is not", is(at("grade"), "3"), Thing{Grade: 3}, false, nil},

		{"below", below(at("size"), 5), Thing{Size: 4}, true, int64(4)},
		{"below is strict", below(at("size"), 5), Thing{Size: 5}, false, nil},
		{"below half a number", below(at("size"), 5.5), Thing{Size: 5}, true, int64(5)},
		{"below half a negative number", below(at("size"), -5.5), Thing{Size: -5}, false, nil},
		{"above", above(at("size"), 5), Thing{Size: 6}, true, int64(6)},
		{"above is strict", above(at("size"), 5), Thing{Size: 5}, false, nil},
		{"above 2^53, by one", above(at("size"), 1<<53), Thing{Size: 1<<53 + 1}, true, int64(1<<53 + 1)},
		{"no integer is above 2^63", above(at("size"), 1<<63), Thing{Size: math.MaxInt64}, false, nil},
		{"each is below", below(at("size"), 1<<63), Thing{Size: math.MaxInt64}, true, int64(math.MaxInt64)},
		{"and above less than all", above(at("size"), -1e300), Thing{Size: math.MinInt64}, true, int64(math.MinInt64)},
		{"an unsigned one beyond the signed", above(at("big"), 1<<63), Thing{Big: 1<<63 + 1}, true, uint64(1<<63 + 1)},
		{"none is above 2^64", above(at("big"), 1<<64), Thing{Big: math.MaxUint64}, false, nil},
		{"none is below 0", below(at("big"), 0), Thing{}, false, nil},
		{"each is above less", above(at("big"), -0.5), Thing{}, true, int64(0)},
		{"a float just below", below(at("share"), 0.3), Thing{Share: math.Nextafter(0.3, 0)}, true, math.Nextafter(0.3, 0)},
		{"a float as written", below(at("share"), 0.3), Thing{Share: 0.3}, false, nil},
		{"0 and -0 are one", below(at("share"), 0), Thing{Share: math.Copysign(0, -1)}, false, nil},
		{"a band", entity.Between(at("size"), 50, 100), Thing{Size: 75}, true, int64(75)},
		{"its lower end is outside", entity.Between(at("size"), 50, 100), Thing{Size: 50}, false, nil},
		{"its upper end is outside", entity.Between(at("size"), 50, 100), Thing{Size: 100}, false, nil},
		{"far outside", entity.Between(at("size"), 50, 100), Thing{Size: 125}, false, nil},

		{"a field of a struct", above(at("part", "size"), 0), Thing{Part: ThingPart{Size: &half}}, true, 0.5},
		{"a field of a struct embedded in one", is(at("part", "owner"), ""), Thing{}, true, ""},
		{"a null in one", is(at("part", "size"), nil), Thing{}, true, nil},
		{"a number that is null", below(at("part", "size"), 1), Thing{}, false, nil},
		{"a field of what a pointer points to", is(at("maybe", "owner"), "me"), Thing{Maybe: &ThingPart{ThingCommon: ThingCommon{"me"}}}, true, "me"},
		{"a field of nothing", is(at("maybe", "owner"), ""), Thing{}, false, nil},
		{"which is not null either", is(at("maybe", "size"), nil), Thing{}, false, nil},
		{"an element", is(at("parts", "1", "owner"), "me"), Thing{Parts: []ThingPart{{}, {ThingCommon: ThingCommon{"me"}}}}, true, "me"},
		{"an element that is not there", is(at("parts", "1", "owner"), ""), Thing{Parts: []ThingPart{{}}}, false, nil},
		{"an element of an array", is(at("pair", "1"), 2), Thing{Pair: [2]int{1, 2}}, true, int64(2)},
		{"beyond an array", is(at("pair", "2"), 0), Thing{}, false, nil},
		{"a key", is(at("by.name", "a b"), 2), Thing{ByName: map[string]int{"a b": 2}}, true, int64(2)},
		{"a key that is not there", is(at("by.name", "a"), 0), Thing{ByName: map[string]int{"b": 0}}, false, nil},
		{"a key of no map", below(at("by.name", "a"), 1), Thing{}, false, nil},
		{"a number as a key, and a key below", is(at("byID", "-7", "more", "x"), 1),
			Thing{ByID: map[int32]ThingPart{-7: {More: map[string]int{"x": 1}}}}, true, int64(1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { sayOfState(t, tt.condition, tt.state, tt.want, tt.value) })
		})
	}
}

// sayOfState writes a state where there was none, to a plain and a named watch. One of the opposite must wait until it is
// removed.
func sayOfState(t *testing.T, c entity.Condition, state Thing, want bool, value any) {
	host, reg := newTable[Thing](), newRegistry(t, nil)
	h := define(t, reg, "thing", host.read, nil)
	start(t, reg)
	var mu sync.Mutex
	got := map[string][]any{}
	for _, opts := range []entity.WatchOptions{{Name: "plain"}, {Name: "named", Group: "g"}, {Name: "not"}} {
		condition := c
		if opts.Name == "not" {
			condition = entity.Not(c)
		}
		_, err := reg.Watch(t.Context(), condition, func(_ context.Context, f entity.Firing) error {
			mu.Lock()
			defer mu.Unlock()
			got[f.Watch] = append(got[f.Watch], f.Value)
			return nil
		}, &opts)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Mutate(t.Context(), "a", host.set("a", state), nil); err != nil {
		t.Fatal(err)
	}
	settle(t, reg)
	fires := map[string][]any{}
	if want {
		fires = map[string][]any{"plain": {value}, "named": {value}}
	}
	if diff := cmp.Diff(fires, got); diff != "" {
		t.Errorf("%s fired (-want +got):\n%s", c, diff)
	}
	if _, err := h.Remove(t.Context(), "a", host.drop("a"), nil); err != nil {
		t.Fatal(err)
	}
	settle(t, reg)
	if want && len(got["not"]) != 1 {
		t.Errorf("not (%s) fired %d times after a removal, want once", c, len(got["not"]))
	}
}
