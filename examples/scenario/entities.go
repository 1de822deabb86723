package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/streak"
)

type watchKeys struct {
	ID string           `key:"id,required"`
	If entity.Condition `key:"if,required"`
}

// watch begins to watch a condition. One of an ID that is there stays if it is the same, and is replaced if not.
func (p *player) watch(k *watchKeys) (any, error) {
	was, there := p.watches[k.ID]
	if there && was.condition == k.If.String() {
		return nil, nil
	}
	stop, err := p.engine.Entities().Watch(p.ctx, k.If, p.out.fired, &entity.WatchOptions{Name: k.ID})
	if err != nil {
		return nil, err
	}
	if there {
		was.stop()
	}
	p.watches[k.ID] = watch{k.If.String(), stop}
	return nil, nil
}

type watch struct {
	condition string
	stop      func()
}

type idKey struct {
	ID string `key:"id,required"`
}

func (p *player) unwatch(k *idKey) (any, error) {
	w, there := p.watches[k.ID]
	if !there {
		return nil, fmt.Errorf("%w: watch %q", entity.ErrNotFound, k.ID)
	}
	w.stop()
	delete(p.watches, k.ID)
	return nil, nil
}

// kinds are the kinds of the Engine's entities, with the fields of each that drift.
var kinds = map[string][]string{"slo": {"budgetRemainingPercent"}, "achievements": nil, "digest": nil}

func checkKind(kind string) error {
	if _, known := kinds[kind]; !known {
		return fmt.Errorf("kind: %q: want slo, achievements or digest", kind)
	}
	return nil
}

type entityKeys struct {
	Kind string `key:"kind,required"`
	ID   string `key:"id,required"`
}

// entity reads the Log: not all kinds have a handle outside of the Engine.
func (p *player) entity(k *entityKeys) (any, error) {
	if err := checkKind(k.Kind); err != nil {
		return nil, err
	}
	out := entityResult{Since: map[string]*time.Time{}}
	for head, err := range p.store.Heads(p.ctx, k.Kind, []string{k.ID}) {
		if err != nil {
			return nil, err
		}
		out.State, out.Version = head.Published, head.Version
	}
	if out.State == nil {
		return nil, fmt.Errorf("%w: entity %q of kind %s", entity.ErrNotFound, k.ID, k.Kind)
	}
	if k.Kind == p.engine.SLOs().Kind() { // the rest of it as it is now
		var err error
		if out.State, err = p.engine.SLOs().Get(p.ctx, k.ID); err != nil {
			return nil, err
		}
	}
	state, err := json.Marshal(out.State)
	if err != nil {
		return nil, err
	}
	fields, err := parseObject(state)
	if err != nil {
		return nil, err
	}
	for field := range fields {
		if slices.Contains(kinds[k.Kind], field) {
			continue
		}
		if out.Since[field], err = p.since(k, field); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// since is since when a field has its value; nil: nobody knows.
func (p *player) since(k *entityKeys, field string) (*time.Time, error) {
	for i, err := range p.store.Intervals(p.ctx, k.Kind, k.ID, field, p.clock.Now()) {
		if err != nil {
			return nil, err
		}
		if i.Until.IsZero() {
			return &i.Since, nil
		}
	}
	return nil, nil
}

type changesKeys struct {
	Kind string `key:"kind,required"`
}

func (p *player) changes(k *changesKeys) (any, error) {
	if err := checkKind(k.Kind); err != nil {
		return nil, err
	}
	out := changesResult{[]changeResult{}}
	for c, err := range p.store.Changes(p.ctx, 0) {
		if err != nil {
			return nil, err
		}
		if c.Kind == k.Kind && c.Version > 0 {
			out.Changes = append(out.Changes, changeResult{c.ID, c.Version, c.Fields, c.Prev, c.Next})
		}
	}
	return out, nil
}

// subscribe has events printed.
func (p *player) subscribe() error {
	_, err := p.engine.SLOs().OnChange(func(_ context.Context, c entity.Typed[engine.SLOState]) error {
		p.out.happened("1 status", c.Position, statusEvent{
			Event: "status", changeResult: changeResult{c.ID, c.Version, c.Fields, c.Prev, c.Next},
		})
		return nil
	}, nil)
	if err != nil {
		return err
	}
	_, err = p.engine.OnAchievement(func(_ context.Context, a streak.Achievement) error {
		p.out.happened("2 "+a.SystemID+" "+string(a.Type), 0, achievementEvent{"achievement", a.SystemID, a.Type, a.At})
		return nil
	}, nil)
	return err
}
