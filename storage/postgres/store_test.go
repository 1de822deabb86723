package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// Another handle on a schema has a pool of its own, as another process has.
func TestStoreKeepsTheLaws(t *testing.T) {
	t.Parallel()
	schema, here, there := newSchema(t), newPool(t, nil), newPool(t, nil)
	storagetest.Run(t, storagetest.Harness{
		Open: func(t testing.TB) storage.Store {
			s := open(t, here, schema)
			empty(t, here, schema)
			return s
		},
		Reopen: func(t testing.TB, _ storage.Store) storage.Store { return open(t, there, schema) },
	})
}

// The two doors lead to the same.
func TestStoreDBKeepsTheLaws(t *testing.T) {
	t.Parallel()
	schema, here, there := newSchema(t), newDB(t), newPool(t, nil)
	storagetest.Run(t, storagetest.Harness{
		Open: func(t testing.TB) storage.Store {
			s := openDB(t, here, schema)
			empty(t, there, schema)
			return s
		},
		Reopen: func(t testing.TB, _ storage.Store) storage.Store { return open(t, there, schema) },
	})
}

func TestLogKeepsTheLaws(t *testing.T) {
	if testing.Short() {
		t.Skip("the laws of a Store have those of a Log among them")
	}
	t.Parallel()
	schema, here, there := newSchema(t), newPool(t, nil), newDB(t)
	entitytest.RunLog(t, entitytest.LogHarness{
		Open: func(t testing.TB) entity.Log {
			l, err := postgres.OpenLog(t.Context(), here, &postgres.Options{Schema: schema})
			if err != nil {
				t.Fatalf("OpenLog: %v", err)
			}
			empty(t, here, schema)
			return l
		},
		Reopen: func(t testing.TB, _ entity.Log) entity.Log {
			l, err := postgres.OpenLogDB(t.Context(), there, &postgres.Options{Schema: schema})
			if err != nil {
				t.Fatalf("OpenLogDB: %v", err)
			}
			return l
		},
	})
}

func TestBusKeepsTheLaws(t *testing.T) {
	schema := newSchema(t)
	here, there := open(t, newPool(t, nil), schema), openDB(t, newDB(t), schema)
	entitytest.RunBus(t, entitytest.BusHarness{
		Open: func(testing.TB) (entity.Bus, entity.Bus) { return here, there },
	})
}

// empty makes a schema as it was when it was new: making one takes half a second.
func empty(t testing.TB, pool *pgxpool.Pool, schema string) {
	t.Helper()
	rows, _ := pool.Query(t.Context(), `
		SELECT format('DELETE FROM %I.%I;', schemaname, tablename) FROM pg_tables
		WHERE schemaname = $1 AND tablename NOT IN ('slokeep_migrations', 'entity_feed')`, schema)
	var script strings.Builder
	script.WriteString(`UPDATE ` + pgx.Identifier{schema}.Sanitize() + `.entity_feed SET given = 0;`)
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		script.WriteString(statement)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), script.String()); err != nil {
		t.Fatal(err)
	}
}
