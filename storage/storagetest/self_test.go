package storagetest

import (
	"testing"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

func TestMemoryKeepsTheLaws(t *testing.T) {
	Run(t, Harness{Open: func(testing.TB) storage.Store { return memory.New() }})
}

func TestAStoreWithHistoriesKeepsTheLaws(t *testing.T) {
	Run(t, Harness{Open: func(testing.TB) storage.Store { return WithHistories(memory.New()) }})
}
