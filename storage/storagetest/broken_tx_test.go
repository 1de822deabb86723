package storagetest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

var brokenTransactions = []broken{
	{law: "rows of all kinds commit together", twist: func(t *twist, good *memory.Store) {
		t.afterCommit = func(ctx context.Context, f func(context.Context)) { f(outside{ctx}) }
	}},
	{law: "rows of a transaction that fails are not there", also: []string{
		"what is not committed is seen by nobody else",
	}, twist: func(t *twist, good *memory.Store) {
		t.delete = func(ctx context.Context, keys []storage.Key) error {
			ctx, err := past(ctx, good)
			if err != nil {
				return err
			}
			return good.Delete(ctx, keys)
		}
	}},
	{law: "what is not committed is seen by nobody else", twist: func(t *twist, good *memory.Store) {
		var dirty []storage.Record
		outermost(t, good, func(context.Context) any { return true }, func(any) {
			t.mu.Lock()
			defer t.mu.Unlock()
			dirty = nil
		})
		t.put = func(ctx context.Context, records []storage.Record) error {
			t.mu.Lock()
			if inside(ctx) && records != nil && records[0].ID == "w" {
				dirty = append(dirty, records...)
			}
			t.mu.Unlock()
			return good.Put(ctx, records)
		}
		t.get = func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
			return changing(good.Get(ctx, keys), func(list []storage.Record) []storage.Record {
				if inside(ctx) {
					return list
				}
				t.mu.Lock()
				defer t.mu.Unlock()
				return append(list, dirty...)
			})
		}
	}},
	{law: "a write without a transaction is one of its own", also: []string{
		"adding writes where a key is free",
		"deleting takes what the keys name",
		"many records come in one call",
	}, twist: func(t *twist, good *memory.Store) {
		marked(t, good)
		t.add = func(ctx context.Context, records []storage.Record) (added []bool, err error) {
			if inside(ctx) {
				return good.Add(ctx, records)
			}
			_ = good.InTx(ctx, func(ctx context.Context) error {
				added, err = good.Add(ctx, records)
				return errBoom
			})
			return added, errors.Join(err, ctx.Err())
		}
	}},
	{law: "a transaction sees its facts", also: []string{
		"rows of all kinds commit together",
	}, twist: func(t *twist, good *memory.Store) {
		t.factsFrom = func(ctx context.Context, kind string, sources []string) iter.Seq2[storage.Fact, error] {
			return lazily(func() ([]storage.Fact, error) {
				ctx, err := past(ctx, good)
				if err != nil {
					return nil, err
				}
				return drain(good.FactsFrom(ctx, kind, sources))
			})
		}
	}},
	{law: "a transaction sees its versions", also: []string{
		"rows of all kinds commit together",
	}, twist: func(t *twist, good *memory.Store) {
		t.versions = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			ctx, err := past(ctx, good)
			if err != nil {
				return nil, err
			}
			return good.Versions(ctx, keys)
		}
	}},
	{law: "a transaction gets its records", also: []string{
		"rows of all kinds commit together",
	}, twist: func(t *twist, good *memory.Store) {
		t.get = func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
			return lazily(func() ([]storage.Record, error) {
				ctx, err := past(ctx, good)
				if err != nil {
					return nil, err
				}
				return drain(good.Get(ctx, keys))
			})
		}
	}},
	{law: "a transaction lists its records", twist: func(t *twist, good *memory.Store) {
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			if r.Limit == 0 {
				return good.List(ctx, r)
			}
			return changing(good.List(outside{ctx}, r), func(list []storage.Record) []storage.Record {
				return slices.DeleteFunc(list, func(r storage.Record) bool { // what the transaction has deleted
					own, _ := drain(good.Get(ctx, []storage.Key{r.Key}))
					return len(own) == 0
				})
			})
		}
	}},
	{law: "who waited for a lock sees what its holder wrote", twist: func(t *twist, good *memory.Store) {
		type snapshot struct {
			rows  []storage.Record
			wrote bool
		}
		outermost(t, good, func(ctx context.Context) any {
			rows, _ := drain(good.List(ctx, storage.Range{Kind: day}))
			return &snapshot{rows: rows}
		}, func(any) {})
		t.put = func(ctx context.Context, records []storage.Record) error {
			if s, ok := ctx.Value(mark{}).(*snapshot); ok {
				s.wrote = true
			}
			return good.Put(ctx, records)
		}
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			return changing(good.List(ctx, r), func(list []storage.Record) []storage.Record {
				if s, ok := ctx.Value(mark{}).(*snapshot); ok && !s.wrote && list != nil {
					return s.rows
				}
				return list
			})
		}
	}},
	{law: "many writers lose nothing", twist: func(t *twist, good *memory.Store) {
		t.lock = func(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
			if kind == "account" {
				return make([]entity.Head, len(ids)), nil
			}
			return good.Lock(ctx, kind, ids)
		}
	}},
	{law: "a read whose ctx has ended fails", twist: func(t *twist, good *memory.Store) {
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			return good.List(context.WithoutCancel(ctx), r)
		}
	}},
	{law: "a write whose ctx has ended does nothing", twist: func(t *twist, good *memory.Store) {
		t.put = func(ctx context.Context, records []storage.Record) error {
			return good.Put(context.WithoutCancel(ctx), records)
		}
	}},
	{law: "a transaction that is over serves nothing", twist: func(t *twist, good *memory.Store) {
		t.get = func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
			return lazily(func() ([]storage.Record, error) {
				list, err := drain(good.Get(ctx, keys))
				if errors.Is(err, storage.ErrClosed) {
					return drain(good.Get(outside{ctx}, keys))
				}
				return list, err
			})
		}
	}},
	{law: "no rows as an argument do nothing", twist: func(t *twist, good *memory.Store) {
		t.get = func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
			if len(keys) == 0 {
				return good.List(ctx, storage.Range{Kind: day})
			}
			return good.Get(ctx, keys)
		}
	}},
}

