package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/storage/postgres"
)

// openerEnv has the schema that a process of TestManyProcessesMigrateAtOnce opens.
const openerEnv = "SLOKEEP_TEST_OPENER"

// runOpener is such a process: when it is told to, it opens the schema through one of the doors, and writes.
func runOpener(schema string) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := openAndWrite(ctx, schema); err != nil {
		fmt.Fprintln(os.Stderr, "opener:", err)
		return 1
	}
	return 0
}

func openAndWrite(ctx context.Context, schema string) error {
	pool, err := pgxpool.New(ctx, dsn())
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := pool.Ping(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := fmt.Scanln(new(string)); err != nil { // all at once
		return err
	}
	s, err := postgres.Open(ctx, pool, &postgres.Options{Schema: schema})
	if err != nil {
		return err
	}
	return write(ctx, s, fmt.Sprint(os.Getpid()), "paid")
}

// scripts are the migrations of a part, in their order.
func scripts(t *testing.T, part string) (scripts []string) {
	t.Helper()
	names, err := fs.Glob(postgres.Migrations(), part+"_*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations of %s: %q, %v", part, names, err)
	}
	for i, name := range names {
		if !strings.HasPrefix(name, fmt.Sprintf("%s_%04d_", part, i+1)) {
			t.Errorf("migration %d of %s is called %s", i+1, part, name)
		}
		script, err := fs.ReadFile(postgres.Migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, string(script))
	}
	return scripts
}

// migrate runs scripts in a schema, as a tool of a host's does.
func migrate(t *testing.T, schema string, scripts []string) {
	t.Helper()
	pool := newPool(t, nil)
	quoted := pgx.Identifier{schema}.Sanitize()
	if _, err := pool.Exec(t.Context(), `CREATE SCHEMA `+quoted); err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if _, err := pool.Exec(t.Context(), `BEGIN; SET LOCAL search_path TO `+quoted+`; `+script+`; COMMIT`); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyProcessesMigrateAtOnce(t *testing.T) {
	log, store := scripts(t, "entity"), scripts(t, "store")
	earlier := map[string][]string{"from nothing": nil}
	for n := range log {
		earlier[fmt.Sprintf("from the log's %d", n+1)] = log[:n+1]
	}
	for n := range store {
		all := append(log[:len(log):len(log)], store[:n+1]...)
		earlier[fmt.Sprintf("from the store's %d", n+1)] = all
	}
	for name, from := range earlier {
		t.Run(name, func(t *testing.T) {
			schema := newSchema(t)
			if len(from) > 0 {
				migrate(t, schema, from)
			}
			const processes = 10
			openAtOnce(t, schema, processes)
			pool := newPool(t, nil)
			s := open(t, pool, schema)
			for _, part := range []struct {
				name string
				want int
			}{{"entity", len(log)}, {"store", len(store)}} {
				var n int
				const count = `SELECT count(*) FROM %s.slokeep_migrations WHERE part = $1`
				err := pool.QueryRow(t.Context(), fmt.Sprintf(count, pgx.Identifier{schema}.Sanitize()), part.name).Scan(&n)
				if err != nil || n != part.want {
					t.Errorf("%d migrations of %s, %v, want %d", n, part.name, err, part.want)
				}
			}
			n := 0
			for _, err := range s.Heads(t.Context(), orders, nil) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != processes {
				t.Errorf("%d processes have written, want %d", n, processes)
			}
		})
	}
}

// openAtOnce starts processes, lets them open a schema when all of them are ready, and waits for their ends.
func openAtOnce(t *testing.T, schema string, processes int) {
	t.Helper()
	var begin, ready, ended sync.WaitGroup
	begin.Add(1)
	for range processes {
		ready.Add(1)
		ended.Go(func() {
			err := runProcess(t.Context(), schema, sync.OnceFunc(ready.Done), begin.Wait)
			if err != nil {
				t.Error(err)
			}
		})
	}
	ready.Wait()
	begin.Done()
	ended.Wait()
}

func runProcess(ctx context.Context, schema string, ready, begin func()) error {
	defer ready() // whatever happens
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), openerEnv+"="+schema)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var word string
	_, read := fmt.Fscanln(out, &word)
	ready()
	begin()
	_, told := fmt.Fprintln(in, "go")
	if err := errors.Join(cmd.Wait(), read, told); err != nil {
		return fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return nil
}

// What a host's own tool has made is used as it is, also by who may make nothing.
func TestMigrationsMayBeRunWithAnotherTool(t *testing.T) {
	schema, role := newSchema(t), newRole(t, "LOGIN")
	migrate(t, schema, append(scripts(t, "entity"), scripts(t, "store")...))
	administer(t, `GRANT USAGE ON SCHEMA "`+schema+`" TO "`+role+`";
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "`+schema+`" TO "`+role+`"`, `SELECT 1`)
	pool := newPool(t, func(c *pgxpool.Config) { c.ConnConfig.User = role })
	furnish(t, newPool(t, nil), open(t, pool, schema), schema)
	if n := len(strings.Split(rows(t, pool, schema), "\n\t")); n < 10 {
		t.Errorf("%d rows were written", n)
	}
}
