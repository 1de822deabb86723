package entity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
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
		}
		for i, q := range questions {
			due := t.soon() // to refresh it, and ask again
			if err == nil {
				due = answers[i]
			}
			t.setFlip(k, q.ID, due)
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

// soon is when what failed is tried again.
func (t *timers) soon() int64 { return t.now() + time.Second.Microseconds() }

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
	f.due = due
	t.flips.put(f)
}

const refreshBatch = 500

// refreshDue refreshes the entities that change at the instant that is due.
func (t *timers) refreshDue() {
	due, batch := t.flips.pop()
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
		}
		op := &operation{kind: k, mode: refreshing, actor: &observed, at: due}
		err := op.do(t.reg.ctx, ids)
		if err != nil {
			t.reg.failed(fmt.Errorf("entity: refresh what time changed: %w", err))
		}
		for _, f := range batch[:n] {
			if err != nil {
				f.due = t.soon()
				t.flips.put(f)
				continue
			}
			delete(t.flipOf, entityKey{k.name, f.id})
			t.reask[entityKey{k.name, f.id}] = due
		}
		batch = batch[n:]
	}
}
