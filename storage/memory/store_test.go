package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

func TestStoreKeepsTheLaws(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{Open: func(testing.TB) storage.Store { return memory.New() }})
}

// IDs are sorted when somebody lists them, so that listings race with the commits that bring new ones.
func TestListingsBesideCommitsAreInOrder(t *testing.T) {
	store, ctx := memory.New(), t.Context()
	const writers, records = 4, 300
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := range records {
				key := storage.Key{Kind: "day", ID: fmt.Sprintf("%04d/%d", i*7919%records, w)}
				if err := store.Put(ctx, []storage.Record{{Key: key}}); err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					if err := store.Delete(ctx, []storage.Key{key}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		work.Wait()
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		after, ids := storage.Key{}, []string(nil)
		for page := 1; page > 0; {
			page = 0
			for r, err := range store.List(ctx, storage.Range{Kind: "day", After: after, Limit: 50}) {
				if err != nil {
					t.Fatal(err)
				}
				after, ids = r.Key, append(ids, r.ID)
				page++
			}
		}
		if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Fatalf("the IDs that were listed are not in order: %q", ids)
		}
		if ended && len(ids) != writers*records*2/3 {
			t.Errorf("%d records are left: want %d", len(ids), writers*records*2/3)
		}
	}
}

// What a goroutine does that the transaction's function left behind is refused, and holds up nobody.
func TestAGoroutineThatIsLeftBehindWritesNothing(t *testing.T) {
	store := memory.New()
	for range 200 {
		var left sync.WaitGroup
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			for i := range 4 {
				left.Go(func() {
					err := store.Put(ctx, []storage.Record{{Key: storage.Key{Kind: "day", ID: fmt.Sprint(i)}}})
					if err != nil && !errors.Is(err, storage.ErrClosed) {
						t.Errorf("Put after the transaction: %v; want nil or ErrClosed", err)
					}
				})
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		left.Wait()
	}
}

// Transactions are small, and what they were made of is used again: nothing of one must be left in the next.
func TestATransactionThatFailedLeavesNothingInTheNext(t *testing.T) {
	store := memory.New()
	boom := errors.New("boom")
	keys := []storage.VersionKey{{Kind: "history", ID: "a"}}
	for i := range 100 {
		err := store.InTx(t.Context(), func(ctx context.Context) error {
			now, err := store.Bump(ctx, keys)
			if err != nil || now[0] != int64(i/2)+1 {
				t.Errorf("Bump: %v, %v; want %d", now, err, i/2+1)
			}
			if i%2 == 0 {
				return boom
			}
			return nil
		})
		if i%2 == 0 != errors.Is(err, boom) {
			t.Error(err)
		}
	}
}
