package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/slokeep/slokeep/entity"
)

// Querier runs a host's own statements. It has the methods that *sql.DB and *sql.Tx have in common, for code that is written
// or generated against those.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Querier returns the transaction of ctx, in which a host reads and writes its own tables, or where ctx has none the pool.
// A Querier of the pool still takes part in the transaction of a ctx that a statement is given, so that a host may keep one
// for good. The errors of statements are the driver's own. It is safe for concurrent use.
//
// In a transaction: what it writes commits together with what the Log writes, or not at all. A statement that fails leaves
// the transaction as it was, and it may go on, unless the database rolled all of it back, as it does when a ctx interrupts a
// write: then InTx returns that error. Beginning and ending transactions is InTx's affair, and refused, and so is to roll
// back to a SAVEPOINT what the library has written since: both match entity.ErrInvalid. Rows are closed at the commit at the
// latest. When the transaction is over, errors match entity.ErrClosed.
//
// In the pool: ExecContext runs its statements in a transaction of their own. QueryContext and QueryRowContext read what is
// committed, wait for no writer and cannot write. Rows hold a connection until they are closed.
func (l *Log) Querier(ctx context.Context) Querier { return querier{l, l.transaction(ctx)} }

// querier runs statements in a transaction, or where that is nil, in the one of their ctx or in the pool.
type querier struct {
	l *Log
	t *transaction
}

// in returns the transaction for a statement, nil for the pool, and whether there is still something to run it, and it may
// be run.
func (q querier) in(ctx context.Context, statement string) (*transaction, error) {
	t := q.t
	if t == nil {
		t = q.l.transaction(ctx)
	}
	if t == nil {
		if err := q.l.check(); err != nil {
			return nil, err
		}
		return nil, new(transaction).host(statement)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	return t, t.host(statement)
}

// host notes a statement of the host's. One that is refused dooms the transaction, whose host had wanted something else.
func (t *transaction) host(statement string) error {
	t.mu.Lock()
	_, err := t.savepoints.Note(statement, t.writes)
	t.mu.Unlock()
	if err != nil {
		err = failed("run a statement", err)
		t.outcome.Doom(err)
	}
	return err
}

func (q querier) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	t, err := q.in(ctx, query)
	if err != nil {
		return nil, err
	}
	if t != nil {
		result, err := t.tx.ExecContext(ctx, query, args...)
		return result, t.noted(err)
	}
	var result sql.Result
	err = q.l.write(ctx, false, func(t *transaction) (err error) {
		result, err = t.tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (q querier) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	t, err := q.in(ctx, query)
	if err != nil {
		return nil, err
	}
	if t != nil {
		rows, err := t.tx.QueryContext(ctx, query, args...)
		return rows, t.noted(err)
	}
	err = q.l.patiently(ctx, func() (err error) {
		rows, err = q.l.readers.QueryContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return nil, cmp.Or(q.l.check(), err)
	}
	return rows, nil
}

func (q querier) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	t, err := q.in(ctx, query)
	if err != nil {
		return refused(ctx, err)
	}
	if t != nil {
		row := t.tx.QueryRowContext(ctx, query, args...)
		if err := t.noted(row.Err()); errors.Is(err, entity.ErrClosed) {
			return refused(ctx, err)
		}
		return row
	}
	err = q.l.patiently(ctx, func() error {
		row = q.l.readers.QueryRowContext(ctx, query, args...)
		return row.Err()
	})
	if err != nil {
		return refused(ctx, cmp.Or(q.l.check(), err))
	}
	return row
}

// noted keeps an error with which the database has rolled back, so that InTx returns it.
func (t *transaction) noted(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrTxDone):
		return failed("run a statement", err)
	case t.log.writer.rolledBack.Load():
		t.outcome.Doom(fmt.Errorf("%w: %w", errRolledBack, named(err)))
	}
	return err
}

// refused makes a row of nothing but an error. Only package sql can make one, so it is asked of a database that has nothing
// but that error either.
func refused(ctx context.Context, err error) *sql.Row {
	db := sql.OpenDB(refusing{err})
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(context.WithoutCancel(ctx), "")
}

type refusing struct{ err error }

func (r refusing) Connect(context.Context) (driver.Conn, error) { return nil, r.err }
func (r refusing) Driver() driver.Driver                        { return nil }
