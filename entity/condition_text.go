package entity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// String returns the condition's own text: [ParseCondition] makes the same condition of it, and no other has it. It has
// no parentheses that it can do without, and the shortest form of each number and length. Of a Condition that is at
// fault it returns the fault, in angle brackets.
func (c Condition) String() string {
	if err := c.Validate(); err != nil {
		return "<" + err.Error() + ">"
	}
	return c.root.String()
}

// MarshalText returns String's text, so that a Condition in JSON or YAML is a string. The error is Validate's.
func (c Condition) MarshalText() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.root.append(nil), nil
}

// UnmarshalText sets c to what [ParseCondition] makes of a text, and leaves it as it is when that fails.
func (c *Condition) UnmarshalText(text []byte) error {
	parsed, err := ParseCondition(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

func (n *node) String() string { return string(n.append(nil)) }

// append writes a node as it stands alone: as a cond of the grammar.
func (n *node) append(b []byte) []byte {
	switch {
	case n.op == opNot:
		b = n.kids[0].appendIn(append(b, "not "...), n.kids[0].isComparison())
	case n.isGroup() && n.hold != 0:
		b = append(n.appendKids(append(b, '(')), ')')
	case n.isGroup():
		b = n.appendKids(b)
	default:
		b = n.appendComparison(b)
	}
	if n.hold != 0 {
		b = append(append(b, " for "...), formatHold(n.hold)...)
	}
	if n.hasRearm {
		b = append(append(b, " rearm "...), formatFloat(n.rearm)...)
	}
	return b
}

// appendIn writes a node as a part of another, where it may stand bare or not.
func (n *node) appendIn(b []byte, bare bool) []byte {
	if bare {
		return n.append(b)
	}
	return append(n.append(append(b, '(')), ')')
}

func (n *node) isGroup() bool { return n.op == opAll || n.op == opAny }

// isComparison reports whether a node is written as an atom of the grammar, without parentheses.
func (n *node) isComparison() bool { return n.op <= opIs && n.hold == 0 && !n.hasRearm }

func (n *node) appendKids(b []byte) []byte {
	word := " and "
	if n.op == opAny {
		word = " or "
	}
	for i, kid := range n.kids {
		if i > 0 {
			b = append(b, word...)
		}
		b = kid.appendIn(b, n.op == opAny || len(n.kids) == 1 || kid.op != opAny || kid.hold != 0)
	}
	return b
}

func (n *node) appendComparison(b []byte) []byte {
	if n.op == opBetween {
		b = append(append(b, formatFloat(n.low)...), " < "...)
	}
	b = append(b, n.path.String()...)
	switch n.op {
	case opAbove:
		return append(append(b, " > "...), formatFloat(n.low)...)
	case opIs:
		return appendScalar(append(b, " == "...), n.value)
	}
	return append(append(b, " < "...), formatFloat(n.high)...)
}

func appendScalar(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendQuoted(b, v)
	case float64:
		return append(b, formatFloat(v)...)
	}
	return fmt.Append(b, value)
}

// formatHold writes a whole number of microseconds as a length is read.
func formatHold(d time.Duration) string {
	var b []byte
	for _, u := range lengthUnits[:3] {
		if n := d / u.length; n > 0 {
			b = append(strconv.AppendInt(b, int64(n), 10), u.name)
			d %= u.length
		}
	}
	if d > 0 {
		seconds := fmt.Sprintf("%d.%06d", d/time.Second, d%time.Second/time.Microsecond)
		b = append(b, strings.TrimRight(strings.TrimRight(seconds, "0"), ".")...)
		b = append(b, 's')
	}
	return string(b)
}

// formatFloat writes a float in its shortest form, as encoding/json does.
func formatFloat(f float64) string {
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e-0", "e-", 1)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
