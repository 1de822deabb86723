package storagetest

import (
	"context"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// overwritten puts histories, whatever is there.
func overwritten(ctx context.Context, good *memory.Store, list []storage.History) error {
	c := WithHistories(good)
	return good.InTx(ctx, func(ctx context.Context) error {
		var systems []string
		for _, h := range list {
			systems = append(systems, h.SystemID)
		}
		if err := good.Delete(ctx, historyKeys(systems)); err != nil {
			return err
		}
		return c.PutHistories(ctx, list)
	})
}

var brokenHistories = []broken{
	{law: "a history stands until a newer one comes", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.putHistories = func(ctx context.Context, list []storage.History) error {
			for _, h := range list {
				var err error
				if h.Version == 2 { // the same again
					err = overwritten(ctx, good, []storage.History{h})
				} else {
					err = c.PutHistories(ctx, []storage.History{h})
				}
				if err != nil {
					return err
				}
			}
			return ctx.Err()
		}
	}},
	{law: "histories come by system, those that there are", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.histories = func(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
			return changing(c.Histories(ctx, systems), func(list []storage.History) []storage.History {
				for _, id := range systems {
					if id == "nobody" {
						list = append(list, storage.History{SystemID: id})
					}
				}
				return list
			})
		}
	}},
	{law: "a history comes back as it was given", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.putHistories = func(ctx context.Context, list []storage.History) error {
			list = slices.Clone(list)
			for i := range list {
				list[i].Data = list[i].Data[:min(65_535, len(list[i].Data))]
			}
			return c.PutHistories(ctx, list)
		}
	}},
	{law: "many histories are put and listed in one call", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.histories = func(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
			return c.Histories(ctx, systems[:min(len(systems), 999)])
		}
	}},
	{law: "the history of a system goes with its facts", twist: func(t *twist, good *memory.Store) {
		t.forget = func(ctx context.Context, systems []string) error {
			if len(systems) > 1 && slices.Contains(systems, "c") { // which has no facts
				systems = []string{"a"}
			}
			return good.Delete(ctx, historyKeys(systems))
		}
	}},
	{law: "a transaction sees its histories", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.histories = func(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
			return lazily(func() ([]storage.History, error) {
				own, err := drain(c.Histories(ctx, systems))
				if err != nil || len(systems) != 4 {
					return own, err
				}
				return drain(c.Histories(outside{ctx}, systems))
			})
		}
	}},
	{law: "histories commit with everything else", also: []string{
		"a transaction sees its histories",
		"of histories that are put at once the newest stays",
	}, twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.putHistories = func(ctx context.Context, list []storage.History) error {
			ctx, err := past(ctx, good)
			if err != nil {
				return err
			}
			return c.PutHistories(ctx, list)
		}
	}},
	{law: "of histories that are put at once the newest stays", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.putHistories = func(ctx context.Context, list []storage.History) error {
			var systems []string
			for _, h := range list {
				systems = append(systems, h.SystemID)
			}
			newest := map[string]int64{}
			for h, err := range c.Histories(ctx, systems) { // and only then it waits
				if err != nil {
					return err
				}
				newest[h.SystemID] = h.Version
			}
			return overwritten(ctx, good, slices.DeleteFunc(slices.Clone(list), func(h storage.History) bool {
				version, known := newest[h.SystemID]
				return known && version >= h.Version
			}))
		}
	}},
	{law: "histories heed their ctx", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.histories = func(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
			return func(yield func(storage.History, error) bool) {
				if ctx.Err() == nil {
					c.Histories(ctx, systems)(yield)
				}
			}
		}
	}},
	{law: "no histories are no argument for any", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.histories = func(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
			if len(systems) == 0 {
				systems = []string{"a"}
			}
			return c.Histories(ctx, systems)
		}
	}},
	{law: "histories that were given are the caller's again", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		given := map[string][]byte{}
		t.putHistories = func(ctx context.Context, list []storage.History) error {
			t.mu.Lock()
			for _, h := range list {
				if string(h.Data) == "data" {
					given[h.SystemID] = h.Data
				}
			}
			t.mu.Unlock()
			return c.PutHistories(ctx, list)
		}
		t.histories = func(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
			return changing(c.Histories(ctx, systems), func(list []storage.History) []storage.History {
				t.mu.Lock()
				defer t.mu.Unlock()
				for i := range list {
					if data := given[list[i].SystemID]; data != nil {
						list[i].Data = data
					}
				}
				return list
			})
		}
	}},
	{law: "a listing of histories asks when it is taken", twist: func(t *twist, good *memory.Store) {
		c := WithHistories(good)
		t.histories = func(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
			list, err := drain(c.Histories(ctx, systems))
			return lazily(func() ([]storage.History, error) { return list, err })
		}
	}},
}
