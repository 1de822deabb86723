package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// transaction is one that has the write lock of the file.
type transaction struct {
	log  *Log
	conn *sql.Conn
	tx   *sql.Tx
	lazy bool

	statement sync.Mutex // held while one of ours runs: a prepared statement has one cursor
	prepared  [len(statementTexts)]*sql.Stmt

	mu         sync.Mutex // of what follows, should fn have several goroutines
	savepoints sqlstore.Savepoints
	writes     int // of ours, so far

	outcome   sqlstore.Outcome
	committed bool
}

type transactionKey struct{ log *Log }

// transaction returns that of ctx, nil where it has none.
func (l *Log) transaction(ctx context.Context) *transaction {
	t, _ := ctx.Value(transactionKey{l}).(*transaction)
	return t
}

// context returns ctx with the transaction in it.
func (t *transaction) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, transactionKey{t.log}, t)
}

// inside returns the transaction that ctx must have.
func (l *Log) inside(ctx context.Context) (*transaction, error) {
	t := l.transaction(ctx)
	if t == nil {
		return nil, fmt.Errorf("sqlite: %w: no transaction in the context", entity.ErrInvalid)
	}
	return t, t.check()
}

// InTx runs fn in a transaction, which has the write lock of the file from its beginning to its end: all others, of this
// process and of others, wait. They are served in the order in which they came, within a process. See entity.Transactions.
//
// ErrConflict: another process did not let go of the file for Options.WriterWait. With another ctx than the one it was
// given, fn would wait for itself.
func (l *Log) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if t := l.transaction(ctx); t != nil {
		return t.join(ctx, fn)
	}
	t, err := l.begin(ctx, false)
	if err != nil {
		return err
	}
	defer t.end() // also when fn panics or ends its goroutine
	if err := fn(t.context(ctx)); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	t.end()
	t.outcome.Follow(ctx)
	return nil
}

// AfterCommit calls f after the commit; see entity.Transactions. Where the ctx's transaction is over, f is never called.
func (l *Log) AfterCommit(ctx context.Context, f func(ctx context.Context)) {
	t := l.transaction(ctx)
	if t == nil {
		f(context.WithoutCancel(ctx))
		return
	}
	t.outcome.After(f)
}

// write runs what one method writes: in the transaction of ctx, or in one of its own, which may be lazy. An error of it
// dooms the outer transaction, unless it says that nothing was written.
func (l *Log) write(ctx context.Context, lazy bool, f func(t *transaction) error) error {
	if t := l.transaction(ctx); t != nil {
		if err := cmp.Or(t.check(), ctx.Err()); err != nil {
			return err
		}
		t.mu.Lock()
		t.writes++
		t.mu.Unlock()
		err := f(t)
		if err != nil && !sqlstore.Harmless(err) {
			t.outcome.Doom(err)
		}
		return err
	}
	t, err := l.begin(ctx, lazy)
	if err != nil {
		return err
	}
	defer t.end()
	if err := f(t); err != nil {
		return err
	}
	return t.commit(ctx)
}

// join runs an inner fn.
func (t *transaction) join(ctx context.Context, fn func(context.Context) error) error {
	if err := t.check(); err != nil {
		return err
	}
	return t.outcome.Join(ctx, fn)
}

// check tells whether the transaction can be used.
func (t *transaction) check() error {
	switch {
	case t.outcome.Over():
		return fmt.Errorf("sqlite: %w: the transaction is over", entity.ErrClosed)
	case t.log.writer.rolledBack.Load():
		return errRolledBack
	}
	return nil
}

// commit commits, unless something forbids it.
func (t *transaction) commit(ctx context.Context) error {
	if err := cmp.Or(t.outcome.Doomed(), ctx.Err(), t.check()); err != nil {
		return err
	}
	w := t.log.writer
	w.committing.Store(true)
	defer w.committing.Store(false)
	err := failed("commit", t.tx.Commit()) // closes what rows are still open, and rolls back when it fails
	t.committed = err == nil
	return err
}

// end rolls back what was not committed, and gives the write connection to the next. Ending twice does nothing.
func (t *transaction) end() {
	if !t.outcome.End() {
		return
	}
	if t.tx != nil && !t.committed {
		_ = t.tx.Rollback() // it fails where the database has rolled back by itself
	}
	if t.conn != nil {
		t.restore()
		_ = t.conn.Close()
	}
	<-t.log.writer.turn
}

// restore makes the next transaction wait for the disk again. A connection that does not take the order is thrown away.
func (t *transaction) restore() {
	if !t.lazy {
		return
	}
	if _, err := t.conn.ExecContext(context.Background(), "PRAGMA synchronous = FULL"); err != nil {
		_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
