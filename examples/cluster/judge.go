package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/streak"
)

// handled is a row of the host's table.
type handled struct {
	Kind, ID   string
	Version    int64
	Prev, Next string
	N, Times   int64
	Other      bool
}

// judge waits until everything was handled, and looks at it.
func (d *driver) judge(ctx context.Context, s *servers) error {
	var list []string
	for deadline := time.Now().Add(timeout); ; pause(ctx, 50*time.Millisecond) {
		rows, err := d.handled(ctx, s)
		if err != nil {
			return err
		}
		if list, err = d.faultsOf(ctx, s, rows); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err() // what is missing may be on its way
		}
		if len(list) == 0 || time.Now().After(deadline) {
			break
		}
	}
	if len(list) > 0 {
		return &difference{"what was handled is not what happened", list}
	}
	return nil
}

// handled reads what was handled, each entity's changes by Version.
func (d *driver) handled(ctx context.Context, s *servers) ([]handled, error) {
	rows, err := s.pool.Query(ctx, `SELECT kind, id, version, prev, next, n, times, other FROM `+table(s.name))
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[handled])
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b handled) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Version, b.Version))
	})
	d.report.handled(list)
	return list, nil
}

// faultsOf says what is not as it should be.
func (d *driver) faultsOf(ctx context.Context, s *servers, rows []handled) ([]string, error) {
	var list []string
	complain := func(text string) { list = append(list, text) }
	last := lastOf(rows, complain)
	if err := d.compareLast(ctx, s, last, complain); err != nil {
		return nil, err
	}
	records, err := d.records(ctx, s)
	if err != nil {
		return nil, err
	}
	compareRecords(last, records, complain)
	return list, nil
}

// lastOf returns the last change of each thing, by kind and ID, and complains of those that do not follow from the one
// before.
func lastOf(rows []handled, complain func(string)) map[string]handled {
	last := map[string]handled{}
	for _, row := range rows {
		key := row.Kind + " " + row.ID
		before, ok := last[key]
		last[key] = row
		if !ok {
			before.Next = "null"
		}
		switch {
		case row.Version != before.Version+1:
			complain(fmt.Sprintf("%s: Version %d follows %d", key, row.Version, before.Version))
		case row.Prev != before.Next:
			complain(fmt.Sprintf("%s: the Prev of Version %d is %s, the Next before it %s", key, row.Version, row.Prev, before.Next))
		case row.N < before.N:
			complain(fmt.Sprintf("%s: Version %d was handled before Version %d", key, row.Version, before.Version))
		case row.Other:
			complain(fmt.Sprintf("%s: Version %d was handled %d times, and was not always the same", key, row.Version, row.Times))
		}
	}
	return last
}

// compareLast compares the last change of each objective with how it stands.
func (d *driver) compareLast(ctx context.Context, s *servers, last map[string]handled, complain func(string)) error {
	states, err := d.oracle.SLOs().GetMany(ctx, d.drawer.ids)
	if err != nil {
		return err
	}
	for head, err := range s.store.Heads(ctx, d.oracle.SLOs().Kind(), nil) {
		if err != nil {
			return err
		}
		row := last[kindState+" "+head.ID]
		if row.Version != head.Version {
			complain(fmt.Sprintf("%s: Version %d was handled, and %d is the newest", head.ID, row.Version, head.Version))
			continue
		}
		var is *engine.SLOState
		if err := json.Unmarshal([]byte(row.Next), &is); err != nil {
			return err
		}
		state, there := states[head.ID]
		if is != nil {
			state.BudgetRemainingPercent = is.BudgetRemainingPercent // it moves without being published
		}
		if there != (is != nil) || there && *is != state {
			complain(fmt.Sprintf("%s: it was handled last as %s, and is %+v (there: %t)", head.ID, row.Next, state, there))
		}
		delete(states, head.ID)
	}
	for id := range states {
		complain(fmt.Sprintf("%s: its changes were not handled", id))
	}
	return nil
}

// records are the digests that must have been handled, in JSON, and the achievements, by kind and ID. Some of these the
// Engine in memory may never have had: what one lane tells may earn one that another lane takes away. So the store says
// which they are, and the Engine in memory which must be among them.
func (d *driver) records(ctx context.Context, s *servers) (map[string]string, error) {
	records := map[string]string{}
	for week, digest := range d.digests {
		records[kindDigest+" "+week] = digest
	}
	achieved := func(system string, t streak.Type) { records[fmt.Sprint(kindAchievement, " ", system, " ", t)] = "" }
	for head, err := range s.store.Heads(ctx, "achievements", nil) {
		if err != nil {
			return nil, err
		}
		var state engine.SystemAchievements
		text, err := json.Marshal(head.State)
		if err == nil {
			err = json.Unmarshal(text, &state)
		}
		if err != nil {
			return nil, fmt.Errorf("achievements of %s: %w", head.ID, err)
		}
		for _, t := range state.Unlocked {
			achieved(head.ID, t)
		}
	}
	achievements, err := d.oracle.Achievements(ctx, systems)
	for system, list := range achievements {
		for _, a := range list {
			achieved(system, a.Type)
		}
	}
	return records, err
}

// compareRecords compares the digests and achievements that were handled with those that there are.
func compareRecords(last map[string]handled, records map[string]string, complain func(string)) {
	for _, key := range slices.Sorted(maps.Keys(records)) {
		row, there := last[key]
		switch text := records[key]; {
		case !there:
			complain(key + " was not handled")
		case text != "" && row.Next != text:
			complain(fmt.Sprintf("%s was handled as %s, and is %s", key, row.Next, text))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(last)) {
		if _, there := records[key]; !there && last[key].Kind != kindState {
			complain(key + " was handled, and there is no such thing")
		}
	}
}
