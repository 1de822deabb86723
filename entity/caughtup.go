package entity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// lookAgain is how long, in real time, the timers wait for changes that are on their way.
const lookAgain = 20 * time.Millisecond

// progressMark is how far an entity's changes have been looked at: to that Version, with what came after it until then.
type progressMark struct {
	version int64
	at      int64
}

// ready returns those of some arms that are due of whose entities all changes have been looked at. For the others a shared
// Log has some that are committed, and still on their way to this process: what they change may have been before.
func (t *timers) ready(arms []*arm) []*arm {
	if !t.reg.shared || len(arms) == 0 {
		return arms
	}
	behind, err := t.behindOf(t.reg.ctx, arms)
	if err != nil {
		t.reg.failed(err)
		t.lookLater(t.reg.poll)
		t.waiting = append(t.waiting, arms...)
		return nil
	}
	var ready []*arm
	for _, a := range arms {
		if a.anyOf(behind) {
			t.waiting = append(t.waiting, a)
		} else {
			ready = append(ready, a)
		}
	}
	if len(ready) < len(arms) {
		t.lookLater(lookAgain)
		t.reg.poke()
	}
	return ready
}

// anyOf reports whether an arm has a comparison on one of some entities.
func (a *arm) anyOf(entities map[entityKey]bool) bool {
	return slices.ContainsFunc(a.nodes, func(n armNode) bool { return n.leaf() && entities[n.key()] })
}

// behindOf says of which entities of some arms there are changes that have not been looked at.
func (t *timers) behindOf(ctx context.Context, arms []*arm) (map[entityKey]bool, error) {
	committed, err := t.committed(ctx, arms)
	if err != nil {
		return nil, err
	}
	behind := map[entityKey]bool{}
	for key, mark := range committed {
		if seen, known := t.seen[key]; !known || seen != mark {
			behind[key] = true
		}
	}
	if len(behind) == 0 {
		return behind, nil
	}
	last, drained, err := t.reg.log.Last(ctx)
	if err != nil {
		return nil, fmt.Errorf("entity: read the last position: %w", err)
	}
	if !drained || t.position < last {
		return behind, nil
	}
	for key := range behind { // nothing is on its way, so it has been looked at
		t.seen[key] = committed[key]
	}
	return nil, nil
}

// committed reads how far the entities of some arms are.
func (t *timers) committed(ctx context.Context, arms []*arm) (map[entityKey]progressMark, error) {
	ids := map[string][]string{}
	marks := map[entityKey]progressMark{}
	for _, a := range arms {
		for i := range a.nodes {
			if n := &a.nodes[i]; n.leaf() {
				ids[n.get.kind.name] = append(ids[n.get.kind.name], n.id)
				marks[n.key()] = progressMark{}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(ids)) {
		for head, err := range t.reg.log.Heads(ctx, kind, slices.Compact(slices.Sorted(slices.Values(ids[kind])))) {
			if err != nil {
				return nil, fmt.Errorf("entity: read heads of %s: %w", kind, err)
			}
			marks[entityKey{kind, head.ID}] = progressMark{head.Version, micros(head.At)}
		}
	}
	return marks, nil
}

// sawChange notes that a change has been looked at.
func (t *timers) sawChange(key entityKey, c *Change) {
	if !t.reg.shared || t.first[key] == nil {
		return
	}
	mark := progressMark{c.Version, micros(c.At)}
	if c.Version == 0 {
		mark.version = t.seen[key].version
		if _, known := t.seen[key]; !known {
			return
		}
	}
	t.seen[key] = mark
}

// requeue puts the arms that wait for changes where what is due is looked for.
func (t *timers) requeue() {
	for _, a := range t.waiting {
		if a.armed {
			t.heapOf(a).put(a, a.next())
		}
	}
	t.waiting = t.waiting[:0]
}

// lookLater wakes the timers after a while of real time.
func (t *timers) lookLater(d time.Duration) {
	timer := time.AfterFunc(d, t.bell.ring)
	if t.later != nil {
		t.later.Stop()
	}
	t.later = timer
}
