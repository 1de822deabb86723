package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"github.com/slokeep/slokeep/entity"
)

// writer is the one connection of a process that writes. Transactions take turns, first come, first served.
type writer struct {
	db   *sql.DB
	turn chan struct{} // of size 1; who has put something in may use the connection

	// SQLite rolls back by itself when a statement is interrupted or the disk is full, and what came next would then commit
	// one by one. So nothing commits unless the flag says that it is meant to.
	committing atomic.Bool
	rolledBack atomic.Bool
}

func newWriter(dsn string) (*writer, error) {
	base, err := newConnector(dsn)
	if err != nil {
		return nil, err
	}
	w := &writer{turn: make(chan struct{}, 1)}
	w.db = sql.OpenDB(hooked{base, w})
	w.db.SetMaxOpenConns(1)
	w.db.SetMaxIdleConns(1)
	return w, nil
}

func newConnector(dsn string) (driver.Connector, error) { return sqlite.NewConnector(dsn) }

// hooked makes connections that report to a writer.
type hooked struct {
	driver.Connector
	w *writer
}

// Connect opens a connection that can write.
func (h hooked) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := h.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if c, ok := conn.(interface {
		IsReadOnly(schema string) (bool, error)
	}); ok {
		readOnly, err := c.IsReadOnly("main")
		if err == nil && readOnly {
			err = ErrReadOnly
		}
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	hooks, ok := conn.(sqlite.HookRegisterer)
	if !ok {
		_ = conn.Close()
		return nil, errors.New("the driver has no commit hook")
	}
	hooks.RegisterCommitHook(func() int32 {
		if h.w.committing.Load() {
			return 0
		}
		return 1
	})
	hooks.RegisterRollbackHook(func() { h.w.rolledBack.Store(true) })
	return conn, nil
}

// begin waits for the writer's turn and for writers of other processes, and begins a transaction. A lazy one does not wait
// for the disk when it commits: what it writes may be lost with the machine.
func (l *Log) begin(ctx context.Context, lazy bool) (*transaction, error) {
	if err := cmp.Or(ctx.Err(), l.check()); err != nil {
		return nil, err
	}
	select {
	case l.writer.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closing:
		return nil, l.check()
	}
	t := &transaction{log: l, lazy: lazy && !l.relaxed}
	if err := t.start(ctx); err != nil {
		t.end()
		return nil, failed("begin", err)
	}
	return t, nil
}

// start is begin once it has its turn. The transaction itself gets no ctx that ends: its end is InTx's affair.
func (t *transaction) start(ctx context.Context) (err error) {
	if t.conn, err = t.log.writer.db.Conn(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if t.lazy {
		if _, err := t.conn.ExecContext(context.Background(), "PRAGMA synchronous = NORMAL"); err != nil {
			return err
		}
	}
	return t.log.patiently(ctx, func() (err error) {
		t.log.writer.rolledBack.Store(false)
		t.tx, err = t.conn.BeginTx(context.Background(), nil)
		return err
	})
}

// patiently calls f again while another process is in its way.
func (l *Log) patiently(ctx context.Context, f func() error) error {
	var deadline time.Time
	for pause := time.Millisecond; ; pause = min(2*pause, 16*time.Millisecond) {
		err := f()
		if !busy(err) {
			return err
		}
		switch now := time.Now(); {
		case deadline.IsZero():
			deadline = now.Add(l.wait)
		case now.After(deadline):
			return fmt.Errorf("%w: another process has been writing for %v: %w", entity.ErrConflict, l.wait, err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)): // not in step with others who wait
		case <-ctx.Done():
			return ctx.Err()
		case <-l.closing:
			return l.check()
		}
	}
}
