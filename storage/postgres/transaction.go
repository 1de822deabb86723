package postgres

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// transaction is one on a connection of its own. It begins with its first statement. What is written without a result that
// somebody waits for is queued, and goes with the next statement that has one, or with the commit.
type transaction struct {
	log  *Log
	conn *connection

	turn       chan struct{} // of size 1; who has put something in may use the connection, and what follows
	begun      bool
	queued     []step
	writes     int // of ours, so far
	savepoints sqlstore.Savepoints

	mu    sync.Mutex              // of what follows, should fn have several goroutines
	heads map[headKey]entity.Head // of all that it has locked
	ends  []context.CancelFunc    // of the host's rows

	outcome sqlstore.Outcome
}

type transactionKey struct{ log *Log }

// commitWait bounds a commit, which no ctx interrupts.
const commitWait = time.Minute

// transaction returns that of ctx, nil where it has none.
func (l *Log) transaction(ctx context.Context) *transaction {
	t, _ := ctx.Value(transactionKey{l}).(*transaction)
	return t
}

// inside returns the transaction that ctx must have.
func (l *Log) inside(ctx context.Context) (*transaction, error) {
	t := l.transaction(ctx)
	if t == nil {
		return nil, fmt.Errorf("postgres: %w: no transaction in the context", entity.ErrInvalid)
	}
	return t, t.check(ctx)
}

// InTx runs fn in a transaction, READ COMMITTED, on a connection of its own; see entity.Transactions. fn must use its own
// ctx: with another one, a pool of one connection would let it wait for itself.
//
// ErrConflict: the database has chosen it to end a deadlock. ErrUnavailable: the connection was lost, and nothing was
// written. ErrInDoubt: it was lost during the commit.
func (l *Log) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if t := l.transaction(ctx); t != nil {
		return t.join(ctx, fn)
	}
	t, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer t.end() // also when fn panics or ends its goroutine
	if err := fn(context.WithValue(ctx, transactionKey{l}, t)); err != nil {
		return t.lost(ctx, err)
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

// lost says of an error of fn, which may be the host's driver's, that the connection was lost.
func (t *transaction) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil || known(err) || !t.conn.IsClosed() {
		return err
	}
	return fmt.Errorf("postgres: %w: %w", ErrUnavailable, err)
}

func (l *Log) begin(ctx context.Context) (*transaction, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := l.door.acquire(ctx)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return &transaction{log: l, conn: conn, turn: make(chan struct{}, 1)}, nil
}

// take waits for the connection of the transaction, which another goroutine of fn may be using.
func (t *transaction) take(ctx context.Context) error {
	if err := t.check(ctx); err != nil {
		return err
	}
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *transaction) give() { <-t.turn }

// write runs what one method writes: in the transaction of ctx, or in one of its own.
func (l *Log) write(ctx context.Context, f func(t *transaction) error) error {
	if t := l.transaction(ctx); t != nil {
		if err := t.check(ctx); err != nil {
			return err
		}
		err := f(t)
		if err != nil && !sqlstore.Harmless(err) {
			t.outcome.Doom(err)
		}
		return err
	}
	t, err := l.begin(ctx)
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
	if err := t.check(ctx); err != nil {
		return err
	}
	return t.outcome.Join(ctx, fn)
}

// check tells whether the transaction can be used with ctx.
func (t *transaction) check(ctx context.Context) error {
	if t.outcome.Over() {
		return fmt.Errorf("postgres: %w: the transaction is over", entity.ErrClosed)
	}
	return ctx.Err()
}

// What a connection says that it is in.
const (
	statusIdle   = 'I'
	statusFailed = 'E'
)

// sound is ready for a statement of ours, and a commit: what the host makes of a transaction that has failed is its affair.
func (t *transaction) sound() error {
	err := t.ready()
	if err == nil && t.begun && t.conn.PgConn().TxStatus() == statusFailed {
		err = fmt.Errorf("%w: a statement of the host's has failed, and the transaction with it", entity.ErrInvalid)
	}
	return err
}

