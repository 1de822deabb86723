package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// ends is what is known of the feed's end.
type ends struct {
	given, appended int64
	held            bool // the token is the newest
}

func (l *Log) ends(ctx context.Context, token entity.Token) (e ends, err error) {
	err = l.query(ctx, feedState, func(rows *sql.Rows) error {
		return rows.Scan(&e.given, &e.appended, &e.held)
	}, token.Name, token.Number)
	return e, err
}

// Relay moves changes from the outbox to the feed; see entity.Feed. Since changes lie in the order of their commits, in
// which they get their Positions, it moves nothing but the mark between the two. An empty outbox costs one read.
func (l *Log) Relay(ctx context.Context, t entity.Token, limit int) (int, error) {
	if limit < 0 {
		return 0, fmt.Errorf("sqlite: %w: limit %d: want 0 or more", entity.ErrInvalid, limit)
	}
	if l.transaction(ctx) == nil {
		e, err := l.ends(ctx, t)
		switch {
		case err != nil:
			return 0, err
		case !e.held:
			return 0, lost(t)
		case e.given == e.appended || limit == 0:
			return 0, nil
		}
	}
	// Lost with the machine, the mark is set again, and the same changes get the same Positions.
	var moved int64
	err := l.write(ctx, true, func(tx *transaction) error {
		e, err := l.ends(tx.context(ctx), t)
		if err != nil {
			return err
		}
		if !e.held {
			return lost(t)
		}
		if moved = min(int64(limit), e.appended-e.given); moved == 0 {
			return nil
		}
		_, err = tx.exec(setGiven, e.given+moved)
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(moved), nil
}

// Changes lists the feed; see entity.Feed.
func (l *Log) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	return sqlstore.Pages(pageSize, func(last *entity.Change) ([]entity.Change, error) {
		from := after
		if last != nil {
			from = last.Position
		}
		var page []entity.Change
		err := l.query(ctx, changePage, func(rows *sql.Rows) error {
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
	e, err := l.ends(ctx, entity.Token{})
	return e.given, err == nil && e.given == e.appended, err
}

// Trim deletes old changes and intervals; see entity.Feed. Outside of a transaction it does so in many small ones, between
// which others write, so that an error may come when a part is deleted already.
func (l *Log) Trim(ctx context.Context, t entity.Token, before time.Time) error {
	for {
		more := false
		err := l.write(ctx, false, func(tx *transaction) error {
			if err := tx.newest(t); err != nil {
				return err
			}
			for _, s := range []statement{trimChanges, trimIntervals} {
				result, err := tx.exec(s, before.UnixMicro(), trimBatch)
				if err != nil {
					return err
				}
				n, err := result.RowsAffected()
				if err != nil {
					return failed(statementTexts[s].what, err)
				}
				more = more || n == trimBatch
			}
			return nil
		})
		if err != nil || !more {
			return err
		}
	}
}
