package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// QuerierDB runs a host's own statements. It has the methods that *sql.DB and *sql.Tx have in common, for code that is
// written or generated against those.
type QuerierDB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Querier returns the transaction of ctx, or where ctx has none the pool, as [Log.Querier] does, for package database/sql.
func (l *LogDB) Querier(ctx context.Context) QuerierDB {
	return querierDB{querier{l.Log, l.transaction(ctx)}}
}

type querierDB struct{ querier }

// runner is what a statement runs on, a *sql.Conn or a *sql.DB, and its ctx, which in a transaction ends with that.
func (q querierDB) runner(ctx context.Context) (QuerierDB, context.Context, error) {
	t := q.t
	if t == nil {
		t = q.l.transaction(ctx)
	}
	if t == nil {
		return q.l.door.(sqlDoor).db, ctx, nil
	}
	if err := t.check(ctx); err != nil {
		return nil, nil, err
	}
	return t.conn.sql, t.until(ctx), t.start(ctx)
}

func (q querierDB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	on, until, err := q.runner(ctx)
	if err != nil {
		return nil, err
	}
	return on.ExecContext(until, query, args...)
}

func (q querierDB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	on, until, err := q.runner(ctx)
	if err != nil {
		return nil, err
	}
	return on.QueryContext(until, query, args...)
}

func (q querierDB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	on, until, err := q.runner(ctx)
	if err != nil {
		return refusedRow(ctx, err)
	}
	return on.QueryRowContext(until, query, args...)
}

// refusedRow makes a row of nothing but an error. Only package sql can make one, so it is asked of a database that has
// nothing but that error either.
func refusedRow(ctx context.Context, err error) *sql.Row {
	db := sql.OpenDB(refusing{err})
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(context.WithoutCancel(ctx), "")
}

type refusing struct{ err error }

func (r refusing) Connect(context.Context) (driver.Conn, error) { return nil, r.err }
func (r refusing) Driver() driver.Driver                        { return nil }
