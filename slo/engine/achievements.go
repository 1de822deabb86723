package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

func compareText(a, b string) int { return strings.Compare(a, b) }

// earned is the record of an achievement.
type earned struct {
	At        time.Time
	Kept      bool // whatever is found out later, since an objective that may have earned it is gone
	Withdrawn bool // it has been told that it was earned, and then it was not
}

const earnedVersion = 1

// record is the achievement as it is stored. All of a system are read with each of its days, so it is short.
func (a *earned) record(system string, t streak.Type) storage.Record {
	w := writer{append(make([]byte, 0, 16), earnedVersion)}
	w.instant(a.At)
	w.bool(a.Kept)
	w.bool(a.Withdrawn)
	return storage.Record{Key: storage.Key{Kind: recordAchievement, ID: system, Sub: string(t)}, Data: w.data}
}

func readEarned(data []byte) (a earned, err error) {
	r := newReader(data)
	a.At = r.instant()
	a.Kept, a.Withdrawn = r.byte() != 0, r.byte() != 0
	if r.failed || len(r.data) > 0 {
		return earned{}, errors.New("engine: a stored achievement cannot be read")
	}
	return a, nil
}

// addEarned reads what the systems of groups have achieved.
func (e *Engine) addEarned(ctx context.Context, systems []string, groups []*group) error {
	found, err := e.earned(ctx, systems)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if of := found[g.system]; of != nil {
			g.earned = of
		}
	}
	return nil
}

func (e *Engine) earned(ctx context.Context, systems []string) (map[string]map[streak.Type]earned, error) {
	found := map[string]map[streak.Type]earned{}
	if len(systems) == 0 {
		return found, nil
	}
	keys := make([]storage.Key, len(systems))
	for i, id := range systems {
		keys[i] = storage.Key{Kind: recordAchievement, ID: id}
	}
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return nil, fmt.Errorf("engine: read achievements: %w", err)
		}
		a, err := readEarned(record.Data)
		if err != nil {
			return nil, err
		}
		if found[record.ID] == nil {
			found[record.ID] = map[streak.Type]earned{}
		}
		found[record.ID][streak.Type(record.Sub)] = a
	}
	return found, nil
}

// judgeAchievements finds out what the system earned at one of the instants from the group's first day on. What it had
// earned before stays.
func (d *daily) judgeAchievements(g *group) error {
	var rules []streak.Rule
	for _, rule := range d.engine.rules {
		if a, ok := g.earned[rule.Type]; !ok || a.Withdrawn || !a.Kept && a.At.After(g.from.Start()) {
			rules = append(rules, rule)
		}
	}
	now := map[streak.Type]time.Time{}
	for facts := range d.instants(g) {
		for _, earned := range streak.Evaluate(rules, facts) {
			now[earned] = facts.At
			rules = slices.DeleteFunc(rules, func(r streak.Rule) bool { return r.Type == earned })
		}
		if len(rules) == 0 {
			break
		}
	}
	for _, rule := range d.engine.rules {
		was, known := g.earned[rule.Type]
		at, holds := now[rule.Type]
		switch {
		case holds && (!known || was.Withdrawn || !was.At.Equal(at)):
			if err := g.put(rule.Type, earned{At: at}); err != nil {
				return err
			}
			g.gone = append(g.gone, milestoneKeys(g.system, rule.Type, was, known && !was.At.Equal(at))...)
		case !holds && known && !was.Withdrawn && !was.Kept && was.At.After(g.from.Start()):
			if err := g.put(rule.Type, earned{At: was.At, Withdrawn: true}); err != nil {
				return err
			}
			g.gone = append(g.gone, milestoneKeys(g.system, rule.Type, was, true)...)
		}
	}
	return nil
}

// put adds the rows of an achievement.
func (g *group) put(t streak.Type, a earned) error {
	rows, err := achievementRows(g.system, t, a)
	g.rows = append(g.rows, rows...)
	return err
}

func achievementRows(system string, t streak.Type, a earned) ([]storage.Record, error) {
	rows := []storage.Record{a.record(system, t)}
	if a.Withdrawn {
		return rows, nil
	}
	data, err := json.Marshal(streak.Achievement{SystemID: system, Type: t, At: a.At})
	return append(rows, storage.Record{Key: milestoneKey(system, t, a.At), Data: data}), err
}

// milestoneKey sorts by the instant.
func milestoneKey(system string, t streak.Type, at time.Time) storage.Key {
	const instant = "2006-01-02T15:04:05.000000Z"
	return storage.Key{Kind: recordMilestone, ID: at.UTC().Format(instant), Sub: fmt.Sprintf("%03d", len(system)) + system + string(t)}
}

func milestoneKeys(system string, t streak.Type, was earned, drop bool) []storage.Key {
	if !drop {
		return nil
	}
	return []storage.Key{milestoneKey(system, t, was.At)}
}
