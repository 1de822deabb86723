package entity_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

var roundTrips = flag.Int("entity.roundtrips", 500, "how many random states are compared; the full number is 10000")

// dice makes random values of any type that a state may have.
type dice struct{ *rand.Rand }

// fill sets v to something, small enough that two of them are often equal.
func (d dice) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		zone := time.FixedZone("", d.IntN(3)*3600)
		v.Set(reflect.ValueOf(noon.Add(time.Duration(d.IntN(3))).In(zone)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(d.IntN(3))})))
		return
	case net.IP:
		v.Set(reflect.ValueOf([]net.IP{nil, {}, net.IPv4(10, 0, 0, 1), net.IPv4(10, 0, 0, 1).To4(), net.IPv4(10, 0, 0, 2)}[d.IntN(5)]))
		return
	case Grade:
		v.Set(reflect.ValueOf(Grade{[]string{"a", "b", ""}[d.IntN(3)]}))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(d.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt([]int64{0, 1, -1, math.MaxInt64, math.MinInt64}[d.IntN(5)] >> (64 - v.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint([]uint64{0, 1, math.MaxUint64}[d.IntN(3)] >> (64 - v.Type().Bits()))
	case reflect.Float32:
		v.SetFloat(float64([]float32{0, float32(math.Copysign(0, -1)), 0.1, math.MaxFloat32, math.SmallestNonzeroFloat32}[d.IntN(5)]))
	case reflect.Float64:
		v.SetFloat([]float64{0, math.Copysign(0, -1), 0.1, 0.1 + math.SmallestNonzeroFloat64, 1e21, math.MaxFloat64}[d.IntN(6)])
	case reflect.String:
		v.SetString([]string{"", "a", "<&>\u2028\"\\", "\x00\x1f", "é\U0001f600"}[d.IntN(5)])
	case reflect.Pointer:
		v.SetZero()
		if d.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			d.fill(v.Elem())
		}
	case reflect.Slice:
		v.SetZero()
		if n := d.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n+1))
		}
		d.fillAll(v)
	case reflect.Array:
		d.fillAll(v)
	case reflect.Map:
		v.SetZero()
		if n := d.IntN(4); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n - 1 {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				d.fill(key)
				d.fill(value)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			d.fill(field)
		}
	}
}

func (d dice) fillAll(v reflect.Value) {
	for i := range v.Len() {
		d.fill(v.Index(i))
	}
}

// plain is the oracle's idea of a state: what its JSON says, where an empty list or map is none, and an instant has no
// zone, by the names of the fields.
func plain(t *testing.T, s any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		fields[name] = plainValue(value)
		if name == "bytes" && value == "" {
			fields[name] = nil
		}
		if name == "ip" && value == "" {
			fields[name] = nil
		}
		if name == "grade" || name == "grades" {
			fields[name] = strings.ToUpper(fmt.Sprint(fields[name]))
		}
	}
	// What JSON leaves out is the zero value.
	if fields["text"] == nil {
		fields["text"] = ""
	}
	return fields
}

func plainValue(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = plainValue(value[i])
		}
		if len(value) == 0 {
			return nil
		}
	case map[string]any:
		if len(value) == 0 {
			return nil
		}
		for name := range value {
			value[name] = plainValue(value[name])
		}
	case string:
		if at, err := time.Parse(time.RFC3339Nano, value); err == nil {
			return at.UTC().String()
		}
	case json.Number:
		if f, err := strconv.ParseFloat(string(value), 64); err == nil && f == 0 {
			return json.Number("0")
		}
	}
	return value
}

// differing is what the oracle says of two states.
func differing(t *testing.T, a, b Panel) []string {
	t.Helper()
	was, is := plain(t, a), plain(t, b)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if !reflect.DeepEqual(was[name], is[name]) {
			names = append(names, name)
		}
	}
	return names
}

func back(t *testing.T, s Panel) Panel {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again Panel
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	return again
}

// compareStates holds two states against the oracle, and each against what JSON brings back of it.
func compareStates(t *testing.T, w *writeWorld[Panel], a, b Panel) {
	t.Helper()
	w.mutate("a", a)
	if c := w.mutate("a", back(t, a)); c.Version != 0 {
		t.Errorf("JSON brought back another\n%s: %v", inJSON(t, a), c.Fields)
	}
	want := differing(t, a, b)
	got := w.mutate("a", b).Fields
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s\nfields (-want +got):\n%s", inJSON(t, a), inJSON(t, b), diff)
	}
}

func TestStatesAreEqualWhereTheirJSONIs(t *testing.T) {
	n := *roundTrips
	if testing.Short() {
		n /= 4
	}
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Panel](t, log, nil)
		d := dice{rand.New(rand.NewPCG(1, 2))}
		var a, b Panel
		equal := 0
		for i := range n {
			d.fill(reflect.ValueOf(&a).Elem())
			b = back(t, a)
			for range d.IntN(3) { // so that they are often equal, and otherwise almost
				f := reflect.ValueOf(&b).Elem()
				d.fill(f.Field(d.IntN(f.NumField())))
			}
			if len(differing(t, a, b)) == 0 {
				equal++
			}
			compareStates(t, w, a, b)
			if t.Failed() {
				t.Fatalf("at state %d", i)
			}
		}
		if equal < n/10 || equal > n*9/10 {
			t.Errorf("%d of %d pairs were equal: that proves little", equal, n)
		}
	})
}

func FuzzStatesAreEqualWhereTheirJSONIs(f *testing.F) {
	f.Add([]byte(`{}`), []byte(`{"list":[],"byName":{},"bytes":""}`))
	f.Add([]byte(`{"when":"2026-03-02T12:00:00Z"}`), []byte(`{"when":"2026-03-02T13:00:00+01:00"}`))
	f.Add([]byte(`{"number":-0.0,"small":-128,"count":"18446744073709551615"}`), []byte(`{"number":1e-400}`))
	f.Add([]byte(`{"ip":"10.0.0.1","addr":"::1%eth0","grade":"a"}`), []byte(`{"ip":"::ffff:10.0.0.1","grade":"A"}`))
	f.Add([]byte(`{"grades":[null,"x"],"partPointer":{"n":1}}`), []byte(`{"partPointer":{},"byCode":{"-1":{"list":null}}}`))
	f.Add([]byte(`{"text":"\ud800","region":"\u0000"}`), []byte(`{"when":"0000-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`{"times":{"a":"9999-12-31T23:59:59.999999999Z"}}`), []byte(`{"lists":[[],null,[1]]}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var a, b Panel
		if json.Unmarshal(first, &a) != nil || json.Unmarshal(second, &b) != nil {
			return
		}
		if _, err := json.Marshal([]Panel{a, b}); err != nil { // JSON takes what it does not give
			w := newWriteWorld[Panel](t, nil, nil)
			_, errA := w.h.Mutate(t.Context(), "a", w.set("a", a), nil)
			_, errB := w.h.Mutate(t.Context(), "b", w.set("b", b), nil)
			if !errors.Is(errors.Join(errA, errB), entity.ErrInvalid) {
				t.Errorf("got %v and %v, want ErrInvalid: %v", errA, errB, err)
			}
			return
		}
		compareStates(t, newWriteWorld[Panel](t, nil, nil), a, b)
	})
}
