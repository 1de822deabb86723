package entity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A bench judges arms, many in one go, with one call of each read and two of each Forecaster.
type bench struct {
	reg    *Registry
	at     int64
	now    int64
	change *Change // what happened, if anything did
	asks   map[*kind]*asking
	errs   []error
}

// asking is what a kind is asked.
type asking struct {
	questions []Question
	nodes     []*armNode
	ids       []string
}

func newBench(reg *Registry, at int64, c *Change) *bench {
	return &bench{reg: reg, at: at, now: micros(reg.clock.Now()), change: c}
}

// judge finds out what conditions say at an instant: at a change, of those on its entity; by time, of those that are due;
// and of those that were never judged. Where it fails, an arm is stale: it says what it said before, and must be judged
// again.
func (b *bench) judge(ctx context.Context, arms []*arm) error {
	var unread []*armNode
	for _, a := range arms {
		for i := range a.nodes {
			if n := &a.nodes[i]; b.affected(a, n) && !b.take(a, n) {
				unread = append(unread, n)
			}
		}
	}
	b.answer(ctx, b.first)
	b.answer(ctx, b.second)
	b.look(ctx, unread)
	for _, a := range arms {
		b.conclude(a)
	}
	return errors.Join(b.errs...)
}

// conclude says what an arm says now that its comparisons do.
func (b *bench) conclude(a *arm) {
	a.fire, a.stale = false, false
	for i := range a.nodes {
		a.stale = a.stale || a.nodes[i].failed
	}
	if a.stale {
		return
	}
	before := a.on
	a.on = a.tree(0, b.at)
	a.fire = a.on && !before && (!a.fresh || a.opts.IfTrue)
	a.fresh, a.last = false, b.at
}

// affected reports whether a comparison must be looked at.
func (b *bench) affected(a *arm, n *armNode) bool {
	return n.leaf() && (a.fresh || n.due <= b.at || b.concerns(n))
}

func (b *bench) concerns(n *armNode) bool {
	return b.change != nil && b.change.ID == n.id && b.change.Kind == n.get.kind.name
}

// take takes what the change says of a comparison, and puts down what its Forecaster is to be asked. It reports false where
// the field must be read.
func (b *bench) take(a *arm, n *armNode) bool {
	n.failed = false
	concerns := b.concerns(n)
	switch {
	case n.get.drifts && concerns && b.change.Next == nil: // whatever a Forecaster says of what comes after
		n.raw, n.beyond, n.due = false, true, never
		return true
	case n.get.drifts:
		n.ask(b)
		return true
	case n.get.kind.forecast != nil && !a.isNamed(): // of a named one the holder of the timers publishes what time changes
		b.question(n, "", Less, 0)
	}
	if concerns && b.change.Version == 0 { // a nudge is of the future: what was published is as it was
		return !a.fresh && n.due > b.at
	}
	if concerns {
		n.see(b.change.Next)
	}
	return concerns
}

// look reads what the change does not say.
func (b *bench) look(ctx context.Context, unread []*armNode) {
	reads := map[*kind]*asking{}
	for _, n := range unread {
		if n.due > b.at && n.due <= b.now {
			continue // time has changed it again since: what a read finds is so since then
		}
		r := reads[n.get.kind]
		if r == nil {
			r = &asking{}
			reads[n.get.kind] = r
		}
		r.nodes, r.ids = append(r.nodes, n), append(r.ids, n.id)
	}
	for k, r := range reads {
		seen, err := k.lookAt(ctx, r.ids)
		if err != nil {
			b.fail(err, r.nodes...)
			continue
		}
		for _, n := range r.nodes {
			state, err := k.shown(ctx, seen.of(n.id))
			if err != nil {
				b.fail(err, n)
				continue
			}
			n.see(state)
			if k.forecast == nil {
				n.due = never
			}
		}
	}
}

// lookAt reads entities, of which some may be named twice.
func (k *kind) lookAt(ctx context.Context, ids []string) (*reading, error) {
	ids, err := distinct(ids)
	if err != nil {
		return nil, err
	}
	seen := &reading{ids: ids, states: make([]any, len(ids))}
	return seen, k.look(ctx, seen)
}

// shown is published where no caller is left to be told of a panic: states may encode and redact themselves.
func (k *kind) shown(ctx context.Context, state any) (shown any, err error) {
	err = guard(func() (err error) {
		shown, err = k.published(ctx, state)
		return err
	})
	return shown, err
}

// fail marks comparisons that are to be looked at again, as of this instant or an earlier one.
func (b *bench) fail(err error, nodes ...*armNode) {
	b.errs = append(b.errs, err)
	for _, n := range nodes {
		n.failed = true
		n.due = min(n.due, b.at)
	}
}

// see takes the value of a field that does not drift.
func (n *armNode) see(state any) {
	if n.op == opIs {
		n.raw = n.get.is(state, n.value)
		return
	}
	order, ok := n.get.compare(state, n.bound)
	other, _ := n.get.compare(state, n.other)
	switch n.op {
	case opBelow:
		n.raw, n.beyond = ok && order < 0, !ok || other >= 0
	case opAbove:
		n.raw, n.beyond = ok && order > 0, !ok || other <= 0
	case opBetween:
		n.raw = ok && order > 0 && other < 0
	}
}

// ask puts down what a Forecaster is asked first of a field that drifts: what holds now, and when what does not will.
func (n *armNode) ask(b *bench) {
	switch n.op {
	case opBelow:
		b.question(n, n.get.path, Less, n.bound)
	case opAbove:
		b.question(n, n.get.path, Greater, n.bound)
	default:
		b.question(n, n.get.path, Greater, n.bound)
		b.question(n, n.get.path, Less, n.other)
	}
}

func (b *bench) question(n *armNode, field string, c Comparison, value float64) {
	k := n.get.kind
	if b.asks == nil {
		b.asks = map[*kind]*asking{}
	}
	if b.asks[k] == nil {
		b.asks[k] = &asking{}
	}
	ask := b.asks[k]
	ask.questions = append(ask.questions, Question{ID: n.id, Field: field, Comparison: c, Value: value, From: fromMicros(b.at)})
	ask.nodes = append(ask.nodes, n)
}

// answer puts the questions to the Forecasters and has the answers to each comparison weighed, which may put more.
func (b *bench) answer(ctx context.Context, weigh func(n *armNode, answers []int64)) {
	asks := b.asks
	b.asks = nil
	for k, ask := range asks {
		answers, err := k.ask(ctx, ask.questions)
		if err != nil {
			b.unanswered(ask.nodes, err)
			continue
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
}

// unanswered has a Forecaster asked again soon. What does not drift is known without it.
func (b *bench) unanswered(nodes []*armNode, err error) {
	var drifting []*armNode
	for _, n := range nodes {
		if n.get.drifts {
			drifting = append(drifting, n)
		} else {
			n.due = b.now + soon
		}
	}
	b.fail(err, drifting...)
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
	if !n.get.drifts {
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
		b.question(n, n.get.path, AtLeast, n.bound)
	case n.raw && n.op == opAbove:
		b.question(n, n.get.path, AtMost, n.bound)
	case n.raw:
		b.question(n, n.get.path, AtMost, n.bound)
		b.question(n, n.get.path, AtLeast, n.other)
	case n.hasRearm && n.on && n.op == opBelow:
		b.question(n, n.get.path, AtLeast, n.other)
	case n.hasRearm && n.on:
		b.question(n, n.get.path, AtMost, n.other)
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
