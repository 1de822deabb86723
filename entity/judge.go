package entity

import (
	"context"
	"fmt"
	"time"
)

// An arm is a condition that is watched: its tree laid out in a row, each node before its parts, with what is known of
// each. Instants are in microseconds. It belongs to the goroutine of the timers.
type arm struct {
	slot  // when it must be judged again, should no change come
	nodes []armNode
	last  int64 // it was judged at
	seq   uint64
	on    bool // the condition holds
	fresh bool // it was never judged
	stale bool // judging it failed: all of it must be looked at again
	mark  bool // it is in the batch that is being judged
	fire  bool // it became true in the batch that is being judged
	*sight
	named *namedArm // of a named watch
}

// armNode is a node of a condition with its state.
type armNode struct {
	op        op
	size      uint32 // nodes of its subtree, itself included
	raw       bool   // what it says, before For and Rearm
	beyond    bool   // a value that does not hold is at or beyond Rearm
	on        bool   // what it says, For and Rearm heeded
	hasRearm  bool
	low, high float64
	rearm     float64
	hold      int64
	since     int64 // raw holds since then; meaningless where it does not
	value     any

	// Of a comparison only.
	kind       *kind
	id         string
	get        *accessor
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
	kinds := reg.snapshot()
	var nodes []armNode
	var add func(n *node) error
	add = func(n *node) error {
		at := len(nodes)
		nodes = append(nodes, armNode{op: n.op, low: n.low, high: n.high, value: n.value, hold: n.hold.Microseconds(),
			rearm: n.rearm, hasRearm: n.hasRearm, due: never, since: never})
		if len(n.kids) == 0 {
			if err := nodes[at].bind(kinds, n.path); err != nil {
				return err
			}
		}
		for _, kid := range n.kids {
			if err := add(kid); err != nil {
				return err
			}
		}
		nodes[at].size = uint32(len(nodes) - at)
		return nil
	}
	err := add(c.root)
	return nodes, err
}

// bind finds the field that a comparison is about.
func (n *armNode) bind(kinds map[string]*kind, p path) error {
	k := kinds[p.kind]
	if k == nil || p.kind == watchKind {
		return invalid(p.String(), quote(p.kind), "a kind that is defined")
	}
	get, err := k.accessor(p)
	if err != nil {
		return err
	}
	switch {
	case n.op != opIs && !get.number():
		return invalid(p.String(), get.leaf, "a number, to be compared with "+n.op.sign())
	case n.op == opIs && get.drifts:
		return invalid(p.String(), "== on a field that drifts", "<, > or both: it has a value for an instant only")
	case n.op == opIs && !get.comparable(n.value):
		return invalid(p.String(), get.leaf, fmt.Sprintf("a field that can be == %v", n.value))
	}
	n.kind, n.id, n.get = k, p.id, get
	return nil
}

func (o op) sign() string {
	return map[op]string{opBelow: "<", opAbove: ">", opBetween: "< and <"}[o]
}

// comparable reports whether a field of this type can ever be the scalar.
func (a *accessor) comparable(value any) bool {
	switch value.(type) {
	case nil:
		return true
	case bool:
		return a.boolean()
	case string:
		return a.text()
	}
	return a.number()
}

// leaf reports whether a node compares a field.
func (n *armNode) leaf() bool { return n.kind != nil }

// drifts reports whether a Forecaster decides on the comparison.
func (n *armNode) drifts() bool { return n.leaf() && n.get.drifts }

// A bench judges arms, many in one go, with one call of each read and each Forecaster.
type bench struct {
	reg    *Registry
	at     int64
	change *Change // what happened, if anything did
	asks   map[*kind]*asking
}

type asking struct {
	questions []Question
	nodes     []*armNode
	ids       []string
}

// judge finds out what conditions say at an instant: at a change, of those on its entity; by time, of those that are due;
// and of those that were never judged. After an error what they say is as before, and they must be judged again.
func (b *bench) judge(ctx context.Context, arms []*arm) error {
	if err := b.look(ctx, arms); err != nil {
		return err
	}
	if err := b.ask(ctx, arms); err != nil {
		return err
	}
	for _, a := range arms {
		before := a.on
		a.on = a.tree(0, b.at)
		a.fire = a.on && !before && (!a.fresh || a.opts.IfTrue)
		a.fresh, a.stale, a.last = false, false, b.at
		a.due = a.next()
	}
	return nil
}

// affected reports whether a comparison must be looked at.
func (b *bench) affected(a *arm, n *armNode) bool {
	return n.leaf() && (a.fresh || a.stale || n.due <= b.at || b.concerns(n))
}

func (b *bench) concerns(n *armNode) bool {
	return b.change != nil && b.change.ID == n.id && b.change.Kind == n.kind.name
}

