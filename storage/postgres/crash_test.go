package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/crashtest"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

var (
	kills = flag.Int("kills", 15, "how often the crash tests kill a process, and end its connections")
	crowd = flag.Duration("crowd", 3*time.Second, "how long ten processes work at once")
)

// tally is a Store with a table of the host's own.
type tally struct {
	*postgres.Store
	table string
}

var _ interface { // which workers use
	crashtest.HostTable
	storage.HistoryCache
	entity.Bus
} = tally{}

// errOwn marks the errors of the host's own statements, which are pgx's own.
var errOwn = errors.New("a statement of the host's")

func (s tally) CountUp(ctx context.Context, id string) error {
	_, err := s.Querier(ctx).Exec(ctx, `INSERT INTO `+s.table+` AS t (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = t.n + 1`, id)
	if err != nil {
		return fmt.Errorf("%w: %w", errOwn, err)
	}
	return nil
}

func (s tally) Counts(ctx context.Context) (map[string]int64, error) {
	rows, err := s.Querier(ctx).Query(ctx, `SELECT id, n FROM `+s.table)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	var id string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error { counts[id] = n; return nil })
	return counts, err
}

// inOrder reports whether a worker whose connections are ended may see an error.
func inOrder(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && errors.Is(err, errOwn) && e.Code == "57P01" { // admin_shutdown
		return true
	}
	return errors.Is(err, postgres.ErrUnavailable) || errors.Is(err, postgres.ErrInDoubt) || errors.Is(err, entity.ErrConflict)
}

// openWorker opens the Store of a worker, or of the test itself. A target is a schema, by whose name the connections of
// workers are known, or a database.
func openWorker(ctx context.Context, target string) (storage.Store, func() error, error) {
	config, err := pgxpool.ParseConfig(dsn())
	if err != nil {
		return nil, nil, err
	}
	config.MaxConns = 4
	schema := target
	if database, ok := strings.CutPrefix(target, "database "); ok {
		config.ConnConfig.Database, schema = database, "slokeep"
	}
	if crashtest.IsWorker() {
		config.ConnConfig.RuntimeParams["application_name"] = target
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	s, err := postgres.Open(ctx, pool, &postgres.Options{Schema: schema})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	table := pgx.Identifier{schema, "tally"}.Sanitize()
	_, err = s.Querier(ctx).Exec(ctx, `CREATE TABLE IF NOT EXISTS `+table+` (id text PRIMARY KEY, n bigint NOT NULL)`)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return tally{s, table}, func() error { pool.Close(); return nil }, nil
}

func howOften() int {
	if testing.Short() {
		return min(*kills, 3)
	}
	return *kills
}

func TestNothingIsLostWhenAnEngineIsKilled(t *testing.T) {
	t.Parallel()
	crashtest.Kill(t, crashtest.Harness{Target: newSchema(t), Open: openWorker, Kills: howOften()})
}

func TestNothingIsLostWhenConnectionsAreEnded(t *testing.T) {
	t.Parallel()
	schema, admin := newSchema(t), newPool(t, nil)
	crashtest.Kill(t, crashtest.Harness{Target: schema, Open: openWorker, Kills: howOften(), Cut: func(t testing.TB) {
		_, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, schema)
		ok(t, err)
	}})
}

// Ten processes write the same entities, observe the same systems and run the daily job at once. PostgreSQL ends deadlocks
// itself, and counts them for each database.
func TestTenProcessesAtOnce(t *testing.T) {
	long, processes := *crowd, 10
	if testing.Short() {
		long, processes = min(long, time.Second), 4
	}
	admin, database := newPool(t, nil), newDatabase(t, "")
	crashtest.Crowd(t, crashtest.Harness{Target: "database " + database, Open: openWorker}, processes, long)
	var n int
	ok(t, admin.QueryRow(t.Context(), `SELECT deadlocks FROM pg_stat_database WHERE datname = $1`, database).Scan(&n))
	if n > 0 {
		t.Errorf("%d deadlocks", n)
	}
}
