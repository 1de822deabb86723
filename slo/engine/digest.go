package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

const kindDigest = "digest"

// EventDigest is the name of the event that a week's digest was recorded, for [entity.Registry.OnEvent]: a Change of kind
// "digest", whose ID is the ISO week, such as "2026-W09".
const EventDigest = "digest.weekly"

// atRisk is up to how many percent of budget left an objective that is not breaching is at risk.
const atRisk = 20

// Digest is a week in a few lines: how all objectives stand at an instant, from what is recorded.
type Digest struct {
	Week string    `json:"week"` // the ISO week of At, such as "2026-W09"
	At   time.Time `json:"at"`

	Total int `json:"total"`
	Counts

	Top    []DigestEntry `json:"top"`    // at most three, the most available first
	Bottom []DigestEntry `json:"bottom"` // at most three, those with the least budget left first
	Change Counts        `json:"change"` // now less seven days before
}

// Counts says how many objectives are how: breaching; at risk, which is not breaching with at most 20 % of the budget left;
// or healthy, which is neither. Whether they are down does not matter.
type Counts struct {
	Breaching int `json:"breaching"`
	AtRisk    int `json:"atRisk"`
	Healthy   int `json:"healthy"`
}

// DigestEntry is one objective in a Digest.
type DigestEntry struct {
	ObjectiveID            string  `json:"objective"`
	Name                   string  `json:"name"` // the objective's
	SystemID               string  `json:"system"`
	Availability           float64 `json:"availability"`           // percent
	BudgetRemainingPercent float64 `json:"budgetRemainingPercent"` // negative in an overdraft
	Streak                 int     `json:"streak"`                 // days, in Top; 0 in Bottom
}

func (c *Counts) add(st *slo.Status, n int) {
	switch {
	case st.Breaching:
		c.Breaching += n
	case st.Budget.RemainingPercent <= atRisk:
		c.AtRisk += n
	default:
		c.Healthy += n
	}
}

// Digest says how all objectives stand at an instant, and records it, unless the instant's ISO week has a digest already,
// which stays; where there is no objective, nothing is. It is told to subscribers when it is recorded, once. Those of equal
// rank are in order of their IDs.
//
// ErrInvalid: an instant before 1970 or more than a minute after the Engine's now.
func (e *Engine) Digest(ctx context.Context, now time.Time) (Digest, error) {
	if err := e.check(); err != nil {
		return Digest{}, err
	}
	if err := checkInstant("now", now); err != nil {
		return Digest{}, err
	}
	if err := e.happened("now", now); err != nil {
		return Digest{}, err
	}
	now = instant(now)
	d := Digest{Week: weekOf(now), At: now, Top: []DigestEntry{}, Bottom: []DigestEntry{}}
	var ids []string
	for record, err := range e.records(ctx, storage.Range{Kind: recordObjective}) {
		if err != nil {
			return Digest{}, err
		}
		if ids = append(ids, record.ID); len(ids) < page {
			continue
		}
		if err := e.digest(ctx, &d, ids); err != nil {
			return Digest{}, err
		}
		ids = ids[:0]
	}
	if err := e.digest(ctx, &d, ids); err != nil {
		return Digest{}, err
	}
	if err := e.digestStreaks(ctx, &d); err != nil {
		return Digest{}, err
	}
	if d.Total == 0 {
		return d, nil
	}
	return d, e.putDigest(ctx, &d)
}

