package entity

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// Condition is what a watch watches for: a comparison of one field of an entity's state, or several of them joined. It
// is made by the functions [Below], [Above], [Between], [Is], [All], [Any] and [Not], or by [ParseCondition] from its
// text:
//
//	state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25
//
// None of the functions fails. A Condition that is made of something that is not allowed keeps the first fault, and so
// does whatever is made of that Condition; [Condition.Validate] and everything that uses it report the fault, an error
// that matches [ErrInvalid]. The zero Condition is at fault too.
//
// A Condition is a value that never changes, and safe for concurrent use; its methods return another one. Two valid
// Conditions are the same if their Strings are equal. To compare them with == tells nothing.
//
// It has at most 1000 parts, nested at most 100 deep: each comparison, All, Any and Not is a part.
type Condition struct {
	root        *node // nil: at fault
	size, depth int   // of the tree
	err         error // the first fault; nil where root is nil: the zero Condition
}

type op uint8

const (
	opBelow op = iota
	opAbove
	opBetween
	opIs
	opAll
	opAny
	opNot
)

// node is a part of a condition. Conditions share nodes, so that a node never changes.
//
// What means the same by its words alone has one tree: All and Any have two or more kids, and take in kids of their own
// kind. The only All of one kid is that of a second For, whose kid has the first.
type node struct {
	op        op
	path      path          // of a comparison
	low, high float64       // opAbove: low; opBelow: high; opBetween: both
	value     any           // opIs: nil, bool, string, int64; above MaxInt64 uint64; of what is neither float64
	kids      []*node       // opAll, opAny; opNot has one
	hold      time.Duration // For; 0: none
	rearm     float64
	hasRearm  bool // only of opBelow and opAbove
}

const (
	maxNodes = 1000
	maxDepth = 100
	maxHold  = 3650 * 24 * time.Hour
)

// fault is an ErrInvalid that keeps apart what would do, so that the parser can say so of a place in its text.
type fault struct{ what, want string }

func (f *fault) Error() string { return fmt.Sprintf("%v: %s: want %s", ErrInvalid, f.what, f.want) }
func (f *fault) Unwrap() error { return ErrInvalid }

// Below is true while the number at a path is less than value. It is false where there is no number: the kind, the
// entity or the field does not exist, or the field has something else in it.
//
// ErrInvalid: the path does not parse (see [Path]); value is NaN or infinite.
func Below(path string, value float64) Condition {
	return comparisonAt(path, node{op: opBelow, high: value})
}

// Above is true while the number at a path is greater than value. Where there is no number, and what is ErrInvalid, is
// as with [Below].
func Above(path string, value float64) Condition {
	return comparisonAt(path, node{op: opAbove, low: value})
}

// Between is true while the number at a path is greater than low and less than high. Where there is no number, it is
// false.
//
// ErrInvalid: the path does not parse (see [Path]); low or high is NaN or infinite; low is not less than high.
func Between(path string, low, high float64) Condition {
	return comparisonAt(path, node{op: opBetween, low: low, high: high})
}

// Is is true while the field at a path is value, as JSON sees both: value is nil for null, or of any type whose kind is
// a bool, a string, an integer or a float. Numbers are compared as numbers, so that 5 is 5.0, and a float32 counts as
// the float64 that equals it.
//
// ErrInvalid: the path does not parse (see [Path]); value is of another kind, or of a type that encodes itself as JSON
// or text (give what it encodes to); value is NaN, infinite, or a string that is not UTF-8.
func Is(path string, value any) Condition {
	p, err := parsePath(path)
	if err != nil {
		return Condition{err: err}
	}
	scalar, want := scalarOf(value)
	if want != "" {
		return Condition{err: &fault{fmt.Sprintf("%s == %s", shorten(p.String()), showScalar(value)), want}}
	}
	return comparison(node{op: opIs, path: p, value: scalar})
}

// All is true while each of the conditions is. All of one condition is that condition, and an All among the conditions
// that has no For is taken in.
//
// ErrInvalid: there is no condition, one of them is at fault, or they have too many parts (see [Condition]).
func All(conditions ...Condition) Condition { return joined(opAll, conditions) }

