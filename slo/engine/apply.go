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

	// Delete has the objectives of the Owner deleted that are no longer declared.
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
	for i := range goals {
		labels := maps.Clone(goals[i].Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		labels[OwnerLabel] = owner
		goals[i].Labels = labels
		o := goals[i]
		if err := e.checkNew(&o); err != nil {
			return Plan{}, err
		}
	}
	var plan Plan
	err = e.store.InTx(ctx, func(ctx context.Context) error {
		var err error
		if plan, err = e.plan(ctx, goals, owner, opts.Delete); err != nil || opts.DryRun {
			return err
		}
		return e.carryOut(ctx, &plan, goals)
	})
	if err != nil {
		return Plan{}, err
	}
	return plan, nil
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
	if opts.Resolve == nil {
		return goals, nil
	}
	slices.Sort(refs)
	ids, err := opts.Resolve(ctx, slices.Compact(refs))
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
	var plan Plan
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

func (e *Engine) carryOut(ctx context.Context, plan *Plan, goals []slo.Objective) error {
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
