package entity_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

func readNone[S any](context.Context, []string, func(string, S)) error { return nil }

func tryDefine[S any](reg *entity.Registry) error {
	_, err := entity.Define(reg, "kind", readNone[S], nil)
	return err
}

// Wide has as many fields as a state may have.
type Wide struct {
	A000, A001, A002, A003, A004, A005, A006, A007, A008, A009, A010, A011, A012, A013, A014, A015, A016, A017,
	A018, A019, A020, A021, A022, A023, A024, A025, A026, A027, A028, A029, A030, A031, A032, A033, A034, A035,
	A036, A037, A038, A039, A040, A041, A042, A043, A044, A045, A046, A047, A048, A049, A050, A051, A052, A053,
	A054, A055, A056, A057, A058, A059, A060, A061, A062, A063, A064, A065, A066, A067, A068, A069, A070, A071,
	A072, A073, A074, A075, A076, A077, A078, A079, A080, A081, A082, A083, A084, A085, A086, A087, A088, A089,
	A090, A091, A092, A093, A094, A095, A096, A097, A098, A099, A100, A101, A102, A103, A104, A105, A106, A107,
	A108, A109, A110, A111, A112, A113, A114, A115, A116, A117, A118, A119, A120, A121, A122, A123, A124, A125,
	A126, A127, A128, A129, A130, A131, A132, A133, A134, A135, A136, A137, A138, A139, A140, A141, A142, A143,
	A144, A145, A146, A147, A148, A149, A150, A151, A152, A153, A154, A155, A156, A157, A158, A159, A160, A161,
	A162, A163, A164, A165, A166, A167, A168, A169, A170, A171, A172, A173, A174, A175, A176, A177, A178, A179,
	A180, A181, A182, A183, A184, A185, A186, A187, A188, A189, A190, A191, A192, A193, A194, A195, A196, A197,
	A198, A199, A200, A201, A202, A203, A204, A205, A206, A207, A208, A209, A210, A211, A212, A213, A214, A215,
	A216, A217, A218, A219, A220, A221, A222, A223, A224, A225, A226, A227, A228, A229, A230, A231, A232, A233,
	A234, A235, A236, A237, A238, A239, A240, A241, A242, A243, A244, A245, A246, A247, A248, A249, A250, A251,
	A252, A253, A254, A255 int
}

type (
	writesOnly struct{ X int }
	readsOnly  struct{ X int }
	listOfOwn  []int // encodes itself, and cannot be compared
	ownKey     struct{ X int }
	textKey    string
	Embedded   struct{ X int }
	Tagged     struct{ X int }
	own        struct{ X int }
)

func (writesOnly) MarshalJSON() ([]byte, error)  { return []byte("1"), nil }
func (*readsOnly) UnmarshalText([]byte) error    { return nil }
func (listOfOwn) MarshalText() ([]byte, error)   { return nil, nil }
func (*listOfOwn) UnmarshalText([]byte) error    { return nil }
func (textKey) MarshalText() ([]byte, error)     { return nil, nil }
func (*textKey) UnmarshalText(text []byte) error { return nil }
func (own) MarshalJSON() ([]byte, error)         { return []byte("1"), nil }
func (*own) UnmarshalJSON([]byte) error          { return nil }

