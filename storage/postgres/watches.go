package postgres

import (
	"cmp"
	"context"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// Watches lists named watches; see entity.Watches.
func (l *Log) Watches(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
	if err := check.Keys("watch", names...); err != nil {
		return sqlstore.Failing[entity.WatchRow](err)
	}
	read := func(s statement, arg any) (list []entity.WatchRow, err error) {
		err = l.query(ctx, s, func(rows pgx.Rows) error {
			var w entity.WatchRow
			var at int64
			err := rows.Scan(&w.Name, &w.Group, &w.Condition, &w.Progress, &w.Position, &at)
			w.At = sqlstore.Instant(at)
			list = append(list, w)
			return err
		}, arg)
		return list, err
	}
	if len(names) > 0 {
		names = sqlstore.Distinct(names)
		return sqlstore.Listing(func() ([]entity.WatchRow, error) { return read(watchList, names) })
	}
	return sqlstore.Pages(pageSize, func(after *entity.WatchRow) ([]entity.WatchRow, error) {
		if after == nil {
			after = &entity.WatchRow{}
		}
		return read(watchPage, after.Name)
	})
}

// PutWatch writes the row of a named watch; see entity.Watches.
func (l *Log) PutWatch(ctx context.Context, token entity.Token, w entity.WatchRow) error {
	if err := cmp.Or(check.IDs("watch", w.Name), check.Keys("row of a watch", w.Group, w.Condition, w.Progress)); err != nil {
		return err
	}
	return l.write(ctx, func(t *transaction) error {
		if token != (entity.Token{}) {
			if err := t.newest(ctx, token); err != nil {
				return err
			}
		}
		return t.later(ctx, do(putWatch, w.Name, w.Group, w.Condition, w.Progress, w.Position, w.At.UnixMicro()))
	})
}

// DropWatch deletes the row of a named watch; see entity.Watches.
func (l *Log) DropWatch(ctx context.Context, name string) error {
	if err := check.Keys("watch", name); err != nil {
		return err
	}
	return l.run(ctx, do(dropWatch, name))
}
