package postgres_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/postgres"
)

// openBoth tries both doors of a server, and all that they open, and returns the errors.
func openBoth(t *testing.T, change func(*pgx.ConnConfig), opts *postgres.Options) map[string]error {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn())
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(config.ConnConfig)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	db := stdlib.OpenDB(*config.ConnConfig)
	defer func() { _ = db.Close() }()
	_, first := postgres.Open(t.Context(), pool, opts)
	_, second := postgres.OpenDB(t.Context(), db, opts)
	_, third := postgres.OpenLog(t.Context(), pool, opts)
	_, fourth := postgres.OpenLogDB(t.Context(), db, opts)
	return map[string]error{"Open": first, "OpenDB": second, "OpenLog": third, "OpenLogDB": fourth}
}

// refused checks that all doors say what is wrong.
func refused(t *testing.T, errs map[string]error, is error, says string) {
	t.Helper()
	for door, err := range errs {
		if !errors.Is(err, is) || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: %v\nwant that it matches %q and says %q", door, err, is, says)
		}
	}
}

func TestServersThatRefuse(t *testing.T) {
	t.Parallel()
	needServer(t)
	for _, c := range []struct {
		name   string
		change func(t *testing.T, c *pgx.ConnConfig, schema string)
		is     error
		says   string
	}{
		{"no server", func(t *testing.T, c *pgx.ConnConfig, _ string) { c.Port = closedPort(t) }, postgres.ErrUnavailable, "check the address"},
		{"no such database", func(_ *testing.T, c *pgx.ConnConfig, _ string) { c.Database = "slokeep_none" }, postgres.ErrDenied, "slokeep_none"},
		{"no such user", func(_ *testing.T, c *pgx.ConnConfig, _ string) { c.User = "slokeep_nobody" }, postgres.ErrDenied, "check user"},
		{"a user who may not log in", func(t *testing.T, c *pgx.ConnConfig, _ string) { c.User = newRole(t, "NOLOGIN") }, postgres.ErrDenied, "check user"},
		{"a wrong password", fakeServer(&pgproto3.ErrorResponse{
			Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "me"`,
		}), postgres.ErrDenied, "password"},
		{"too many connections", fakeServer(&pgproto3.ErrorResponse{
			Severity: "FATAL", Code: "53300", Message: "sorry, too many clients already",
		}), postgres.ErrUnavailable, "too many clients"},
		{"a server that starts", fakeServer(&pgproto3.ErrorResponse{
			Severity: "FATAL", Code: "57P03", Message: "the database system is starting up",
		}), postgres.ErrUnavailable, "starting up"},
		{"an old server", fakeServer(nil), entity.ErrInvalid, "want PostgreSQL 13 or newer"},
		{"another encoding", func(t *testing.T, c *pgx.ConnConfig, _ string) {
			c.Database = newDatabase(t, `ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'`)
		}, entity.ErrInvalid, "want UTF8"},
		{"a user who may not create a schema", func(t *testing.T, c *pgx.ConnConfig, _ string) { c.User = newRole(t, "LOGIN") }, postgres.ErrDenied, "rights"},
		{"a session that only reads", func(_ *testing.T, c *pgx.ConnConfig, _ string) {
			c.RuntimeParams["default_transaction_read_only"] = "on"
		}, postgres.ErrDenied, "read-only"},
		{"a statement_timeout", waiting("statement_timeout"), entity.ErrConflict, "statement timeout"},
		{"a lock_timeout", waiting("lock_timeout"), entity.ErrConflict, "lock timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			schema := newSchema(t)
			begun := time.Now()
			refused(t, openBoth(t, func(config *pgx.ConnConfig) { c.change(t, config, schema) }, &postgres.Options{Schema: schema}), c.is, c.says)
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if n := tables(t, schema); n != 0 {
				t.Errorf("%d tables were made", n)
			}
		})
	}
}

