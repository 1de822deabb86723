package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// system is all that is known of a system at one of its versions. It does not change.
type system struct {
	id          string
	name        string
	version     int64
	history     *slo.SystemHistory
	snapshots   []snapshot // by instant, one for each
	maintenance []slo.Maintenance
	deleted     time.Time // the newest deletion; zero: never
	open        bool      // whether the last that its feed has said is not that it is healthy
	stored      bool      // whether a cache of the store has it at this version, as far as is known
}

// readStored reads all that the store has of systems, which are distinct, at these versions or later ones; nil is whatever
// they are. It takes one call for the names, one for the facts, and where the store has a cache one for what is there.
func (e *Engine) readStored(ctx context.Context, ids []string, versions []int64) (map[string]*system, error) {
	found := make(map[string]*system, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	list := make([]*system, len(ids))
	keys := make([]storage.Key, len(ids))
	for i, id := range ids {
		list[i] = &system{id: id}
		if versions != nil {
			list[i].version = versions[i]
		}
		found[id] = list[i]
		keys[i] = storage.Key{Kind: recordName, ID: id}
	}
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return nil, fmt.Errorf("engine: read names: %w", err)
		}
		found[record.ID].name = string(record.Data)
	}
	left := ids
	if versions != nil { // of those that have none there is not a fact
		var err error
		left = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return found[id].version == 0 })
		if left, err = e.readHistories(ctx, left, found); err != nil {
			return nil, err
		}
	}
	if err := e.readFacts(ctx, left, found); err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.history == nil { // nobody has said anything about it
			if err := (&factReader{}).make(&told{system: s}); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// told is what the store has of one system.
type told struct {
	system *system
	facts  []said
}

type said struct {
	kind string
	data []byte
}

// readFacts makes the systems of their facts, as they come: of many, some goroutines put together what one reads.
func (e *Engine) readFacts(ctx context.Context, ids []string, found map[string]*system) error {
	if len(ids) == 0 {
		return nil
	}
	if len(ids) <= alone {
		var r factReader
		return e.hear(ctx, ids, found, func(t *told) (*told, error) { return t, r.make(t) })
	}
	parts := runtime.GOMAXPROCS(0)
	heard, free := make(chan *told, parts), make(chan *told, 2*parts+1)
	for range cap(free) {
		free <- &told{}
	}
	group, ctx := errgroup.WithContext(ctx)
	for range parts {
		group.Go(func() error {
			var r factReader
			for t := range heard {
				if err := r.make(t); err != nil {
					return err
				}
				free <- t
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(heard)
		return e.hear(ctx, ids, found, func(t *told) (*told, error) {
			select {
			case heard <- t:
				return <-free, nil
			case <-ctx.Done(): // one of the others has failed
				return nil, ctx.Err()
			}
		})
	})
	return group.Wait()
}

// hear reads the facts of systems, one system after the other. Each is passed on when it is whole, for another one's place.
func (e *Engine) hear(ctx context.Context, ids []string, found map[string]*system, pass func(*told) (*told, error)) error {
	now := &told{}
	for f, err := range e.store.FactsOf(ctx, ids) {
		if err != nil {
			return fmt.Errorf("engine: read facts: %w", err)
		}
		if now.system == nil || now.system.id != f.SystemID {
			if now.system != nil {
				if now, err = pass(now); err != nil {
					return err
				}
			}
			now.system, now.facts = found[f.SystemID], now.facts[:0]
		}
		now.facts = append(now.facts, said{f.Kind, f.Data})
	}
	if now.system == nil {
		return nil
	}
	_, err := pass(now)
	return err
}

// readWithUpstreams reads systems, and those that they have ever depended on, whatever their versions.
func (e *Engine) readWithUpstreams(ctx context.Context, ids []string) (map[string]*system, error) {
	known := map[string]*system{}
	for range 2 {
		slices.Sort(ids)
		ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return known[id] != nil })
		read, err := e.readStored(ctx, ids, nil)
		if err != nil {
			return nil, err
		}
		ids = nil
		for id, s := range read {
			known[id] = s
			ids = append(ids, s.upstreamIDs()...)
		}
	}
	return known, nil
}

// factReader makes systems of their facts, one after the other.
type factReader struct {
	system       *system
	observation  slo.Observation // the last one: its strings are the next one's, too, most of the time
	observations []slo.Observation
	statements   []slo.Statement
	corrections  []slo.Correction
}

// make makes a system of its facts.
func (r *factReader) make(t *told) error {
	r.begin(t.system)
	for i := range t.facts {
		if err := r.read(t.facts[i].kind, t.facts[i].data); err != nil {
			return fmt.Errorf("engine: system %s: %w", quote(t.system.id), err)
		}
	}
	return r.finish()
}

func (r *factReader) begin(s *system) {
	r.system = s
	r.observation = slo.Observation{SystemID: s.id}
	r.observations, r.statements, r.corrections = r.observations[:0], r.statements[:0], r.corrections[:0]
}

func (r *factReader) read(kind string, data []byte) error {
	switch kind {
	case factObservation:
		if err := readObservation(data, &r.observation); err != nil {
			return err
		}
		r.observations = append(r.observations, r.observation)
		return nil
	case factStatement:
		s, err := readStatement(data)
		r.statements = append(r.statements, s)
		return err
	case factCorrection:
		c, err := readCorrection(data)
		r.corrections = append(r.corrections, c)
		return err
	case factMaintenance:
		m, err := readMaintenance(data)
		r.system.maintenance = append(r.system.maintenance, m)
		return err
	case factUpstreams:
		s, err := readUpstreams(data)
		r.system.snapshots = append(r.system.snapshots, s)
		return err
	case factDeletion:
		d, err := readDeletion(data)
		if d.at.After(r.system.deleted) {
			r.system.deleted = d.at
		}
		return err
	}
	return fmt.Errorf("%w: kind %q", errFact, kind)
}

func (r *factReader) finish() error {
	s := r.system
	var err error
	if s.history, err = slo.NewSystemHistory(s.id, r.observations, r.statements, r.corrections); err != nil {
		return fmt.Errorf("engine: system %s: %w", quote(s.id), err)
	}
	s.snapshots = united(s.snapshots)
	s.open = isOpen(s.history)
	return nil
}

// united sorts snapshots and makes one of those of one instant.
func united(list []snapshot) []snapshot {
	slices.SortFunc(list, func(a, b snapshot) int { return a.at.Compare(b.at) })
	out := list[:0]
	for _, s := range list {
		if last := len(out) - 1; last >= 0 && out[last].at.Equal(s.at) {
			on := slices.Concat(out[last].on, s.on)
			slices.Sort(on)
			out[last].on = slices.Compact(on)
			continue
		}
		out = append(out, s)
	}
	return out
}

// upstreamIDs are all systems that it has ever depended on.
func (s *system) upstreamIDs() []string {
	var ids []string
	for _, snapshot := range s.snapshots {
		ids = append(ids, snapshot.on...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// upstreams says from when until when it depended on which of the others. An edge to a system that was deleted later is
// none.
func (s *system) upstreams(others func(id string) *system) []slo.Upstream {
	var list []slo.Upstream
	for i := range s.snapshots {
		at, until := s.snapshots[i].at, time.Time{}
		if i+1 < len(s.snapshots) {
			until = s.snapshots[i+1].at
		}
		for _, id := range s.snapshots[i].on {
			u := others(id)
			if !at.After(u.deleted) {
				continue
			}
			list = append(list, slo.Upstream{ID: id, Name: u.name, From: at, Until: until, History: u.history})
		}
	}
	return list
}

// with returns what is known of the system when it has also been observed to be like this.
func (s *system) with(observations []slo.Observation, version int64) (*system, error) {
	next := *s
	next.version, next.stored = version, false
	var err error
	if next.history, err = s.history.Add(observations...); err == nil {
		next.open = isOpen(next.history)
	}
	return &next, err
}

// size is about how much memory it takes beside its history, in bytes.
func (s *system) size() int {
	n := 256
	for i := range s.snapshots {
		n += 64 + 48*len(s.snapshots[i].on)
	}
	return n + 128*len(s.maintenance)
}

func isOpen(h *slo.SystemHistory) bool {
	return slices.ContainsFunc(h.Words(lastInstant), func(o slo.Observation) bool { return o.Health != slo.Healthy })
}
