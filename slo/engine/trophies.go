package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

const kindAchievements = "achievements"

// EventUnlocked is the name of the event that a system has earned an achievement, for [entity.Registry.OnEvent]: a Change
// of kind "achievements". It is fired once for each system and type, ever, also if the achievement is withdrawn meanwhile.
const EventUnlocked = "achievement.unlocked"

// SystemAchievements is the state of an entity of kind "achievements", which a system has once it has earned one.
type SystemAchievements struct {
	SystemID     string               `json:"systemId"`
	Achievements []streak.Achievement `json:"achievements"` // those that hold, by type
	Unlocked     []streak.Type        `json:"unlocked"`     // those that ever held, sorted
}

// unlocked lists what a change adds to what ever held.
func unlocked(prev, next *SystemAchievements) []streak.Achievement {
	if next == nil {
		return nil
	}
	var list []streak.Achievement
	for _, a := range next.Achievements {
		if prev == nil || !slices.Contains(prev.Unlocked, a.Type) {
			list = append(list, a)
		}
	}
	return list
}

// OnAchievement calls handler for each achievement that a system earns for the first time, as [entity.Handle.OnChange] does
// for changes: at least once, and again after an error.
func (e *Engine) OnAchievement(handler func(ctx context.Context, a streak.Achievement) error, opts *entity.SubscribeOptions) (stop func(), err error) {
	if handler == nil {
		return nil, invalid("handler", "nil", "a function")
	}
	return e.registry.OnEvent(EventUnlocked, func(ctx context.Context, event entity.Event) error {
		change, ok := entity.As[SystemAchievements](event.Change)
		if !ok {
			return fmt.Errorf("engine: event %s of kind %q", event.Name, event.Change.Kind)
		}
		for _, a := range unlocked(change.Prev, change.Next) {
			if err := handler(ctx, a); err != nil {
				return err
			}
		}
		return nil
	}, opts)
}

func (e *Engine) defineTrophies() error {
	var err error
	e.trophies, err = entity.Define(e.registry, kindAchievements, e.readTrophies, nil)
	if err != nil {
		return err
	}
	return e.trophies.Derive(func(prev, next *SystemAchievements) []string {
		if len(unlocked(prev, next)) > 0 {
			return []string{EventUnlocked}
		}
		return nil
	})
}

func (e *Engine) readTrophies(ctx context.Context, ids []string, found func(string, SystemAchievements)) error {
	all, err := e.earned(ctx, ids)
	if err != nil {
		return err
	}
	for id, of := range all {
		state := SystemAchievements{SystemID: id, Achievements: []streak.Achievement{}}
		for _, t := range slices.Sorted(maps.Keys(of)) {
			state.Unlocked = append(state.Unlocked, t)
			if a := of[t]; !a.Withdrawn {
				state.Achievements = append(state.Achievements, streak.Achievement{SystemID: id, Type: t, At: a.At})
			}
		}
		found(id, state)
	}
	return nil
}

// putTrophies writes rows of groups; those of achievements as changes of the systems' entities.
func (e *Engine) putTrophies(ctx context.Context, groups []*group, rows []storage.Record, gone []storage.Key) error {
	write := func(ctx context.Context) error {
		if err := e.store.Delete(ctx, gone); err != nil {
			return fmt.Errorf("engine: delete achievements: %w", err)
		}
		if err := e.store.Put(ctx, rows); err != nil {
			return fmt.Errorf("engine: write days: %w", err)
		}
		return nil
	}
	systems := achieving(groups)
	if len(systems) == 0 {
		return write(ctx)
	}
	_, err := e.trophies.MutateMany(ctx, systems, write, nil)
	return err
}

// achieving lists the systems of groups that write achievements, in their order.
func achieving(groups []*group) []string {
	var systems []string
	for _, g := range groups {
		if slices.ContainsFunc(g.rows, func(r storage.Record) bool { return r.Kind == recordAchievement }) {
			systems = append(systems, g.system)
		}
	}
	return systems
}

// lockEarned locks what systems have achieved, and reads it.
func (e *Engine) lockEarned(ctx context.Context, systems []string) (map[string]map[streak.Type]earned, error) {
	if len(systems) == 0 {
		return nil, nil
	}
	if _, err := e.store.Lock(ctx, kindAchievements, systems); err != nil {
		return nil, fmt.Errorf("engine: lock achievements: %w", err)
	}
	return e.earned(ctx, systems)
}

// keepAchievements has what a system has achieved stay, whatever is found out later, since one of its objectives is about to
// be deleted.
func (e *Engine) keepAchievements(ctx context.Context, system string) error {
	all, err := e.lockEarned(ctx, []string{system})
	if err != nil {
		return err
	}
	var rows []storage.Record
	for _, t := range slices.Sorted(maps.Keys(all[system])) {
		a := all[system][t]
		if a.Withdrawn || a.Kept {
			continue
		}
		a.Kept = true
		rows = append(rows, a.record(system, t))
	}
	if err := e.store.Put(ctx, rows); err != nil {
		return fmt.Errorf("engine: write achievements: %w", err)
	}
	return nil
}

// Achievements returns what each of the systems has achieved, by type. A system without any is not in the map.
func (e *Engine) Achievements(ctx context.Context, systems []string) (map[string][]streak.Achievement, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkIDs("system", systems); err != nil {
		return nil, err
	}
	found := map[string][]streak.Achievement{}
	err := e.readTrophies(ctx, systems, func(id string, state SystemAchievements) {
		if len(state.Achievements) > 0 {
			found[id] = state.Achievements
		}
	})
	return found, err
}

// Milestone is an achievement, and who has earned it.
type Milestone struct {
	streak.Achievement
	SystemName string `json:"systemName"` // empty where none is known
}

// Milestones returns the newest achievements of all systems, the newest first, at most as many as limit. ErrInvalid: a limit
// below 1.
func (e *Engine) Milestones(ctx context.Context, limit int) ([]Milestone, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, invalid("limit", limit, "1 or more")
	}
	var list []Milestone
	var names []storage.Key
	for record, err := range e.store.List(ctx, storage.Range{Kind: recordMilestone, Limit: limit, Backward: true}) {
		if err != nil {
			return nil, fmt.Errorf("engine: read milestones: %w", err)
		}
		var m Milestone
		if err := json.Unmarshal(record.Data, &m.Achievement); err != nil {
			return nil, fmt.Errorf("engine: a stored milestone cannot be read: %w", err)
		}
		list = append(list, m)
		names = append(names, storage.Key{Kind: recordName, ID: m.SystemID})
	}
	if len(list) == 0 {
		return nil, nil
	}
	for record, err := range e.store.Get(ctx, names) {
		if err != nil {
			return nil, fmt.Errorf("engine: read names: %w", err)
		}
		for i := range list {
			if list[i].SystemID == record.ID {
				list[i].SystemName = string(record.Data)
			}
		}
	}
	return list, nil
}
