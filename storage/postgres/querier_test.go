package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

// A statement outside of a transaction gives its connection back, else the next one would wait for ever.
func TestStatementsGiveTheirConnectionBack(t *testing.T) {
	schema := newSchema(t)
	s := open(t, newPool(t, func(c *pgxpool.Config) { c.MaxConns = 1 }), schema)
	db := newDB(t)
	db.SetMaxOpenConns(1)
	sdb := openDB(t, db, schema)
	notes(t, newPool(t, nil), schema)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	on, through := s.Querier(ctx), sdb.Querier(ctx)
	var n int
	batch := func() *pgx.Batch {
		b := &pgx.Batch{}
		b.Queue(`SELECT 1`)
		b.Queue(`SELECT 2`)
		return b
	}
	for name, do := range map[string]func() error{
		"Exec":               func() error { _, err := on.Exec(ctx, `SELECT 1`); return err },
		"Exec that fails":    func() error { return mustFail(second(on.Exec(ctx, `SELECT nothing`))) },
		"Query to its end":   func() error { rows, err := on.Query(ctx, `SELECT 1`); return errors.Join(err, drain(rows)) },
		"Query closed":       func() error { rows, err := on.Query(ctx, `SELECT generate_series(1, 1000)`); rows.Close(); return err },
		"Query that fails":   func() error { _, err := on.Query(ctx, `SELECT nothing`); return mustFail(err) },
		"QueryRow":           func() error { return on.QueryRow(ctx, `SELECT 1`).Scan(&n) },
		"QueryRow of none":   func() error { return mustBe(on.QueryRow(ctx, `SELECT 1 WHERE false`).Scan(&n), pgx.ErrNoRows) },
		"QueryRow misread":   func() error { return mustFail(on.QueryRow(ctx, `SELECT 'x'`).Scan(&n)) },
		"QueryRow of many":   func() error { return on.QueryRow(ctx, `SELECT generate_series(1, 1000)`).Scan(&n) },
		"SendBatch":          func() error { return on.SendBatch(ctx, batch()).Close() },
		"SendBatch in parts": func() error { b := on.SendBatch(ctx, batch()); return errors.Join(b.QueryRow().Scan(&n), b.Close()) },
		"CopyFrom": func() error {
			rows := pgx.CopyFromRows([][]any{{"one"}, {"two"}})
			return second(on.CopyFrom(ctx, pgx.Identifier{schema, "notes"}, []string{"note"}, rows))
		},
		"CopyFrom that fails": func() error {
			return mustFail(second(on.CopyFrom(ctx, pgx.Identifier{schema, "none"}, []string{"note"}, pgx.CopyFromRows(nil))))
		},
		"ExecContext":     func() error { return second(through.ExecContext(ctx, `SELECT 1`)) },
		"QueryRowContext": func() error { return through.QueryRowContext(ctx, `SELECT 1`).Scan(&n) },
		"QueryContext": func() error {
			rows, err := through.QueryContext(ctx, `SELECT 1`)
			if err != nil {
				return err
			}
			return errors.Join(rows.Err(), rows.Close())
		},
	} {
		for range 2 {
			if err := do(); err != nil && name != "CopyFrom" {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, l := range []storage.Store{s, sdb} {
			if err := write(ctx, l, "a", "paid"); err != nil {
				t.Fatalf("after %s: %v", name, err)
			}
		}
	}
	err := s.InTx(ctx, func(ctx context.Context) error { // and none in one
		return errors.Join(second(on.CopyFrom(ctx, pgx.Identifier{schema, "notes"}, []string{"note"}, pgx.CopyFromRows([][]any{{"three"}}))),
			on.SendBatch(ctx, batch()).Close(), on.QueryRow(ctx, `SELECT 1`).Scan(&n), publish(ctx, s, "paid", "a"))
	})
	if err != nil {
		t.Errorf("in a transaction: %v", err)
	}
	if err := on.QueryRow(ctx, `SELECT count(*) FROM "`+schema+`".notes`).Scan(&n); err != nil || n != 3 {
		t.Errorf("%d notes, %v", n, err)
	}
}

func second[T any](_ T, err error) error { return err }

func mustFail(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return nil
}

func mustBe(err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("%v, want %w", err, want)
	}
	return nil
}

func drain(rows pgx.Rows) error {
	for rows.Next() {
		_ = rows.Scan(nil)
	}
	return rows.Err()
}

// After the end of its transaction a Querier says so, in all that it has.
func TestQuerierOutlivesItsTransaction(t *testing.T) {
	schema := newSchema(t)
	s, sdb := open(t, newPool(t, nil), schema), openDB(t, newDB(t), schema)
	var on postgres.Querier
	var through postgres.QuerierDB
	err := s.InTx(t.Context(), func(ctx context.Context) error { on = s.Querier(ctx); return nil })
	err = errors.Join(err, sdb.InTx(t.Context(), func(ctx context.Context) error { through = sdb.Querier(ctx); return nil }))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	rows, queried := on.Query(ctx, `SELECT 1`)
	batch := on.SendBatch(ctx, &pgx.Batch{})
	for name, err := range map[string]error{
		"Exec": second(on.Exec(ctx, `SELECT 1`)), "Query": queried, "its rows": rows.Err(), "their Scan": rows.Scan(),
		"QueryRow": on.QueryRow(ctx, `SELECT 1`).Scan(new(int)), "SendBatch": batch.Close(), "its Exec": second(batch.Exec()),
		"its QueryRow": batch.QueryRow().Scan(new(int)),
		"CopyFrom":     second(on.CopyFrom(ctx, pgx.Identifier{"notes"}, nil, pgx.CopyFromRows(nil))),
		"ExecContext":  second(through.ExecContext(ctx, `SELECT 1`)), "QueryContext": queryError(through.QueryContext(ctx, `SELECT 1`)),
		"QueryRowContext": through.QueryRowContext(ctx, `SELECT 1`).Scan(new(int)),
	} {
		if !errors.Is(err, entity.ErrClosed) {
			t.Errorf("%s after the end: %v, want ErrClosed", name, err)
		}
	}
}

func queryError(rows *sql.Rows, err error) error {
	if err == nil {
		return errors.Join(rows.Err(), rows.Close())
	}
	return err
}

// A Log alone, behind the door of package sql, takes the host's statements into its transactions, too.
func TestLogDBTakesTheHostsStatements(t *testing.T) {
	schema := newSchema(t)
	l, err := postgres.OpenLogDB(t.Context(), newDB(t), &postgres.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	notes(t, newPool(t, nil), schema)
	insert := `INSERT INTO ` + pgx.Identifier{schema, "notes"}.Sanitize() + ` VALUES ('one')`
	both := func(end error) error {
		return l.InTx(t.Context(), func(ctx context.Context) error {
			_, err := l.Querier(ctx).ExecContext(ctx, insert)
			return errors.Join(err, publish(ctx, l, "paid", "a"), end)
		})
	}
	if err := both(errBoom); !errors.Is(err, errBoom) || nameOf(t, t.Context(), l, "a") != "" {
		t.Errorf("InTx: %v, and the order is %q", err, nameOf(t, t.Context(), l, "a"))
	}
	if err := both(nil); err != nil || nameOf(t, t.Context(), l, "a") != "paid" { // the key of the note is free still
		t.Errorf("InTx: %v, and the order is %q", err, nameOf(t, t.Context(), l, "a"))
	}
}
