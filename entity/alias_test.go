package entity_test

import (
	"context"
	"encoding/json"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// Shelf has a field of each type by which a host could keep a hand on what it gave away.
type Shelf struct {
	List    []string             `json:"list"`
	Lists   [][]int              `json:"lists"`
	Map     map[string][]int     `json:"map"`
	Pointer *int                 `json:"pointer"`
	Part    struct{ List []int } `json:"part"`
	PartP   *Branch              `json:"partPointer"`
	Pairs   [2][]int             `json:"pairs"`
	Tree    *Branch              `json:"tree"`
	Forest  map[string]Branch    `json:"forest"`
	Rings   []Ring               `json:"rings"`
	IP      net.IP               `json:"ip"`
	Bytes   []byte               `json:"bytes"`
}

// Branch and Ring contain themselves.
type Branch struct {
	N    int
	Next *Branch
	Kids []Branch
}

type Ring struct {
	N     int
	Inner [1]struct{ Rings []Ring }
}

func fullShelf() Shelf {
	branch := func() Branch {
		return Branch{1, &Branch{2, &Branch{N: 3}, nil}, []Branch{{N: 4, Kids: []Branch{{N: 5}}}}}
	}
	s := Shelf{
		List: []string{"a"}, Lists: [][]int{{1}}, Map: map[string][]int{"a": {1}}, Pointer: new(1),
		PartP: new(branch()), Pairs: [2][]int{{1}, {2}}, Tree: new(branch()), Forest: map[string]Branch{"a": branch()},
		Rings: []Ring{{1, [1]struct{ Rings []Ring }{{[]Ring{{2, [1]struct{ Rings []Ring }{{[]Ring{{N: 3}}}}}}}}}},
		IP:    net.IPv4(10, 0, 0, 1), Bytes: []byte{1},
	}
	s.Part.List = []int{1}
	return s
}

var reaches = []struct {
	field string
	reach func(s *Shelf)
}{
	{"list", func(s *Shelf) { s.List[0] = "b" }},
	{"lists", func(s *Shelf) { s.Lists[0][0] = 9 }},
	{"map", func(s *Shelf) { s.Map["a"][0] = 9 }},
	{"map", func(s *Shelf) { s.Map["b"] = nil }},
	{"pointer", func(s *Shelf) { *s.Pointer = 9 }},
	{"part", func(s *Shelf) { s.Part.List[0] = 9 }},
	{"partPointer", func(s *Shelf) { s.PartP.N = 9 }},
	{"partPointer", func(s *Shelf) { s.PartP.Kids[0].Kids[0].N = 9 }},
	{"pairs", func(s *Shelf) { s.Pairs[1][0] = 9 }},
	{"tree", func(s *Shelf) { s.Tree.Next.N = 9 }},
	{"tree", func(s *Shelf) { s.Tree.Next.Next.N = 9 }},
	{"tree", func(s *Shelf) { s.Tree.Kids[0].Kids[0].N = 9 }},
	{"forest", func(s *Shelf) { s.Forest["a"].Next.Next.N = 9 }},
	{"rings", func(s *Shelf) { s.Rings[0].Inner[0].Rings[0].N = 9 }},
	{"rings", func(s *Shelf) { s.Rings[0].Inner[0].Rings[0].Inner[0].Rings[0].N = 9 }},
	{"ip", func(s *Shelf) { s.IP[15] = 9 }},
	{"bytes", func(s *Shelf) { s.Bytes[0] = 9 }},
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// A host may go on working on what it gave to found: what was published stays as it was, and what the host changes in
// place is seen by the next write.
func TestHostThatChangesInPlaceWhatItGave(t *testing.T) {
	for _, r := range reaches {
		t.Run(r.field, func(t *testing.T) {
			w := newWriteWorld[Shelf](t, nil, nil)
			theirs := fullShelf()
			first := w.mutate("a", theirs)
			before := inJSON(t, first.Next)
			second, err := w.h.Mutate(t.Context(), "a", func(context.Context) error {
				r.reach(&theirs)
				return nil
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{r.field}, second.Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if got := inJSON(t, first.Next); got != before {
				t.Errorf("the first change is now to\n%s, not to\n%s", got, before)
			}
			if got := inJSON(t, second.Prev); got != before {
				t.Errorf("the second change is from\n%s, not from\n%s", got, before)
			}
			if got, want := inJSON(t, second.Next), inJSON(t, theirs); got != want || got == before {
				t.Errorf("the second change is to\n%s, not to\n%s", got, want)
			}
		})
	}
}

func TestWhatGetReturnsIsTheCallers(t *testing.T) {
	for _, r := range reaches {
		t.Run(r.field, func(t *testing.T) {
			w := newWriteWorld[Shelf](t, nil, nil)
			w.mutate("a", fullShelf())
			one, err := w.h.Get(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			many, err := w.h.GetMany(t.Context(), []string{"a"})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []Shelf{one, many["a"]} {
				r.reach(&s)
			}
			if c, err := w.h.Mutate(t.Context(), "a", nothing, nil); c.Version != 0 || err != nil {
				t.Errorf("the caller's hands were in the host's state: %v, %v", c.Fields, err)
			}
		})
	}
}

// What is redacted is a copy, all the way down.
func TestRedactorThatChangesInPlace(t *testing.T) {
	for _, r := range reaches {
		t.Run(r.field, func(t *testing.T) {
			redact := func(_ context.Context, s *Shelf) error {
				r.reach(s)
				return nil
			}
			w := newWriteWorld(t, nil, &entity.KindOptions[Shelf]{Redact: redact})
			first := w.mutate("a", fullShelf())
			redacted := fullShelf()
			r.reach(&redacted)
			if got, want := inJSON(t, first.Next), inJSON(t, redacted); got != want {
				t.Errorf("published was\n%s, not\n%s", got, want)
			}
			if c := w.mutate("a", fullShelf()); c.Version != 0 {
				t.Errorf("the head was redacted too: %v", c.Fields)
			}
		})
	}
}
