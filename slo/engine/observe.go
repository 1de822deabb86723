package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// ahead is how far clocks may differ: what lies further ahead than that is refused.
const ahead = time.Minute

// happened refuses an instant that cannot have been yet.
func (e *Engine) happened(what string, at time.Time) error {
	if latest := e.now().Add(ahead); at.After(latest) {
		return invalid(what, show(at), "not more than a minute after now, "+show(e.now()))
	}
	return nil
}

// Observe records words of systems' feeds: all of them, or none. What is known already changes nothing, so it may be
// repeated, and come late and in any order. A system needs no declaration.
//
// ErrInvalid: an observation that [slo.Observation.Validate] refuses, or more than a minute after now.
func (e *Engine) Observe(ctx context.Context, observations ...slo.Observation) error {
	if err := e.check(); err != nil {
		return err
	}
	w := writing{engine: e}
	w.facts = make([]storage.Fact, 0, len(observations))
	w.observations = slices.Clone(observations) // the commit may be a transaction's of the caller, later on
	latest := e.now().Add(ahead)
	for i := range observations {
		o := &observations[i]
		if err := o.Validate(); err != nil {
			return err
		}
		if o.At.After(latest) {
			return e.happened("observation of "+quote(o.SystemID)+": at", o.At)
		}
		w.facts = append(w.facts, observationFact(o))
		w.touch(o.SystemID, instant(o.At))
	}
	if len(w.facts) == 0 {
		return ctx.Err()
	}
	return w.commit(ctx)
}

// Restate records all that sources other than the feeds have to say: incidents, imports, people. All of the statements are
// recorded, or none. Of each source the greatest Rev counts, on all systems; an older one changes nothing.
//
// ErrInvalid: a statement that [slo.Statement.Validate] refuses, or an outage that begins or ends more than a minute after
// now. ErrConflict: another statement of one source and Rev.
func (e *Engine) Restate(ctx context.Context, statements ...slo.Statement) error {
	list := make([]revision, len(statements))
	for i := range statements {
		s := &statements[i]
		if err := s.Validate(); err != nil {
			return err
		}
		what := "statement " + quote(s.Source) + ": "
		for j := range s.Outages {
			if err := e.happened(what+"start", s.Outages[j].Start); err != nil {
				return err
			}
			if err := e.happened(what+"end", s.Outages[j].End); err != nil {
				return err
			}
		}
		list[i] = revision{source: s.Source, rev: s.Rev, fact: statementFact(s), touched: outageStarts(s)}
	}
	return e.revise(ctx, factStatement, list)
}

// outageStarts says from when on a statement bears on each system.
func outageStarts(s *slo.Statement) map[string]time.Time {
	from := map[string]time.Time{}
	for i := range s.Outages {
		o := &s.Outages[i]
		if before, ok := from[o.SystemID]; !ok || o.Start.Before(before) {
			from[o.SystemID] = instant(o.Start)
		}
	}
	return from
}

// Correct records corrections, which replace the feed's word where people know better: all of them, or none. Of each ID
// the greatest Rev counts.
//
// ErrInvalid: a correction that [slo.Correction.Validate] refuses, or that begins more than a minute after now; its Until
// may lie ahead. ErrConflict: another correction of one ID and Rev.
func (e *Engine) Correct(ctx context.Context, corrections ...slo.Correction) error {
	list := make([]revision, len(corrections))
	for i := range corrections {
		c := &corrections[i]
		if err := c.Validate(); err != nil {
			return err
		}
		if err := e.happened("correction "+quote(c.ID)+": from", c.From); err != nil {
			return err
		}
		list[i] = revision{source: c.ID, rev: c.Rev, fact: correctionFact(c), touched: map[string]time.Time{c.SystemID: instant(c.From)}}
	}
	return e.revise(ctx, factCorrection, list)
}

// SetMaintenance records planned maintenance windows, which may lie ahead: all of them, or none. Of each ID the greatest
// Rev counts; a window that is not to be is one that is Cancelled.
//
// ErrInvalid: a window that [slo.Maintenance.Validate] refuses. ErrConflict: another window of one ID and Rev.
func (e *Engine) SetMaintenance(ctx context.Context, windows ...slo.Maintenance) error {
	list := make([]revision, len(windows))
	for i := range windows {
		m := &windows[i]
		if err := m.Validate(); err != nil {
			return err
		}
		list[i] = revision{source: m.ID, rev: m.Rev, fact: maintenanceFact(m), touched: map[string]time.Time{m.SystemID: instant(m.Start)}}
	}
	return e.revise(ctx, factMaintenance, list)
}

