package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

const kindSLO = "slo"

// SLOState is the state of an entity of kind "slo": how an objective stands, from what is recorded alone. It is published as
// of each refresh, and when time alone changes it; see [Engine.SLOs].
type SLOState struct {
	ObjectiveID string  `json:"objectiveId"`
	SystemID    string  `json:"systemId"`
	Target      float64 `json:"target"` // percent

	// BudgetRemainingPercent moves with time, so a change in it alone is not published; conditions on it are solved.
	BudgetRemainingPercent float64 `json:"budgetRemainingPercent" entity:"drifts"`

	CurrentStreak int    `json:"currentStreak"` // days, as the last daily job left it
	BestStreak    int    `json:"bestStreak"`
	Down          bool   `json:"down"`
	Breaching     bool   `json:"breaching"`
	Exhausted     bool   `json:"exhausted"`
	Page          bool   `json:"page"`   // a rule of severity page fires
	Ticket        bool   `json:"ticket"` // a rule of severity ticket fires
	Level         string `json:"level"`  // as slo.Level prints it: "ok", "warning" or "critical"
}

// define makes the Engine's kinds of entities.
func (e *Engine) define() error {
	var err error
	e.slos, err = entity.Define(e.registry, kindSLO, e.readStates, &entity.KindOptions[SLOState]{Forecaster: e.forecast})
	if err != nil {
		return err
	}
	if err := e.defineTrophies(); err != nil {
		return err
	}
	return e.defineDigests()
}

func (e *Engine) readStates(ctx context.Context, ids []string, found func(string, SLOState)) error {
	as := readingOf(ctx)
	list, err := e.judge(ctx, ids, as.mode)
	if err != nil {
		return err
	}
	var progress map[string]progress
	if as.again != nil { // they are locked now
		progress, err = e.judgeAgain(ctx, ids, as.again)
	} else {
		progress, err = e.progress(ctx, ids)
	}
	if err != nil {
		return err
	}
	now := e.now()
	for i, id := range ids {
		if j := list[i]; j != nil {
			found(id, j.state(now, progress[id]))
		}
	}
	return nil
}

func (j *judged) state(now time.Time, p progress) SLOState {
	st := j.timeline.Status(now)
	fires := func(severity slo.Severity) bool {
		return slices.ContainsFunc(st.Firing, func(f slo.Firing) bool { return f.Severity == severity })
	}
	return SLOState{
		ObjectiveID: j.id, SystemID: j.system, Target: st.Target, BudgetRemainingPercent: st.Budget.RemainingPercent,
		CurrentStreak: p.Current, BestStreak: p.Best,
		Down: st.Down, Breaching: st.Breaching, Exhausted: st.Exhausted,
		Page: fires(slo.Page), Ticket: fires(slo.Ticket), Level: st.Level.String(),
	}
}

// forecast answers when time alone will change an entity.
func (e *Engine) forecast(ctx context.Context, questions []entity.Question, answer func(int, time.Time)) error {
	ids := make([]string, len(questions))
	for i := range questions {
		ids[i] = questions[i].ID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	list, err := e.judge(ctx, ids, exact)
	if err != nil {
		return err
	}
	for i := range questions {
		q := &questions[i]
		n, _ := slices.BinarySearch(ids, q.ID)
		if list[n] == nil {
			continue
		}
		at, err := next(list[n].timeline, q)
		if err != nil {
			return err
		}
		answer(i, at)
	}
	return nil
}

var comparisons = map[entity.Comparison]slo.Comparison{
	entity.Less: slo.Below, entity.AtMost: slo.AtOrBelow, entity.Greater: slo.Above, entity.AtLeast: slo.AtOrAbove,
}

// next answers one question. A threshold is compared to six decimals.
func next(tl *slo.Timeline, q *entity.Question) (time.Time, error) {
	switch q.Field {
	case "":
		return tl.NextChange(q.From), nil
	case "budgetRemainingPercent":
		value := math.Round(q.Value*1e6) / 1e6
		at, err := tl.NextCrossing(q.From, slo.Crossing{Metric: slo.MetricRemainingPercent, Comparison: comparisons[q.Comparison], Value: value})
		if err != nil {
			return time.Time{}, fmt.Errorf("engine: when is %s %v %v: %w", q.Field, q.Comparison, q.Value, err)
		}
		return at, nil
	}
	return time.Time{}, invalid("field", quote(q.Field), "budgetRemainingPercent")
}

// progress returns how far the daily job is with each of the objectives.
func (e *Engine) progress(ctx context.Context, ids []string) (map[string]progress, error) {
	found := make(map[string]progress, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	keys := make([]storage.Key, len(ids))
	for i, id := range ids {
		keys[i] = storage.Key{Kind: recordProgress, ID: id}
	}
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return nil, fmt.Errorf("engine: read progress: %w", err)
		}
		p, err := readProgress(record.Data)
		if err != nil {
			return nil, err
		}
		found[record.ID] = p
	}
	return found, nil
}
