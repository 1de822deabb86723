package entity_test

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// Grade compares itself: upper and lower case are the same.
type Grade struct{ Letter string }

func (g Grade) Equal(other Grade) bool        { return strings.EqualFold(g.Letter, other.Letter) }
func (g Grade) MarshalText() ([]byte, error)  { return []byte(g.Letter), nil }
func (g *Grade) UnmarshalText(b []byte) error { g.Letter = string(b); return nil }

// Part has an Equal, but does not encode itself: its fields are what counts.
type Part struct {
	N    int      `json:"n"`
	List []string `json:"list"`
}

func (Part) Equal(Part) bool { return true }

// Base is embedded.
type Base struct {
	Region string `json:"region"`
	Zone   string
}

// Panel has a field for each rule of comparing.
type Panel struct {
	Base
	Number  float64               `json:"number"`
	Small   int8                  `json:"small"`
	Text    string                `json:"text,omitempty"`
	Pointer *int                  `json:"pointer"`
	When    time.Time             `json:"when"`
	List    []string              `json:"list"`
	Bytes   []byte                `json:"bytes"`
	Lists   [][]int               `json:"lists"`
	Pair    [2]int                `json:"pair"`
	ByName  map[string]*int       `json:"byName"`
	ByCode  map[int]Part          `json:"byCode"`
	Times   map[string]time.Time  `json:"times"`
	Part    Part                  `json:"part"`
	PartP   *Part                 `json:"partPointer"`
	Grade   Grade                 `json:"grade"`
	Grades  []*Grade              `json:"grades"`
	Addr    netip.Addr            `json:"addr"`
	IP      net.IP                `json:"ip"`
	Addrs   map[string]netip.Addr `json:"addrs"`
	Ready   bool                  `json:"ready"`
	Count   uint64                `json:"count,string"`
	For     time.Duration         `json:"for"`
}

