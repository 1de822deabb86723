package slo_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slokeep/slokeep/slo"
)

// refused checks that an error matches a sentinel, and it alone, and that its text names the fields and values at fault.
func refused(t *testing.T, err, sentinel error, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %v", sentinel)
	}
	if errors.Is(err, slo.ErrInvalid) != (sentinel == slo.ErrInvalid) || errors.Is(err, slo.ErrConflict) != (sentinel == slo.ErrConflict) {
		t.Errorf("error %v does not match %v alone", err, sentinel)
	}
	text := strings.TrimSuffix(err.Error(), ": "+slo.ErrConflict.Error())
	if !strings.HasPrefix(text, "slo: ") || strings.Count(text, "slo: ") != 1 {
		t.Errorf("error %q, want one that begins with the package, and names it once", text)
	}
	if len(text) > 600 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n") {
		t.Errorf("error %q is not fit for a log", text)
	}
	for _, name := range names {
		if !strings.Contains(text, name) {
			t.Errorf("error %q does not name %s", text, name)
		}
	}
}

// badText is a text that an ID may not be, and what an error shows of it.
type badText struct{ name, text, shown string }

// badIDs may be no ID; the empty one may be one where an ID is optional.
func badIDs(optional bool) []badText {
	list := []badText{
		{"a NUL", "a\x00b", `"a\x00b"`},
		{"invalid UTF-8", "a\xff", `"a\xff"`},
		{"257 bytes", strings.Repeat("é", 128) + "x", `(257 bytes)`},
		{"10 MB", strings.Repeat("x", 10<<20), `(10485760 bytes)`},
	}
	if !optional {
		list = append(list, badText{"nothing", "", `""`})
	}
	return list
}

var badNotes = []badText{
	{"more than 16 KB", strings.Repeat("x", 16<<10+1), `(16385 bytes)`},
	{"invalid UTF-8", "a\xff", `"a\xff"`},
}

// wrapped lies so far ahead of an instant, or so far back, that a count of microseconds since 1970 comes round to the
// same number.
func wrapped(at time.Time, turns int64) time.Time {
	const seconds, nanos = 18_446_744_073_709, 551_616_000 // 2^64 microseconds
	return time.Unix(at.Unix()+turns*seconds, int64(at.Nanosecond())+turns*nanos).UTC()
}

// badInstants lie outside 1970 to 2200; years beyond what a count of microseconds holds are among them.
var badInstants = []struct {
	name string
	at   time.Time
}{
	{"the zero time", time.Time{}},
	{"a nanosecond before 1970", firstInstant.Add(-1)},
	{"a microsecond after the start of 2200", lastInstant.Add(time.Microsecond)},
	{"in the year 294247", time.Date(294247, 1, 10, 4, 0, 55, 0, time.UTC)},
	{"that comes round from the future", wrapped(before(time.Minute), 1)},
	{"that comes round from the past", wrapped(before(time.Minute), -1)},
}

// fault is one thing wrong with a fact of type T.
type fault[T any] struct {
	name  string
	spoil func(*T)
	field string
	value string
}

func idFaults[T any](field string, optional bool, of func(*T) *string) []fault[T] {
	var list []fault[T]
	for _, bad := range badIDs(optional) {
		list = append(list, fault[T]{field + " with " + bad.name, func(f *T) { *of(f) = bad.text }, field, bad.shown})
	}
	return list
}

func noteFaults[T any](field string, of func(*T) *string) []fault[T] {
	var list []fault[T]
	for _, bad := range badNotes {
		list = append(list, fault[T]{field + " with " + bad.name, func(f *T) { *of(f) = bad.text }, field, bad.shown})
	}
	return list
}

func instantFaults[T any](field string, optional bool, of func(*T) *time.Time) []fault[T] {
	var list []fault[T]
	for _, bad := range badInstants {
		if optional && bad.at.IsZero() {
			continue
		}
		list = append(list, fault[T]{field + " " + bad.name, func(f *T) { *of(f) = bad.at }, field, bad.at.Format("2006-01-02")})
	}
	return list
}

// impactFaults are those of an impact that is no share of the service.
func impactFaults[T any](of func(*T) *float64) []fault[T] {
	var list []fault[T]
	for _, bad := range []float64{1.5, 0.0001, 0.9999, 1.001, -0.5, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 5e-324} {
		list = append(list, fault[T]{fmt.Sprint("impact ", bad), func(f *T) { *of(f) = bad }, "impact", fmt.Sprint(bad)})
	}
	return list
}

func concat[T any](lists ...[]T) []T {
	var all []T
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func mustBytes(t *testing.T, h *slo.SystemHistory) []byte {
	t.Helper()
	data, err := h.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