func tables(t *testing.T, schema string) (n int) {
	t.Helper()
	pool := newPool(t, nil)
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = $1`, schema).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// closedPort is one on which nobody listens.
func closedPort(t *testing.T) uint16 {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// administer runs a statement as the user of the tests, and another one when the test ends.
func administer(t *testing.T, now, later string) {
	t.Helper()
	run := func(statement string) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		conn, err := pgx.Connect(ctx, dsn())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, statement)
		return err
	}
	if err := run(now); err != nil {
		t.Fatalf("%s: %v", now, err)
	}
	t.Cleanup(func() {
		if err := run(later); err != nil {
			t.Errorf("%s: %v", later, err)
		}
	})
}

// newRole makes a user of the test's own.
func newRole(t *testing.T, rights string) string {
	t.Helper()
	role := newSchema(t) // a name as good as any
	administer(t, `CREATE ROLE "`+role+`" `+rights, `DROP OWNED BY "`+role+`" CASCADE; DROP ROLE "`+role+`"`)
	return role
}

func newDatabase(t *testing.T, how string) string {
	t.Helper()
	name := newSchema(t)
	administer(t, `CREATE DATABASE "`+name+`" TEMPLATE template0 `+how, `DROP DATABASE "`+name+`" WITH (FORCE)`)
	return name
}

// waiting has another transaction make the schema, and a setting that does not wait for long.
func waiting(setting string) func(t *testing.T, c *pgx.ConnConfig, schema string) {
	return func(t *testing.T, c *pgx.ConnConfig, schema string) {
		c.RuntimeParams[setting] = "100"
		conn, err := pgx.Connect(t.Context(), dsn())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		if _, err := conn.Exec(t.Context(), `BEGIN; CREATE SCHEMA "`+schema+`"`); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSilentServer(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	host, port := listen(t, func(net.Conn) { <-over })
	silent := func(timeout time.Duration) (*pgxpool.Pool, *sql.DB) {
		config, err := pgxpool.ParseConfig(dsn())
		if err != nil {
			t.Fatal(err)
		}
		config.ConnConfig.Host, config.ConnConfig.Port, config.ConnConfig.ConnectTimeout = host, port, timeout
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		db := stdlib.OpenDB(*config.ConnConfig)
		t.Cleanup(func() { _ = db.Close() })
		return pool, db
	}
	t.Run("the ctx of Open bounds it", func(t *testing.T) {
		pool, db := silent(5 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, first := postgres.Open(ctx, pool, nil)
		_, second := postgres.OpenDB(ctx, db, nil)
		refused(t, map[string]error{"Open": first, "OpenDB": second}, context.DeadlineExceeded, "slokeep")
	})
	t.Run("the pool's own bound is no end of the ctx", func(t *testing.T) {
		pool, db := silent(50 * time.Millisecond)
		_, first := postgres.Open(t.Context(), pool, nil)
		_, second := postgres.OpenDB(t.Context(), db, nil)
		errs := map[string]error{"Open": first, "OpenDB": second}
		refused(t, errs, postgres.ErrUnavailable, "check the address")
		for door, err := range errs {
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, though its ctx has not ended", door, err)
			}
		}
	})
}

// When a server falls silent, the pool's own bound for connecting is what a call waits for.
func TestServerFallsSilent(t *testing.T) {
	schema := newSchema(t)
	over := make(chan struct{})
	defer close(over)
	host, port := listen(t, func(net.Conn) { <-over })
	var silent atomic.Bool
	elsewhere := func(_ context.Context, c *pgx.ConnConfig) error {
		if silent.Load() {
			c.Host, c.Port, c.ConnectTimeout = host, port, 10*time.Millisecond
		}
		return nil
	}
	pool := newPool(t, func(c *pgxpool.Config) { c.BeforeConnect = elsewhere })
	config, err := pgx.ParseConfig(dsn())
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config, stdlib.OptionBeforeConnect(elsewhere))
	defer func() { _ = db.Close() }()
	stores := map[string]*postgres.Store{"pgx": open(t, pool, schema), "database/sql": openDB(t, db, schema).Store}
	silent.Store(true)
	pool.Reset()
	db.SetMaxIdleConns(-1)
	for door, s := range stores {
		for _, u := range uses() {
			err := u.call(t.Context(), s)
			if !u.inside && (!errors.Is(err, postgres.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)) {
				t.Errorf("%s: %s: %v, want ErrUnavailable", door, u.name, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if err := s.DropWatch(ctx, "w"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: with a ctx that ends: %v, want its error", door, err)
		}
		cancel()
	}
}

func TestOptionsOutOfBounds(t *testing.T) {
	for _, schema := range []string{strings.Repeat("s", 64), "pg_slokeep", "nul\x00", "\xff", "$user"} {
		refused(t, openBoth(t, nil, &postgres.Options{Schema: schema}), entity.ErrInvalid, "Options.Schema")
	}
}

func TestPoolsThatAreNone(t *testing.T) {
	ctx := t.Context()
	_, first := postgres.Open(ctx, nil, nil)
	_, second := postgres.OpenDB(ctx, nil, nil)
	_, third := postgres.OpenLog(ctx, nil, nil)
	_, fourth := postgres.OpenLogDB(ctx, nil, nil)
	refused(t, map[string]error{"Open": first, "OpenDB": second, "OpenLog": third, "OpenLogDB": fourth}, entity.ErrInvalid, "nil")

	other := sql.OpenDB(otherDriver{})
	defer func() { _ = other.Close() }()
	_, first = postgres.OpenDB(ctx, other, nil)
	_, second = postgres.OpenLogDB(ctx, other, nil)
	refused(t, map[string]error{"OpenDB": first, "OpenLogDB": second}, entity.ErrInvalid, "pgx/v5/stdlib")
}

// otherDriver is one of another database.
type otherDriver struct{ driver.Conn }

func (d otherDriver) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d otherDriver) Driver() driver.Driver                        { return nil }
func (d otherDriver) Close() error                                 { return nil }

func TestClosedPoolSaysSo(t *testing.T) {
	schema := newSchema(t)
	pool, db := newPool(t, nil), newDB(t)
	stores := map[string]*postgres.Store{"pgx": open(t, pool, schema), "database/sql": openDB(t, db, schema).Store}
	var over context.Context
	if err := stores["pgx"].InTx(t.Context(), func(ctx context.Context) error { over = ctx; return nil }); err != nil {
		t.Fatal(err)
	}
	pool.Close()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for door, s := range stores {
		for _, u := range uses() {
			err := u.call(t.Context(), s)
			if want := entity.ErrClosed; !u.inside && !errors.Is(err, want) {
				t.Errorf("%s: %s on a closed pool: %v, want %v", door, u.name, err, want)
			}
		}
		if _, err := s.Querier(t.Context()).Exec(t.Context(), `SELECT 1`); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("%s: a statement on a closed pool: %v", door, err)
		}
		if err := s.Listen(t.Context(), func() {}); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("%s: Listen on a closed pool: %v", door, err)
		}
	}
	for _, u := range uses() {
		if err := u.call(over, stores["pgx"]); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("%s in a transaction that is over: %v, want ErrClosed", u.name, err)
		}
	}
	_, first := postgres.Open(t.Context(), pool, nil)
	_, second := postgres.OpenDB(t.Context(), db, nil)
	refused(t, map[string]error{"Open": first, "OpenDB": second}, entity.ErrClosed, "closed")
}

func TestErrorsOfTheServerAreFound(t *testing.T) {
	errs := openBoth(t, func(c *pgx.ConnConfig) { c.Database = "slokeep_none" }, nil)
	needServer(t)
	for door, err := range errs {
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "3D000" {
			t.Errorf("%s: %v has no PgError", door, err)
		}
	}
}
