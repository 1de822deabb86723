package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	driver "modernc.org/sqlite"

	"github.com/slokeep/slokeep/storage/sqlite"
)

// A copy that SQLite makes of a file is whole, though somebody writes to the file all the time.
func TestCopiesMadeWhileItIsWrittenAreWhole(t *testing.T) {
	for name, copyTo := range map[string]func(t *testing.T, from, to string){
		"VACUUM INTO": func(t *testing.T, from, to string) { execute(t, raw(t, from), `VACUUM INTO ?`, to) },
		"backup":      backup,
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			s := openStore(t, path, &sqlite.Options{LoseLastOnPowerLoss: true})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				for n := 0; ; n++ {
					if err := writeRound(ctx, s, n); err != nil {
						done <- err
						return
					}
				}
			}()
			var last int64
			copies := 10
			if testing.Short() {
				copies = 3
			}
			for range copies {
				to := filepath.Join(t.TempDir(), "copy.db")
				copyTo(t, path, to)
				copied := openStore(t, to, nil)
				checkWhole(t, copied)
				versions, err := copied.Versions(t.Context(), roundKeys)
				must(t, err)
				n, err := countRounds(t.Context(), copied)
				must(t, err)
				if n = append(n, versions...); slices.Min(n) != slices.Max(n) || n[0] < last {
					t.Errorf("a copy is of rounds %v, the one before of %d", n, last)
				}
				last = n[0]
				must(t, writeRound(t.Context(), copied, -1)) // it goes on from there
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("the writer: %v", err)
			}
			if last == 0 {
				t.Error("nothing was written meanwhile")
			}
		})
	}
}

// backup copies a file with SQLite's online backup.
func backup(t *testing.T, from, to string) {
	t.Helper()
	conn, err := raw(t, from).Conn(t.Context())
	must(t, err)
	defer func() { _ = conn.Close() }()
	must(t, conn.Raw(func(c any) error {
		b, err := c.(interface {
			NewBackup(uri string) (*driver.Backup, error)
		}).NewBackup(to)
		if err != nil {
			return err
		}
		_, err = b.Step(-1)
		return errors.Join(err, b.Finish())
	}))
}

// checkWhole has SQLite check the file.
func checkWhole(t *testing.T, s *sqlite.Store) {
	t.Helper()
	var result string
	must(t, s.Querier(t.Context()).QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&result))
	if result != "ok" {
		t.Errorf("integrity_check: %s", result)
	}
	rows, err := s.Querier(t.Context()).QueryContext(t.Context(), `PRAGMA foreign_key_check`)
	must(t, err)
	if rows.Next() {
		t.Error("foreign_key_check has found something")
	}
	must(t, errors.Join(rows.Err(), rows.Close()))
}
