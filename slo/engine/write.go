package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// writing is one call that brings facts.
type writing struct {
	engine  *Engine
	facts   []storage.Fact
	touched []touched

	// Rows that are there whether the facts are new or not: a deletion may have taken them.
	dependents []storage.Record

	// Where nothing but observations is written: these, in the order of facts.
	observations []slo.Observation
}

// touched is a system that is another from an instant on, as far as is known.
type touched struct {
	system string
	from   time.Time
}

func (w *writing) touch(system string, from time.Time) {
	w.touched = append(w.touched, touched{system, from})
}

// systems puts what is touched in order, each system once with its earliest instant, and returns their IDs.
func (w *writing) systems() []string {
	slices.SortFunc(w.touched, func(a, b touched) int {
		return cmp.Or(cmp.Compare(a.system, b.system), a.from.Compare(b.from))
	})
	w.touched = slices.CompactFunc(w.touched, func(a, b touched) bool { return a.system == b.system })
	ids := make([]string, len(w.touched))
	for i := range w.touched {
		ids[i] = w.touched[i].system
	}
	return ids
}

// commit writes the facts in a transaction. Systems of which something is new get another version, and a row that says
// from when on what was computed from them may be another.
func (w *writing) commit(ctx context.Context) error {
	return w.engine.store.InTx(ctx, w.run)
}

func (w *writing) run(ctx context.Context) error {
	e := w.engine
	systems := w.systems()
	if _, err := e.store.Lock(ctx, versionSystem, systems); err != nil {
		return fmt.Errorf("engine: lock systems: %w", err)
	}
	if len(w.dependents) > 0 {
		if err := e.store.Put(ctx, w.dependents); err != nil {
			return fmt.Errorf("engine: write dependents: %w", err)
		}
	}
	added, err := e.store.PutFacts(ctx, w.facts)
	if err != nil {
		return fmt.Errorf("engine: write facts: %w", err)
	}
	if w.observations != nil && slices.Contains(added, false) {
		systems = w.only(added)
	}
	if len(systems) == 0 || !slices.Contains(added, true) {
		return nil
	}
	return w.bump(ctx, systems)
}

// only leaves the observations that were added: what was known already touches nothing.
func (w *writing) only(added []bool) []string {
	observations := w.observations
	w.observations, w.touched = make([]slo.Observation, 0, len(added)), nil
	for i := range added {
		if added[i] {
			w.observations = append(w.observations, observations[i])
			w.touch(observations[i].SystemID, instant(observations[i].At))
		}
	}
	return w.systems()
}

// bump gives systems another version, and has what depends on them refreshed.
func (w *writing) bump(ctx context.Context, systems []string) error {
	e := w.engine
	keys := make([]storage.VersionKey, len(systems))
	for i, id := range systems {
		keys[i] = systemVersion(id)
	}
	versions, err := e.bump(ctx, keys...)
	if err != nil {
		return err
	}
	rows := make([]storage.Record, len(systems))
	for i, id := range systems {
		rows[i] = touchedRow(id, versions[i], w.touched[i].from)
	}
	if err := e.store.Put(ctx, rows); err != nil {
		return fmt.Errorf("engine: write what is touched: %w", err)
	}
	e.store.AfterCommit(ctx, func(context.Context) {
		w.grow(systems, versions)
		e.refresher.wake()
	})
	return nil
}

// grow brings the systems that are kept up to date.
func (w *writing) grow(systems []string, versions []int64) {
	news := w.observations
	if len(systems) > 1 {
		news = slices.SortedStableFunc(slices.Values(news), func(a, b slo.Observation) int { return cmp.Compare(a.SystemID, b.SystemID) })
	}
	for i, id := range systems {
		n := 0
		for n < len(news) && news[n].SystemID == id {
			n++
		}
		w.engine.kept.grow(id, versions[i], news[:n])
		news = news[n:]
	}
}

func touchedRow(system string, version int64, from time.Time) storage.Record {
	return storage.Record{
		Key:  storage.Key{Kind: recordTouched, ID: system, Sub: ordered(version)},
		Data: strconv.AppendInt(nil, from.UnixMicro(), 10),
	}
}

func touchedFrom(r storage.Record) (time.Time, error) {
	micros, err := strconv.ParseInt(string(r.Data), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("engine: a stored row of what is touched cannot be read: %w", err)
	}
	return time.UnixMicro(micros).UTC(), nil
}
