package entity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// progress is what is known of a condition's parts, as text: for each what it says, and since when.
func progress(a *arm) string {
	var b []byte
	for i := range a.nodes {
		n := &a.nodes[i]
		bits := 0
		for bit, on := range []bool{n.raw, n.on, n.beyond} {
			if on {
				bits |= 1 << bit
			}
		}
		b = strconv.AppendInt(b, int64(bits), 10)
		if n.raw && n.hold > 0 {
			b = strconv.AppendInt(append(b, '@'), n.since, 10)
		}
		b = append(b, ' ')
	}
	return string(bytes.TrimSpace(b))
}

// restore reads what progress wrote.
func (a *arm) restore(text string) error {
	parts := strings.Fields(text)
	if len(parts) != len(a.nodes) {
		return fmt.Errorf("%w: its progress has %d parts, its condition %d", ErrInvalid, len(parts), len(a.nodes))
	}
	for i, part := range parts {
		n := &a.nodes[i]
		bits, since, _ := strings.Cut(part, "@")
		number, err := strconv.Atoi(bits)
		if err == nil && since != "" {
			n.since, err = strconv.ParseInt(since, 10, 64)
		} else if number&1 != 0 {
			n.since = a.last
		}
		if err != nil {
			return fmt.Errorf("%w: its progress %q: %w", ErrInvalid, part, err)
		}
		n.raw, n.on, n.beyond = number&1 != 0, number&2 != 0, number&4 != 0
		if n.drifts() {
			n.due = a.last
		}
	}
	a.on = a.nodes[0].on
	return nil
}

// jsonOf writes a scalar so that readScalar finds its type too: a float64 has a point, or an exponent.
func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "null"
	}
	if _, ok := value.(float64); ok && !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	return string(text)
}

// readScalar reads what jsonOf wrote.
func readScalar(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return nil
	}
	number, ok := value.(json.Number)
	if !ok {
		return value
	}
	if i, err := strconv.ParseInt(number.String(), 10, 64); err == nil { // which a float64 is not: it has a point
		return i
	}
	if u, err := strconv.ParseUint(number.String(), 10, 64); err == nil {
		return u
	}
	f, _ := number.Float64()
	return f
}
