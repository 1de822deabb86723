package sqlite

import (
	"context"
	"database/sql"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/internal/sqlstore"
	"github.com/slokeep/slokeep/storage"
)

// Put writes records; see storage.Records.
func (s *Store) Put(ctx context.Context, records []storage.Record) error {
	_, err := s.insert(ctx, putRecord, records)
	return err
}

// Add writes records whose keys are free; see storage.Records.
func (s *Store) Add(ctx context.Context, records []storage.Record) ([]bool, error) {
	return s.insert(ctx, addRecord, records)
}

// insert writes records, and tells which statements have changed something.
func (s *Store) insert(ctx context.Context, st statement, records []storage.Record) ([]bool, error) {
	if len(records) == 0 {
		return nil, nil
	}
	if err := check.Records(records); err != nil {
		return nil, err
	}
	wrote := make([]bool, len(records))
	err := s.write(ctx, false, func(t *transaction) error {
		for i := range records {
			r := &records[i]
			result, err := t.exec(st, r.Kind, r.ID, r.Sub, blob(r.Data))
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			wrote[i] = n > 0
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return wrote, nil
}

// Delete deletes records; see storage.Records.
func (s *Store) Delete(ctx context.Context, keys []storage.Key) error {
	if len(keys) == 0 {
		return nil
	}
	if err := check.RecordKeys(keys); err != nil {
		return err
	}
	return s.write(ctx, false, func(t *transaction) (err error) {
		for i := range keys {
			if k := &keys[i]; k.Sub == "" {
				_, err = t.exec(deleteRecords, k.Kind, k.ID)
			} else {
				_, err = t.exec(deleteRecord, k.Kind, k.ID, k.Sub)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Get lists the records that keys name; see storage.Records.
func (s *Store) Get(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
	if err := check.RecordKeys(keys); err != nil {
		return sqlstore.Failing[storage.Record](err)
	}
	all := runs(keys)
	return func(yield func(storage.Record, error) bool) {
		for _, run := range all {
			for r, err := range s.named(ctx, run) {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// runs cuts keys, in their order and without what others name too, where the kind changes, or whether there is a Sub.
func runs(keys []storage.Key) (list [][]storage.Key) {
	keys = slices.Compact(slices.SortedFunc(slices.Values(keys), sqlstore.CompareKeys))
	var all storage.Key // names all of its ID
	keys = slices.DeleteFunc(keys, func(k storage.Key) bool {
		if k.Sub == "" {
			all = k
		}
		return k.Sub != "" && k.ID == all.ID && k.Kind == all.Kind
	})
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && keys[n].Kind == keys[0].Kind && (keys[n].Sub == "") == (keys[0].Sub == "") {
			n++
		}
		list = append(list, keys[:n])
		keys = keys[n:]
	}
	return list
}

// named lists the records of a run.
func (s *Store) named(ctx context.Context, run []storage.Key) iter.Seq2[storage.Record, error] {
	kind := run[0].Kind
	read := func(keys []storage.Key) ([]storage.Record, error) {
		st := recordsOfMany
		var asked any
		if run[0].Sub == "" {
			ids := make([]string, len(keys))
			for i := range keys {
				ids[i] = keys[i].ID
			}
			asked = ids
		} else {
			st = recordsNamed
			pairs := make([][2]string, len(keys))
			for i := range keys {
				pairs[i] = [2]string{keys[i].ID, keys[i].Sub}
			}
			asked = pairs
		}
		list, err := jsonList(asked)
		if err != nil {
			return nil, err
		}
		records, err := s.records(ctx, st, kind, kind, list)
		slices.SortFunc(records, func(a, b storage.Record) int { return sqlstore.CompareKeys(a.Key, b.Key) })
		return records, err
	}
	return portions(run, read, func(key storage.Key, after *storage.Record) ([]storage.Record, error) {
		from := ""
		if after != nil {
			from = after.Sub + "\x00" // the next string
		}
		return s.records(ctx, recordsOf, kind, kind, key.ID, from)
	})
}

// List lists a range of records; see storage.Records.
func (s *Store) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	if err := check.Keys("key", r.Kind, r.After.ID, r.After.Sub, r.To.ID, r.To.Sub); err != nil {
		return sqlstore.Failing[storage.Record](err)
	}
	after := [2]any{r.After.ID, r.After.Sub}
	to := [2]any{r.To.ID, r.To.Sub}
	if r.To.ID == "" && r.To.Sub == "" {
		to[0] = []byte{0} // a BLOB comes after all text
	}
	st := recordsForward
	if r.Backward {
		st = recordsBackward
	}
	return func(yield func(storage.Record, error) bool) {
		after, to, left := after, to, r.Limit
		page := func(last *storage.Record) ([]storage.Record, error) {
			if last != nil {
				if r.Backward {
					to = [2]any{last.ID, last.Sub}
				} else {
					after = [2]any{last.ID, last.Sub}
				}
			}
			n := pageSize
			if r.Limit > 0 {
				n = min(n, left)
			}
			if n == 0 {
				return nil, nil
			}
			list, err := s.records(ctx, st, r.Kind, r.Kind, after[0], after[1], to[0], to[1], n)
			left -= len(list)
			return list, err
		}
		sqlstore.Pages(pageSize, page)(yield)
	}
}

// records reads records of a kind.
func (s *Store) records(ctx context.Context, st statement, kind string, args ...any) ([]storage.Record, error) {
	var list []storage.Record
	err := s.query(ctx, st, func(rows *sql.Rows) error {
		r := storage.Record{Key: storage.Key{Kind: kind}}
		err := rows.Scan(&r.ID, &r.Sub, &r.Data)
		list = append(list, r)
		return err
	}, args...)
	return list, err
}
