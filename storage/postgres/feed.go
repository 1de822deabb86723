package postgres

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// Relay moves changes from the outbox to the feed, in one statement; see entity.Feed.
func (l *Log) Relay(ctx context.Context, t entity.Token, limit int) (int, error) {
	if limit < 0 {
		return 0, fmt.Errorf("postgres: %w: limit %d: want 0 or more", entity.ErrInvalid, limit)
	}
	var held bool
	var moved int
	err := l.query(ctx, relay, func(rows pgx.Rows) error { return rows.Scan(&held, &moved) }, t.Name, t.Number, limit)
	switch {
	case err != nil:
		return 0, err
	case !held:
		return 0, lost(t)
	}
	return moved, nil
}

// Changes lists the feed; see entity.Feed.
func (l *Log) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return sqlstore.Pages(pageSize, func(last *entity.Change) (page []entity.Change, err error) {
		from := after
		if last != nil {
			from = last.Position
		}
		err = l.query(ctx, changePage, func(rows pgx.Rows) error {
			var c entity.Change
			err := scanChange(rows, &c)
			page = append(page, c)
			return err
		}, from)
		return page, err
	})
}

// Last returns the newest Position; see entity.Feed.
func (l *Log) Last(ctx context.Context) (position int64, drained bool, err error) {
	err = l.query(ctx, feedEnd, func(rows pgx.Rows) error { return rows.Scan(&position, &drained) })
	return position, drained, err
}

// Trim deletes old changes and intervals; see entity.Feed. Outside of a transaction it does so in many small ones, so that
// an error may come when a part is deleted already.
func (l *Log) Trim(ctx context.Context, token entity.Token, before time.Time) error {
	for {
		more := false
		err := l.write(ctx, func(t *transaction) error {
			if err := t.newest(ctx, token); err != nil {
				return err
			}
			count := func(rows pgx.Rows) error {
				rows.Close()
				more = more || rows.CommandTag().RowsAffected() == trimBatch
				return rows.Err()
			}
			args := []any{before.UnixMicro(), trimBatch}
			return t.send(ctx, step{trimChanges, args, count}, step{trimIntervals, args, count})
		})
		if err != nil || !more {
			return err
		}
	}
}
