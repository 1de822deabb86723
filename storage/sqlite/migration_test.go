package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/slokeep/slokeep/storage/sqlite"
)

func TestNewerDatabaseIsRefused(t *testing.T) {
	for _, part := range []string{"entity", "store"} {
		path := newFile(t)
		must(t, openStore(t, path, nil).Close())
		execute(t, raw(t, path), `INSERT INTO slokeep_migrations (part, number) VALUES (?, 9999)`, part)
		if _, err := sqlite.Open(t.Context(), path, nil); !errors.Is(err, sqlite.ErrNewer) || !strings.Contains(err.Error(), part+" migration 9999") {
			t.Errorf("Open of a newer part %s: %v, want ErrNewer", part, err)
		}
		log, err := sqlite.OpenLog(t.Context(), path, nil)
		if part == "entity" && !errors.Is(err, sqlite.ErrNewer) || part == "store" && err != nil {
			t.Errorf("OpenLog of a newer part %s: %v", part, err)
		}
		if err == nil {
			must(t, log.Close())
		}
	}
}

func TestOtherPartsMayHaveMigrationsOfTheirOwn(t *testing.T) {
	path := newFile(t)
	openLog(t, path, nil)
	execute(t, raw(t, path), `INSERT INTO slokeep_migrations (part, number) VALUES ('other', 9999)`)
	openStore(t, path, nil)
}

func TestOpenTakesTheFilesOfOpenLog(t *testing.T) {
	path := newFile(t)
	log := openLog(t, path, nil)
	must(t, write(t.Context(), log, "a", "paid"))
	s := openStore(t, path, nil)
	must(t, putFacts(t.Context(), s, fact("", "one", "a")))
	if name := nameOf(t, t.Context(), s.Log, "a"); name != "paid" {
		t.Errorf("what the Log has written is %q in the Store, want paid", name)
	}
	must(t, write(t.Context(), log, "a", "sent")) // it was open all the while
	if name := nameOf(t, t.Context(), openLog(t, path, nil), "a"); name != "sent" {
		t.Errorf("what the Log has written is %q in a Log on the file of a Store, want sent", name)
	}
}

// What is in the way is named, and the file stays as it was to the byte.
func TestForeignTablesAreRefused(t *testing.T) {
	for _, foreign := range []string{
		`CREATE TABLE store_facts (id TEXT)`,
		`CREATE TABLE Store_Records (id TEXT)`,
		`CREATE VIEW store_versions AS SELECT 1 AS one`,
		`CREATE TABLE mine (id TEXT); CREATE INDEX store_facts_system ON mine (id)`,
		`CREATE TABLE entity_heads (kind TEXT, id TEXT)`,
		`CREATE TABLE slokeep_migrations (version INTEGER)`,
	} {
		file := newFile(t)
		db := raw(t, file)
		execute(t, db, foreign)
		schema := schemaOf(t, db)
		must(t, db.Close())
		before := contents(t, file)
		_, err := sqlite.Open(t.Context(), file, nil)
		name := strings.Fields(foreign[strings.LastIndex(foreign, "CREATE"):])[2]
		if !errors.Is(err, sqlite.ErrForeign) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: Open: %v; want ErrForeign, and that it says %s", foreign, err, name)
		}
		if contents(t, file) != before {
			t.Errorf("%s: the file was changed: %q, before %q", foreign, schemaOf(t, raw(t, file)), schema)
		}
	}
}

func TestMigrationsMayBeRunWithAnotherTool(t *testing.T) {
	file := newFile(t)
	db := raw(t, file)
	for _, part := range []string{"entity", "store"} {
		for i, m := range migrationsOf(t, part) {
			if !strings.HasPrefix(m, fmt.Sprintf("%s_%04d_", part, i+1)) {
				t.Errorf("migration %d of part %s is called %s", i+1, part, m)
			}
			runMigration(t, db, m)
		}
	}
	s := openStore(t, file, nil)
	must(t, errors.Join(write(t.Context(), s.Log, "a", "paid"), putFacts(t.Context(), s, fact("", "one", "a"))))
}

// Files of every earlier schema, of no schema at all too, become what a new file is, also when ten processes open them at
// once.
func TestManyProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	want := schemaOf(t, raw(t, func() string { file := newFile(t); openStore(t, file, nil); return file }()))
	entity, store := migrationsOf(t, "entity"), migrationsOf(t, "store")
	for e := range len(entity) + 1 {
		for s := range len(store) + 1 {
			if e == 0 && s > 0 {
				continue
			}
			t.Run(fmt.Sprintf("entity %d, store %d", e, s), func(t *testing.T) {
				file := newFile(t)
				db := raw(t, file)
				for _, m := range append(entity[:e:e], store[:s]...) {
					runMigration(t, db, m)
				}
				if e == 0 {
					execute(t, db, `CREATE TABLE mine (id TEXT PRIMARY KEY)`) // the host's own, and no slokeep yet
				}
				const processes = 10
				runAll(t, repeat(worker{Path: file, Job: jobOpen}, processes)...)
				if e == 0 {
					execute(t, db, `DROP TABLE mine`)
				}
				if got := schemaOf(t, db); got != want {
					t.Errorf("the schema is\n%s\nwant\n%s", got, want)
				}
				var n int
				must(t, db.QueryRow(`SELECT version FROM store_versions WHERE kind = 'opened' AND id = 'x'`).Scan(&n))
				if n != processes {
					t.Errorf("%d processes have written, want %d", n, processes)
				}
			})
		}
	}
}

func migrationsOf(t *testing.T, part string) []string {
	t.Helper()
	names, err := fs.Glob(sqlite.Migrations(), part+"_*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations of part %s: %q, %v", part, names, err)
	}
	return names
}

func runMigration(t *testing.T, db *sql.DB, name string) {
	t.Helper()
	script, err := fs.ReadFile(sqlite.Migrations(), path.Base(name))
	must(t, err)
	execute(t, db, string(script))
}

func execute(t *testing.T, db *sql.DB, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), text, args...); err != nil {
		t.Fatalf("%.60s: %v", text, err)
	}
}

// schemaOf shows what tables, indexes and views there are.
func schemaOf(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.Query(`SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name`)
	must(t, err)
	defer func() { _ = rows.Close() }()
	var text strings.Builder
	for rows.Next() {
		var name, statement string
		must(t, rows.Scan(&name, &statement))
		fmt.Fprintln(&text, name, statement)
	}
	must(t, rows.Err())
	return text.String()
}

func repeat(w worker, n int) []worker {
	list := make([]worker, n)
	for i := range list {
		list[i] = w
	}
	return list
}

// runAll runs processes at once, and waits until each has ended well.
func runAll(t *testing.T, workers ...worker) {
	t.Helper()
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			if out, err := command(t, w).CombinedOutput(); err != nil {
				t.Errorf("a process that does %q: %v\n%s", w.Job, err, out)
			}
		})
	}
	all.Wait()
}
