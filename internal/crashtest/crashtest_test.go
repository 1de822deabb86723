package crashtest_test

import (
	"context"
	"errors"
	"flag"
	"strconv"
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

// tabled is a store with a table of the host's own, which is of records.
type tabled struct{ *memory.Store }

const kindTable = "host table"

func (s tabled) CountUp(ctx context.Context, id string) error {
	key := storage.Key{Kind: kindTable, ID: id}
	var n int64
	for r, err := range s.Get(ctx, []storage.Key{key}) {
		if err == nil {
			n, err = strconv.ParseInt(string(r.Data), 10, 64)
		}
		if err != nil {
			return err
		}
	}
	return s.Put(ctx, []storage.Record{{Key: key, Data: strconv.AppendInt(nil, n+1, 10)}})
}

func (s tabled) Counts(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	for r, err := range s.List(ctx, storage.Range{Kind: kindTable}) {
		if err == nil {
			counts[r.ID], err = strconv.ParseInt(string(r.Data), 10, 64)
		}
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

func inMemory() crashtest.Harness {
	store := tabled{memory.New()}
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
	tabled
	cuts *atomic.Int64
}

var errCut = errors.New("the connection was cut")

func isCut(err error) bool { return errors.Is(err, errCut) }

func (c *cable) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	cuts := c.cuts.Load()
	err := c.tabled.InTx(ctx, func(ctx context.Context) error {
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
	store, cuts := tabled{memory.New()}, new(atomic.Int64)
	h := crashtest.Harness{
		Open: opening(store), InProcess: opening(&cable{store, cuts}), InOrder: isCut,
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
