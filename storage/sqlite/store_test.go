package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/sqlite"
	"github.com/slokeep/slokeep/storage/storagetest"
)

func TestStoreKeepsTheLaws(t *testing.T) {
	t.Parallel()
	paths := map[storage.Store]string{}
	open := func(t testing.TB, path string) storage.Store {
		s := openStore(t, path, nil)
		paths[s] = path
		return s
	}
	h := storagetest.Harness{
		Open:   func(t testing.TB) storage.Store { return open(t, filepath.Join(t.TempDir(), "store.db")) },
		Reopen: func(t testing.TB, s storage.Store) storage.Store { return open(t, paths[s]) },
	}
	if testing.Short() { // another handle shares no memory with the first, so that there is no race to find
		h.Reopen = nil
	}
	storagetest.Run(t, h)
}

// A host's own rows, and all that a Store writes in the same transaction, are there together or not at all.
func TestHostWritesInTheTransactionOfAStore(t *testing.T) {
	s := openStore(t, newFile(t), nil)
	notes(t, s.Log)
	before := everything(t, s)
	both := func(end error) error {
		return s.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(note(ctx, s.Log, "one"), writeRound(ctx, s, 0), end)
		})
	}
	if err := both(errBoom); !errors.Is(err, errBoom) {
		t.Errorf("InTx: %v, want %v", err, errBoom)
	}
	if n, after := count(t, t.Context(), s.Log), everything(t, s); n != 0 || after != before {
		t.Errorf("after a rollback there are %d notes, and\n%s", n, after)
	}
	must(t, both(nil))
	n, err := countRounds(t.Context(), s)
	if must(t, err); count(t, t.Context(), s.Log) != 1 || slices.Min(n) != 1 {
		t.Errorf("after the commit: %d notes, rounds %v", count(t, t.Context(), s.Log), n)
	}
}

// openStore opens a Store that the test closes.
func openStore(t testing.TB, path string, opts *sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
