package entity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// apply looks at one change: at what was due before it, at the conditions on its entity, and at what time will do to it.
// Replayed changes concern the named watches alone that were just loaded.
func (t *timers) apply(c *Change, replayed bool) {
	arms := &t.late
	if !replayed {
		arms = &t.arms
		t.position = c.Position
	}
	if c.Kind == watchKind {
		if c.Version == 0 && t.token.Number != 0 && !replayed {
			t.reload(c.ID)
		}
		return
	}
	at, key := micros(c.At), entityKey{c.Kind, c.ID}
	t.reached = c.Position - 1
	t.requeue()
	for t.judgeDue(arms, min(at-1, t.now())) {
	}
	affected := t.affected(c, replayed)
	t.catchUpWith(affected, at)
	t.reached = c.Position
	t.judgeEach(affected, func(a *arm) int64 { return max(at, a.last) }, c)
	if !replayed {
		t.sawChange(key, c)
	}
	if t.token.Number != 0 && !replayed {
		if k := t.reg.kind(c.Kind); k != nil && k.forecast != nil {
			t.reask[key] = at
			delete(t.unasked, key)
		}
	}
}

// affected lists the arms with comparisons on the entity of a change that they have not seen.
func (t *timers) affected(c *Change, replayed bool) []*arm {
	var arms []*arm
	for n := t.first[entityKey{c.Kind, c.ID}]; n != nil; n = n.next {
		a := n.arm
		if a.mark || replayed != a.replaying() || c.Position <= a.from {
			continue
		}
		if c.Version == 0 || c.Version > a.version(n) {
			a.mark = true
			arms = append(arms, a)
		}
	}
	return arms
}

// catchUpWith judges those that could not be judged at an earlier instant once more, for that instant.
func (t *timers) catchUpWith(arms []*arm, at int64) {
	var stale []*arm
	for _, a := range arms {
		if a.stale && !a.fresh && a.next() < at {
			stale = append(stale, a)
		}
	}
	t.judgeEach(stale, (*arm).next, nil)
}

// judgeDue judges the conditions of the first instant that is due, no later than until.
func (t *timers) judgeDue(arms *dueHeap[*arm], until int64) bool {
	due, batch := arms.popDue(until)
	t.judgeEach(batch, t.dueAt(due), nil)
	return len(batch) > 0
}

// dueAt says at which instant an arm is to be judged that was due at another.
func (t *timers) dueAt(due int64) func(*arm) int64 {
	return func(a *arm) int64 {
		switch {
		case !a.stale:
			return due
		case a.fresh:
			return t.now()
		}
		return a.next()
	}
}

// judgeEach judges each of some arms at its own instant.
func (t *timers) judgeEach(arms []*arm, instant func(*arm) int64, c *Change) {
	arms = slices.DeleteFunc(arms, func(a *arm) bool { return !a.armed })
	slices.SortFunc(arms, func(a, b *arm) int { return cmp.Compare(instant(a), instant(b)) })
	for len(arms) > 0 {
		at, n := instant(arms[0]), 1
		for n < len(arms) && instant(arms[n]) == at {
			n++
		}
		t.judge(arms[:n], at, c)
		arms = arms[n:]
	}
}

// judge judges conditions and does what follows from it.
func (t *timers) judge(arms []*arm, at int64, c *Change) {
	slices.SortFunc(arms, byName)
	b := newBench(t.reg, at, c)
	if err := b.judge(t.reg.ctx, arms); err != nil {
		t.reg.failed(fmt.Errorf("entity: judge conditions: %w", err))
	}
	values := t.values(arms, c)
	for _, a := range arms {
		a.mark = false
		switch {
		case !a.stale:
			t.heapOf(a).put(a, a.next())
			t.follows(a, at, values[a])
		case a.isNamed():
			t.unload(a)
		default:
			t.arms.put(a, t.soon())
		}
	}
}

func byName(a, b *arm) int { return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.seq, b.seq)) }

// follows does what follows from a judgement.
func (t *timers) follows(a *arm, at int64, value any) {
	switch {
	case a.isNamed():
		t.keepNamed(a, at, value)
	case !a.fire:
	case a.once:
		t.drop(a)
		_ = a.fn(t.reg.ctx, Firing{})
	default:
		t.enqueue(a, Firing{Watch: a.name, At: fromMicros(at), Value: value})
	}
}

// values reads what those that fire tell: the first path of each, with one call of each read.
func (t *timers) values(arms []*arm, c *Change) map[*arm]any {
	var values map[*arm]any
	reads := map[*kind][]*arm{}
	for _, a := range arms {
		if !a.fire || a.once {
			continue
		}
		if values == nil {
			values = map[*arm]any{}
		}
		n := a.first()
		// What a nudge says of a field that drifts is as old as the last change.
		if c != nil && c.ID == n.id && c.Kind == n.get.kind.name && (c.Version > 0 || !n.get.drifts) {
			values[a], _ = n.get.scalar(c.Next)
		} else {
			reads[n.get.kind] = append(reads[n.get.kind], a)
		}
	}
	for k, arms := range reads {
		var ids []string
		for _, a := range arms {
			ids = append(ids, a.first().id)
		}
		seen, err := k.lookAt(t.reg.ctx, ids)
		t.reg.failed(err)
		for _, a := range arms {
			if n := a.first(); err == nil {
				state, err := k.shown(t.reg.ctx, seen.of(n.id))
				t.reg.failed(err)
				values[a], _ = n.get.scalar(state)
			}
		}
	}
	return values
}

// heapOf is where an arm waits for what is due.
func (t *timers) heapOf(a *arm) *dueHeap[*arm] {
	if a.replaying() {
		return &t.late
	}
	return &t.arms
}

// add begins to watch an arm.
func (t *timers) add(a *arm) {
	t.seq++
	a.seq, a.armed = t.seq, true
	for i := range a.nodes {
		n := &a.nodes[i]
		if !n.leaf() {
			continue
		}
		n.arm, n.prev, n.next = a, nil, t.first[n.key()]
		if n.next != nil {
			n.next.prev = n
		}
		t.first[n.key()] = n
	}
	t.listening()
}

// drop ends the watching of an arm.
func (t *timers) drop(a *arm) {
	if !a.armed {
		return
	}
	a.armed = false
	t.heapOf(a).remove(a)
	for i := range a.nodes {
		n := &a.nodes[i]
		if !n.leaf() {
			continue
		}
		switch {
		case n.prev != nil:
			n.prev.next = n.next
		case n.next != nil:
			t.first[n.key()] = n.next
		default:
			delete(t.first, n.key())
			delete(t.seen, n.key())
		}
		if n.next != nil {
			n.next.prev = n.prev
		}
		n.arm, n.prev, n.next = nil, nil, nil
	}
	t.listening()
}