// Any is true while at least one of the conditions is. Any of one condition is that condition, and an Any among the
// conditions that has no For is taken in.
//
// ErrInvalid: there is no condition, one of them is at fault, or they have too many parts (see [Condition]).
func Any(conditions ...Condition) Condition { return joined(opAny, conditions) }

// Not is true while c is not, so also where there is nothing at the path of a comparison.
//
// ErrInvalid: c is at fault, or nested too deep already (see [Condition]).
func Not(c Condition) Condition {
	if err := c.Validate(); err != nil {
		return Condition{err: err}
	}
	return parent(node{op: opNot, kids: []*node{c.root}}, c.size, c.depth)
}

// For is true once c has been true for d without a break, and as long as it stays so. For of what has a For already
// holds for both: first the inner one, then from when that is true the outer one.
//
// ErrInvalid: c is at fault; d is not positive, not in whole microseconds, or longer than 3650 days.
func (c Condition) For(d time.Duration) Condition {
	if err := c.Validate(); err != nil {
		return Condition{err: err}
	}
	if want := holdWants(d); want != "" {
		return Condition{err: &fault{fmt.Sprintf("%s for %v", shorten(c.root.String()), d), want}}
	}
	if c.root.hold != 0 {
		return parent(node{op: opAll, kids: []*node{c.root}, hold: d}, c.size, c.depth)
	}
	root := *c.root
	root.hold = d
	c.root = &root
	return c
}

func holdWants(d time.Duration) string {
	switch {
	case d <= 0:
		return "more than 0"
	case d > maxHold:
		return "at most " + formatHold(maxHold)
	case d%time.Microsecond != 0:
		return "whole microseconds"
	}
	return ""
}

// Rearm gives a comparison with [Below] or [Above] a second threshold: once it has fired, a watch is armed again only
// when the value is there, at v or beyond. So a value that moves to and fro around the first threshold does not fire
// each time. For and Rearm go in either order.
//
// ErrInvalid: c is at fault, is anything but a Below or Above (with or without one For), or has a Rearm already; v is
// not on the false side of the comparison (for Below 20: 20 or more), or infinite.
func (c Condition) Rearm(v float64) Condition {
	if err := c.Validate(); err != nil {
		return Condition{err: err}
	}
	if want := c.root.rearmWants(v); want != "" {
		return Condition{err: &fault{fmt.Sprintf("%s rearm %s", shorten(c.root.String()), formatFloat(v)), want}}
	}
	root := *c.root
	root.rearm, root.hasRearm = positiveZero(v), true
	c.root = &root
	return c
}

// canRearm reports whether there is a value that Rearm takes.
func (n *node) canRearm() bool { return (n.op == opBelow || n.op == opAbove) && !n.hasRearm }

func (n *node) rearmWants(v float64) string {
	switch {
	case n.hasRearm:
		return "one rearm"
	case !n.canRearm():
		return `rearm only after a "<" or ">"`
	case !isFinite(v):
		return "a finite number"
	case n.op == opBelow && v < n.high:
		return formatFloat(n.high) + " or more"
	case n.op == opAbove && v > n.low:
		return formatFloat(n.low) + " or less"
	}
	return ""
}

// Validate returns nil, or the first fault that was made in building c: an error that matches [ErrInvalid], names what
// was wrong and says what would do. It is a [*SyntaxError] where a path did not parse.
func (c Condition) Validate() error {
	if c.root == nil && c.err == nil {
		return &fault{"the zero Condition", "one that a function of this package made"}
	}
	return c.err
}

// comparisonAt makes a comparison of a path's text.
func comparisonAt(text string, n node) Condition {
	p, err := parsePath(text)
	if err != nil {
		return Condition{err: err}
	}
	n.path = p
	return comparison(n)
}

