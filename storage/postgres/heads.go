package postgres

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

type headKey struct{ kind, id string }

// Lock locks rows in the order of the ids; see entity.Heads. ErrConflict: the database found a circle of waits, for which it
// looks after its deadlock_timeout, a second unless it was set otherwise.
func (l *Log) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	t, err := l.inside(ctx)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(check.IDs("kind", kind), check.IDs("ID", ids...)); err != nil {
		return nil, err
	}
	if err := t.lock(ctx, kind, t.unlocked(kind, ids)); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	heads := make([]entity.Head, len(ids))
	for i, id := range ids {
		heads[i] = t.heads[headKey{kind, id}]
	}
	return heads, nil
}

// unlocked returns those of the ids whose locks the transaction does not have.
func (t *transaction) unlocked(kind string, ids []string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var missing []string
	for _, id := range ids {
		if _, ok := t.heads[headKey{kind, id}]; !ok {
			missing = append(missing, id)
		}
	}
	return missing
}

func (t *transaction) lock(ctx context.Context, kind string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	heads := make([]entity.Head, 0, len(ids))
	if err := t.send(ctx, do(addLocks, kind, ids), ask(lockHeads, scanHead(&heads), kind, ids)); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.heads == nil {
		t.heads = make(map[headKey]entity.Head, len(heads))
	}
	for i := range heads {
		t.heads[headKey{kind, heads[i].ID}] = heads[i]
	}
	return nil
}

func scanHead(heads *[]entity.Head) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var h entity.Head
		var version, at *int64
		var state, published []byte
		if err := rows.Scan(&h.ID, &version, &at, &state, &published); err != nil {
			return err
		}
		if version != nil {
			h.Version, h.At = *version, sqlstore.Instant(*at)
			sqlstore.DecodeHead(&h, state, published)
		}
		*heads = append(*heads, h)
		return nil
	}
}

// Heads lists heads; see entity.Heads.
func (l *Log) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	if err := check.Keys("key", append(ids[:len(ids):len(ids)], kind)...); err != nil {
		return sqlstore.Failing[entity.Head](err)
	}
	if ids != nil {
		ids = sqlstore.Distinct(ids)
		return sqlstore.Listing(func() (heads []entity.Head, err error) {
			if len(ids) == 0 {
				return nil, ctx.Err()
			}
			err = l.query(ctx, headList, scanHead(&heads), kind, ids)
			slices.SortFunc(heads, func(a, b entity.Head) int { return strings.Compare(a.ID, b.ID) })
			return heads, err
		})
	}
	return sqlstore.Pages(pageSize, func(after *entity.Head) (page []entity.Head, err error) {
		if after == nil {
			after = &entity.Head{}
		}
		err = l.query(ctx, headPage, scanHead(&page), kind, after.ID)
		return page, err
	})
}

// Append writes entries; see entity.Heads. They go to the server with the next statement, or with the commit.
func (l *Log) Append(ctx context.Context, entries []entity.Entry) error {
	t, err := l.inside(ctx)
	if err != nil {
		return err
	}
	if err := check.Entries(entries); err != nil {
		return err
	}
	// A statement can change a row once, so that entries of one entity go one after the other.
	for len(entries) > 0 {
		seen := make(map[headKey]bool, len(entries))
		n := 0
		for n < len(entries) && !seen[headKey{entries[n].Change.Kind, entries[n].Head.ID}] {
			seen[headKey{entries[n].Change.Kind, entries[n].Head.ID}] = true
			n++
		}
		steps, heads, err := l.append(entries[:n])
		if err != nil {
			t.outcome.Doom(err)
			return err
		}
		if err := t.later(ctx, steps...); err != nil {
			return err
		}
		t.remember(heads)
		entries = entries[n:]
	}
	return nil
}

// remember replaces what is known of locked heads.
func (t *transaction) remember(heads map[headKey]entity.Head) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, h := range heads {
		if _, ok := t.heads[key]; ok {
			t.heads[key] = h
		}
	}
}

// append makes the statements that write entries of different entities, and what their heads will be as read.
func (l *Log) append(entries []entity.Entry) ([]step, map[headKey]entity.Head, error) {
	var kinds, ids []string
	var versions, ats []int64
	var states, publisheds []*string
	var changes changeRows
	var ends, begins intervalRows
	heads := make(map[headKey]entity.Head, len(entries))
	for i := range entries {
		e := &entries[i]
		var encoder sqlstore.Encoder
		state, published, err := encoder.EncodeHead(&e.Head)
		if err != nil {
			return nil, nil, failed("append", err)
		}
		if err := changes.add(&encoder, &e.Change); err != nil {
			return nil, nil, failed("append", err)
		}
		kinds, ids, versions = append(kinds, e.Change.Kind), append(ids, e.Head.ID), append(versions, e.Head.Version)
		ats, states, publisheds = append(ats, e.Head.At.UnixMicro()), append(states, state), append(publisheds, published)
		for _, field := range e.Transitions {
			ends.add(e, field)
			if state != nil {
				begins.add(e, field)
			}
		}
		h := entity.Head{ID: e.Head.ID, Version: e.Head.Version, At: sqlstore.Instant(e.Head.At.UnixMicro())}
		sqlstore.DecodeHead(&h, bytesOf(state), bytesOf(published))
		heads[headKey{e.Change.Kind, e.Head.ID}] = h
	}
	steps := []step{do(putHeads, kinds, ids, versions, ats, states, publisheds), changes.step()}
	if len(ends.kinds) > 0 {
		steps = append(steps, ends.step(endIntervals))
	}
	if len(begins.kinds) > 0 {
		steps = append(steps, begins.step(beginIntervals))
	}
	return steps, heads, nil
}

func bytesOf(text *string) []byte {
	if text == nil {
		return nil
	}
	return []byte(*text)
}

// intervalRows are the arguments of the statements on intervals.
type intervalRows struct {
	kinds, ids, fields []string
	ats                []int64
}

func (r *intervalRows) add(e *entity.Entry, field string) {
	r.kinds, r.ids, r.fields = append(r.kinds, e.Change.Kind), append(r.ids, e.Head.ID), append(r.fields, field)
	r.ats = append(r.ats, e.Change.At.UnixMicro())
}

func (r *intervalRows) step(s statement) step { return do(s, r.kinds, r.ids, r.fields, r.ats) }

// Intervals lists the intervals of a field; see entity.Heads.
func (l *Log) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	if err := check.Keys("key", kind, id, field); err != nil {
		return sqlstore.Failing[entity.Interval](err)
	}
	type row struct {
		entity.Interval
		number int64
	}
	all := sqlstore.Pages(pageSize, func(after *row) (page []row, err error) {
		if after == nil {
			after = &row{number: math.MaxInt64}
		}
		err = l.query(ctx, intervalPage, func(rows pgx.Rows) error {
			var r row
			var begin int64
			var end *int64
			if err := rows.Scan(&r.number, &begin, &end); err != nil {
				return err
			}
			r.Since = sqlstore.Instant(begin)
			if end != nil {
				r.Until = sqlstore.Instant(*end)
			}
			page = append(page, r)
			return nil
		}, kind, id, field, after.number)
		return page, err
	})
	return func(yield func(entity.Interval, error) bool) {
		for r, err := range all {
			over := err == nil && !r.Until.IsZero() && !r.Until.After(since) && r.Since.Before(since)
			if over || !yield(r.Interval, err) {
				return
			}
		}
	}
}
