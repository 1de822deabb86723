package postgres

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/internal/sqlstore"
	"github.com/slokeep/slokeep/storage"
)

// Histories lists what is kept of systems; see storage.HistoryCache. It reads them all at once.
func (s *Store) Histories(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
	if err := check.Keys("system", systems...); err != nil {
		return sqlstore.Failing[storage.History](err)
	}
	systems = sqlstore.Distinct(systems)
	return sqlstore.Listing(func() (list []storage.History, err error) {
		if len(systems) == 0 {
			return nil, ctx.Err()
		}
		err = s.query(ctx, readHistories, func(rows pgx.Rows) error {
			var h storage.History
			err := rows.Scan(&h.SystemID, &h.Version, &h.Data)
			list = append(list, h)
			return err
		}, systems)
		slices.SortFunc(list, func(a, b storage.History) int { return strings.Compare(a.SystemID, b.SystemID) })
		return list, err
	})
}

// PutHistories keeps histories; see storage.HistoryCache.
func (s *Store) PutHistories(ctx context.Context, histories []storage.History) error {
	for i := range histories {
		if err := check.IDs("system of a history", histories[i].SystemID); err != nil {
			return err
		}
	}
	var steps []step
	for part := range slices.Chunk(histories, rowsAtOnce) {
		n := len(part)
		systems, versions, data := make([]string, n), make([]int64, n), make([][]byte, n)
		for i := range part {
			h := &part[i]
			systems[i], versions[i], data[i] = h.SystemID, h.Version, blob(h.Data)
		}
		steps = append(steps, do(putHistories, systems, versions, data))
	}
	return s.queueOrRun(ctx, steps)
}
