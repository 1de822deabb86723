package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
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

// bring gives an objective the terms, name and labels of another, and its system, so that a different one is found.
func bring(was *slo.Objective, o slo.Objective) {
	o.Revisions, o.CreatedAt, o.UpdatedAt = was.Revisions, was.CreatedAt, was.UpdatedAt
	*was = o
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
		known, err := e.readSystems(ctx, systems, make([]int64, len(systems)))
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

// UpdateOptions say more about an Update. The zero value of each is its default.
type UpdateOptions struct {
	// Retroactive has the new terms hold for all time: earlier ones are forgotten, and all recorded days are judged again. It
	// mends terms that were a mistake, such as a target of 0.999, also where the right ones are in force by now.
	Retroactive bool
}

// Update changes an objective: change is given it as it is, and sets what is to be another. It is called once, while the
// objective is locked, so it must not wait for others who write. What was judged under the old terms keeps them: they
// become a Revision that ends now. It returns the objective as it is kept. Where change changes nothing, nothing is written.
//
// ErrInvalid: a nil change, or terms that [slo.Objective.Validate] refuses, another ID, system, check, Revisions, CreatedAt
// or UpdatedAt. ErrNotFound: there is no such objective.
func (e *Engine) Update(ctx context.Context, id string, change func(o *slo.Objective), opts *UpdateOptions) (slo.Objective, error) {
	if err := e.check(); err != nil {
		return slo.Objective{}, err
	}
	if change == nil {
		return slo.Objective{}, invalid("change", "nil", "a function")
	}
	if opts == nil {
		opts = &UpdateOptions{}
	}
	if err := checkID("objective", id); err != nil {
		return slo.Objective{}, err
	}
	var kept slo.Objective
	_, err := e.slos.Mutate(ctx, id, func(ctx context.Context) error {
		was, err := e.Get(ctx, id)
		if err != nil {
			return err
		}
		given := clone(was)
		change(&given)
		o := clone(given)
		if err := fixed(&was, &o); err != nil {
			return err
		}
		kept = was
		changed := !same(was.Revision(time.Time{}), o.Revision(time.Time{}))
		again := opts.Retroactive && (changed || len(was.Revisions) > 0)
		if !changed && !again && was.Name == o.Name && maps.Equal(was.Labels, o.Labels) {
			return nil
		}
		now := e.now()
		switch {
		case again:
			o.Revisions = nil
		case changed:
			o.Revisions = revised(&was, now)
		}
		o.UpdatedAt = now
		if err := o.Validate(); err != nil {
			return err
		}
		if changed || again {
			from := now // a day that ends then may be recorded already
			if again {
				from = firstInstant
			}
			if _, err := e.judgeAgain(ctx, []string{id}, map[string]time.Time{id: from}); err != nil {
				return err
			}
		}
		kept = o
		return e.putObjective(ctx, &o)
	}, nil)
	if err != nil {
		return slo.Objective{}, err
	}
	return kept, nil
}

// fixed refuses changes of what an update leaves as it is.
func fixed(was, o *slo.Objective) error {
	what := "objective " + quote(was.ID) + ": "
	for _, f := range []struct{ name, was, is string }{
		{"id", was.ID, o.ID}, {"system", was.SystemID, o.SystemID}, {"check", was.CheckID, o.CheckID},
	} {
		if f.was != f.is {
			return invalid(what+f.name, quote(f.is), quote(f.was)+", since an update does not change it")
		}
	}
	for _, f := range []struct {
		name    string
		was, is time.Time
	}{{"created at", was.CreatedAt, o.CreatedAt}, {"updated at", was.UpdatedAt, o.UpdatedAt}} {
		if !f.was.Equal(f.is) {
			return invalid(what+f.name, f.is, f.was.String()+", since an update does not change it")
		}
	}
	if !same(was.Revisions, o.Revisions) {
		return invalid(what+"revisions", len(o.Revisions), "those that are there: Retroactive drops them")
	}
	return nil
}

// same compares values as they are stored: a window is its text, an instant its digits.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// revised returns the revisions of an objective whose present terms end now. Terms that did not hold for any time leave
// none.
func revised(was *slo.Objective, now time.Time) []slo.Revision {
	if n := len(was.Revisions); n > 0 && !now.After(was.Revisions[n-1].Until) {
		return was.Revisions
	}
	return append(slices.Clip(was.Revisions), was.Revision(now))
}

// clone returns an objective that shares no memory with o, in the form in which it comes back from a store.
func clone(o slo.Objective) slo.Objective {
	o.Labels = maps.Clone(o.Labels)
	o.NeverExcuse = slices.Compact(slices.SortedFunc(slices.Values(o.NeverExcuse), strings.Compare))
	o.Policy.Rules = append([]slo.BurnRule(nil), o.Policy.Rules...)
	o.Revisions = slices.Clone(o.Revisions)
	for i, r := range o.Revisions {
		o.Revisions[i].NeverExcuse = slices.Clone(r.NeverExcuse)
		o.Revisions[i].Policy.Rules = slices.Clone(r.Policy.Rules)
	}
	if len(o.Labels) == 0 {
		o.Labels = nil
	}
	if !o.CountFrom.IsZero() {
		o.CountFrom = instant(o.CountFrom)
	}
	return o
}

// Delete deletes an objective, with its days and its streak; the entity's last change says so. What the system has
// achieved stays, and so does what is known of the system. ErrNotFound: there is no such objective.
func (e *Engine) Delete(ctx context.Context, id string) error {
	if err := e.check(); err != nil {
		return err
	}
	if err := checkID("objective", id); err != nil {
		return err
	}
	o, err := e.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := e.judgeSystem(ctx, o.SystemID); err != nil {
		return err
	}
	return e.remove(ctx, id)
}

// judgeSystem records what a system has achieved up to now, before an objective by which it did is deleted.
func (e *Engine) judgeSystem(ctx context.Context, system string) error {
	of, err := e.members(ctx, []string{system})
	if err != nil {
		return err
	}
	now := e.now()
	today, err := streak.DateOf(now)
	if err != nil {
		return fmt.Errorf("%w: now: %w", ErrInvalid, err)
	}
	last, err := today.Add(-1)
	if err != nil {
		return nil
	}
	job := daily{engine: e, last: last, now: now, groups: []*group{{system: system, ids: of[system]}}}
	if job.touched, err = e.firstTouched(ctx); err != nil {
		return err
	}
	return errors.Join(job.run(ctx)...)
}

// firstTouched is the first day that may be another by what the refresher has not come to yet, which a transaction that
// holds locks cannot wait for; zero: there is none.
func (e *Engine) firstTouched(ctx context.Context) (first streak.Date, err error) {
	rows, err := e.touched(ctx, storage.Key{}, 0)
	if err != nil {
		return streak.Date{}, err
	}
	for _, row := range rows {
		at, err := touchedFrom(row)
		if err != nil {
			return streak.Date{}, err
		}
		day, err := touchedDay(at)
		if err != nil {
			return streak.Date{}, fmt.Errorf("engine: system %s: %w", quote(row.ID), err)
		}
		if first.IsZero() || day.Before(first) {
			first = day
		}
	}
	return first, nil
}

// remove deletes an objective and all that belongs to it.
func (e *Engine) remove(ctx context.Context, id string) error {
	_, err := e.slos.Remove(ctx, id, func(ctx context.Context) error {
		o, err := e.Get(ctx, id) // which nobody moves to another system any more
		if err != nil {
			return err
		}
		if err := e.keepAchievements(ctx, o.SystemID); err != nil {
			return err
		}
		err = e.store.Delete(ctx, []storage.Key{
			{Kind: recordObjective, ID: id}, {Kind: recordProgress, ID: id}, {Kind: recordDay, ID: id},
			{Kind: recordMember, ID: o.SystemID, Sub: id},
		})
		if err != nil {
			return fmt.Errorf("engine: delete objective: %w", err)
		}
		_, err = e.bump(ctx, objectiveVersion(id))
		return err
	}, nil)
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
