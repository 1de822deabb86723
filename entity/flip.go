package entity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// flip is an entity that time changes.
type flip struct {
	slot
	kind *kind
	id   string
}

// settleFlips asks when time changes the entities that moved.
func (t *timers) settleFlips() bool {
	if len(t.reask) == 0 {
		return false
	}
	byKind := map[string][]Question{}
	for key, from := range t.reask {
		byKind[key.kind] = append(byKind[key.kind], Question{ID: key.id, From: fromMicros(from)})
	}
	clear(t.reask)
	for name, questions := range byKind {
		k := t.reg.kind(name)
		slices.SortFunc(questions, func(a, b Question) int { return strings.Compare(a.ID, b.ID) })
		answers, err := t.askFlips(k, questions)
		if err != nil {
			t.reg.failed(err)
			t.again = min(t.again, t.soon())
		}
		for i, q := range questions {
			if err != nil {
				t.unasked[entityKey{name, q.ID}] = micros(q.From)
			} else {
				t.setFlip(k, q.ID, answers[i])
			}
		}
	}
	return true
}

// askFlips asks when time changes entities next. Of what it changed before now, while nobody was there to see it, the last
// instant counts: a refresh finds the state as it has been since then.
func (t *timers) askFlips(k *kind, questions []Question) ([]int64, error) {
	answers, err := k.askFlips(t.reg.ctx, questions)
	if err != nil {
		return nil, err
	}
	for range 1000 {
		var late []int
		var again []Question
		for i, at := range answers {
			if at <= t.now() {
				late = append(late, i)
				again = append(again, Question{ID: questions[i].ID, From: fromMicros(at)})
			}
		}
		if len(late) == 0 {
			return answers, nil
		}
		later, err := k.askFlips(t.reg.ctx, again)
		if err != nil {
			return nil, err
		}
		moved := false
		for n, i := range late {
			if later[n] <= t.now() {
				answers[i], moved = later[n], true
			}
		}
		if !moved {
			return answers, nil
		}
	}
	return answers, nil
}

// askFlips is ask for questions whose answer is after From.
func (k *kind) askFlips(ctx context.Context, questions []Question) ([]int64, error) {
	answers, err := k.ask(ctx, questions)
	for i, at := range answers {
		if at <= micros(questions[i].From) {
			answers[i] = never
		}
	}
	return answers, err
}

func (t *timers) setFlip(k *kind, id string, due int64) {
	key := entityKey{k.name, id}
	f := t.flipOf[key]
	if due == never {
		if f != nil {
			t.flips.remove(f)
			delete(t.flipOf, key)
		}
		return
	}
	if f == nil {
		f = &flip{kind: k, id: id}
		t.flipOf[key] = f
	}
	t.flips.put(f, due)
}

const refreshBatch = 500

// refreshDue refreshes the entities that change at the instant that is due.
func (t *timers) refreshDue() {
	due, batch := t.flips.popDue(never)
	slices.SortFunc(batch, func(a, b *flip) int {
		return cmp.Or(strings.Compare(a.kind.name, b.kind.name), strings.Compare(a.id, b.id))
	})
	for len(batch) > 0 {
		n := 1
		for n < len(batch) && n < refreshBatch && batch[n].kind == batch[0].kind {
			n++
		}
		k, ids := batch[0].kind, make([]string, n)
		for i, f := range batch[:n] {
			ids[i] = f.id
			delete(t.flipOf, entityKey{k.name, f.id})
		}
		t.refreshAt(k, t.notFlippedSince(k, ids, due), due)
		batch = batch[n:]
	}
}

// notFlippedSince puts off those that time has changed once more by now.
func (t *timers) notFlippedSince(k *kind, ids []string, due int64) []string {
	now := t.now()
	if due == now {
		return ids
	}
	questions := make([]Question, len(ids))
	for i, id := range ids {
		questions[i] = Question{ID: id, From: fromMicros(due)}
	}
	answers, err := t.askFlips(k, questions)
	if err != nil {
		t.putOff(k, ids, due, err)
		return nil
	}
	var rest []string
	for i, id := range ids {
		if answers[i] <= now {
			t.setFlip(k, id, answers[i])
		} else {
			rest = append(rest, id)
		}
	}
	return rest
}

// refreshAt refreshes entities, together or, where that fails, each by itself.
func (t *timers) refreshAt(k *kind, ids []string, due int64) {
	refresh := func(ids []string) error {
		op := &operation{kind: k, mode: refreshing, actor: &observed, at: due}
		return op.do(t.reg.ctx, ids)
	}
	together := refresh(ids)
	for i, id := range ids {
		err := together
		if err != nil && len(ids) > 1 {
			err = refresh(ids[i : i+1 : i+1])
		}
		if err != nil {
			t.putOff(k, ids[i:i+1], due, fmt.Errorf("entity: refresh what time changed: %w", err))
		} else {
			t.reask[entityKey{k.name, id}] = due
		}
	}
}

// putOff has entities whose flips are due refreshed a while later, as of that instant.
func (t *timers) putOff(k *kind, ids []string, due int64, err error) {
	t.reg.failed(err)
	t.again = min(t.again, t.soon())
	for _, id := range ids {
		t.unasked[entityKey{k.name, id}] = due - 1
	}
}
