package postgres

import (
	"context"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/internal/sqlstore"
	"github.com/slokeep/slokeep/storage"
)

// recordColumns are the arguments of the statements that write records, in the order of their keys.
func recordColumns(records []storage.Record, of []int) []any {
	n := len(of)
	kinds, ids, subs, data := make([]string, n), make([]string, n), make([]string, n), make([][]byte, n)
	for row, i := range of {
		r := &records[i]
		kinds[row], ids[row], subs[row], data[row] = r.Kind, r.ID, r.Sub, blob(r.Data)
	}
	return []any{kinds, ids, subs, data}
}

// inOrder returns the places of records in the order of their keys, those with one key in the order in which they came.
func inOrder(records []storage.Record) []int {
	order := make([]int, len(records))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sqlstore.CompareKeys(records[a].Key, records[b].Key) })
	return order
}

// Put writes records; see storage.Records. In a transaction they go to the server with the next statement that has a result,
// or with the commit.
func (s *Store) Put(ctx context.Context, records []storage.Record) error {
	if err := check.Records(records); err != nil {
		return err
	}
	order := inOrder(records)
	slices.Reverse(order) // of those with one key the last is to stay
	order = slices.CompactFunc(order, func(a, b int) bool { return records[a].Key == records[b].Key })
	slices.Reverse(order)
	var steps []step
	for part := range slices.Chunk(order, rowsAtOnce) {
		steps = append(steps, do(putRecords, recordColumns(records, part)...))
	}
	return s.queueOrRun(ctx, steps)
}

// queueOrRun has a transaction run statements when it comes to it, and runs them where there is none.
func (s *Store) queueOrRun(ctx context.Context, steps []step) error {
	t := s.transaction(ctx)
	switch {
	case t != nil:
		return t.later(ctx, steps...)
	case len(steps) == 0:
		return ctx.Err()
	}
	return s.run(ctx, steps...)
}

// Add writes records whose keys are free; see storage.Records.
func (s *Store) Add(ctx context.Context, records []storage.Record) ([]bool, error) {
	if err := check.Records(records); err != nil {
		return nil, err
	}
	added := make([]bool, len(records))
	if len(records) == 0 {
		return added, ctx.Err()
	}
	order := slices.CompactFunc(inOrder(records), func(a, b int) bool { return records[a].Key == records[b].Key })
	at := make(map[storage.Key]int, len(order))
	var steps []step
	for part := range slices.Chunk(order, rowsAtOnce) {
		for _, i := range part {
			at[records[i].Key] = i
		}
		steps = append(steps, ask(addRecords, func(rows pgx.Rows) error {
			var key storage.Key
			err := rows.Scan(&key.Kind, &key.ID, &key.Sub)
			added[at[key]] = true
			return err
		}, recordColumns(records, part)...))
	}
	if err := s.run(ctx, steps...); err != nil {
		return nil, err
	}
	return added, nil
}

// Get lists the records that keys name; see storage.Records. It reads them all at once.
func (s *Store) Get(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
	exact, under, err := split(keys)
	if err != nil {
		return sqlstore.Failing[storage.Record](err)
	}
	return sqlstore.Listing(func() (records []storage.Record, err error) {
		if len(exact.kinds)+len(under.kinds) == 0 {
			return nil, ctx.Err()
		}
		err = s.query(ctx, getRecords, func(rows pgx.Rows) error {
			var r storage.Record
			err := rows.Scan(&r.Kind, &r.ID, &r.Sub, &r.Data)
			records = append(records, r)
			return err
		}, slices.Concat(exact.columns(), under.columns()[:2])...)
		slices.SortFunc(records, func(a, b storage.Record) int { return sqlstore.CompareKeys(a.Key, b.Key) })
		return slices.CompactFunc(records, func(a, b storage.Record) bool { return a.Key == b.Key }), err
	})
}

// keyColumns are keys column by column.
type keyColumns struct{ kinds, ids, subs []string }

func (c *keyColumns) columns() []any { return []any{c.kinds, c.ids, c.subs} }

// split returns keys in their order, those with a Sub and those without, which name all under their ID.
func split(keys []storage.Key) (exact, under keyColumns, err error) {
	if err := check.RecordKeys(keys); err != nil {
		return exact, under, err
	}
	for _, key := range slices.SortedFunc(slices.Values(keys), sqlstore.CompareKeys) {
		to := &exact
		if key.Sub == "" {
			to = &under
		}
		to.kinds, to.ids, to.subs = append(to.kinds, key.Kind), append(to.ids, key.ID), append(to.subs, key.Sub)
	}
	return exact, under, nil
}

// recordsAtOnce is how many records List reads at once.
const recordsAtOnce = 1000

// List lists a range of records; see storage.Records.
func (s *Store) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	if err := check.Keys("range", r.Kind, r.After.ID, r.After.Sub, r.To.ID, r.To.Sub); err != nil {
		return sqlstore.Failing[storage.Record](err)
	}
	return func(yield func(storage.Record, error) bool) {
		r, left := r, r.Limit
		for {
			n := recordsAtOnce
			if r.Limit > 0 {
				n = min(n, left)
			}
			page, err := s.recordPage(ctx, r, n)
			if err != nil {
				yield(storage.Record{}, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			left -= n
			if len(page) < n || r.Limit > 0 && left == 0 {
				return
			}
			if last := page[n-1].Key; r.Backward {
				r.To = last
			} else {
				r.After = last
			}
		}
	}
}

func (s *Store) recordPage(ctx context.Context, r storage.Range, n int) (page []storage.Record, err error) {
	statement, args := recordPage, []any{r.Kind, r.After.ID, r.After.Sub, n}
	bounded := r.To.ID != "" || r.To.Sub != ""
	switch {
	case r.Backward && bounded:
		statement = recordPageBackTo
	case r.Backward:
		statement = recordPageBack
	case bounded:
		statement = recordPageTo
	}
	if bounded {
		args = append(args, r.To.ID, r.To.Sub)
	}
	err = s.query(ctx, statement, func(rows pgx.Rows) error {
		record := storage.Record{Key: storage.Key{Kind: r.Kind}}
		err := rows.Scan(&record.ID, &record.Sub, &record.Data)
		page = append(page, record)
		return err
	}, args...)
	return page, err
}

// Delete deletes the records that keys name; see storage.Records.
func (s *Store) Delete(ctx context.Context, keys []storage.Key) error {
	exact, under, err := split(keys)
	if err != nil {
		return err
	}
	var steps []step
	if len(exact.kinds) > 0 {
		steps = append(steps, do(deleteRecords, exact.columns()...))
	}
	if len(under.kinds) > 0 {
		steps = append(steps, do(deleteUnder, under.columns()[:2]...))
	}
	return s.queueOrRun(ctx, steps)
}
