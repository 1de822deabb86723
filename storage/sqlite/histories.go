package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/internal/sqlstore"
	"github.com/slokeep/slokeep/storage"
)

// historiesAtOnce is how many histories are read together, each of which may be long.
const historiesAtOnce = 32

// Histories lists what was made of the facts of systems; see storage.HistoryCache.
func (s *Store) Histories(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
	systems = sqlstore.Distinct(systems)
	if err := check.Keys("system", systems...); err != nil {
		return sqlstore.Failing[storage.History](err)
	}
	return func(yield func(storage.History, error) bool) {
		for part := range slices.Chunk(systems, historiesAtOnce) {
			rows, err := s.histories(ctx, part)
			if err != nil {
				yield(storage.History{}, err)
				return
			}
			for i := range rows {
				if !yield(rows[i], nil) {
					return
				}
			}
		}
	}
}

func (s *Store) histories(ctx context.Context, systems []string) ([]storage.History, error) {
	list, err := jsonList(systems)
	if err != nil {
		return nil, err
	}
	var found []storage.History
	err = s.query(ctx, historiesOf, func(rows *sql.Rows) error {
		var h storage.History
		err := rows.Scan(&h.SystemID, &h.Version, &h.Data)
		found = append(found, h)
		return err
	}, list)
	slices.SortFunc(found, func(a, b storage.History) int { return cmp.Compare(a.SystemID, b.SystemID) })
	return found, err
}

// PutHistories keeps what was made of the facts of systems; see storage.HistoryCache.
func (s *Store) PutHistories(ctx context.Context, histories []storage.History) error {
	if len(histories) == 0 {
		return nil
	}
	for i := range histories {
		if err := check.IDs("system of a history", histories[i].SystemID); err != nil {
			return err
		}
	}
	return s.write(ctx, false, func(t *transaction) error {
		for i := range histories {
			if _, err := t.exec(putHistory, histories[i].SystemID, histories[i].Version, blob(histories[i].Data)); err != nil {
				return err
			}
		}
		return nil
	})
}
