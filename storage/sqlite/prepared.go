package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements are those that are prepared on the connections of one pool.
type statements struct {
	db       *sql.DB
	mu       sync.Mutex
	prepared [len(statementTexts)]*sql.Stmt
}

// get returns a statement, prepared at the first call.
func (ss *statements) get(ctx context.Context, s statement) (*sql.Stmt, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.prepared[s] == nil {
		stmt, err := ss.db.PrepareContext(ctx, statementTexts[s].text)
		if err != nil {
			return nil, err
		}
		ss.prepared[s] = stmt
	}
	return ss.prepared[s], nil
}

// prepare prepares the first n statements, so that no get in a transaction waits for the connection that the transaction
// has.
func (ss *statements) prepare(ctx context.Context, n statement) error {
	for s := range n {
		if _, err := ss.get(ctx, s); err != nil {
			return failed("prepare to "+statementTexts[s].what, err)
		}
	}
	return nil
}

func (ss *statements) close() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, stmt := range ss.prepared {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}

// query reads rows into memory: through the transaction of ctx where there is one, else on a connection of the readers.
// scan is called for each.
func (l *Log) query(ctx context.Context, s statement, scan func(*sql.Rows) error, args ...any) error {
	if t := l.transaction(ctx); t != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		return t.query(s, scan, args...)
	}
	if err := l.check(); err != nil {
		return err
	}
	var rows *sql.Rows
	err := l.patiently(ctx, func() error {
		stmt, err := l.onReaders.get(ctx, s)
		if err == nil {
			rows, err = stmt.QueryContext(ctx, args...)
		}
		return err
	})
	if err == nil {
		err = drain(rows, scan)
	}
	if err != nil {
		err = cmp.Or(l.check(), err)
	}
	return failed(statementTexts[s].what, err)
}

// query reads rows into memory.
func (t *transaction) query(s statement, scan func(*sql.Rows) error, args ...any) error {
	t.statement.Lock()
	defer t.statement.Unlock()
	stmt, err := t.get(s)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err == nil {
		err = drain(rows, scan)
	}
	return failed(statementTexts[s].what, err)
}

// exec runs a statement that returns nothing. No ctx interrupts it, since that would make SQLite roll back.
func (t *transaction) exec(s statement, args ...any) (sql.Result, error) {
	t.statement.Lock()
	defer t.statement.Unlock()
	stmt, err := t.get(s)
	if err != nil {
		return nil, err
	}
	result, err := stmt.Exec(args...)
	return result, failed(statementTexts[s].what, err)
}

// get returns a statement of the transaction.
func (t *transaction) get(s statement) (*sql.Stmt, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.prepared[s] == nil {
		stmt, err := t.log.onWriter.get(context.Background(), s)
		if err != nil {
			return nil, failed("prepare to "+statementTexts[s].what, err)
		}
		t.prepared[s] = t.tx.Stmt(stmt)
	}
	return t.prepared[s], nil
}

func drain(rows *sql.Rows, scan func(*sql.Rows) error) error {
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
