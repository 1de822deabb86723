package storagetest

import (
	"context"
	"encoding/binary"
	"iter"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// WithHistories makes a [storage.HistoryCache] of a Store that is none, for tests of what is done with one. It keeps
// histories as records of kind "history" of that Store, and so in the same transactions.
func WithHistories(store storage.Store) interface {
	storage.Store
	storage.HistoryCache
} {
	return &caching{store}
}

type caching struct{ storage.Store }

const recordHistory = "history"

// Unwrap says to a Registry what is underneath, so that it finds a Memory there.
func (c *caching) Unwrap() entity.Log { return c.Store }

func (c *caching) Histories(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
	return func(yield func(storage.History, error) bool) {
		for record, err := range c.Get(ctx, historyKeys(systems)) {
			if err != nil {
				yield(storage.History{}, err)
				return
			}
			version, data := int64(binary.BigEndian.Uint64(record.Data)), record.Data[8:]
			if !yield(storage.History{SystemID: record.ID, Version: version, Data: data}, nil) {
				return
			}
		}
	}
}

func (c *caching) PutHistories(ctx context.Context, histories []storage.History) error {
	if len(histories) == 0 {
		return nil
	}
	systems := make([]string, len(histories))
	for i := range histories {
		systems[i] = histories[i].SystemID
	}
	return c.InTx(ctx, func(ctx context.Context) error {
		if _, err := c.Lock(ctx, "storagetest history", systems); err != nil {
			return err
		}
		kept := map[string]int64{}
		for h, err := range c.Histories(ctx, systems) {
			if err != nil {
				return err
			}
			kept[h.SystemID] = h.Version
		}
		var records []storage.Record
		for _, h := range histories {
			if version, ok := kept[h.SystemID]; ok && version >= h.Version {
				continue
			}
			data := append(binary.BigEndian.AppendUint64(nil, uint64(h.Version)), h.Data...)
			records = append(records, storage.Record{Key: storage.Key{Kind: recordHistory, ID: h.SystemID}, Data: data})
		}
		return c.Put(ctx, records)
	})
}

func (c *caching) DeleteFacts(ctx context.Context, systems []string) error {
	return c.InTx(ctx, func(ctx context.Context) error {
		if err := c.Store.DeleteFacts(ctx, systems); err != nil {
			return err
		}
		return c.Delete(ctx, historyKeys(systems))
	})
}

func historyKeys(systems []string) []storage.Key {
	keys := make([]storage.Key, 0, len(systems))
	for _, id := range systems {
		keys = append(keys, storage.Key{Kind: recordHistory, ID: id})
	}
	return keys
}
