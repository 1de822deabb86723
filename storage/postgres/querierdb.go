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

// on returns what a statement runs on, a *sql.Conn or a *sql.DB. ran is called when it has been sent.
func (q querierDB) on(ctx context.Context, statement string) (on QuerierDB, ran func(), err error) {
	t := q.transaction(ctx)
	if t == nil {
		return q.l.door.(sqlDoor).db, func() {}, nil
	}
	if err := t.take(ctx); err != nil {
		return nil, nil, err
	}
	if err := t.host(ctx, statement); err != nil {
		t.give()
		return nil, nil, err
	}
	return t.conn.sql, t.give, nil
}

// until is the ctx for rows, which in a transaction end with that.
func (q querierDB) until(ctx context.Context) context.Context {
	if t := q.transaction(ctx); t != nil {
		return t.until(ctx)
	}
	return ctx
}

func (q querierDB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	on, ran, err := q.on(ctx, query)
	if err != nil {
		return nil, err
	}
	defer ran()
	return on.ExecContext(ctx, query, args...)
}

func (q querierDB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	on, ran, err := q.on(ctx, query)
	if err != nil {
		return nil, err
	}
	defer ran()
	return on.QueryContext(q.until(ctx), query, args...)
}

func (q querierDB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	on, ran, err := q.on(ctx, query)
	if err != nil {
		return refusedRow(ctx, err)
	}
	defer ran()
	return on.QueryRowContext(q.until(ctx), query, args...)
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
