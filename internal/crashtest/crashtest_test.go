package crashtest_test

import (
	"context"
	"errors"
	"flag"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/internal/crashtest"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

var kills = flag.Int("kills", 15, "how often an engine in memory is killed")

// opening returns a function that opens one store again and again, which nobody closes.
func opening(store storage.Store) crashtest.Open {
	return func(context.Context, string) (storage.Store, func() error, error) {
		return store, func() error { return nil }, nil
	}
}

func inMemory() crashtest.Harness {
	store := memory.New()
	return crashtest.Harness{Open: opening(store), InProcess: opening(store)}
}

func TestNothingIsLostWhenAnEngineInMemoryIsKilled(t *testing.T) {
	h := inMemory()
	if h.Kills = *kills; testing.Short() {
		h.Kills = min(h.Kills, 5)
	}
	crashtest.Kill(t, h)
}

// cable is a store whose connections can be cut: transactions that run then fail, whether they had committed or not.
type cable struct {
	storage.Store
	cuts *atomic.Int64
}

var errCut = errors.New("the connection was cut")

func (c *cable) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	cuts := c.cuts.Load()
	err := c.Store.InTx(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		if now := c.cuts.Load(); now != cuts && now%2 == 0 {
			return errCut
		}
		return nil
	})
	if err == nil && c.cuts.Load() != cuts {
		return errCut
	}
	return err
}

func TestNothingIsLostWhenConnectionsAreCut(t *testing.T) {
	store, cuts := memory.New(), new(atomic.Int64)
	h := crashtest.Harness{
		Open: opening(store), InProcess: opening(&cable{store, cuts}),
		Cut: func(testing.TB) { cuts.Add(1) },
	}
	if h.Kills = *kills; testing.Short() {
		h.Kills = min(h.Kills, 5)
	}
	crashtest.Kill(t, h)
}

func TestNothingIsLostWhenManyEnginesShareAMemory(t *testing.T) {
	r := crashtest.Crowd(t, inMemory(), 3, 2*time.Second)
	if r.Lock.Calls == 0 || r.Begin.Calls == 0 {
		t.Errorf("nothing was measured: %v", r)
	}
}
