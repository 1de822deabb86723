package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
	"github.com/slokeep/slokeep/storage/sqlite"
)

func TestLogKeepsTheLaws(t *testing.T) {
	if testing.Short() {
		t.Skip("the laws of a Store have those of a Log among them")
	}
	t.Parallel()
	paths := map[entity.Log]string{}
	open := func(t testing.TB, path string) entity.Log {
		log := openLog(t, path, nil)
		paths[log] = path
		return log
	}
	entitytest.RunLog(t, entitytest.LogHarness{
		Open: func(t testing.TB) entity.Log { return open(t, filepath.Join(t.TempDir(), "log.db")) },
		// Another handle on the same file has connections of its own, as another process has.
		Reopen: func(t testing.TB, log entity.Log) entity.Log { return open(t, paths[log]) },
	})
}

// openLog opens a Log that the test closes.
func openLog(t testing.TB, path string, opts *sqlite.Options) *sqlite.Log {
	t.Helper()
	log, err := sqlite.OpenLog(t.Context(), path, opts)
	if err != nil {
		t.Fatalf("OpenLog: %v", err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return log
}
