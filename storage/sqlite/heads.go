package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// Lock returns the heads of these ids. The transaction has the lock of everything already: there is nothing to wait for,
// and no circle to close. See entity.Heads.
func (l *Log) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	if _, err := l.inside(ctx); err != nil {
		return nil, err
	}
	if err := cmp.Or(check.IDs("kind", kind), check.IDs("ID", ids...)); err != nil {
		return nil, err
	}
	heads := make([]entity.Head, len(ids))
	for i, id := range ids {
		heads[i].ID = id
	}
	for chunk := range slices.Chunk(heads, listSize) {
		keys := make([]string, len(chunk))
		for i := range chunk {
			keys[i] = chunk[i].ID
		}
		found, err := l.heads(ctx, kind, keys)
		if err != nil {
			return nil, err
		}
		for i := range chunk {
			if j := slices.IndexFunc(found, func(h entity.Head) bool { return h.ID == keys[i] }); j >= 0 {
				chunk[i] = found[j]
			}
		}
	}
	return heads, nil
}

// heads reads those of at most listSize ids, in any order.
func (l *Log) heads(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	var heads []entity.Head
	if len(ids) == 1 {
		err := l.query(ctx, headOne, scanHead(&heads), kind, ids[0])
		return heads, err
	}
	err := l.query(ctx, headMany, scanHead(&heads), fill([]any{kind}, ids)...)
	return heads, err
}

func scanHead(heads *[]entity.Head) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var h entity.Head
		var at int64
		var state, published []byte
		if err := rows.Scan(&h.ID, &h.Version, &at, &state, &published); err != nil {
			return err
		}
		h.At = sqlstore.Instant(at)
		sqlstore.DecodeHead(&h, state, published)
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
		return chunks(ids, func(ids []string) ([]entity.Head, error) {
			heads, err := l.heads(ctx, kind, ids)
			slices.SortFunc(heads, func(a, b entity.Head) int { return strings.Compare(a.ID, b.ID) })
			return heads, err
		})
	}
	return sqlstore.Pages(pageSize, func(after *entity.Head) ([]entity.Head, error) {
		if after == nil {
			after = &entity.Head{}
		}
		var page []entity.Head
		err := l.query(ctx, headPage, scanHead(&page), kind, after.ID)
		return page, err
	})
}

// Append writes entries; see entity.Heads. An error of it dooms the transaction, unless it matches entity.ErrInvalid.
func (l *Log) Append(ctx context.Context, entries []entity.Entry) error {
	if _, err := l.inside(ctx); err != nil {
		return err
	}
	if err := check.Entries(entries); err != nil {
		return err
	}
	return l.write(ctx, false, func(t *transaction) error {
		for i := range entries {
			if err := t.append(&entries[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *transaction) append(e *entity.Entry) error {
	c := &e.Change
	var states sqlstore.Encoder
	state, published, err := states.EncodeHead(&e.Head)
	if err != nil {
		return failed("append a change", err)
	}
	args, err := changeArgs(&states, c)
	if err != nil {
		return failed("append a change", err)
	}
	if _, err := t.exec(putHead, c.Kind, e.Head.ID, e.Head.Version, e.Head.At.UnixMicro(), state, published); err != nil {
		return err
	}
	result, err := t.exec(putChange, args...)
	if err != nil {
		return err
	}
	if len(e.Transitions) == 0 {
		return nil
	}
	position, err := result.LastInsertId()
	if err != nil {
		return failed("append a change", err)
	}
	return t.transit(e, position)
}

// transit ends and begins the intervals of the fields that got another value.
func (t *transaction) transit(e *entity.Entry, position int64) error {
	at, kind, id := e.Change.At.UnixMicro(), e.Change.Kind, e.Head.ID
	for _, field := range e.Transitions {
		if _, err := t.exec(endInterval, at, kind, id, field); err != nil {
			return err
		}
		if e.Head.State == nil {
			continue
		}
		if _, err := t.exec(beginInterval, at, kind, id, field, position); err != nil {
			return err
		}
	}
	return nil
}

// Intervals lists the intervals of a field; see entity.Heads.
func (l *Log) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	if err := check.Keys("key", kind, id, field); err != nil {
		return sqlstore.Failing[entity.Interval](err)
	}
	type row struct {
		entity.Interval
		position int64
	}
	all := sqlstore.Pages(pageSize, func(after *row) ([]row, error) {
		if after == nil {
			after = &row{position: math.MaxInt64}
		}
		var page []row
		err := l.query(ctx, intervalPage, func(rows *sql.Rows) error {
			var r row
			var begin int64
			var end sql.NullInt64
			if err := rows.Scan(&r.position, &begin, &end); err != nil {
				return err
			}
			r.Since = sqlstore.Instant(begin)
			if end.Valid {
				r.Until = sqlstore.Instant(end.Int64)
			}
			page = append(page, r)
			return nil
		}, kind, id, field, after.position)
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