func TestDefineRefusesStatesThatCannotBeComparedOrEncoded(t *testing.T) {
	reg := newRegistry(t, nil)
	for _, c := range []struct {
		name   string
		define func(reg *entity.Registry) error
		want   string // the field, and what it is
	}{
		{"a number", tryDefine[int], "state int"},
		{"a pointer", tryDefine[*Order], "state *entity_test.Order"},
		{"a map", tryDefine[map[string]int], "state map[string]int"},
		{"an interface", tryDefine[any], "state interface {}"},
		{"a struct that encodes itself", tryDefine[own], "state entity_test.own"},
		{"a time", tryDefine[time.Time], "state time.Time"},
		{"a struct without fields", tryDefine[struct{}], "1 to 256 fields"},
		{"a struct with too many fields", tryDefine[struct {
			Wide
			Z int
		}], "1 to 256 fields"},
		{"a channel", tryDefine[struct{ F chan int }], ".F chan int"},
		{"a function", tryDefine[struct{ F func() }], ".F func()"},
		{"a field of an interface", tryDefine[struct{ F any }], ".F interface {}"},
		{"a complex number", tryDefine[struct{ F complex128 }], ".F complex128"},
		{"an unexported field", tryDefine[struct{ F, f int }], ".f int"},
		{"a field that is not encoded", tryDefine[struct {
			F int `json:"-"`
		}], ".F \"json"},
		{"bytes of JSON", tryDefine[struct{ F json.RawMessage }], ".F json.RawMessage"},
		{"an address on the web", tryDefine[struct{ F url.URL }], ".F.User.username string"},
		{"a big number", tryDefine[struct{ F *big.Int }], ".F big.Int"},
		{"a type that encodes itself and does not decode itself", tryDefine[struct{ F writesOnly }], ".F entity_test.writesOnly"},
		{"a type that decodes itself and does not encode itself", tryDefine[struct{ F readsOnly }], ".F entity_test.readsOnly"},
		{"a type that encodes itself and cannot be compared", tryDefine[struct{ F listOfOwn }], ".F entity_test.listOfOwn"},
		{"a list of functions", tryDefine[struct{ F []func() }], ".F func()"},
		{"an array of channels", tryDefine[struct{ F [2]chan int }], ".F chan int"},
		{"a map of interfaces", tryDefine[struct{ F map[string]any }], ".F interface {}"},
		{"a map with structs as keys", tryDefine[struct{ F map[ownKey]int }], ".F map[entity_test.ownKey]int"},
		{"a map with keys that encode themselves", tryDefine[struct{ F map[textKey]int }], ".F map[entity_test.textKey]int"},
		{"a map with floats as keys", tryDefine[struct{ F map[float64]int }], ".F map[float64]int"},
		{"a map with bools as keys", tryDefine[struct{ F map[bool]int }], ".F map[bool]int"},
		{"an address in memory", tryDefine[struct{ F uintptr }], ".F uintptr"},
		{"a pointer to a pointer", tryDefine[struct{ F **int }], ".F **int"},
		{"a pointer to a list", tryDefine[struct{ F *[]int }], ".F *[]int"},
		{"a pointer to a map", tryDefine[struct{ F []*map[string]int }], ".F *map[string]int"},
		{"an embedded pointer", tryDefine[struct{ *Embedded }], ".Embedded *entity_test.Embedded"},
		{"an embedded struct that is not exported", tryDefine[struct{ own }], "state struct"},
		{"a channel deep inside", tryDefine[struct {
			F []struct {
				G map[string]struct{ H chan int }
			}
		}], ".F.G.H chan int"},
		{"a part that is not exported", tryDefine[struct{ F struct{ g int } }], ".F.g int"},
		{"a part that is not encoded", tryDefine[struct {
			F struct {
				G int `json:"-"`
			}
		}], ".F.G \"json"},
		{"an embedded pointer deep inside", tryDefine[struct{ F struct{ *Embedded } }], ".F.Embedded *entity_test.Embedded"},
		{"two fields of one name", tryDefine[struct {
			F int
			G int `json:"F"`
		}], "one field named \"F\""},
		{"two fields of one name, one embedded", tryDefine[struct {
			Embedded
			X int
		}], "one field named \"X\""},
		{"two parts of one name", tryDefine[struct {
			F struct {
				G int
				H int `json:"G,omitempty"`
			}
		}], "one field named \"G\""},
		{"two parts of one name, both embedded", tryDefine[struct {
			F struct {
				Embedded
				Tagged
			}
		}], "one field named \"X\""},
		{"a field that drifts, without a Forecaster", tryDefine[Tank], "Forecaster \"nil\": want one, since fields drift: level"},
		{"a tag that says something else", tryDefine[struct {
			F int `entity:"drift"`
		}], ".F \"drift\""},
		{"a tag on a part of a field", tryDefine[struct {
			F struct {
				G int `entity:"drifts"`
			}
		}], ".F.G \"drifts\""},
		{"a tag on an embedded struct", tryDefine[struct {
			Embedded `entity:"drifts"`
		}], ".Embedded \"drifts\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.define(reg)
			if !errors.Is(err, entity.ErrInvalid) {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
		})
	}
	define(t, reg, "kind", readNone[Order], nil) // none of them took the name
}

