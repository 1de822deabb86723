package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// OwnerLabel is the label by which Apply knows the objectives that it keeps.
const OwnerLabel = "slokeep.owner"

// ApplyOptions say more about an Apply. The zero value of each is its default.
type ApplyOptions struct {
	// Owner names the source of the declarations, where a host has several: it is written into each objective's OwnerLabel.
	// Empty: "apply".
	Owner string

	// Delete has the objectives of the Owner deleted that are no longer declared: all of them, where nothing is declared.
	Delete bool

	// DryRun has nothing written: only the plan is made.
	DryRun bool

	// Resolve returns the systems' IDs for what the declarations call them, in SystemID and NeverExcuse, all in one call; what
	// it leaves out is not there. nil: they are IDs.
	Resolve func(ctx context.Context, refs []string) (map[string]string, error)
}

// Plan is what an Apply does, or would do: IDs of objectives, sorted.
type Plan struct {
	Create    []string `json:"create"`
	Update    []string `json:"update"`
	Delete    []string `json:"delete"`
	Unchanged []string `json:"unchanged"`
}

// Apply brings objectives to what is declared, all of them or none: it creates those that are not there, and gives the
// others the declared terms, name and labels, whole, so that what is no longer in a declaration is back at its default. The
// past keeps its terms, as with Update. An objective that nobody owns becomes the Owner's.
//
// ErrInvalid: what Create and Update refuse, an ID that is declared twice, a reference that Resolve does not find, which is
// named. ErrConflict: an objective of another Owner.
func (e *Engine) Apply(ctx context.Context, declared []slo.Objective, opts *ApplyOptions) (Plan, error) {
	if err := e.check(); err != nil {
		return Plan{}, err
	}
	if opts == nil {
		opts = &ApplyOptions{}
	}
	owner := opts.Owner
	if owner == "" {
		owner = "apply"
	}
	if err := checkID("owner", owner); err != nil {
		return Plan{}, err
	}
	goals, err := resolve(ctx, declared, opts)
	if err != nil {
		return Plan{}, err
	}
	if err := e.own(goals, owner); err != nil {
		return Plan{}, err
	}
	if opts.DryRun {
		return e.plan(ctx, goals, owner, opts.Delete)
	}
	var plan Plan
	err = e.store.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.store.Lock(ctx, "apply", []string{owner}); err != nil {
			return fmt.Errorf("engine: lock owner: %w", err)
		}
		var err error
		if plan, err = e.plan(ctx, goals, owner, opts.Delete); err != nil || plan.empty() {
			return err
		}
		if err := e.lockObjectives(ctx, goals, plan.Delete); err != nil {
			return err
		}
		if plan, err = e.plan(ctx, goals, owner, opts.Delete); err != nil { // nobody changes them any more
			return err
		}
		return e.carryOut(ctx, &plan, goals)
	})
	if err != nil {
		return Plan{}, err
	}
	return plan, nil
}

