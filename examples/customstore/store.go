package main

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"sync"

	_ "modernc.org/sqlite" // the driver

	"github.com/slokeep/slokeep/storage"
)

// Store is a storage.Store in one SQLite file, which one process uses at a time. It has one connection: transactions run
// one after the other, and whoever reads outside of one waits for the one that runs. That makes every lock and every
// isolation level true, and the whole adapter short.
type Store struct{ db *sql.DB }

var _ storage.Store = (*Store)(nil)

//go:embed schema.sql
var schema string

// Open opens the file at path, and makes it if need be. Pragmas are SQLite's, such as "cache_size(-20000)".
func Open(ctx context.Context, path string, pragmas ...string) (*Store, error) {
	params := url.Values{"_pragma": append([]string{"journal_mode(WAL)", "busy_timeout(5000)"}, pragmas...)}
	file := url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Shared reports false: no other process has the file.
func (s *Store) Shared() bool { return false }

// transaction is one that has the connection.
type transaction struct {
	*sql.Tx
	running  sync.Mutex // held while a statement runs, which has one cursor
	prepared map[string]*sql.Stmt

	mu     sync.Mutex
	after  []func(ctx context.Context)
	doomed error
	over   bool
}

type transactionKey struct{ s *Store }

func (s *Store) transaction(ctx context.Context) *transaction {
	t, _ := ctx.Value(transactionKey{s}).(*transaction)
	return t
}

var (
	errOver = fmt.Errorf("%w: the transaction is over", storage.ErrClosed)
	errNoTx = fmt.Errorf("%w: no transaction in the context", storage.ErrInvalid)
)

// InTx runs fn in a transaction, or joins the one of ctx.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if t := s.transaction(ctx); t != nil {
		return t.join(ctx, fn)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	t := &transaction{Tx: tx, prepared: map[string]*sql.Stmt{}}
	defer t.end() // also when fn panics or ends its goroutine
	if err := fn(context.WithValue(ctx, transactionKey{s}, t)); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	for _, f := range t.after {
		f(ctx)
	}
	return nil
}

// join runs an inner fn. Unless it returns nil, the whole cannot commit any more.
func (t *transaction) join(ctx context.Context, fn func(ctx context.Context) error) error {
	if err := t.check(ctx); err != nil {
		return err
	}
	err := errors.New("an inner transaction did not return")
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.doomed = errors.Join(t.doomed, err)
	}()
	err = fn(ctx)
	return err
}

// check tells whether the transaction can be used with ctx.
func (t *transaction) check(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return errOver
	}
	return ctx.Err()
}

func (t *transaction) commit(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := errors.Join(t.doomed, ctx.Err()); err != nil {
		return err
	}
	t.over = true
	return t.Commit()
}

// end rolls back, unless the transaction has committed.
func (t *transaction) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	_ = t.Rollback()
}

// AfterCommit calls f after the commit, or at once where there is no transaction.
func (s *Store) AfterCommit(ctx context.Context, f func(ctx context.Context)) {
	t := s.transaction(ctx)
	if t == nil {
		f(context.WithoutCancel(ctx))
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.after = append(t.after, f)
	}
}

// exec runs a statement in the transaction of ctx, which it must have, and says how many rows it has changed.
func (s *Store) exec(ctx context.Context, text string, args ...any) (n int64, err error) {
	t := s.transaction(ctx)
	if t == nil {
		return 0, errNoTx
	}
	err = t.run(ctx, text, func(ctx context.Context, stmt *sql.Stmt) error {
		result, err := stmt.ExecContext(ctx, args...)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	return n, err
}

// run has f run a statement, prepared at its first use in the transaction. No ctx interrupts it, since that would make
// SQLite roll back on its own.
func (t *transaction) run(ctx context.Context, text string, f func(ctx context.Context, stmt *sql.Stmt) error) (err error) {
	if err := t.check(ctx); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	t.running.Lock()
	defer t.running.Unlock()
	stmt := t.prepared[text]
	if stmt == nil {
		if stmt, err = t.PrepareContext(ctx, text); err != nil {
			return err
		}
		t.prepared[text] = stmt
	}
	return f(ctx, stmt)
}

// query reads all rows of a query, in the transaction of ctx if it has one. fields says where the columns of a row go.
func query[T any](ctx context.Context, s *Store, fields func(*T) []any, text string, args ...any) (list []T, err error) {
	t := s.transaction(ctx)
	if t == nil {
		rows, err := s.db.QueryContext(ctx, text, args...)
		if err != nil {
			return nil, err
		}
		return scan(rows, fields)
	}
	err = t.run(ctx, text, func(ctx context.Context, stmt *sql.Stmt) error {
		rows, err := stmt.QueryContext(ctx, args...)
		if err == nil {
			list, err = scan(rows, fields)
		}
		return err
	})
	return list, err
}

func scan[T any](rows *sql.Rows, fields func(*T) []any) ([]T, error) {
	defer rows.Close()
	var list []T
	for rows.Next() {
		var v T
		if err := rows.Scan(fields(&v)...); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

func number(n *int64) []any { return []any{n} }

// listing yields what read returns, each time that it is taken. The query is over by then, so that the loop may use the
// connection.
func listing[T any](read func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		list, err := read()
		if err != nil {
			yield(*new(T), err)
			return
		}
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// text encodes what must be encodable: lists of strings, and structs of this package.
func text(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}
