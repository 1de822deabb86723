package entity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// progress is what is known of a condition's parts, as text, such as "3@1772452800000000v7": for each what it says, since
// when, and which Version of its entity it knew from the beginning.
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
		if n.leaf() && a.version(n) > 0 {
			b = strconv.AppendInt(append(b, 'v'), a.version(n), 10)
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
		version, err := n.restore(part, a.last)
		if err != nil {
			return fmt.Errorf("%w: its progress %s: %w", ErrInvalid, quote(part), err)
		}
		if n.leaf() {
			a.side.versions = append(a.side.versions, version)
		}
	}
	a.on = a.nodes[0].on
	return nil
}

// restore reads what is known of one part, as of an instant.
func (n *armNode) restore(text string, at int64) (version int64, err error) {
	text, tail, ok := strings.Cut(text, "v")
	if ok {
		if version, err = strconv.ParseInt(tail, 10, 64); err != nil {
			return 0, err
		}
	}
	text, tail, ok = strings.Cut(text, "@")
	bits, err := strconv.ParseUint(text, 10, 3)
	if err != nil {
		return 0, err
	}
	n.raw, n.on, n.beyond = bits&1 != 0, bits&2 != 0, bits&4 != 0
	if n.raw {
		n.since = at
	}
	if ok {
		n.since, err = strconv.ParseInt(tail, 10, 64)
	}
	if n.drifts() {
		n.due = at
	}
	return version, err
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
