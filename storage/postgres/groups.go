package postgres

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// Positions returns how far a group is; see entity.Groups.
func (l *Log) Positions(ctx context.Context, g entity.Group, start int64) (positions [entity.Shards]int64, err error) {
	if err := cmp.Or(check.IDs("group", g.Name), check.Keys("source of a group", g.Source)); err != nil {
		return positions, err
	}
	found := 0
	read := ask(groupPositions, func(rows pgx.Rows) error {
		var shard int
		var position int64
		if err := rows.Scan(&shard, &position); err != nil {
			return err
		}
		if shard < 0 || shard >= entity.Shards {
			return fmt.Errorf("shard %d of group %q: want less than %d", shard, g.Name, entity.Shards)
		}
		positions[shard] = position
		found++
		return nil
	}, g.Name, g.Source)
	if err := l.run(ctx, read); err != nil || found == entity.Shards {
		return positions, err
	}
	err = l.write(ctx, func(t *transaction) error { // somebody else may be faster
		return t.send(ctx, do(addGroup, g.Name, g.Source, entity.Shards, start), read)
	})
	return positions, err
}

// Save writes a Progress; see entity.Groups. An error that matches entity.ErrNotFound says that there is no such group,
// since somebody dropped it.
func (l *Log) Save(ctx context.Context, token entity.Token, p entity.Progress) error {
	if err := check.Progress(&p); err != nil {
		return err
	}
	var rows []step
	for i := range p.Put {
		row, err := pendingRow(p.Group, &p.Put[i])
		if err != nil {
			return failed("write pending changes", err)
		}
		rows = append(rows, row)
	}
	if len(p.Done) > 0 {
		rows = append(rows, do(deletePending, p.Group.Name, p.Group.Source, p.Done))
	}
	return l.write(ctx, func(t *transaction) error {
		held, found := false, false
		err := t.send(ctx,
			ask(newestToken, func(pgx.Rows) error { held = true; return nil }, token.Name, token.Number),
			ask(setPosition, func(pgx.Rows) error { found = true; return nil },
				p.Group.Name, p.Group.Source, p.Shard, p.Position, token.Name, token.Number))
		switch {
		case err != nil:
			return err
		case !held || token.Number == 0:
			return lost(token)
		case !found:
			return fmt.Errorf("postgres: %w: group %q of %q", entity.ErrNotFound, p.Group.Name, p.Group.Source)
		}
		return t.later(ctx, rows...)
	})
}

func pendingRow(g entity.Group, p *entity.Pending) (step, error) {
	var c changeRows
	if err := c.add(new(sqlstore.Encoder), &p.Change); err != nil {
		return step{}, err
	}
	var due *int64
	if !p.Due.IsZero() {
		micros := p.Due.UnixMicro()
		due = &micros
	}
	return do(putPending, p.Change.Position, c.ats[0], c.kinds[0], c.ids[0], c.versions[0], c.fields[0],
		c.actorTypes[0], c.actorIDs[0], c.actorNames[0], c.prevs[0], c.nexts[0],
		g.Name, g.Source, p.Attempts, due, p.Error, p.Parked), nil
}

// Pending lists what is pending; see entity.Groups.
func (l *Log) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	if err := check.Keys("group", name); err != nil {
		return sqlstore.Failing[entity.Pending](err)
	}
	return sqlstore.Pages(pageSize, func(after *entity.Pending) (page []entity.Pending, err error) {
		if after == nil {
			after = &entity.Pending{Change: entity.Change{Position: -1}}
		}
		each := func(rows pgx.Rows) error {
			p, err := scanPending(rows)
			page = append(page, p)
			return err
		}
		of := after.Group
		if name != "" {
			err = l.query(ctx, pendingPageOf, each, name, of.Source, after.Change.Position)
		} else {
			err = l.query(ctx, pendingPage, each, of.Name, of.Source, after.Change.Position)
		}
		return page, err
	})
}

func scanPending(rows pgx.Rows) (p entity.Pending, err error) {
	var due *int64
	err = scanChange(rows, &p.Change, &p.Group.Name, &p.Group.Source, &p.Attempts, &due, &p.Error, &p.Parked)
	if due != nil {
		p.Due = sqlstore.Instant(*due)
	}
	return p, err
}

// Forget deletes pending changes; see entity.Groups.
func (l *Log) Forget(ctx context.Context, g entity.Group, positions ...int64) (n int, err error) {
	if len(positions) == 0 {
		return 0, nil
	}
	if err := check.Keys("group", g.Name, g.Source); err != nil {
		return 0, err
	}
	err = l.run(ctx, step{deletePending, []any{g.Name, g.Source, positions}, func(rows pgx.Rows) error {
		rows.Close()
		n = int(rows.CommandTag().RowsAffected())
		return rows.Err()
	}})
	return n, err
}

// Drop deletes groups; see entity.Groups.
func (l *Log) Drop(ctx context.Context, name string) error {
	if err := check.Keys("group", name); err != nil {
		return err
	}
	return l.write(ctx, func(t *transaction) error { return t.later(ctx, do(dropGroup, name), do(dropPending, name)) })
}
