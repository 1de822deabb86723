package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/slokeep/slokeep/internal/crashtest"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// tally is a Store with a table of the host's own.
type tally struct{ *sqlite.Store }

var _ interface { // which workers use
	crashtest.HostTable
	storage.HistoryCache
} = tally{}

func (s tally) CountUp(ctx context.Context, id string) error {
	_, err := s.Querier(ctx).ExecContext(ctx, `INSERT INTO tally (id, n) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1`, id)
	return err
}

func (s tally) Counts(ctx context.Context) (map[string]int64, error) {
	rows, err := s.Querier(ctx).QueryContext(ctx, `SELECT id, n FROM tally`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	counts := map[string]int64{}
	for rows.Next() {
		var id string
		var n int64
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		counts[id] = n
	}
	return counts, rows.Err()
}

func openWorker(ctx context.Context, path string) (storage.Store, func() error, error) {
	s, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return nil, nil, err
	}
	_, err = s.Querier(ctx).ExecContext(ctx, `CREATE TABLE IF NOT EXISTS tally (id TEXT PRIMARY KEY, n INTEGER NOT NULL)`)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return tally{s}, s.Close, nil
}

// An engine that is told all sorts of things, and relays, refreshes and handles meanwhile, is killed at random instants.
// Whatever was acknowledged is there, nothing is there by halves, and the answers are those of the facts that are there.
func TestNothingIsLostWhenAnEngineIsKilled(t *testing.T) {
	t.Parallel()
	n := *kills
	if testing.Short() {
		n = min(n, 2)
	}
	crashtest.Kill(t, crashtest.Harness{Target: filepath.Join(t.TempDir(), "crash.db"), Open: openWorker, Kills: n})
}

func TestNothingIsLostWhenEnginesShareAFile(t *testing.T) {
	t.Parallel()
	long := 3 * time.Second
	if testing.Short() {
		long = time.Second
	}
	r := crashtest.Crowd(t, crashtest.Harness{Target: filepath.Join(t.TempDir(), "crowd.db"), Open: openWorker}, 3, long)
	if r.Conflicts > 0 {
		t.Errorf("%d conflicts: writers wait for each other here, one after the other", r.Conflicts)
	}
}
