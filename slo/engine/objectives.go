package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// Create adds an objective, and returns it as it is kept. Its CreatedAt is now, unless it is given; one in the past has all
// days since then recorded by the next RunDaily. All history of its system counts at once, whenever it was recorded.
//
// ErrInvalid: what [slo.Objective.Validate] refuses, Revisions, an UpdatedAt, or a CreatedAt that lies ahead. ErrConflict:
// an objective of that ID is there.
func (e *Engine) Create(ctx context.Context, o slo.Objective) (slo.Objective, error) {
	created, _, err := e.create(ctx, o, false)
	return created, err
}

// Ensure creates an objective, or brings the one of that ID to these terms, name and labels, all of them: what is zero in
// o becomes the default. Of terms that change the past keeps the old ones. Where all is as it should be it does nothing,
// so that every replica of a host may call it when it starts. It returns the objective as it is kept.
//
// ErrInvalid: as for Create, or another system or check than the one that is there.
func (e *Engine) Ensure(ctx context.Context, o slo.Objective) (slo.Objective, error) {
	var kept slo.Objective
	err := e.store.InTx(ctx, func(ctx context.Context) error { // so that nobody deletes it in between
		created, there, err := e.create(ctx, o, true)
		if err == nil && there {
			created, err = e.Update(ctx, o.ID, func(was *slo.Objective) { bring(was, o) }, nil)
		}
		kept = created
		return err
	})
	if err != nil {
		return slo.Objective{}, err
	}
	return kept, nil
}

func (e *Engine) create(ctx context.Context, o slo.Objective, ensure bool) (created slo.Objective, there bool, err error) {
	if err := e.check(); err != nil {
		return slo.Objective{}, false, err
	}
	if err := e.checkNew(&o); err != nil {
		return slo.Objective{}, false, err
	}
	o = clone(o)
	err = e.store.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.store.Lock(ctx, kindSLO, []string{o.ID}); err != nil {
			return fmt.Errorf("engine: lock objective: %w", err)
		}
		_, err := e.Get(ctx, o.ID)
		switch {
		case err == nil && ensure:
			there = true
			return nil
		case err == nil:
			return fmt.Errorf("%w: objective %s is there already", ErrConflict, quote(o.ID))
		case !errors.Is(err, ErrNotFound):
			return err
		}
		if err := e.hold(ctx, []string{o.SystemID}); err != nil {
			return err
		}
		_, err = e.slos.Mutate(ctx, o.ID, func(ctx context.Context) error {
			member := storage.Record{Key: storage.Key{Kind: recordMember, ID: o.SystemID, Sub: o.ID}}
			return e.putObjective(ctx, &o, member)
		}, nil)
		return err
	})
	if err != nil {
		return slo.Objective{}, false, err
	}
	return o, there, nil
}

// hold keeps what is known of systems and their upstreams as it is until the end of the transaction. What is written about
// them meanwhile is refreshed before an objective that is being created can be found, so it has to be seen here, or to
// come later.
func (e *Engine) hold(ctx context.Context, systems []string) error {
	systems = slices.Compact(slices.Sorted(slices.Values(systems)))
	var held []string
	for {
		known, err := e.readStored(ctx, systems, nil)
		if err != nil {
			return err
		}
		ids := slices.Clone(systems)
		for _, s := range known {
			ids = append(ids, s.upstreamIDs()...)
		}
		slices.Sort(ids)
		if ids = slices.Compact(ids); slices.Equal(ids, held) {
			return nil
		}
		if _, err := e.store.Lock(ctx, versionSystem, ids); err != nil {
			return fmt.Errorf("engine: lock systems: %w", err)
		}
		held = ids
	}
}

func (e *Engine) checkNew(o *slo.Objective) error {
	if err := o.Validate(); err != nil {
		return err
	}
	what := "objective " + quote(o.ID) + ": "
	switch {
	case len(o.Revisions) > 0:
		return invalid(what+"revisions", len(o.Revisions), "none: they are made by Update")
	case !o.UpdatedAt.IsZero():
		return invalid(what+"updated at", o.UpdatedAt, "zero: it is set by Update")
	case o.CreatedAt.IsZero():
		o.CreatedAt = e.now()
	}
	if err := checkInstant(what+"created at", o.CreatedAt); err != nil {
		return err
	}
	o.CreatedAt = instant(o.CreatedAt)
	return e.happened(what+"created at", o.CreatedAt)
}