// look reads what does not drift.
func (b *bench) look(ctx context.Context, arms []*arm) error {
	reads := map[*kind]*asking{}
	for _, a := range arms {
		for i := range a.nodes {
			n := &a.nodes[i]
			switch {
			case !b.affected(a, n) || n.drifts():
			case b.concerns(n):
				n.see(b.change.Next)
			default:
				r := reads[n.kind]
				if r == nil {
					r = &asking{}
					reads[n.kind] = r
				}
				r.nodes, r.ids = append(r.nodes, n), append(r.ids, n.id)
			}
		}
	}
	for k, r := range reads {
		ids, err := distinct(r.ids)
		if err != nil {
			return err
		}
		seen := reading{ids: ids, states: make([]any, len(ids))}
		if err := k.look(ctx, &seen); err != nil {
			return err
		}
		for _, n := range r.nodes {
			state, err := k.published(ctx, seen.of(n.id))
			if err != nil {
				return err
			}
			n.see(state)
		}
	}
	return nil
}

// see takes the value of a field that does not drift.
func (n *armNode) see(state any) {
	switch n.op {
	case opBelow:
		order, ok := n.get.compare(state, n.high)
		n.raw = ok && order < 0
		order, ok = n.get.compare(state, n.rearm)
		n.beyond = !ok || order >= 0
	case opAbove:
		order, ok := n.get.compare(state, n.low)
		n.raw = ok && order > 0
		order, ok = n.get.compare(state, n.rearm)
		n.beyond = !ok || order <= 0
	case opBetween:
		low, ok := n.get.compare(state, n.low)
		high, _ := n.get.compare(state, n.high)
		n.raw = ok && low > 0 && high < 0
	case opIs:
		n.raw = n.get.is(state, n.value)
	}
}

// ask asks the Forecasters: first what holds now and when what does not will, then when what holds will not.
func (b *bench) ask(ctx context.Context, arms []*arm) error {
	b.asks = map[*kind]*asking{}
	for _, a := range arms {
		for i := range a.nodes {
			n := &a.nodes[i]
			if !b.affected(a, n) || n.kind.forecast == nil {
				continue
			}
			switch {
			case !n.drifts():
				if a.named == nil { // of a named one the holder of the timers publishes what time changes
					b.question(n, "", Less, 0)
				}
			case n.op == opBelow:
				b.question(n, n.get.path, Less, n.high)
			case n.op == opAbove:
				b.question(n, n.get.path, Greater, n.low)
			default:
				b.question(n, n.get.path, Greater, n.low)
				b.question(n, n.get.path, Less, n.high)
			}
		}
	}
	if err := b.answer(ctx, b.first); err != nil {
		return err
	}
	return b.answer(ctx, b.second)
}

func (b *bench) question(n *armNode, field string, c Comparison, value float64) {
	k := b.asks[n.kind]
	if k == nil {
		k = &asking{}
		b.asks[n.kind] = k
	}
	k.questions = append(k.questions, Question{ID: n.id, Field: field, Comparison: c, Value: value, From: fromMicros(b.at)})
	k.nodes = append(k.nodes, n)
}

// answer puts the questions to the Forecasters and has the answers to each comparison weighed, which may put more.
func (b *bench) answer(ctx context.Context, weigh func(n *armNode, answers []int64)) error {
	asks := b.asks
	b.asks = map[*kind]*asking{}
	for k, ask := range asks {
		answers, err := k.ask(ctx, ask.questions)
		if err != nil {
			return err
		}
		for i := 0; i < len(ask.nodes); {
			end := i + 1
			for end < len(ask.nodes) && ask.nodes[end] == ask.nodes[i] {
				end++
			}
			weigh(ask.nodes[i], answers[i:end])
			i = end
		}
	}
	return nil
}

// ask puts questions to a kind's Forecaster.
func (k *kind) ask(ctx context.Context, questions []Question) ([]int64, error) {
	answers := make([]int64, len(questions))
	for i := range answers {
		answers[i] = never
	}
	err := guard(func() error {
		return k.forecast(ctx, questions, func(i int, at time.Time) {
			if !at.IsZero() {
				answers[i] = max(micros(at), micros(questions[i].From))
			}
		})
	})
	if err != nil {
		return nil, fmt.Errorf("entity: forecast of %s: %w", k.name, err)
	}
	return answers, nil
}

// first weighs what a comparison says now.
func (b *bench) first(n *armNode, answers []int64) {
	n.due = never
	if !n.drifts() {
		if answers[0] > b.at {
			n.due = answers[0]
		}
		return
	}
	n.raw, n.beyond = true, false
	for _, at := range answers {
		if at > b.at {
			n.raw = false
			n.due = min(n.due, at)
		}
	}
	switch {
	case n.raw && n.op == opBelow:
		b.question(n, n.get.path, AtLeast, n.high)
	case n.raw && n.op == opAbove:
		b.question(n, n.get.path, AtMost, n.low)
	case n.raw:
		b.question(n, n.get.path, AtMost, n.low)
		b.question(n, n.get.path, AtLeast, n.high)
	case n.hasRearm && n.on && n.op == opBelow:
		b.question(n, n.get.path, AtLeast, n.rearm)
	case n.hasRearm && n.on:
		b.question(n, n.get.path, AtMost, n.rearm)
	}
}

// second weighs when a comparison that holds will not, and whether one that does not is at or beyond Rearm.
func (b *bench) second(n *armNode, answers []int64) {
	for _, at := range answers {
		if !n.raw && at == b.at {
			n.beyond = true
		} else if at > b.at {
			n.due = min(n.due, at)
		}
	}
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
