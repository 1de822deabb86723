package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

// host is a store through one of the doors, and the host's own statements there.
type host struct {
	*postgres.Store
	schema string
	beside *pgxpool.Pool
	exec   func(ctx context.Context, query string, args ...any) error
	query  func(ctx context.Context, query string, args ...any) error             // leaves its rows open
	one    func(ctx context.Context, query string, args []any, into ...any) error // reads a row
	kept   func(ctx context.Context, query string, args ...any) error             // exec of a Querier that was kept
}

// hosts runs a test through both doors, each with a schema and a table of notes.
func hosts(t *testing.T, test func(t *testing.T, h *host)) {
	t.Helper()
	t.Run("pgx", func(t *testing.T) {
		h := &host{schema: newSchema(t), beside: newPool(t, hasty)}
		s := open(t, newPool(t, func(c *pgxpool.Config) {
			hasty(c)
			c.MaxConns = 2
		}), h.schema)
		h.Store = s
		always := s.Querier(t.Context())
		h.exec = func(ctx context.Context, query string, args ...any) error {
			_, err := s.Querier(ctx).Exec(ctx, query, args...)
			return err
		}
		h.kept = func(ctx context.Context, query string, args ...any) error {
			_, err := always.Exec(ctx, query, args...)
			return err
		}
		h.query = func(ctx context.Context, query string, args ...any) error {
			_, err := s.Querier(ctx).Query(ctx, query, args...)
			return err
		}
		h.one = func(ctx context.Context, query string, args []any, into ...any) error {
			return s.Querier(ctx).QueryRow(ctx, query, args...).Scan(into...)
		}
		notes(t, h.beside, h.schema)
		test(t, h)
	})
	t.Run("sql", func(t *testing.T) {
		h := &host{schema: newSchema(t), beside: newPool(t, hasty)}
		db := newDB(t)
		db.SetMaxOpenConns(2)
		s := openDB(t, db, h.schema)
		h.Store = s.Store
		always := s.Querier(t.Context())
		h.exec = func(ctx context.Context, query string, args ...any) error {
			_, err := s.Querier(ctx).ExecContext(ctx, query, args...)
			return err
		}
		h.kept = func(ctx context.Context, query string, args ...any) error {
			_, err := always.ExecContext(ctx, query, args...)
			return err
		}
		h.query = func(ctx context.Context, query string, args ...any) error {
			rows, err := s.Querier(ctx).QueryContext(ctx, query, args...)
			if err == nil && rows.Err() != nil {
				return rows.Err()
			}
			return err
		}
		h.one = func(ctx context.Context, query string, args []any, into ...any) error {
			return s.Querier(ctx).QueryRowContext(ctx, query, args...).Scan(into...)
		}
		notes(t, h.beside, h.schema)
		test(t, h)
	})
}

// sql puts the schema into a statement, for @.
func (h *host) sql(query string) string {
	return strings.ReplaceAll(query, "@", pgx.Identifier{h.schema}.Sanitize()+".")
}

func (h *host) note(ctx context.Context, text string) error {
	return h.exec(ctx, h.sql(`INSERT INTO @notes (note) VALUES ($1)`), text)
}

func (h *host) count(ctx context.Context, t *testing.T) (n int) {
	t.Helper()
	if err := h.one(ctx, h.sql(`SELECT count(*) FROM @notes`), nil, &n); err != nil {
		t.Errorf("count notes: %v", err)
	}
	return n
}

// has checks what has committed, and that the next transaction works.
func (h *host) has(t *testing.T, wantNotes int, wantName string) {
	t.Helper()
	if n, name := h.count(t.Context(), t), nameOf(t, t.Context(), h, "a"); n != wantNotes || name != wantName {
		t.Errorf("%d notes, the order %q: want %d, %q", n, name, wantNotes, wantName)
	}
	if err := write(t.Context(), h, "next", "paid"); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
}

