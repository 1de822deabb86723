package postgres_test

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/postgres"
)

// The examples have no output, since where they are read there may be no server. What they call is run here.

func TestExampleOpen(t *testing.T) {
	schema := newSchema(t)
	status, err := remember(t.Context(), newPool(t, nil), &postgres.Options{Schema: schema})
	if err != nil || !status.Down || status.Attribution == nil {
		t.Errorf("remember: %+v, %v", status, err)
	}
	if n := tables(t, schema); n < 10 {
		t.Errorf("%d tables are in the schema", n)
	}
}

func TestExampleQuerier(t *testing.T) {
	schema := newSchema(t)
	pool := newPool(t, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["search_path"] = schema })
	store := open(t, pool, schema)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE parcels (id text PRIMARY KEY, status text NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	handle, err := parcels(registry(t, store), store)
	if err != nil {
		t.Fatal(err)
	}
	change, err := send(t.Context(), store, handle, "P-1")
	if err != nil || change.Version != 1 || change.Next.Status != "sent" {
		t.Errorf("send: %+v, %v", change, err)
	}
	if change, err = send(t.Context(), store, handle, "P-1"); err != nil || change.Version != 0 {
		t.Errorf("send once more: %+v, %v; want no change", change, err)
	}
	var status string
	if err := pool.QueryRow(t.Context(), `SELECT status FROM parcels WHERE id = 'P-1'`).Scan(&status); err != nil || status != "sent" {
		t.Errorf("the row says %q, %v", status, err)
	}
}

func TestExampleQuerierDB(t *testing.T) {
	schema := newSchema(t)
	config, err := pgx.ParseConfig(dsn())
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["search_path"] = schema
	db := stdlib.OpenDB(*config)
	defer func() { _ = db.Close() }()
	store := openDB(t, db, schema)
	const made = `
		CREATE TABLE accounts (id text PRIMARY KEY, cents integer NOT NULL); INSERT INTO accounts VALUES ('A-1', 900);
		CREATE TABLE withdrawals (account text NOT NULL, cents integer NOT NULL)`
	if _, err := db.ExecContext(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	handle, err := accounts(registry(t, store), store)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		err          error
		cents, count int
		version      int64
	}{{nil, 400, 1, 1}, {errEmpty, 400, 1, 1}} {
		if err := withdraw(t.Context(), store, handle, "A-1", 500); !errors.Is(err, want.err) {
			t.Errorf("withdraw: %v, want %v", err, want.err)
		}
		cents, count := number(t, db, `SELECT cents FROM accounts`), number(t, db, `SELECT count(*) FROM withdrawals`)
		version, err := handle.Version(t.Context(), "A-1")
		if err != nil || cents != want.cents || count != want.count || version != want.version {
			t.Errorf("%d cents, %d withdrawals, version %d, %v: want %+v", cents, count, version, err, want)
		}
	}
}

func registry(t *testing.T, log entity.Log) *entity.Registry {
	t.Helper()
	reg, err := entity.NewRegistry(&entity.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reg.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return reg
}

func number(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
