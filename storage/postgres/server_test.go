package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slokeep/slokeep/storage/postgres"
)

// dsn is the server that the tests use.
func dsn() string {
	if s := os.Getenv("SLOKEEP_POSTGRES_DSN"); s != "" {
		return s
	}
	return "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
}

// server is why the tests cannot run, nil where they can. It is looked at once.
var server = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn())
	if err != nil {
		return err
	}
	return conn.Close(ctx)
})

// needServer skips a test on a machine without a server, unless SLOKEEP_REQUIRE_SERVERS says that there must be one.
func needServer(t testing.TB) {
	t.Helper()
	if err := server(); err != nil {
		if os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "" {
			t.Fatalf("no PostgreSQL: %v", err)
		}
		t.Skip("no PostgreSQL at SLOKEEP_POSTGRES_DSN, or else 127.0.0.1:5432")
	}
}

var schemas struct {
	sync.Mutex
	n int
}

// newSchema names a schema of the test's own, which is dropped when the test ends.
func newSchema(t testing.TB) string {
	t.Helper()
	needServer(t)
	schemas.Lock()
	schemas.n++
	schema := fmt.Sprintf("slokeep_test_%d_%d", os.Getpid(), schemas.n)
	schemas.Unlock()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		conn, err := pgx.Connect(ctx, dsn())
		if err == nil {
			_, err = conn.Exec(ctx, `DROP SCHEMA IF EXISTS `+pgx.Identifier{schema}.Sanitize()+` CASCADE`)
			_ = conn.Close(ctx)
		}
		if err != nil {
			t.Errorf("drop schema: %v", err)
		}
	})
	return schema
}

// hurry has a test's commits not wait for the disk: no test ends the server. Benchmarks wait.
func hurry(t testing.TB, config *pgx.ConnConfig) {
	if _, ok := t.(*testing.B); !ok {
		config.RuntimeParams["synchronous_commit"] = "off"
	}
}

// newPool makes a pool that the test closes.
func newPool(t testing.TB, change func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	needServer(t)
	config, err := pgxpool.ParseConfig(dsn())
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 8
	hurry(t, config.ConnConfig)
	if change != nil {
		change(config)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// newDB makes a pool of package sql that the test closes.
func newDB(t testing.TB) *sql.DB {
	t.Helper()
	needServer(t)
	config, err := pgx.ParseConfig(dsn())
	if err != nil {
		t.Fatal(err)
	}
	hurry(t, config)
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(8)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// open opens a Store in a schema.
func open(t testing.TB, pool *pgxpool.Pool, schema string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), pool, &postgres.Options{Schema: schema})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// openDB opens a Store in a schema through package sql.
func openDB(t testing.TB, db *sql.DB, schema string) *postgres.StoreDB {
	t.Helper()
	s, err := postgres.OpenDB(t.Context(), db, &postgres.Options{Schema: schema})
	if err != nil {
		t.Fatalf("OpenDB: %v", err)
	}
	return s
}