func TestHostWritesInTheSameTransaction(t *testing.T) {
	hosts(t, func(t *testing.T, h *host) {
		both := func(end error) error {
			return h.InTx(t.Context(), func(ctx context.Context) error {
				err := errors.Join(h.note(ctx, "one"), publish(ctx, h, "paid", "a"), h.kept(ctx, h.sql(`INSERT INTO @notes VALUES ('two')`)))
				if n := h.count(ctx, t); n != 2 {
					t.Errorf("in the transaction there are %d notes, want 2", n)
				}
				if n := h.count(t.Context(), t); n != 0 {
					t.Errorf("beside the transaction there are %d notes, want 0", n)
				}
				if name := nameOf(t, ctx, h, "a"); name != "paid" {
					t.Errorf("in the transaction the order is %q", name)
				}
				return errors.Join(err, end)
			})
		}
		if err := both(errBoom); !errors.Is(err, errBoom) {
			t.Errorf("InTx: %v, want %v", err, errBoom)
		}
		h.has(t, 0, "")
		if err := both(nil); err != nil {
			t.Errorf("InTx: %v", err)
		}
		h.has(t, 2, "paid")
	})
}

func TestWhatHostsStatementsDoToATransaction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		do    func(ctx context.Context, t *testing.T, h *host) error
		is    error // nil: it commits
		says  string
		notes int
		order string
	}{
		{name: "one that fails fails it, whatever its function returns", is: entity.ErrInvalid, says: "a statement of the host's has failed",
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				_ = h.note(ctx, "one")
				_ = h.note(ctx, "one")
				return nil
			}},
		{name: "one that fails fails also what comes later", is: errBoom,
			do: func(ctx context.Context, t *testing.T, h *host) error {
				_ = h.exec(ctx, `SELECT nothing`)
				if err := publish(ctx, h, "paid", "a"); err == nil {
					t.Error("an entity was locked in a transaction that has failed")
				}
				return errBoom
			}},
		{name: "one that fails after a savepoint is undone alone", notes: 2, order: "paid",
			do: func(ctx context.Context, t *testing.T, h *host) error {
				err := errors.Join(h.note(ctx, "one"), h.exec(ctx, `SAVEPOINT s`))
				if failed := h.note(ctx, "one"); failed == nil {
					t.Error("a second row of one key was written")
				}
				return errors.Join(err, h.exec(ctx, `ROLLBACK TO SAVEPOINT s`), h.note(ctx, "two"), publish(ctx, h, "paid", "a"))
			}},
		{name: "COMMIT is refused", is: entity.ErrInvalid, says: "COMMIT: beginning and ending a transaction is InTx's affair",
			do: func(ctx context.Context, t *testing.T, h *host) error {
				err := h.note(ctx, "one")
				for _, statement := range []string{"COMMIT", "ROLLBACK", "ROLLBACK; BEGIN", "BEGIN"} {
					if refused := h.exec(ctx, statement); !errors.Is(refused, entity.ErrInvalid) {
						t.Errorf("%s: %v, want ErrInvalid", statement, refused)
					}
				}
				return err // the refusals alone do not let it commit
			}},
		{name: "a savepoint spares what the library has written before", notes: 1, order: "paid",
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				err := errors.Join(publish(ctx, h, "paid", "a"), h.exec(ctx, `SAVEPOINT s`))
				_ = nameOf(t, ctx, h, "a") // a read sends what is queued
				_ = h.exec(ctx, `SELECT nothing`)
				return errors.Join(err, h.exec(ctx, `ROLLBACK TO s`), h.note(ctx, "one"))
			}},
		{name: "what the library has written is not rolled back to a savepoint", is: entity.ErrInvalid, says: "it would undo what this library has written",
			do: func(ctx context.Context, t *testing.T, h *host) error {
				err := errors.Join(h.exec(ctx, `SAVEPOINT s`), publish(ctx, h, "paid", "a"))
				if refused := h.exec(ctx, `ROLLBACK TO s`); !errors.Is(refused, entity.ErrInvalid) {
					t.Errorf("ROLLBACK TO: %v, want ErrInvalid", refused)
				}
				return err
			}},
		{name: "nor is a lock", is: entity.ErrInvalid, says: "it would undo what this library has written",
			do: func(ctx context.Context, t *testing.T, h *host) error {
				err := h.exec(ctx, `SAVEPOINT s`)
				_, locked := h.Lock(ctx, "order", []string{"a"})
				_ = h.exec(ctx, `ROLLBACK TO s`)
				return errors.Join(err, locked)
			}},
		{name: "COMMIT behind another statement is found out", is: entity.ErrInvalid, says: "has ended the transaction", notes: 1,
			do: func(ctx context.Context, t *testing.T, h *host) error {
				err := errors.Join(h.note(ctx, "one"), h.exec(ctx, `SELECT 1; COMMIT`))
				if late := h.note(ctx, "two"); !errors.Is(late, entity.ErrInvalid) {
					t.Errorf("a statement after COMMIT: %v, want ErrInvalid", late)
				}
				if late := publish(ctx, h, "paid", "a"); !errors.Is(late, entity.ErrInvalid) {
					t.Errorf("an Append after COMMIT: %v, want ErrInvalid", late)
				}
				return err
			}},
		{name: "COMMIT at the end", is: entity.ErrInvalid, says: "has ended the transaction", notes: 1,
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				return errors.Join(h.note(ctx, "one"), publish(ctx, h, "paid", "a"), h.exec(ctx, `SELECT 1; COMMIT`))
			}},
		{name: "ROLLBACK behind another statement is found out", is: entity.ErrInvalid, says: "has ended the transaction",
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				return errors.Join(h.note(ctx, "one"), publish(ctx, h, "paid", "a"), h.exec(ctx, `SELECT 1; ROLLBACK`))
			}},
		{name: "rows that are left open are named", is: entity.ErrInvalid, says: "rows of the host's are open",
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				return errors.Join(h.note(ctx, "one"), h.query(ctx, `SELECT generate_series(1, 100000)`), publish(ctx, h, "paid", "a"))
			}},
		{name: "rows that are left open at the end are named", is: entity.ErrInvalid, says: "rows of the host's are open",
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				return errors.Join(h.note(ctx, "one"), h.query(ctx, `SELECT generate_series(1, 100000)`))
			}},
		{name: "rows that are left open are closed when the function fails", is: errBoom,
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				return errors.Join(h.query(ctx, `SELECT generate_series(1, 100000)`), errBoom)
			}},
		{name: "one whose connection is ended", is: postgres.ErrUnavailable,
			do: func(ctx context.Context, _ *testing.T, h *host) error {
				return errors.Join(h.note(ctx, "one"), h.exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`))
			}},
		{name: "a ctx that ends during one ends it", is: context.DeadlineExceeded,
			do: func(ctx context.Context, t *testing.T, h *host) error {
				brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				err := errors.Join(h.note(ctx, "one"), h.exec(brief, `SELECT pg_sleep(30)`))
				if late := publish(ctx, h, "paid", "a"); !errors.Is(late, postgres.ErrUnavailable) {
					t.Errorf("an Append after that: %v, want ErrUnavailable", late)
				}
				return err
			}},
		{name: "a ctx that ends during one of the library's ends it", is: context.DeadlineExceeded,
			do: func(ctx context.Context, t *testing.T, h *host) error {
				brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				other, err := h.beside.Begin(ctx)
				if err != nil {
					return err
				}
				defer func() { _ = other.Rollback(context.WithoutCancel(ctx)) }()
				_, err = other.Exec(ctx, h.sql(`INSERT INTO @entity_heads (kind, id) VALUES ('order', 'a')`))
				return errors.Join(err, publish(brief, h, "paid", "a"))
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hosts(t, func(t *testing.T, h *host) {
				begun := time.Now()
				err := h.InTx(t.Context(), func(ctx context.Context) error { return c.do(ctx, t, h) })
				if c.is == nil && err != nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(fmt.Sprint(err), c.says) {
					t.Errorf("InTx: %v\nwant %v, and that it says %q", err, c.is, c.says)
				}
				if took := time.Since(begun); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				h.has(t, c.notes, c.order)
			})
		})
	}
}

// Two that wait for each other: the database picks one of them.
func TestDeadlockIsAConflict(t *testing.T) {
	schema := newSchema(t)
	s := open(t, newPool(t, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["deadlock_timeout"] = "50ms" }), schema)
	var both sync.WaitGroup
	both.Add(2)
	errs := make(chan error)
	for _, ids := range [][]string{{"a", "b"}, {"b", "a"}} {
		go func() {
			errs <- s.InTx(t.Context(), func(ctx context.Context) error {
				err := publish(ctx, s, "paid", ids[0])
				both.Done()
				both.Wait()
				return errors.Join(err, publish(ctx, s, "sent", ids[1]))
			})
		}()
	}
	one, other := <-errs, <-errs
	if (one == nil) == (other == nil) || !errors.Is(errors.Join(one, other), entity.ErrConflict) {
		t.Errorf("InTx: %v and %v, want one ErrConflict", one, other)
	}
	if e, ok := errors.AsType[*pgconn.PgError](errors.Join(one, other)); !ok || e.Code != "40P01" {
		t.Errorf("InTx: %v and %v, want the server's error", one, other)
	}
}

func TestSchemasDoNotDisturbEachOther(t *testing.T) {
	pool := newPool(t, nil)
	first, second := newSchema(t), newSchema(t)
	one, other := open(t, pool, first), open(t, pool, second)
	furnish(t, pool, other, second)
	before := rows(t, pool, second)
	furnish(t, pool, one, first)
	for _, u := range uses() {
		if err := one.InTx(t.Context(), func(ctx context.Context) error { return u.call(ctx, one) }); err != nil {
			t.Errorf("%s: %v", u.name, err)
		}
	}
	if after := rows(t, pool, second); after != before {
		t.Errorf("the other schema was changed:\n%s\nwas\n%s", after, before)
	}
	// Nor do their transactions meet: one in the other is another one.
	err := one.InTx(t.Context(), func(ctx context.Context) error {
		if err := write(ctx, other, "a", "apart"); err != nil {
			return err
		}
		return errBoom
	})
	if name := nameOf(t, t.Context(), other, "a"); !errors.Is(err, errBoom) || name != "apart" {
		t.Errorf("InTx: %v; the other's order is %q", err, name)
	}
}

// What a database is set to for others does not change how transactions see each other here.
func TestDefaultsOfTheDatabaseAreOverridden(t *testing.T) {
	schema := newSchema(t)
	open(t, newPool(t, nil), schema)
	s := open(t, newPool(t, func(c *pgxpool.Config) {
		hasty(c)
		c.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
		c.ConnConfig.RuntimeParams["default_transaction_isolation"] = "serializable"
		c.ConnConfig.RuntimeParams["default_transaction_deferrable"] = "on"
	}), schema)
	var level string
	err := s.InTx(t.Context(), func(ctx context.Context) error {
		return s.Querier(ctx).QueryRow(ctx, `SHOW transaction_isolation`).Scan(&level)
	})
	if err != nil || level != "read committed" {
		t.Errorf("the isolation is %q, %v", level, err)
	}
	const writers, writes = 4, 25
	key := []storage.VersionKey{{Kind: "history", ID: "a"}}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := range writes {
				if err := write(t.Context(), s, "a", fmt.Sprint(i)); err != nil {
					t.Errorf("write: %v", err)
				}
				if _, err := s.Bump(t.Context(), key); err != nil {
					t.Errorf("Bump: %v", err)
				}
				if err := s.Put(t.Context(), []storage.Record{record("day", "a", "", fmt.Sprint(i))}); err != nil {
					t.Errorf("Put: %v", err)
				}
				if err := last(s.Heads(t.Context(), orders, nil)); err != nil {
					t.Errorf("Heads: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if versions, err := s.Versions(t.Context(), key); err != nil || versions[0] != writers*writes {
		t.Errorf("the version is %v, %v, want %d", versions, err, writers*writes)
	}
}