// putObjective writes an objective, with other records, and counts its version.
func (e *Engine) putObjective(ctx context.Context, o *slo.Objective, others ...storage.Record) error {
	data, err := writeObjective(o)
	if err != nil {
		return fmt.Errorf("engine: objective %s: %w", quote(o.ID), err)
	}
	record := storage.Record{Key: storage.Key{Kind: recordObjective, ID: o.ID}, Data: data}
	if err := e.store.Put(ctx, append(others, record)); err != nil {
		return fmt.Errorf("engine: write objective: %w", err)
	}
	_, err = e.bump(ctx, objectiveVersion(o.ID))
	return err
}

// Get returns an objective. ErrNotFound: there is none of that ID.
func (e *Engine) Get(ctx context.Context, id string) (slo.Objective, error) {
	if err := e.check(); err != nil {
		return slo.Objective{}, err
	}
	if err := checkID("objective", id); err != nil {
		return slo.Objective{}, err
	}
	for record, err := range e.store.Get(ctx, []storage.Key{{Kind: recordObjective, ID: id}}) {
		if err != nil {
			return slo.Objective{}, fmt.Errorf("engine: read objectives: %w", err)
		}
		o, err := readObjective(record.Data)
		if err != nil {
			return slo.Objective{}, err
		}
		return *o, nil
	}
	return slo.Objective{}, notFound(id)
}

const page = 500 // objectives or systems that are read or refreshed together

// List lists all objectives whose IDs come after one, by ID; after is empty for all of them. It reads them page by page,
// as it is asked for them; an error ends it.
func (e *Engine) List(ctx context.Context, after string) iter.Seq2[slo.Objective, error] {
	return func(yield func(slo.Objective, error) bool) {
		if err := e.check(); err != nil {
			yield(slo.Objective{}, err)
			return
		}
		for record, err := range e.records(ctx, storage.Range{Kind: recordObjective, After: storage.Key{ID: after}}) {
			var o *slo.Objective
			if err == nil {
				o, err = readObjective(record.Data)
			}
			if err != nil {
				yield(slo.Objective{}, err)
				return
			}
			if !yield(*o, nil) {
				return
			}
		}
	}
}

// records lists a range page by page.
func (e *Engine) records(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	return func(yield func(storage.Record, error) bool) {
		r.Limit = page
		for {
			n := 0
			for record, err := range e.store.List(ctx, r) {
				if err != nil {
					yield(storage.Record{}, fmt.Errorf("engine: list %ss: %w", r.Kind, err))
					return
				}
				if !yield(record, nil) {
					return
				}
				n++
				r.After = record.Key
			}
			if n < page {
				return
			}
		}
	}
}

// ForSystems returns the objectives of each of the systems, by ID. A system without any is not in the map.
func (e *Engine) ForSystems(ctx context.Context, systems ...string) (map[string][]slo.Objective, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkIDs("system", systems); err != nil {
		return nil, err
	}
	of, err := e.members(ctx, systems)
	if err != nil {
		return nil, err
	}
	var keys []storage.Key
	for _, ids := range of {
		for _, id := range ids {
			keys = append(keys, storage.Key{Kind: recordObjective, ID: id})
		}
	}
	found := map[string][]slo.Objective{}
	if len(keys) == 0 {
		return found, nil
	}
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return nil, fmt.Errorf("engine: read objectives: %w", err)
		}
		o, err := readObjective(record.Data)
		if err != nil {
			return nil, err
		}
		found[o.SystemID] = append(found[o.SystemID], *o)
	}
	return found, nil
}

// members returns the IDs of the objectives of each of the systems.
func (e *Engine) members(ctx context.Context, systems []string) (map[string][]string, error) {
	found := map[string][]string{}
	if len(systems) == 0 {
		return found, nil
	}
	keys := make([]storage.Key, len(systems))
	for i, id := range systems {
		keys[i] = storage.Key{Kind: recordMember, ID: id}
	}
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return nil, fmt.Errorf("engine: read objectives of systems: %w", err)
		}
		found[record.ID] = append(found[record.ID], record.Sub)
	}
	return found, nil
}
