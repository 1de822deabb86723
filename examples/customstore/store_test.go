package main

import (
	"path/filepath"
	"testing"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/storagetest"
)

func TestStoreKeepsTheLaws(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{Open: func(t testing.TB) storage.Store {
		s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), "synchronous(OFF)") // a crash of the machine ends the test anyway
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		return s
	}})
}