func TestDefineTakesStatesThatCanBe(t *testing.T) {
	reg := newRegistry(t, nil)
	type list struct{ Next *list }
	for name, try := range map[string]func(*entity.Registry) error{
		"as many fields as there may be": tryDefine[Wide],
		"a list of itself":               tryDefine[struct{ F *list }],
		"an embedded struct":             tryDefine[struct{ Embedded }],
		"an embedded struct with a name": tryDefine[struct {
			Embedded `json:"e"`
		}],
		"an embedded pointer with a name": tryDefine[struct {
			*Embedded `json:"e"`
		}],
		"a struct and a part of it of one name": tryDefine[struct {
			X int
			F struct{ X int }
		}],
		"a type that encodes itself with an Equal": tryDefine[struct{ F net.IP }],
		"a pointer to a type that encodes itself":  tryDefine[struct{ F *net.IP }],
		"a map with numbers as keys":               tryDefine[struct{ F map[int8]map[uint64]bool }],
		"a set":                                    tryDefine[struct{ F map[string]struct{} }],
		"bytes":                                    tryDefine[struct{ F []byte }],
		"a number as text": tryDefine[struct {
			F int `json:",string"`
		}],
	} {
		if _, err := entity.Define(reg, name, readNone[Order], nil); err != nil {
			t.Errorf("%s: as a kind: %v", name, err)
		}
		if err := try(newRegistry(t, nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDefineRefusesKindsThatCannotBe(t *testing.T) {
	reg := newRegistry(t, nil)
	define(t, reg, "taken", readNone[Order], nil)
	for _, c := range []struct {
		name, kind string
		read       entity.Read[Order]
		want       error
		text       string
	}{
		{"no name", "", readNone[Order], entity.ErrInvalid, "not blank"},
		{"a blank name", " \t", readNone[Order], entity.ErrInvalid, "not blank"},
		{"a name that is too long", strings.Repeat("k", 257), readNone[Order], entity.ErrInvalid, "(257 bytes): want 1 to 256 bytes"},
		{"a name that is not UTF-8", "k\xff", readNone[Order], entity.ErrInvalid, "valid UTF-8"},
		{"a name with a NUL", "k\x00", readNone[Order], entity.ErrInvalid, "no NUL"},
		{"a name that is taken", "taken", readNone[Order], entity.ErrConflict, `"taken" is defined already`},
		{"the name of the registry's own kind", "watch", readNone[Order], entity.ErrConflict, `"watch"`},
		{"no read", "k", nil, entity.ErrInvalid, `kind "k": read "nil": want a function`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := entity.Define(reg, c.kind, c.read, nil)
			if h != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, %v; want %v, saying %q", h, err, c.want, c.text)
			}
		})
	}
	longest := strings.Repeat("k", 256)
	if h := define(t, reg, longest, readNone[Order], nil); h.Kind() != longest {
		t.Errorf("the kind is %q", h.Kind())
	}
}

func TestDefineAfterStart(t *testing.T) {
	reg := newRegistry(t, nil)
	start(t, reg)
	define(t, reg, "order", readNone[Order], nil)
	forecast := func(context.Context, []entity.Question, func(int, time.Time)) error { return nil }
	_, err := entity.Define(reg, "tank", readNone[Tank], &entity.KindOptions[Tank]{Forecaster: forecast})
	if !errors.Is(err, entity.ErrConflict) || !strings.Contains(err.Error(), "before Start") {
		t.Errorf("with a Forecaster: got %v, want ErrConflict", err)
	}
}

// A kind with more fields than one machine word has bits.
func TestEachOfManyFieldsIsCompared(t *testing.T) {
	w := newWriteWorld[Wide](t, nil, nil)
	w.mutate("a", Wide{})
	want := []string{"A000", "A063", "A064", "A128", "A255"}
	if diff := cmp.Diff(want, w.mutate("a", Wide{A255: 1, A128: 1, A064: 1, A063: 1, A000: 1}).Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	c := w.remove("a")
	if len(c.Fields) != 256 {
		t.Errorf("the removal lists %d fields", len(c.Fields))
	}
}
