package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Querier runs a host's own statements. It has the methods that *pgxpool.Pool and pgx.Tx have in common, for code that is
// written or generated against those.
type Querier interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

// Querier returns the transaction of ctx, in which a host reads and writes its own tables, or where ctx has none the pool.
// A Querier of the pool still takes part in the transaction of a ctx that a statement is given, so that a host may keep one
// for good. The errors of statements are pgx's own. It is safe for concurrent use; a transaction has one connection, so that
// of its goroutines none may use it while another reads rows.
//
// In a transaction: what it writes commits together with what the Log writes, or not at all. A statement that fails fails
// the transaction, unless the host has set a SAVEPOINT and rolls back to it. It may do so around statements of its own alone: to
// roll back what the library has written since is refused. Beginning and ending transactions is InTx's affair, and refused.
// Both match entity.ErrInvalid; of several statements in one text only the first is looked at. Rows are read to their end,
// or closed, before the next statement, the library's included. A ctx that ends during a statement costs the connection, and
// the transaction with it. When the transaction is over, errors match entity.ErrClosed.
func (l *Log) Querier(ctx context.Context) Querier { return querier{l, l.transaction(ctx)} }

// querier runs statements in a transaction, or where that is nil, in the one of their ctx or in the pool.
type querier struct {
	l *Log
	t *transaction
}

// transaction is the one that a statement is part of, nil for the pool.
func (q querier) transaction(ctx context.Context) *transaction {
	if q.t != nil {
		return q.t
	}
	return q.l.transaction(ctx)
}

// in returns the connection for some statements. ran is called when they have been sent, done when their results are read.
func (q querier) in(ctx context.Context, statements ...string) (conn *connection, ran, done func(), err error) {
	none := func() {}
	t := q.transaction(ctx)
	if t == nil {
		conn, err = q.l.door.acquire(ctx)
		if err != nil {
			return nil, none, none, unreachable(ctx, err)
		}
		return conn, none, conn.release, nil
	}
	if err := t.take(ctx); err != nil {
		return nil, none, none, err
	}
	if err := t.host(ctx, statements...); err != nil {
		t.give()
		return nil, none, none, err
	}
	return t.conn, t.give, none, nil
}

func (q querier) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	conn, ran, done, err := q.in(ctx, query)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer done()
	defer ran()
	return conn.Exec(ctx, query, args...)
}

func (q querier) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	conn, ran, done, err := q.in(ctx, query)
	if err != nil {
		return refused{err}, err
	}
	defer ran()
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		done()
		return rows, err
	}
	return &pooledRows{Rows: rows, done: done}, nil
}

func (q querier) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	rows, _ := q.Query(ctx, query, args...)
	return row{rows}
}

func (q querier) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	var statements []string
	for _, q := range batch.QueuedQueries {
		statements = append(statements, q.SQL)
	}
	conn, ran, done, err := q.in(ctx, statements...)
	if err != nil {
		return refusedBatch{err}
	}
	defer ran()
	return &pooledBatch{BatchResults: conn.SendBatch(ctx, batch), done: done}
}

func (q querier) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	conn, ran, done, err := q.in(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	defer ran()
	return conn.CopyFrom(ctx, table, columns, rows)
}

// pooledRows give their connection back when they are closed.
type pooledRows struct {
	pgx.Rows
	done func()
}

func (r *pooledRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *pooledRows) Close() {
	r.Rows.Close()
	if r.done != nil {
		r.done()
		r.done = nil
	}
}

// row is the first of some rows.
type row struct{ rows pgx.Rows }

func (r row) Scan(into ...any) error {
	defer r.rows.Close()
	if err := r.rows.Err(); err != nil {
		return err
	}
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// pooledBatch gives its connection back when it is closed.
type pooledBatch struct {
	pgx.BatchResults
	done func()
}

func (b *pooledBatch) Close() error {
	err := b.BatchResults.Close()
	if b.done != nil {
		b.done()
		b.done = nil
	}
	return err
}

// refused are rows that are nothing but an error.
type refused struct{ err error }

func (r refused) Close()                                       {}
func (r refused) Err() error                                   { return r.err }
func (r refused) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (r refused) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (r refused) Next() bool                                   { return false }
func (r refused) Scan(...any) error                            { return r.err }
func (r refused) Values() ([]any, error)                       { return nil, r.err }
func (r refused) RawValues() [][]byte                          { return nil }
func (r refused) Conn() *pgx.Conn                              { return nil }
func (r refused) TypeMap() *pgtype.Map                         { return nil }

// refusedBatch is a batch that is nothing but an error.
type refusedBatch struct{ err error }

func (b refusedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }
func (b refusedBatch) Query() (pgx.Rows, error)         { return refused(b), b.err }
func (b refusedBatch) QueryRow() pgx.Row                { return row{refused(b)} }
func (b refusedBatch) Close() error                     { return b.err }
func (b refusedBatch) Tx() pgx.Tx                       { return nil }
