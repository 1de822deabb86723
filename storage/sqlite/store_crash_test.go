package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/slokeep/slokeep/internal/crashtest"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/sqlite"
)

func openWorker(ctx context.Context, path string) (storage.Store, func() error, error) {
	s, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// An engine that is told all sorts of things, and relays, refreshes and handles meanwhile, is killed at random instants.
// Whatever was acknowledged is there, nothing is there by halves, and the answers are those of the facts that are there.
func TestNothingIsLostWhenAnEngineIsKilled(t *testing.T) {
	n := *kills
	if testing.Short() {
		n = min(n, 5)
	}
	crashtest.Kill(t, crashtest.Harness{Target: filepath.Join(t.TempDir(), "crash.db"), Open: openWorker, Kills: n})
}

func TestNothingIsLostWhenEnginesShareAFile(t *testing.T) {
	long := 3 * time.Second
	if testing.Short() {
		long = time.Second
	}
	r := crashtest.Crowd(t, crashtest.Harness{Target: filepath.Join(t.TempDir(), "crowd.db"), Open: openWorker}, 3, long)
	if r.Conflicts > 0 {
		t.Errorf("%d conflicts: writers wait for each other here, one after the other", r.Conflicts)
	}
}