var brokenListings = []broken{
	{law: "a long run of transactions gives what a model gives", twist: func(t *twist, good *memory.Store) {
		t.put = func(ctx context.Context, records []storage.Record) error {
			if len(records) == 1 && records[0].Key == key("d", "2") { // which no other law happens to put
				return nil
			}
			return good.Put(ctx, records)
		}
	}},
	{law: "a listing can be left early", twist: func(t *twist, good *memory.Store) {
		left := 0
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			return func(yield func(storage.Record, error) bool) {
				if left > 20 {
					yield(storage.Record{}, errors.New("too many connections"))
					return
				}
				left++
				for r, err := range good.List(ctx, r) {
					if !yield(r, err) {
						return
					}
				}
				left--
			}
		}
	}},
	{law: "a listing can be taken again", twist: func(t *twist, good *memory.Store) {
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			list, err := drain(good.List(ctx, r))
			return lazily(func() ([]storage.Record, error) { return list, err })
		}
	}},
	{law: "the Store can be used while a listing is taken", twist: func(t *twist, good *memory.Store) {
		one := make(chan struct{}, 1) // connection
		take := func(ctx context.Context) error {
			select {
			case one <- struct{}{}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			return func(yield func(storage.Record, error) bool) {
				if err := take(ctx); err != nil {
					yield(storage.Record{}, err)
					return
				}
				defer func() { <-one }()
				good.List(ctx, r)(yield)
			}
		}
		t.put = func(ctx context.Context, records []storage.Record) error {
			if err := take(ctx); err != nil {
				return err
			}
			defer func() { <-one }()
			return good.Put(ctx, records)
		}
	}},
	{law: "slices that were given are the caller's again", twist: func(t *twist, good *memory.Store) {
		type kept struct{ was, given []byte }
		rows := map[storage.Key]kept{}
		t.put = func(ctx context.Context, records []storage.Record) error {
			t.mu.Lock()
			for _, r := range records {
				rows[r.Key] = kept{bytes.Clone(r.Data), r.Data}
			}
			t.mu.Unlock()
			return good.Put(ctx, records)
		}
		t.get = func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
			return changing(good.Get(ctx, keys), func(list []storage.Record) []storage.Record {
				t.mu.Lock()
				defer t.mu.Unlock()
				for i, r := range list {
					if k := rows[r.Key]; bytes.Equal(k.was, r.Data) {
						list[i].Data = k.given
					}
				}
				return list
			})
		}
	}},
}
