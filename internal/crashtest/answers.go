package crashtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

func weekOf(at time.Time) string {
	year, week := at.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// answers are what an engine says, as text, by what it is about.
type answers map[string]string

func (a answers) add(about string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(err.Error())
	}
	a[about] += string(text) // what comes twice is another answer
}

// checkAnswers compares what the engine on the store says with one in memory that was told the same in another order, and
// with what the workers' engines said of an instant when they had stopped.
func (j *judge) checkAnswers(asked time.Time, workers []answers) {
	j.t.Helper()
	store := memory.New()
	other, err := engine.New(store, &engine.Options{Clock: simclock.New(j.now)})
	if err != nil {
		j.t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	j.tellAll(other)
	j.compare(wrong, j.ask(other, store), j.ask(j.host.Engine, j.store))
	want, err := statuses(j.t.Context(), other, asked)
	if err != nil {
		j.t.Fatal(err)
	}
	for _, got := range workers {
		j.compare(stale, want, got)
	}
}

func (j *judge) compare(what string, want, got answers) {
	j.t.Helper()
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, about := range slices.Sorted(maps.Keys(all)) {
		if want[about] != got[about] {
			j.complain(what, "%s\n got %s\nwant %s", about, got[about], want[about])
		}
	}
}

// statuses says how the objectives that are always there stood at an instant.
func statuses(ctx context.Context, e *engine.Engine, at time.Time) (answers, error) {
	a := answers{}
	for _, o := range objectives() {
		st, err := e.StatusAt(ctx, o.ID, at)
		if err != nil {
			return nil, err
		}
		a.add("status "+o.ID, st)
	}
	return a, nil
}

// tellAll tells an engine all that has happened, in a random order, and runs the daily job now and then.
func (j *judge) tellAll(e *engine.Engine) {
	j.t.Helper()
	ctx, random := j.t.Context(), rand.New(rand.NewPCG(j.Seed, 2))
	list := objectives()
	var told []*claim
	for c := range j.claims() {
		if c.makes() && j.there[c.Objective] {
			list = append(list, later(&c.op))
		}
		if c.happened && !c.undone && len(c.keys) > 0 && c.Do != repeated {
			told = append(told, c)
		}
	}
	for _, o := range list {
		if _, err := e.Create(ctx, o); err != nil {
			j.t.Fatalf("make %s again: %v", o.ID, err)
		}
	}
	random.Shuffle(len(told), func(a, b int) { told[a], told[b] = told[b], told[a] })
	for i, c := range told {
		if err := c.tell(ctx, e); err != nil {
			j.t.Fatalf("tell %s again: %v", c.ID, err)
		}
		if i%(len(told)/4+1) == 0 {
			if err := e.RunDaily(ctx, dawn.Add(time.Duration(random.Int64N(int64(j.now.Sub(dawn)))))); err != nil {
				j.t.Fatal(err)
			}
		}
	}
	if err := e.RunDaily(ctx, j.now); err != nil {
		j.t.Fatal(err)
	}
	if err := e.Settle(ctx); err != nil {
		j.t.Fatal(err)
	}
}

// ask asks an engine all that does not depend on the order in which it was told, nor on how often.
func (j *judge) ask(e *engine.Engine, store storage.Store) answers {
	j.t.Helper()
	a, err := j.tryAsk(e, store)
	if err != nil {
		j.t.Fatal(err)
	}
	return a
}

func (j *judge) tryAsk(e *engine.Engine, store storage.Store) (answers, error) {
	ctx, a := j.t.Context(), answers{}
	j.outcome.Days = 0
	for id := range j.ever() {
		days, err := e.Days(ctx, id, dateOf(dawn), dateOf(j.now)) // of those that were deleted there are none
		if err != nil {
			return nil, err
		}
		for _, day := range days {
			day.Revision, day.Histories = 0, nil
			a.add("day "+day.Date.String()+" of "+id, day)
			j.outcome.Days++
		}
	}
	ids := slices.Sorted(maps.Keys(j.there))
	statuses, err := e.Statuses(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, st := range statuses {
		a.add("status of "+st.ObjectiveID, st)
	}
	streaks, err := e.Streaks(ctx, ids)
	if err != nil {
		return nil, err
	}
	for id, s := range streaks {
		a.add("streak of "+id, s)
	}
	achievements, err := e.Achievements(ctx, systems) // of the workers' own, deleted objectives may have earned some
	if err != nil {
		return nil, err
	}
	for system, list := range achievements {
		a.add("achievements of "+system, list)
	}
	milestones, err := e.Milestones(ctx, 1<<20)
	if err != nil {
		return nil, err
	}
	for _, m := range milestones {
		if slices.Contains(systems, m.SystemID) {
			a.add(fmt.Sprintf("milestone %s of %s", m.Type, m.SystemID), m.Achievement)
		}
	}
	states, err := published(ctx, store)
	for id, state := range states {
		a.add("published state of "+id, state)
	}
	return a, err
}

func dateOf(at time.Time) streak.Date {
	date, err := streak.DateOf(at)
	if err != nil {
		panic(err) // only before 1970 or after 2200
	}
	return date
}

// ever goes through all objectives that anybody has ever made.
func (j *judge) ever() map[string]bool {
	ids := map[string]bool{}
	for _, o := range objectives() {
		ids[o.ID] = true
	}
	for c := range j.claims() {
		if c.makes() {
			ids[c.Objective] = true
		}
	}
	return ids
}

// published returns the states of objectives that were published last.
func published(ctx context.Context, store storage.Store) (map[string]engine.SLOState, error) {
	states := map[string]engine.SLOState{}
	for head, err := range store.Heads(ctx, kindSLO, nil) {
		if err != nil {
			return nil, err
		}
		if head.State != nil {
			var state engine.SLOState
			decode(head.State, &state)
			state.BudgetRemainingPercent = 0 // it moves without being published
			states[head.ID] = state
		}
	}
	return states, nil
}

// unpublished lists the objectives whose published states are not how they stand.
func (j *judge) unpublished() []string {
	j.t.Helper()
	were, err := published(j.t.Context(), j.store)
	if err != nil {
		j.t.Fatal(err)
	}
	are, err := j.host.SLOs().GetMany(j.t.Context(), slices.Collect(maps.Keys(were)))
	if err != nil {
		j.t.Fatal(err)
	}
	var ids []string
	for id, was := range were {
		is := are[id]
		if is.BudgetRemainingPercent = 0; is != was {
			ids = append(ids, id)
		}
	}
	return ids
}
