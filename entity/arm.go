package entity

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// An arm is a condition that is watched: its tree laid out in a row, each node before its parts, with what is known of
// each. Instants are in microseconds. It belongs to the goroutine of the timers, but for what mu guards.
//
// There may be very many: it has no more fields than it needs, and their order leaves no gaps.
type arm struct {
	slot  // when it must be judged again, should no change come
	nodes []armNode
	last  int64 // it was judged at
	from  int64 // changes up to this Position are in what it says
	seq   uint64
	side  *side // of a named watch, or of a shared Log

	name string
	opts *WatchOptions
	fn   func(context.Context, Firing) error

	armed bool // the timers look at it
	on    bool // the condition holds
	fresh bool // it was never judged
	stale bool // judging it failed: due says when that is tried again, and not at which instant it is judged
	mark  bool // it is in the batch that is being judged
	fire  bool // it became true in the batch that is being judged
	once  bool // of WaitUntil: fn is called at once, and never again

	stopped bool // under mu
	mu      sync.Mutex
	calls   *calls // nil until it fires
}

// side is what an arm has besides, where it is of a named watch or its Log is shared.
type side struct {
	row    WatchRow // of a named watch
	replay bool     // changes that were missed are being looked at

	// versions are those of the entities of its comparisons when it began: where a Log is shared, older changes may get their
	// Positions later. nil: all had none.
	versions []int64
}

func (a *arm) isNamed() bool   { return a.side != nil && a.side.row.Name != "" }
func (a *arm) replaying() bool { return a.side != nil && a.side.replay }

// version is that of the entity of one of the arm's comparisons when the arm began, as far as that matters.
func (a *arm) version(of *armNode) int64 {
	if a.side == nil || a.side.versions == nil {
		return 0
	}
	k := 0
	for i := range a.nodes {
		n := &a.nodes[i]
		if n == of {
			break
		}
		if n.leaf() {
			k++
		}
	}
	return a.side.versions[k]
}

// armNode is a node of a condition with its state.
type armNode struct {
	op       op
	raw      bool // what it says, before For and Rearm
	beyond   bool // a value that does not hold is at or beyond Rearm
	on       bool // what it says, For and Rearm heeded
	hasRearm bool
	failed   bool    // what it says could not be found out
	size     uint16  // nodes of its subtree, itself included
	bound    float64 // of a comparison with one bound; of a band the lower one
	other    float64 // of a band the upper bound, else Rearm
	hold     int64
	since    int64 // raw holds since then; never where it does not
	value    any

	// Of a comparison only.
	get        *accessor
	id         string
	due        int64 // when time changes what it says; never
	arm        *arm
	prev, next *armNode // the comparisons on one entity
}

const never = int64(1<<63 - 1)

func micros(t time.Time) int64     { return t.UnixMicro() }
func fromMicros(m int64) time.Time { return time.UnixMicro(m).UTC() }

// compile lays out a condition for this Registry. The error names a path that leads nowhere.
func (reg *Registry) compile(c Condition) ([]armNode, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	nodes := make([]armNode, 0, c.size)
	err := reg.layOut(&nodes, c.root)
	return nodes, err
}

func (reg *Registry) layOut(nodes *[]armNode, n *node) error {
	at := len(*nodes)
	laid := armNode{op: n.op, bound: n.low, other: n.rearm, value: n.value, hold: n.hold.Microseconds(),
		hasRearm: n.hasRearm, due: never, since: never}
	switch n.op {
	case opBelow:
		laid.bound = n.high
	case opBetween:
		laid.other = n.high
	}
	if len(n.kids) == 0 {
		if err := laid.bind(reg, n.path); err != nil {
			return err
		}
	}
	*nodes = append(*nodes, laid)
	for _, kid := range n.kids {
		if err := reg.layOut(nodes, kid); err != nil {
			return err
		}
	}
	(*nodes)[at].size = uint16(len(*nodes) - at)
	return nil
}

// bind finds the field that a comparison is about.
func (n *armNode) bind(reg *Registry, p path) error {
	k := reg.kind(p.kind)
	if k == nil || p.kind == watchKind {
		return invalid(p.String(), p.kind, "a kind that is defined")
	}
	get, err := reg.timers.accessor(k, p)
	if err != nil {
		return err
	}
	switch {
	case n.op != opIs && !get.number():
		return invalid(p.String(), get.leaf, "a number, to be compared with "+n.op.sign())
	case n.op == opIs && get.drifts:
		return invalid(p.String(), "== on a field that drifts", "<, > or both: it has a value for an instant only")
	case n.op == opIs && !get.comparable(n.value):
		return invalid(p.String(), get.leaf, fmt.Sprintf("a field that can be == %s", jsonOf(n.value)))
	}
	n.id, n.get = p.id, get
	return nil
}

func (o op) sign() string {
	return map[op]string{opBelow: "<", opAbove: ">", opBetween: "< and <"}[o]
}

// leaf reports whether a node compares a field.
func (n *armNode) leaf() bool { return n.get != nil }

// drifts reports whether a Forecaster decides on the comparison.
func (n *armNode) drifts() bool { return n.leaf() && n.get.drifts }

func (n *armNode) key() entityKey { return entityKey{n.get.kind.name, n.id} }

// first is the comparison that comes first in the condition's text.
func (a *arm) first() *armNode {
	for i := range a.nodes {
		if a.nodes[i].leaf() {
			return &a.nodes[i]
		}
	}
	return nil
}

// tree says what node i says at an instant, from what its comparisons say.
func (a *arm) tree(i int, at int64) bool {
	n := &a.nodes[i]
	if !n.leaf() {
		n.raw = n.op == opAll
		for kid := i + 1; kid < i+int(n.size); kid += int(a.nodes[kid].size) {
			switch on := a.tree(kid, at); n.op {
			case opAll:
				n.raw = on && n.raw
			case opAny:
				n.raw = on || n.raw
			case opNot:
				n.raw = !on
			}
		}
	}
	if !n.raw {
		n.since = never
	} else if n.since == never || a.fresh {
		n.since = at
	}
	held := n.raw && at-n.since >= n.hold
	n.on = held || n.hasRearm && n.on && (n.raw || !n.beyond)
	return n.on
}

// next is when time alone may change what the condition says.
func (a *arm) next() int64 {
	due := never
	for i := range a.nodes {
		n := &a.nodes[i]
		if n.leaf() {
			due = min(due, n.due)
		}
		if n.hold > 0 && n.raw && a.last-n.since < n.hold {
			due = min(due, n.since+n.hold)
		}
	}
	return due
}
