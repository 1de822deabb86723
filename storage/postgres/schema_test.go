package postgres_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/postgres"
)

// A program of one user has migrated the schema; the one of another only uses it.
func TestRightsToUseAreEnough(t *testing.T) {
	schema, role := newSchema(t), newRole(t, "LOGIN")
	open(t, newPool(t, nil), schema)
	as := func(c *pgxpool.Config) { c.ConnConfig.User = role }
	config := func(c *pgx.ConnConfig) { c.User = role }
	refused(t, openBoth(t, config, &postgres.Options{Schema: schema}), postgres.ErrDenied, "permission denied")
	administer(t, `GRANT USAGE ON SCHEMA "`+schema+`" TO "`+role+`";
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "`+schema+`" TO "`+role+`"`, `SELECT 1`)
	pool := newPool(t, as)
	s := open(t, pool, schema)
	furnish(t, pool, s, schema)
	for _, u := range uses() {
		if err := s.InTx(t.Context(), func(ctx context.Context) error { return u.call(ctx, s) }); err != nil {
			t.Errorf("%s with rights to use alone: %v", u.name, err)
		}
	}
}

func TestAnotherProgramsTablesAreLeftAlone(t *testing.T) {
	for name, table := range map[string]string{
		"a table of the log":             `entity_heads (mine integer)`,
		"a table of the store":           `store_records (mine integer)`,
		"a table of migrations":          `slokeep_migrations (id integer, name text)`,
		"a table of numbered migrations": `slokeep_migrations (part integer, number integer)`,
		"a table of named migrations":    `slokeep_migrations (part text, number text)`,
	} {
		t.Run(name, func(t *testing.T) {
			schema := newSchema(t)
			pool := newPool(t, nil)
			if _, err := pool.Exec(t.Context(), `CREATE SCHEMA "`+schema+`"; CREATE TABLE "`+schema+`".`+table); err != nil {
				t.Fatal(err)
			}
			errs := openBoth(t, nil, &postgres.Options{Schema: schema})
			made := 1
			if name == "a table of the store" { // the log alone is not in its way
				delete(errs, "OpenLog")
				delete(errs, "OpenLogDB")
				made = tables(t, schema)
			}
			refused(t, errs, postgres.ErrForeign, "another schema")
			if n := tables(t, schema); n != made {
				t.Errorf("there are %d tables, want %d", n, made)
			}
		})
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	for part, doors := range map[string][]string{
		"entity": {"Open", "OpenDB", "OpenLog", "OpenLogDB"},
		"store":  {"Open", "OpenDB"},
	} {
		schema := newSchema(t)
		pool := newPool(t, nil)
		open(t, pool, schema)
		if _, err := pool.Exec(t.Context(), `INSERT INTO "`+schema+`".slokeep_migrations (part, number) VALUES ($1, 9999)`, part); err != nil {
			t.Fatal(err)
		}
		before := rows(t, pool, schema)
		errs := openBoth(t, nil, &postgres.Options{Schema: schema})
		for door, err := range errs {
			if err != nil != slices.Contains(doors, door) {
				t.Errorf("%s with a newer %s: %v", door, part, err)
			}
			if err == nil {
				delete(errs, door)
			}
		}
		refused(t, errs, postgres.ErrNewer, "9999")
		if after := rows(t, pool, schema); after != before {
			t.Errorf("a newer %s was changed:\n%s\nwas\n%s", part, after, before)
		}
	}
}

func TestOtherPartsMayHaveMigrationsOfTheirOwn(t *testing.T) {
	schema := newSchema(t)
	pool := newPool(t, nil)
	open(t, pool, schema)
	if _, err := pool.Exec(t.Context(), `INSERT INTO "`+schema+`".slokeep_migrations (part, number) VALUES ('other', 9999)`); err != nil {
		t.Fatal(err)
	}
	open(t, pool, schema)
}

// A schema's name is taken as it is, and nothing in it is taken for SQL.
func TestOddSchemas(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{
		`A "Quoted" one`, `semi;colon, comma`, `"; DROP SCHEMA public CASCADE; --`, `Käse 日本`, `@at$1`, strings.Repeat("ü", 15) + `'`, `sélect`,
	} {
		t.Run(odd, func(t *testing.T) {
			schema := fmt.Sprintf("%s %d", odd, os.Getpid())
			needServer(t)
			quoted := pgx.Identifier{schema}.Sanitize()
			administer(t, `SELECT 1`, `DROP SCHEMA IF EXISTS `+quoted+` CASCADE`)
			pool := newPool(t, nil)
			s := open(t, pool, schema)
			furnish(t, pool, s, schema)
			notes(t, pool, schema)
			for _, u := range uses() {
				if u.inside {
					continue
				}
				if err := u.call(t.Context(), s); err != nil {
					t.Errorf("%s: %v", u.name, err)
				}
			}
			wakes(t, s, openDB(t, newDB(t), schema))
		})
	}
}

// wakes checks that what one wakes the other hears.
func wakes(t *testing.T, one, other entity.Bus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	heard := make(chan struct{}, 100)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := other.Listen(ctx, func() { heard <- struct{}{} }); err != nil {
			t.Errorf("Listen: %v", err)
		}
	})
	<-heard // it listens
	if err := one.Wake(ctx); err != nil {
		t.Errorf("Wake: %v", err)
	}
	select {
	case <-heard:
	case <-ctx.Done():
		t.Error("nobody heard")
	}
	cancel()
}
