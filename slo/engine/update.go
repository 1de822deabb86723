package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// bring gives an objective the terms, name and labels of another, and its system, so that a different one is found.
func bring(was *slo.Objective, o slo.Objective) {
	o.Revisions, o.CreatedAt, o.UpdatedAt = was.Revisions, was.CreatedAt, was.UpdatedAt
	*was = o
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