func comparison(n node) Condition {
	want := ""
	switch {
	case !isFinite(n.low) || !isFinite(n.high):
		want = "a finite number"
	case n.op == opBetween && n.low >= n.high:
		want = "the lesser number first"
	}
	if want != "" {
		return Condition{err: &fault{shorten(n.String()), want}}
	}
	n.low, n.high = positiveZero(n.low), positiveZero(n.high)
	return Condition{root: &n, size: 1, depth: 1}
}

func joined(o op, conditions []Condition) Condition {
	n := node{op: o}
	size, depth := 0, 0
	for _, c := range conditions {
		if err := c.Validate(); err != nil {
			return Condition{err: err}
		}
		if c.joins(o) {
			n.kids = append(n.kids, c.root.kids...)
			size, depth = size+c.size-1, max(depth, c.depth-1)
		} else {
			n.kids = append(n.kids, c.root)
			size, depth = size+c.size, max(depth, c.depth)
		}
	}
	switch len(conditions) {
	case 0:
		name := map[op]string{opAll: "All", opAny: "Any"}[o]
		return Condition{err: &fault{name + " of nothing", "at least one condition"}}
	case 1:
		return conditions[0]
	}
	return parent(n, size, depth)
}

// joins reports whether an All or Any takes c in.
func (c Condition) joins(o op) bool { return c.root.op == o && c.root.hold == 0 }

// parent makes a condition of a node over kids, which have together this size and at most this depth.
func parent(n node, size, depth int) Condition {
	size, depth = size+1, depth+1
	if size > maxNodes {
		return Condition{err: &fault{fmt.Sprintf("a condition of %d parts", size), fmt.Sprintf("at most %d", maxNodes)}}
	}
	if depth > maxDepth {
		return Condition{err: &fault{fmt.Sprintf("parts nested %d deep", depth), fmt.Sprintf("at most %d deep", maxDepth)}}
	}
	return Condition{root: &n, size: size, depth: depth}
}

// scalarOf gives a value the type that a node has for it, or says what would do.
func scalarOf(value any) (scalar any, want string) {
	if value == nil {
		return nil, ""
	}
	v := reflect.ValueOf(value)
	if _, custom := encodesItself(v.Type()); custom || v.Type() == reflect.TypeFor[json.Number]() {
		return nil, "the text or number that it encodes to"
	}
	switch {
	case v.Kind() == reflect.Bool:
		return v.Bool(), ""
	case v.Kind() == reflect.String:
		if !utf8.ValidString(v.String()) {
			return nil, "valid UTF-8"
		}
		return v.String(), ""
	case v.CanInt():
		return v.Int(), ""
	case v.CanUint():
		return uintScalar(v.Uint()), ""
	case v.CanFloat():
		if !isFinite(v.Float()) {
			return nil, "a finite number"
		}
		return floatScalar(v.Float()), ""
	}
	return nil, "nil, a bool, a string or a number"
}

func uintScalar(u uint64) any {
	if u <= math.MaxInt64 {
		return int64(u)
	}
	return u
}

// floatScalar makes an integer of what is one, so that 5.0 is 5.
func floatScalar(f float64) any {
	switch {
	case f != math.Trunc(f):
		return f
	case f >= math.MinInt64 && f < 1<<63:
		return int64(f)
	case f >= 1<<63 && f < 1<<64:
		return uint64(f)
	}
	return f
}

func isFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// positiveZero makes 0 of -0, and leaves all else.
func positiveZero(f float64) float64 { return f + 0 }

// showScalar is how a fault shows a value that is none.
func showScalar(value any) string {
	switch v := reflect.ValueOf(value); {
	case v.CanFloat():
		return formatFloat(v.Float())
	case v.Kind() == reflect.String:
		return quote(v.String())
	}
	return fmt.Sprintf("(%T)", value)
}

// shorten is how a fault shows a long text: its beginning and its end.
func shorten(s string) string {
	const head, tail = 120, 60
	if len(s) <= head+tail {
		return s
	}
	i, j := head, len(s)-tail
	for !utf8.RuneStart(s[i]) {
		i--
	}
	for !utf8.RuneStart(s[j]) {
		j++
	}
	return s[:i] + "..." + s[j:]
}