// own labels objectives as an owner's, and checks them.
func (e *Engine) own(goals []slo.Objective, owner string) error {
	for i := range goals {
		labels := maps.Clone(goals[i].Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		labels[OwnerLabel] = owner
		goals[i].Labels = labels
		o := goals[i]
		if err := e.checkNew(&o); err != nil {
			return err
		}
	}
	return nil
}

// resolve returns the objectives with IDs in place of references. No ID may be there twice.
func resolve(ctx context.Context, declared []slo.Objective, opts *ApplyOptions) ([]slo.Objective, error) {
	goals := slices.SortedFunc(slices.Values(declared), func(a, b slo.Objective) int { return compareText(a.ID, b.ID) })
	var refs []string
	for i := range goals {
		if i > 0 && goals[i].ID == goals[i-1].ID {
			return nil, invalid("objective", quote(goals[i].ID), "each ID once")
		}
		refs = append(append(refs, goals[i].SystemID), goals[i].NeverExcuse...)
	}
	if opts.Resolve == nil || len(refs) == 0 {
		return goals, nil
	}
	slices.Sort(refs)
	ids, err := opts.lookUp(ctx, slices.Compact(refs))
	if err != nil {
		return nil, fmt.Errorf("engine: resolve references: %w", err)
	}
	for i := range goals {
		o := &goals[i]
		what := "objective " + quote(o.ID) + ": "
		system, ok := ids[o.SystemID]
		if !ok {
			return nil, invalid(what+"system", quote(o.SystemID), "a system that is there")
		}
		o.SystemID = system
		o.NeverExcuse = slices.Clone(o.NeverExcuse)
		for n, ref := range o.NeverExcuse {
			if o.NeverExcuse[n], ok = ids[ref]; !ok {
				return nil, invalid(what+"never excuse", quote(ref), "a system that is there")
			}
		}
	}
	return goals, nil
}

func (opts *ApplyOptions) lookUp(ctx context.Context, refs []string) (ids map[string]string, err error) {
	defer caught(&err)
	return opts.Resolve(ctx, refs)
}

// plan compares what is declared with what is there.
func (e *Engine) plan(ctx context.Context, goals []slo.Objective, owner string, prune bool) (Plan, error) {
	there := map[string]*slo.Objective{}
	if len(goals) > 0 {
		keys := make([]storage.Key, len(goals))
		for i := range goals {
			keys[i] = storage.Key{Kind: recordObjective, ID: goals[i].ID}
		}
		for record, err := range e.store.Get(ctx, keys) {
			if err != nil {
				return Plan{}, fmt.Errorf("engine: read objectives: %w", err)
			}
			if there[record.ID], err = readObjective(record.Data); err != nil {
				return Plan{}, err
			}
		}
	}
	plan := Plan{Create: []string{}, Update: []string{}, Delete: []string{}, Unchanged: []string{}}
	for i := range goals {
		o := &goals[i]
		was := there[o.ID]
		if was == nil {
			plan.Create = append(plan.Create, o.ID)
			continue
		}
		if of, owned := was.Labels[OwnerLabel]; owned && of != owner {
			return Plan{}, fmt.Errorf("%w: objective %s: it is declared by %s", ErrConflict, quote(o.ID), quote(of))
		}
		next := *was
		bring(&next, clone(*o))
		if err := fixed(was, &next); err != nil {
			return Plan{}, err
		}
		if same(was, next) {
			plan.Unchanged = append(plan.Unchanged, o.ID)
		} else {
			plan.Update = append(plan.Update, o.ID)
		}
	}
	if !prune {
		return plan, nil
	}
	for o, err := range e.List(ctx, "") {
		if err != nil {
			return Plan{}, err
		}
		if o.Labels[OwnerLabel] != owner {
			continue
		}
		if _, declared := slices.BinarySearchFunc(goals, o.ID, func(g slo.Objective, id string) int { return compareText(g.ID, id) }); !declared {
			plan.Delete = append(plan.Delete, o.ID)
		}
	}
	return plan, nil
}

func (p *Plan) empty() bool { return len(p.Create)+len(p.Update)+len(p.Delete) == 0 }

// lockObjectives locks what is declared, what is to be deleted, and what is judged with that.
func (e *Engine) lockObjectives(ctx context.Context, goals []slo.Objective, gone []string) error {
	systems, err := e.systemsOf(ctx, gone)
	if err != nil {
		return err
	}
	of, err := e.members(ctx, systems)
	if err != nil {
		return err
	}
	ids := slices.Clone(gone)
	for i := range goals {
		ids = append(ids, goals[i].ID)
	}
	for _, others := range of {
		ids = append(ids, others...)
	}
	slices.Sort(ids)
	if _, err := e.store.Lock(ctx, kindSLO, slices.Compact(ids)); err != nil {
		return fmt.Errorf("engine: lock objectives: %w", err)
	}
	return nil
}

// systemsOf returns the systems of objectives, sorted.
func (e *Engine) systemsOf(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]storage.Key, len(ids))
	for i, id := range ids {
		keys[i] = storage.Key{Kind: recordObjective, ID: id}
	}
	var systems []string
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return nil, fmt.Errorf("engine: read objectives: %w", err)
		}
		o, err := readObjective(record.Data)
		if err != nil {
			return nil, err
		}
		systems = append(systems, o.SystemID)
	}
	slices.Sort(systems)
	return slices.Compact(systems), nil
}

// carryOut does what is planned. Before any of it it locks what it needs in the order in which others do: achievements,
// then systems.
func (e *Engine) carryOut(ctx context.Context, plan *Plan, goals []slo.Objective) error {
	less, err := e.systemsOf(ctx, plan.Delete)
	if err != nil {
		return err
	}
	if _, err := e.store.Lock(ctx, kindAchievements, less); err != nil {
		return fmt.Errorf("engine: lock achievements: %w", err)
	}
	var more []string
	for i := range goals {
		if _, created := slices.BinarySearch(plan.Create, goals[i].ID); created {
			more = append(more, goals[i].SystemID)
		}
	}
	if err := e.hold(ctx, more); err != nil {
		return err
	}
	for i := range goals {
		if _, unchanged := slices.BinarySearch(plan.Unchanged, goals[i].ID); unchanged {
			continue
		}
		if _, err := e.Ensure(ctx, goals[i]); err != nil {
			return err
		}
	}
	for _, id := range plan.Delete {
		if err := e.Delete(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