// revision is one account that a source gives of something.
type revision struct {
	source  string
	rev     int64
	fact    storage.Fact
	touched map[string]time.Time // the systems that it is about, and from when on
}

// readRevision makes a revision of a stored fact.
func readRevision(f storage.Fact) (revision, error) {
	r := revision{source: f.Source, fact: f}
	switch f.Kind {
	case factStatement:
		s, err := readStatement(f.Data)
		r.rev, r.touched = s.Rev, outageStarts(&s)
		return r, err
	case factCorrection:
		c, err := readCorrection(f.Data)
		r.rev, r.touched = c.Rev, map[string]time.Time{c.SystemID: c.From}
		return r, err
	default:
		m, err := readMaintenance(f.Data)
		r.rev, r.touched = m.Rev, map[string]time.Time{m.SystemID: m.Start}
		return r, err
	}
}

// revise records revisions of one kind. Of what is known of their sources it needs the newest, which they replace, and
// those of the same revision, which they must be equal to.
func (e *Engine) revise(ctx context.Context, kind string, list []revision) error {
	if err := e.check(); err != nil {
		return err
	}
	if len(list) == 0 {
		return ctx.Err()
	}
	var sources []string
	for i := range list {
		sources = append(sources, list[i].source)
	}
	slices.Sort(sources)
	sources = slices.Compact(sources)
	return e.store.InTx(ctx, func(ctx context.Context) error {
		if _, err := e.store.Lock(ctx, "source "+kind, sources); err != nil {
			return fmt.Errorf("engine: lock sources: %w", err)
		}
		known := map[string][]revision{}
		for f, err := range e.store.FactsFrom(ctx, kind, sources) {
			if err != nil {
				return fmt.Errorf("engine: read facts: %w", err)
			}
			r, err := readRevision(f)
			if err != nil {
				return err
			}
			known[r.source] = append(known[r.source], r)
		}
		w := writing{engine: e}
		for i := range list {
			if err := w.revise(known, &list[i]); err != nil {
				return err
			}
		}
		if len(w.facts) == 0 {
			return nil
		}
		return w.run(ctx)
	})
}

// revise adds one revision to what is written, unless it is known.
func (w *writing) revise(known map[string][]revision, r *revision) error {
	var newest *revision
	for i := range known[r.source] {
		k := &known[r.source][i]
		if k.rev == r.rev {
			if bytes.Equal(k.fact.Data, r.fact.Data) {
				return nil
			}
			return fmt.Errorf("%w: %s %s: another one of revision %d is recorded", ErrConflict, r.fact.Kind, quote(r.source), r.rev)
		}
		if newest == nil || k.rev > newest.rev {
			newest = k
		}
	}
	known[r.source] = append(known[r.source], *r)
	if newest != nil && newest.rev > r.rev {
		// It counts nowhere, and must not bring the newest to a system that was deleted meanwhile.
		late := r.fact
		late.Systems = nil
		w.facts = append(w.facts, late)
		return nil
	}
	w.facts = append(w.facts, r.fact)
	for system, from := range r.touched {
		w.touch(system, from)
	}
	if newest != nil {
		for system, from := range newest.touched {
			w.touch(system, from)
		}
	}
	return nil
}

// SetUpstreams records what a system depends on from an instant on, directly, until the next such instant: all of it, and
// nothing where on is empty. Two accounts of one instant are united. An edge may close a longer circle.
//
// ErrInvalid: an ID outside its bounds, a system that depends on itself, an instant before 1970 or more than a minute after
// now.
func (e *Engine) SetUpstreams(ctx context.Context, system string, on []string, at time.Time) error {
	if err := e.check(); err != nil {
		return err
	}
	if err := checkID("system", system); err != nil {
		return err
	}
	what := "upstreams of " + quote(system) + ": "
	if err := checkIDs(what+"system", on); err != nil {
		return err
	}
	if slices.Contains(on, system) {
		return invalid(what+"system", quote(system), "another one than the system itself")
	}
	if err := checkInstant(what+"at", at); err != nil {
		return err
	}
	if err := e.happened(what+"at", at); err != nil {
		return err
	}
	on = slices.Compact(slices.SortedFunc(slices.Values(on), strings.Compare))
	w := writing{engine: e}
	w.facts = append(w.facts, upstreamsFact(&snapshot{system, instant(at), on}))
	w.touch(system, instant(at))
	w.dependents = make([]storage.Record, len(on))
	for i, id := range on {
		w.dependents[i].Key = storage.Key{Kind: recordDependent, ID: id, Sub: system}
	}
	return w.commit(ctx)
}