func weekOf(at time.Time) string {
	year, week := at.UTC().ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// digest adds objectives to a digest.
func (e *Engine) digest(ctx context.Context, d *Digest, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := e.judge(ctx, ids, passing)
	if err != nil {
		return err
	}
	before := d.At.AddDate(0, 0, -7)
	for _, j := range list {
		if j == nil || j.created.After(d.At) {
			continue
		}
		st := j.timeline.Status(d.At)
		d.Total++
		d.Counts.add(&st, 1)
		d.Change.add(&st, 1)
		if !j.created.After(before) {
			was := j.timeline.Status(before)
			d.Change.add(&was, -1)
		}
		entry := DigestEntry{
			ObjectiveID: st.ObjectiveID, Name: st.Name, SystemID: st.SystemID,
			Availability: st.Availability, BudgetRemainingPercent: st.Budget.RemainingPercent,
		}
		d.Top = ranked(d.Top, entry, func(a, b DigestEntry) int { return -cmp.Compare(a.Availability, b.Availability) })
		d.Bottom = ranked(d.Bottom, entry, func(a, b DigestEntry) int {
			return cmp.Compare(a.BudgetRemainingPercent, b.BudgetRemainingPercent)
		})
	}
	return nil
}

// ranked adds an entry to the first three in an order.
func ranked(list []DigestEntry, entry DigestEntry, order func(a, b DigestEntry) int) []DigestEntry {
	list = append(list, entry)
	slices.SortFunc(list, func(a, b DigestEntry) int {
		return cmp.Or(order(a, b), cmp.Compare(a.ObjectiveID, b.ObjectiveID))
	})
	return list[:min(len(list), 3)]
}

// digestStreaks gives the top entries the streaks of the last day that had ended by then, as far as they are recorded.
func (e *Engine) digestStreaks(ctx context.Context, d *Digest) error {
	today, err := streak.DateOf(d.At)
	if err != nil {
		return fmt.Errorf("%w: now: %w", ErrInvalid, err)
	}
	yesterday, err := today.Add(-1)
	if err != nil || len(d.Top) == 0 {
		return nil
	}
	ids := make([]string, len(d.Top))
	keys := make([]storage.Key, len(d.Top))
	for i, entry := range d.Top {
		ids[i] = entry.ObjectiveID
		keys[i] = storage.Key{Kind: recordDay, ID: entry.ObjectiveID, Sub: yesterday.String()}
	}
	streaks := map[string]int{}
	found, err := e.progress(ctx, ids)
	if err != nil {
		return err
	}
	for id, p := range found {
		if p.LastDay.Before(today) {
			streaks[id] = p.Current
		}
	}
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return fmt.Errorf("engine: read days: %w", err)
		}
		day, err := readDay(record.Data)
		if err != nil {
			return err
		}
		streaks[record.ID] = day.Streak.Current
	}
	for i := range d.Top {
		d.Top[i].Streak = streaks[d.Top[i].ObjectiveID]
	}
	return nil
}

func (e *Engine) putDigest(ctx context.Context, d *Digest) error {
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("engine: digest %s: %w", d.Week, err)
	}
	_, err = e.digests.Mutate(ctx, d.Week, func(ctx context.Context) error {
		_, err := e.store.Add(ctx, []storage.Record{{Key: storage.Key{Kind: recordDigest, ID: d.Week}, Data: data}})
		return err
	}, nil)
	return err
}

// OnDigest calls handler for each digest that is recorded, as [entity.Handle.OnChange] does for changes: at least once, and
// again after an error.
func (e *Engine) OnDigest(handler func(ctx context.Context, d Digest) error, opts *entity.SubscribeOptions) (stop func(), err error) {
	if handler == nil {
		return nil, invalid("handler", "nil", "a function")
	}
	return e.registry.OnEvent(EventDigest, func(ctx context.Context, event entity.Event) error {
		change, ok := entity.As[Digest](event.Change)
		if !ok || change.Next == nil {
			return fmt.Errorf("engine: event %s of kind %q", event.Name, event.Change.Kind)
		}
		return handler(ctx, *change.Next)
	}, opts)
}

func (e *Engine) defineDigests() error {
	var err error
	e.digests, err = entity.Define(e.registry, kindDigest, e.readDigests, nil)
	if err != nil {
		return err
	}
	return e.digests.Derive(func(prev, next *Digest) []string {
		if prev == nil && next != nil {
			return []string{EventDigest}
		}
		return nil
	})
}

func (e *Engine) readDigests(ctx context.Context, ids []string, found func(string, Digest)) error {
	keys := make([]storage.Key, len(ids))
	for i, id := range ids {
		keys[i] = storage.Key{Kind: recordDigest, ID: id}
	}
	for record, err := range e.store.Get(ctx, keys) {
		if err != nil {
			return fmt.Errorf("engine: read digests: %w", err)
		}
		var d Digest
		if err := json.Unmarshal(record.Data, &d); err != nil {
			return fmt.Errorf("engine: a stored digest cannot be read: %w", err)
		}
		found(record.ID, d)
	}
	return nil
}