// ready tells whether the connection can take a statement, and is in the transaction still.
func (t *transaction) ready() error {
	conn := t.conn.PgConn()
	switch {
	case conn.IsClosed():
		return fmt.Errorf("%w: the connection of the transaction is lost", ErrUnavailable)
	case conn.IsBusy():
		return fmt.Errorf("%w: rows of the host's are open: read or close them before the next statement", entity.ErrInvalid)
	case t.begun && conn.TxStatus() == statusIdle:
		return fmt.Errorf("%w: a statement of the host's has ended the transaction: COMMIT and ROLLBACK are InTx's affair", entity.ErrInvalid)
	}
	return nil
}

// host prepares the transaction for statements of the host's, which has the turn.
func (t *transaction) host(ctx context.Context, statements ...string) error {
	flush := !t.begun
	for _, statement := range statements {
		sets, err := t.savepoints.Note(statement, t.writes)
		if err != nil {
			err = failed("run a statement", err)
			t.outcome.Doom(err)
			return err
		}
		flush = flush || sets && len(t.queued) > 0 // what was written before it is not to be undone with what comes after
	}
	if flush {
		return t.sendLocked(ctx)
	}
	return failed("run a statement", t.ready())
}

// send sends statements, after those that are queued, all in one round trip.
func (t *transaction) send(ctx context.Context, steps ...step) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.give()
	return t.sendLocked(ctx, steps...)
}

func (t *transaction) sendLocked(ctx context.Context, steps ...step) error {
	err := t.sound()
	if err == nil {
		batch := &pgx.Batch{}
		if !t.begun {
			t.log.queue(batch, step{statement: begin})
		}
		for _, s := range t.queued {
			t.log.queue(batch, s)
		}
		for _, s := range steps {
			t.log.queue(batch, s)
			if !s.statement.reads() {
				t.writes++
			}
		}
		err = t.conn.SendBatch(ctx, batch).Close()
	}
	if err != nil {
		err = failed("run statements", err)
		t.outcome.Doom(err)
		return err
	}
	t.begun, t.queued = true, nil
	return nil
}

// later queues statements whose results nobody waits for.
func (t *transaction) later(ctx context.Context, steps ...step) error {
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.give()
	t.queued = append(t.queued, steps...)
	t.writes += len(steps)
	return nil
}

// commit commits, unless something forbids it.
func (t *transaction) commit(ctx context.Context) error {
	if err := cmp.Or(t.outcome.Doomed(), ctx.Err()); err != nil {
		return err
	}
	if err := t.take(ctx); err != nil {
		return err
	}
	defer t.give()
	if !t.begun && len(t.queued) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWait)
	defer cancel()
	return t.commitLocked(ctx)
}

// commitLocked sends statements and commits, in one round trip.
func (t *transaction) commitLocked(ctx context.Context, steps ...step) error {
	if err := t.sound(); err != nil {
		return failed("commit", err)
	}
	reached, tag := false, ""
	err := t.sendLocked(ctx, append(steps, step{statement: commit, scan: func(rows pgx.Rows) error {
		reached = true
		rows.Close()
		tag = rows.CommandTag().String()
		return rows.Err()
	}})...)
	switch {
	case err != nil && doubtful(err, reached):
		return inDoubt{err}
	case err != nil:
		return err
	case tag != "COMMIT":
		return fmt.Errorf("postgres: commit: %w: the database has rolled the transaction back", entity.ErrConflict)
	}
	return nil
}

// rollbackWait bounds a rollback: a connection that does not answer is closed, and the server rolls back.
const rollbackWait = 5 * time.Second

// end rolls back what was not committed, and gives the connection back. Ending twice does nothing.
func (t *transaction) end() {
	if !t.outcome.End() {
		return
	}
	t.turn <- struct{}{}
	defer t.give()
	defer t.release()
	if conn := t.conn.PgConn(); !conn.IsClosed() && (conn.IsBusy() || conn.TxStatus() != statusIdle) {
		ctx, cancel := context.WithTimeout(context.Background(), rollbackWait)
		defer cancel()
		if conn.IsBusy() || conn.Exec(ctx, "ROLLBACK").Close() != nil {
			_ = t.conn.Close(ctx)
		}
	}
}

// until returns a ctx for a statement of the host's whose rows must not outlive the transaction: package sql gives no
// connection back that has rows open.
func (t *transaction) until(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends = append(t.ends, cancel)
	return ctx
}

// release gives the connection back.
func (t *transaction) release() {
	t.mu.Lock()
	ends := t.ends
	t.mu.Unlock()
	for _, end := range ends {
		end()
	}
	t.conn.release()
}
