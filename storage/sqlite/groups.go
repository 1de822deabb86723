package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// Positions returns how far a group is; see entity.Groups.
func (l *Log) Positions(ctx context.Context, g entity.Group, start int64) (positions [entity.Shards]int64, err error) {
	if err := cmp.Or(check.IDs("group", g.Name), check.Keys("source of a group", g.Source)); err != nil {
		return positions, err
	}
	n, err := l.positions(ctx, g, &positions)
	if err != nil || n == entity.Shards {
		return positions, err
	}
	err = l.write(ctx, false, func(t *transaction) error {
		for shard := range entity.Shards {
			if _, err := t.exec(addGroup, g.Name, g.Source, shard, start); err != nil {
				return err
			}
		}
		_, err := l.positions(t.context(ctx), g, &positions) // somebody else may have been faster
		return err
	})
	return positions, err
}

// positions reads the rows of a group and says how many there are.
func (l *Log) positions(ctx context.Context, g entity.Group, into *[entity.Shards]int64) (n int, err error) {
	err = l.query(ctx, groupPositions, func(rows *sql.Rows) error {
		var shard int
		var position int64
		if err := rows.Scan(&shard, &position); err != nil {
			return err
		}
		if shard < 0 || shard >= entity.Shards {
			return fmt.Errorf("shard %d of group %q: want less than %d", shard, g.Name, entity.Shards)
		}
		into[shard] = position
		n++
		return nil
	}, g.Name, g.Source)
	return n, err
}

// Save writes a Progress; see entity.Groups. An error that matches entity.ErrNotFound says that there is no such group,
// since somebody dropped it.
func (l *Log) Save(ctx context.Context, token entity.Token, p entity.Progress) error {
	if err := check.Progress(&p); err != nil {
		return err
	}
	return l.write(ctx, false, func(t *transaction) error {
		if err := t.newest(token); err != nil {
			return err
		}
		result, err := t.exec(setPosition, p.Position, p.Group.Name, p.Group.Source, p.Shard)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("sqlite: %w: group %q of %q", entity.ErrNotFound, p.Group.Name, p.Group.Source)
		}
		for i := range p.Put {
			if err := t.putPending(p.Group, &p.Put[i]); err != nil {
				return err
			}
		}
		_, err = t.forget(p.Group, p.Done)
		return err
	})
}

func (t *transaction) putPending(g entity.Group, p *entity.Pending) error {
	args, err := changeArgs(new(sqlstore.Encoder), &p.Change)
	if err != nil {
		// Something is written already, so that the transaction must not go on as if this were a mere wrong argument.
		t.outcome.Doom(err)
		return err
	}
	var due any
	if !p.Due.IsZero() {
		due = p.Due.UnixMicro()
	}
	args = append([]any{p.Change.Position}, args...)
	_, err = t.exec(putPending, append(args, g.Name, g.Source, p.Attempts, due, p.Error, p.Parked)...)
	return err
}

// forget deletes pending changes and says how many there were.
func (t *transaction) forget(g entity.Group, positions []int64) (int, error) {
	if len(positions) == 0 {
		return 0, nil
	}
	list, err := json.Marshal(positions)
	if err != nil {
		return 0, err
	}
	result, err := t.exec(deletePending, g.Name, g.Source, string(list))
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// Pending lists what is pending; see entity.Groups.
func (l *Log) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	if err := check.Keys("group", name); err != nil {
		return sqlstore.Failing[entity.Pending](err)
	}
	return sqlstore.Pages(pageSize, func(after *entity.Pending) ([]entity.Pending, error) {
		if after == nil {
			after = &entity.Pending{Change: entity.Change{Position: -1}}
		}
		var page []entity.Pending
		scan := func(rows *sql.Rows) error {
			p, err := scanPending(rows)
			page = append(page, p)
			return err
		}
		of := after.Group
		if name != "" {
			err := l.query(ctx, pendingPageOf, scan, name, of.Source, after.Change.Position)
			return page, err
		}
		err := l.query(ctx, pendingPage, scan, of.Name, of.Source, after.Change.Position)
		return page, err
	})
}

func scanPending(rows *sql.Rows) (p entity.Pending, err error) {
	var due sql.NullInt64
	err = scanChange(rows, &p.Change, &p.Group.Name, &p.Group.Source, &p.Attempts, &due, &p.Error, &p.Parked)
	if due.Valid {
		p.Due = sqlstore.Instant(due.Int64)
	}
	return p, err
}

// Forget deletes pending changes; see entity.Groups.
func (l *Log) Forget(ctx context.Context, g entity.Group, positions ...int64) (n int, err error) {
	if len(positions) == 0 {
		return 0, nil
	}
	err = l.write(ctx, false, func(t *transaction) (err error) {
		n, err = t.forget(g, positions)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Drop deletes groups; see entity.Groups.
func (l *Log) Drop(ctx context.Context, name string) error {
	return l.write(ctx, false, func(t *transaction) error {
		for _, s := range []statement{dropGroup, dropPending} {
			if _, err := t.exec(s, name); err != nil {
				return err
			}
		}
		return nil
	})
}