func TestWhatIsEqual(t *testing.T) {
	zone := time.FixedZone("east", 3600)
	for _, c := range []struct {
		name string
		a, b func(p *Panel)
		want []string // the fields that differ
	}{
		{"0 and -0", func(p *Panel) { p.Number = 0 }, func(p *Panel) { p.Number = math.Copysign(0, -1) }, nil},
		{"neighbouring numbers", func(p *Panel) { p.Number = 0.3 }, func(p *Panel) { p.Number = 0.1 + 0.2*1.0000000000000002 }, []string{"number"}},
		{"numbers", func(p *Panel) { p.Small = -1 }, func(p *Panel) { p.Small = 1 }, []string{"small"}},
		{"great numbers", func(p *Panel) { p.Count = math.MaxUint64 }, func(p *Panel) { p.Count = math.MaxUint64 - 1 }, []string{"count"}},
		{"lengths of time", func(p *Panel) { p.For = 1 }, func(p *Panel) { p.For = 2 }, []string{"for"}},
		{"yes and no", func(p *Panel) { p.Ready = true }, func(p *Panel) {}, []string{"ready"}},
		{"no text and text", func(p *Panel) {}, func(p *Panel) { p.Text = "x" }, []string{"text"}},
		{"pointers to the same value", func(p *Panel) { p.Pointer = new(3) }, func(p *Panel) { p.Pointer = new(3) }, nil},
		{"pointers to others", func(p *Panel) { p.Pointer = new(3) }, func(p *Panel) { p.Pointer = new(4) }, []string{"pointer"}},
		{"nil and a pointer to zero", func(p *Panel) {}, func(p *Panel) { p.Pointer = new(0) }, []string{"pointer"}},
		{"one instant in two zones", func(p *Panel) { p.When = noon }, func(p *Panel) { p.When = noon.In(zone) }, nil},
		{"one wall clock in two zones", func(p *Panel) { p.When = noon }, func(p *Panel) { p.When = time.Date(2026, 3, 2, 12, 0, 0, 0, zone) }, []string{"when"}},
		{"neighbouring instants", func(p *Panel) { p.When = noon }, func(p *Panel) { p.When = noon.Add(1) }, []string{"when"}},
		{"a monotonic reading", func(p *Panel) { p.When = aMoment }, func(p *Panel) { p.When = aMoment.Round(0) }, nil},
		{"no list and an empty list", func(p *Panel) {}, func(p *Panel) { p.List = []string{} }, nil},
		{"no bytes and empty bytes", func(p *Panel) {}, func(p *Panel) { p.Bytes = []byte{} }, nil},
		{"no map and an empty map", func(p *Panel) {}, func(p *Panel) { p.ByName, p.ByCode = map[string]*int{}, map[int]Part{} }, nil},
		{"lists in another order", func(p *Panel) { p.List = []string{"a", "b"} }, func(p *Panel) { p.List = []string{"b", "a"} }, []string{"list"}},
		{"a list that grew", func(p *Panel) { p.List = []string{"a"} }, func(p *Panel) { p.List = []string{"a", "b"} }, []string{"list"}},
		{"bytes", func(p *Panel) { p.Bytes = []byte{1, 2} }, func(p *Panel) { p.Bytes = []byte{1, 3} }, []string{"bytes"}},
		{"no list and an empty list in a list", func(p *Panel) { p.Lists = [][]int{nil} }, func(p *Panel) { p.Lists = [][]int{{}} }, nil},
		{"no list and a list of no list", func(p *Panel) {}, func(p *Panel) { p.Lists = [][]int{nil} }, []string{"lists"}},
		{"arrays", func(p *Panel) { p.Pair = [2]int{1, 2} }, func(p *Panel) { p.Pair = [2]int{2, 1} }, []string{"pair"}},
		{"maps that were filled in another order", func(p *Panel) { p.ByName = map[string]*int{"a": new(1), "b": new(2)} },
			func(p *Panel) { p.ByName = map[string]*int{"b": new(2), "a": new(1)} }, nil},
		{"no entry and an entry of nil", func(p *Panel) { p.ByName = map[string]*int{"a": new(1)} },
			func(p *Panel) { p.ByName = map[string]*int{"a": new(1), "b": nil} }, []string{"byName"}},
		{"maps of one size with other keys", func(p *Panel) { p.ByName = map[string]*int{"a": nil} },
			func(p *Panel) { p.ByName = map[string]*int{"b": nil} }, []string{"byName"}},
		{"maps with other values", func(p *Panel) { p.ByCode = map[int]Part{1: {N: 1}} },
			func(p *Panel) { p.ByCode = map[int]Part{1: {N: 2}} }, []string{"byCode"}},
		{"one instant in two zones in a map", func(p *Panel) { p.Times = map[string]time.Time{"a": noon} },
			func(p *Panel) { p.Times = map[string]time.Time{"a": noon.In(zone)} }, nil},
		{"parts of a field, whatever an Equal says that JSON does not know", func(p *Panel) { p.Part.N = 1 },
			func(p *Panel) { p.Part.N = 2 }, []string{"part"}},
		{"no list and an empty list in a part", func(p *Panel) {}, func(p *Panel) { p.Part.List = []string{} }, nil},
		{"nil and a pointer to an empty struct", func(p *Panel) {}, func(p *Panel) { p.PartP = &Part{} }, []string{"partPointer"}},
		{"what says itself that it is equal", func(p *Panel) { p.Grade.Letter = "A" }, func(p *Panel) { p.Grade.Letter = "a" }, nil},
		{"what says itself that it differs", func(p *Panel) { p.Grade.Letter = "A" }, func(p *Panel) { p.Grade.Letter = "b" }, []string{"grade"}},
		{"a list of what compares itself", func(p *Panel) { p.Grades = []*Grade{{"A"}, nil} },
			func(p *Panel) { p.Grades = []*Grade{{"a"}, nil} }, nil},
		{"types that encode themselves", func(p *Panel) { p.Addr = netip.MustParseAddr("::1") },
			func(p *Panel) { p.Addr = netip.MustParseAddr("::2") }, []string{"addr"}},
		{"types that encode themselves in a map", func(p *Panel) { p.Addrs = map[string]netip.Addr{"a": netip.MustParseAddr("::1")} },
			func(p *Panel) { p.Addrs = map[string]netip.Addr{"a": netip.MustParseAddr("::1")} }, nil},
		{"two forms of one address", func(p *Panel) { p.IP = net.IPv4(10, 0, 0, 1) }, func(p *Panel) { p.IP = net.IPv4(10, 0, 0, 1).To4() }, nil},
		{"two addresses", func(p *Panel) { p.IP = net.IPv4(10, 0, 0, 1) }, func(p *Panel) { p.IP = net.IPv4(10, 0, 0, 2) }, []string{"ip"}},
		{"fields of an embedded struct, by their own names", func(p *Panel) {}, func(p *Panel) { p.Region, p.Zone = "eu", "a" }, []string{"Zone", "region"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothLogs(t, func(t *testing.T, log entity.Log) {
				for _, swap := range []bool{false, true} {
					a, b := c.a, c.b
					if swap {
						a, b = b, a
					}
					w := newWriteWorld[Panel](t, log, nil)
					id := fmt.Sprint(swap)
					var first, second Panel
					a(&first)
					b(&second)
					w.mutate(id, first)
					got := w.mutate(id, second)
					if diff := cmp.Diff(c.want, got.Fields); diff != "" {
						t.Errorf("swapped %t: fields (-want +got):\n%s", swap, diff)
					}
				}
			})
		})
	}
}

var aMoment = time.Now()

// What a first look finds, and what a write found by itself, are compared by the same rules.
func TestWhatIsEqualIsNotPublishedByWhoeverLooks(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld(t, log, &entity.KindOptions[Panel]{External: true})
		w.put("a", Panel{List: []string{}, When: noon, IP: net.IPv4(10, 0, 0, 1)})
		if err := w.h.Refresh(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		w.put("a", Panel{ByName: map[string]*int{}, When: noon.Local(), IP: net.IPv4(10, 0, 0, 1).To4()})
		if err := w.h.Refresh(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if c, err := w.h.Mutate(t.Context(), "a", nothing, nil); c.Version != 0 || err != nil {
			t.Errorf("got %+v, %v", c, err)
		}
		if got := w.delivered(); len(got) != 0 {
			t.Errorf("published were %+v", got)
		}
	})
}

// The names in Fields are those in JSON.
func TestFieldsHaveTheirNamesInJSON(t *testing.T) {
	type state struct {
		Base
		Plain   int
		Named   int    `json:"name"`
		Options string `json:",omitempty"`
		Inner   struct{ Deep int }
	}
	w := newWriteWorld[state](t, nil, nil)
	c := w.mutate("a", state{})
	want := []string{"Inner", "Options", "Plain", "Zone", "name", "region"}
	if diff := cmp.Diff(want, c.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	next := state{Named: 1}
	next.Inner.Deep = 1
	if diff := cmp.Diff([]string{"Inner", "name"}, w.mutate("a", next).Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
