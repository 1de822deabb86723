package entity_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// Sheet has a field of each type that has values that cannot be encoded.
type Sheet struct {
	Text   string             `json:"text"`
	Number float64            `json:"number"`
	Small  float32            `json:"small"`
	When   time.Time          `json:"when"`
	List   []float64          `json:"list"`
	Pair   [2]float64         `json:"pair"`
	ByName map[string]float64 `json:"byName"`
	Deep   struct {
		Number *float64 `json:"number"`
	} `json:"deep"`
	Addr   netip.Addr     `json:"addr"`
	Moody  Moody          `json:"moody"`
	MoodyP *Moody         `json:"moodyPointer"`
	Maybe  *Maybe         `json:"maybe"`
	Shy    Shy            `json:"shy"`
	Shies  map[string]Shy `json:"shies"`
	Digits json.Number    `json:"digits"`
	Lossy  map[int]Lossy  `json:"lossy"`
}

// Moody is a type whose encoder has bad days.
type Moody struct{ Mood string }

func (m Moody) MarshalText() ([]byte, error) {
	switch m.Mood {
	case "bad":
		return nil, errHost
	case "awful":
		panic(errPanic)
	}
	return []byte(m.Mood), nil
}

func (m *Moody) UnmarshalText(text []byte) error {
	m.Mood = string(text)
	return nil
}

// Lossy is a type whose JSON says less than its value.
type Lossy struct{ Shown, Hidden int }

func (l Lossy) MarshalJSON() ([]byte, error) { return []byte{byte('0' + l.Shown)}, nil }

func (l *Lossy) UnmarshalJSON(raw []byte) error {
	*l = Lossy{Shown: int(raw[0] - '0')}
	return nil
}

// Maybe is null in JSON where it is not set, and so is a nil pointer to it.
type Maybe struct{ Set bool }

func (m Maybe) MarshalJSON() ([]byte, error) {
	if m.Set {
		return []byte("true"), nil
	}
	return []byte("null"), nil
}

func (m *Maybe) UnmarshalJSON(raw []byte) error {
	m.Set = string(raw) == "true"
	return nil
}

// Shy encodes itself where it has an address: not in a map.
type Shy struct{ Name string }

func (s *Shy) MarshalText() ([]byte, error)    { return []byte(s.Name), nil }
func (s *Shy) UnmarshalText(text []byte) error { s.Name = string(text); return nil }

func TestStatesThatCannotBeEncodedAreRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	lmt := time.FixedZone("LMT", 53*60+28)
	for _, c := range []struct {
		name string
		set  func(s *Sheet)
		want string
		is   error
	}{
		{"text that is not UTF-8", func(s *Sheet) { s.Text = "\xc3\x28" }, "field text", nil},
		{"NaN", func(s *Sheet) { s.Number = nan }, "field number: NaN is not a finite number", nil},
		{"infinity", func(s *Sheet) { s.Small = float32(inf) }, "field small: -Inf is not a finite number", nil},
		{"a year of five digits", func(s *Sheet) { s.When = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "field when: the year 10000", nil},
		{"a year before 0", func(s *Sheet) { s.When = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) }, "field when: the year -1", nil},
		{"a zone with seconds", func(s *Sheet) { s.When = time.Date(1880, 1, 1, 0, 0, 0, 0, lmt) }, "field when: a zone that is 3208 seconds", nil},
		{"a zone of a day", func(s *Sheet) { s.When = noon.Add(time.Hour).In(time.FixedZone("", 86400)) }, "field when: a zone", nil},
		{"NaN in a list", func(s *Sheet) { s.List = []float64{1, nan} }, "field list: NaN", nil},
		{"NaN in an array", func(s *Sheet) { s.Pair[1] = nan }, "field pair: NaN", nil},
		{"NaN in a map", func(s *Sheet) { s.ByName = map[string]float64{"x": nan} }, "field byName: NaN", nil},
		{"a key that is not UTF-8", func(s *Sheet) { s.ByName = map[string]float64{"\xff": 1} }, "field byName", nil},
		{"NaN behind a pointer", func(s *Sheet) { s.Deep.Number = &nan }, "field deep: NaN", nil},
		{"an encoder that fails", func(s *Sheet) { s.Moody.Mood = "bad" }, "field moody", errHost},
		{"an encoder that panics", func(s *Sheet) { s.Moody.Mood = "awful" }, "panic: thrown", errPanic},
		{"an encoder that fails, behind a pointer", func(s *Sheet) { s.MoodyP = &Moody{"bad"} }, "field moodyPointer", errHost},
		{"an encoder that says what is not UTF-8", func(s *Sheet) { s.Moody.Mood = "\xff" }, "field moody: JSON brings a entity_test.Moody back", nil},
		{"a pointer to what is null itself", func(s *Sheet) { s.Maybe = &Maybe{} }, "field maybe: JSON brings a *entity_test.Maybe back", nil},
		{"an encoder that is not asked", func(s *Sheet) { s.Shies = map[string]Shy{"a": {"x"}} }, "field shies", nil},
		{"a number that is none", func(s *Sheet) { s.Digits = "x" }, "field digits", nil},
		{"a number without digits", func(s *Sheet) { s.Digits = "" }, "field digits: JSON brings a json.Number back", nil},
		{"an encoder that does not say all", func(s *Sheet) { s.Lossy = map[int]Lossy{1: {1, 2}} }, "field lossy", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothLogs(t, func(t *testing.T, log entity.Log) {
				w := newWriteWorld[Sheet](t, log, nil)
				good := Sheet{Text: "good", When: noon, Maybe: &Maybe{true}, Shy: Shy{"x"}, Digits: "1.50"}
				w.mutate("a", good)
				bad := good
				c.set(&bad)
				_, err := w.h.Mutate(t.Context(), "a", w.set("a", bad), nil)
				if c.is == nil {
					c.is = entity.ErrInvalid
				}
				if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %v, saying %q", err, c.is, c.want)
				}
				w.put("fresh", good)
				if _, err := w.h.Mutate(t.Context(), "fresh", w.set("fresh", bad), nil); !errors.Is(err, c.is) {
					t.Errorf("of one that is seen for the first time: got %v", err)
				}
				if err := w.h.Refresh(t.Context(), "a"); !errors.Is(err, c.is) {
					t.Errorf("Refresh: got %v", err)
				}
				good.Number = 1
				if c := w.mutate("a", good); c.Version != 2 || len(w.delivered()) != 2 {
					t.Errorf("the next change is %+v, delivered were %d", c, len(w.delivered()))
				}
			})
		})
	}
}
