package storagetest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

var brokenRows = []broken{
	{law: "a version counts its bumps", twist: func(t *twist, good *memory.Store) {
		t.bump = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			now, err := good.Bump(ctx, keys)
			committed, _ := good.Versions(outside{ctx}, keys)
			if err == nil && inside(ctx) {
				for i := range now {
					now[i] = committed[i] + 1
				}
			}
			return now, err
		}
		marked(t, good)
	}},
	{law: "versions come in the order of their keys", also: []string{
		"a transaction sees its versions",
	}, twist: func(t *twist, good *memory.Store) {
		t.versions = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			keys = slices.Clone(keys)
			slices.SortFunc(keys, func(a, b storage.VersionKey) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
			return good.Versions(ctx, keys)
		}
	}},
	{law: "a version is of a kind and an ID", twist: func(t *twist, good *memory.Store) {
		joined := func(keys []storage.VersionKey) []storage.VersionKey {
			list := slices.Clone(keys)
			for i := range list {
				list[i].Kind, list[i].ID = "", list[i].Kind+list[i].ID
			}
			return list
		}
		t.bump = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			return good.Bump(ctx, joined(keys))
		}
		t.versions = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			return good.Versions(ctx, joined(keys))
		}
	}},
	{law: "many versions are bumped and read in one call", twist: func(t *twist, good *memory.Store) {
		t.bump = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			if len(keys) > 999 {
				return nil, errors.New("too many SQL variables")
			}
			return good.Bump(ctx, keys)
		}
	}},
	{law: "a version that was bumped is locked until the transaction ends", twist: func(t *twist, good *memory.Store) {
		t.bump = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			before, err := good.Versions(ctx, keys)
			if err == nil {
				_, err = good.Bump(ctx, keys)
			}
			for i := range before {
				before[i]++
			}
			return before, err
		}
	}},
	{law: "versions are read at one instant", twist: func(t *twist, good *memory.Store) {
		t.versions = func(ctx context.Context, keys []storage.VersionKey) (all []int64, err error) {
			for i := range keys {
				one, err := good.Versions(ctx, keys[i:i+1])
				if err != nil {
					return nil, err
				}
				if all = append(all, one...); len(keys) == 3 {
					time.Sleep(80 * time.Microsecond)
				}
			}
			return all, nil
		}
	}},
	{law: "who has read a version finds what it stands for", also: []string{
		"a version that was bumped is locked until the transaction ends",
		"rows of a transaction that fails are not there",
		"what is not committed is seen by nobody else",
	}, twist: func(t *twist, good *memory.Store) {
		t.bump = func(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
			ctx, err := past(ctx, good)
			if err != nil || len(keys) == 0 {
				return nil, err
			}
			defer time.Sleep(80 * time.Microsecond)
			return good.Bump(ctx, keys)
		}
	}},
	{law: "a record is replaced as a whole", twist: func(t *twist, good *memory.Store) {
		t.put = func(ctx context.Context, records []storage.Record) error {
			records = slices.Clone(records)
			slices.Reverse(records)
			return good.Put(ctx, records)
		}
	}, also: []string{
		"a range is listed backward from its end",
		"a range is what is after After and before To",
	}},
	{law: "a record comes back as it was given", twist: func(t *twist, good *memory.Store) {
		t.put = func(ctx context.Context, records []storage.Record) error {
			records = slices.Clone(records)
			for i, r := range records {
				records[i].Sub = r.Sub[:min(1023, len(r.Sub))]
			}
			return good.Put(ctx, records)
		}
	}},
	{law: "a key without a Sub names all of its ID", also: []string{
		"records are listed by Kind, ID and Sub, as bytes",
	}, twist: func(t *twist, good *memory.Store) {
		t.get = func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
			return lazily(func() ([]storage.Record, error) {
				var all []storage.Record
				for i := range keys {
					list, err := drain(good.Get(ctx, keys[i:i+1]))
					if err != nil {
						return nil, err
					}
					all = append(all, list...)
				}
				slices.SortFunc(all, byKey)
				return all, nil
			})
		}
	}},
	{law: "records are listed by Kind, ID and Sub, as bytes", twist: func(t *twist, good *memory.Store) {
		t.get = func(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
			return changing(good.Get(ctx, keys), func(list []storage.Record) []storage.Record {
				slices.SortFunc(list, func(a, b storage.Record) int {
					return strings.Compare(a.Kind+"/"+a.ID+"/"+a.Sub, b.Kind+"/"+b.ID+"/"+b.Sub)
				})
				return list
			})
		}
	}},
	{law: "adding writes where a key is free", twist: func(t *twist, good *memory.Store) {
		t.add = func(ctx context.Context, records []storage.Record) ([]bool, error) {
			added, err := good.Add(ctx, records)
			for i := range added {
				added[i] = added[i] || i > 0 && records[i].Key == records[i-1].Key
			}
			return added, err
		}
	}},
	{law: "deleting takes what the keys name", twist: func(t *twist, good *memory.Store) {
		t.delete = func(ctx context.Context, keys []storage.Key) error {
			for i := range keys {
				if list, err := drain(good.Get(ctx, keys[i:i+1])); err != nil || len(list) == 0 {
					return cmp.Or(err, storage.ErrNotFound)
				}
			}
			return good.Delete(ctx, keys)
		}
	}},
	{law: "many records come in one call", twist: func(t *twist, good *memory.Store) {
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			r.Limit = cmp.Or(r.Limit, 1000)
			return good.List(ctx, r)
		}
	}},
	{law: "one of those who add a key at once adds it", also: []string{
		"what is put over an added record stays",
	}, twist: func(t *twist, good *memory.Store) {
		t.add = func(ctx context.Context, records []storage.Record) ([]bool, error) {
			added := make([]bool, len(records))
			for i, r := range records {
				list, err := drain(good.Get(ctx, []storage.Key{r.Key}))
				if err != nil {
					return nil, err
				}
				if added[i] = !slices.ContainsFunc(list, func(old storage.Record) bool { return old.Key == r.Key }); added[i] {
					if err := good.Put(ctx, records[i:i+1]); err != nil {
						return nil, err
					}
				}
			}
			return added, nil
		}
	}},
	{law: "what is put over an added record stays", twist: func(t *twist, good *memory.Store) {
		t.add = func(ctx context.Context, records []storage.Record) (added []bool, err error) {
			err = good.InTx(ctx, func(ctx context.Context) error {
				if added, err = good.Add(ctx, records); len(added) == 1 && added[0] {
					err = good.Put(ctx, records)
				}
				return err
			})
			return added, err
		}
	}},
	{law: "one of those who put a fact at once puts it", twist: func(t *twist, good *memory.Store) {
		claims := map[string]any{}
		outermost(t, good, func(context.Context) any { return new(int) }, func(tx any) {
			t.mu.Lock()
			defer t.mu.Unlock()
			for data, by := range claims {
				if by == tx {
					delete(claims, data)
				}
			}
		})
		t.putFacts = func(ctx context.Context, facts []storage.Fact) ([]bool, error) {
			if _, err := past(ctx, good); err != nil {
				return nil, err
			}
			t.mu.Lock()
			claimed := len(facts) == 1 && claims[string(facts[0].Data)] != nil
			for _, f := range facts {
				if !claimed {
					claims[string(f.Data)] = ctx.Value(mark{})
				}
			}
			t.mu.Unlock()
			if claimed {
				return make([]bool, 1), nil
			}
			return good.PutFacts(ctx, facts)
		}
	}},
	{law: "a range is what is after After and before To", twist: func(t *twist, good *memory.Store) {
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			return changing(good.List(ctx, r), func(list []storage.Record) []storage.Record {
				r.After.Kind = r.Kind
				first, _ := drain(good.Get(ctx, []storage.Key{r.After}))
				if !r.Backward && len(first) > 0 && r.After.ID != "" && first[0].Sub == r.After.Sub {
					list = append(first[:1], list...)
				}
				return list
			})
		}
	}, also: []string{
		"a transaction lists its records",
	}},
	{law: "a range is listed backward from its end", also: []string{
		"a transaction lists its records",
	}, twist: func(t *twist, good *memory.Store) {
		t.list = func(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
			if !r.Backward {
				return good.List(ctx, r)
			}
			r.Backward = false
			return changing(good.List(ctx, r), func(list []storage.Record) []storage.Record {
				slices.Reverse(list)
				return list
			})
		}
	}},
}
