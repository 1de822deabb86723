package engine

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// SetSystemName keeps what people call a system; an empty name forgets it. It is shown where the system is an upstream, and
// with achievements. ErrInvalid: an ID outside its bounds, a name of more than 16 KB or of invalid UTF-8.
func (e *Engine) SetSystemName(ctx context.Context, system, name string) error {
	if err := e.check(); err != nil {
		return err
	}
	if err := checkID("system", system); err != nil {
		return err
	}
	if len(name) > maxText || !utf8.ValidString(name) {
		return invalid("name of system "+quote(system), quote(name), fmt.Sprintf("at most %d bytes of UTF-8", maxText))
	}
	return e.store.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.store.Lock(ctx, versionSystem, []string{system}); err != nil {
			return fmt.Errorf("engine: lock systems: %w", err)
		}
		key := storage.Key{Kind: recordName, ID: system}
		was := ""
		for record, err := range e.store.Get(ctx, []storage.Key{key}) {
			if err != nil {
				return fmt.Errorf("engine: read names: %w", err)
			}
			was = string(record.Data)
		}
		if was == name {
			return nil
		}
		if err := e.store.Put(ctx, []storage.Record{{Key: key, Data: []byte(name)}}); err != nil {
			return fmt.Errorf("engine: write names: %w", err)
		}
		_, err := e.bump(ctx, systemVersion(system))
		return err
	})
}

// DeleteSystem deletes all that is known of a system: its objectives, with all that belongs to them, its observations, what
// others have stated about it, its maintenance, achievements and name, what it depends on, and that others depend on it:
// what it had excused is then their own. Revisions that were used stay used. Of a system that nobody knows it deletes
// nothing.
func (e *Engine) DeleteSystem(ctx context.Context, system string) error {
	if err := e.check(); err != nil {
		return err
	}
	if err := checkID("system", system); err != nil {
		return err
	}
	return e.store.InTx(ctx, func(ctx context.Context) error {
		of, err := e.members(ctx, []string{system})
		if err != nil {
			return err
		}
		if _, err := e.store.Lock(ctx, kindSLO, of[system]); err != nil {
			return fmt.Errorf("engine: lock objectives: %w", err)
		}
		objectives, err := e.ForSystems(ctx, system)
		if err != nil {
			return err
		}
		for _, o := range objectives[system] {
			if !slices.Contains(of[system], o.ID) {
				continue // it is not locked, since it was created meanwhile: it comes after the deletion
			}
			if err := e.remove(ctx, o.ID); err != nil {
				return err
			}
		}
		_, err = e.trophies.Remove(ctx, system, func(ctx context.Context) error { return e.deleteAchievements(ctx, system) }, nil)
		if err != nil {
			return err
		}
		return e.forget(ctx, system)
	})
}

func (e *Engine) deleteAchievements(ctx context.Context, system string) error {
	all, err := e.earned(ctx, []string{system})
	if err != nil {
		return err
	}
	keys := []storage.Key{{Kind: recordAchievement, ID: system}}
	for t, a := range all[system] {
		keys = append(keys, milestoneKey(system, t, a.At))
	}
	if err := e.store.Delete(ctx, keys); err != nil {
		return fmt.Errorf("engine: delete achievements: %w", err)
	}
	return nil
}

// forget deletes a system's facts. Those who depend on it have their own facts, which name it: a fact of its own says that
// what they said so far counts no longer.
func (e *Engine) forget(ctx context.Context, id string) error {
	if _, err := e.store.Lock(ctx, versionSystem, []string{id}); err != nil {
		return fmt.Errorf("engine: lock systems: %w", err)
	}
	versions, err := e.store.Versions(ctx, []storage.VersionKey{systemVersion(id)})
	if err != nil {
		return fmt.Errorf("engine: read versions: %w", err)
	}
	dependedOn := false
	for _, err := range e.store.Get(ctx, []storage.Key{{Kind: recordDependent, ID: id}}) {
		if err != nil {
			return fmt.Errorf("engine: read dependents: %w", err)
		}
		dependedOn = true
		break
	}
	if versions[0] == 0 && !dependedOn { // nobody has said anything about it
		return nil
	}
	known, err := e.readStored(ctx, []string{id}, nil)
	if err != nil {
		return err
	}
	s := known[id]
	keys := []storage.Key{{Kind: recordName, ID: id}}
	for _, upstream := range s.upstreamIDs() {
		keys = append(keys, storage.Key{Kind: recordDependent, ID: upstream, Sub: id})
	}
	if err := e.store.Delete(ctx, keys); err != nil {
		return fmt.Errorf("engine: delete system: %w", err)
	}
	if err := e.store.DeleteFacts(ctx, []string{id}); err != nil {
		return fmt.Errorf("engine: delete facts: %w", err)
	}
	at := e.now()
	if at.Before(s.deleted) { // by a clock that is ahead of this one
		at = s.deleted
	}
	w := writing{engine: e}
	w.facts = append(w.facts, deletionFact(&deletion{id, at}))
	w.touch(id, firstInstant)
	return w.run(ctx)
}

// Trouble says what is wrong with an objective.
type Trouble string

// From the worst to the least bad.
const (
	TroubleBreaching Trouble = "breaching" // more of the budget is consumed than there was
	TroubleDown      Trouble = "down"      // what counts is down now
	TroubleAtRisk    Trouble = "at-risk"   // at most 20 % of the budget is left
)

// Problem is an objective that is not as it should be.
type Problem struct {
	Trouble Trouble // the worst that is true of it
	Status  slo.Status
}

// Problems returns what is wrong with the objectives of each of the systems now, the worst first, then by ID. A system
// without a problem is not in the map. Live health has a say, as for Status.
func (e *Engine) Problems(ctx context.Context, systems []string) (map[string][]Problem, error) {
	statuses, err := e.StatusesForSystems(ctx, systems)
	if err != nil {
		return nil, err
	}
	order := []Trouble{TroubleBreaching, TroubleDown, TroubleAtRisk}
	found := map[string][]Problem{}
	for system, list := range statuses {
		for _, st := range list {
			if trouble := troubleOf(&st); trouble != "" {
				found[system] = append(found[system], Problem{trouble, st})
			}
		}
		slices.SortStableFunc(found[system], func(a, b Problem) int {
			return slices.Index(order, a.Trouble) - slices.Index(order, b.Trouble)
		})
		if len(found[system]) == 0 {
			delete(found, system)
		}
	}
	return found, nil
}

func troubleOf(st *slo.Status) Trouble {
	switch {
	case st.Breaching:
		return TroubleBreaching
	case st.Down:
		return TroubleDown
	case st.Budget.RemainingPercent <= atRisk:
		return TroubleAtRisk
	}
	return ""
}
