package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

// Bump adds one to versions; see storage.Versions.
func (s *Store) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if err := check.VersionKeys(keys); err != nil {
		return nil, err
	}
	now := make([]int64, len(keys))
	err := s.write(ctx, false, func(t *transaction) error {
		for rest := keys; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].Kind == rest[0].Kind {
				n++
			}
			if err := t.bump(rest[:n], now[len(keys)-len(rest):]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// bump adds one to versions of one kind, and says in now what they are.
func (t *transaction) bump(keys []storage.VersionKey, now []int64) error {
	ids := make([]string, len(keys))
	for i := range keys {
		ids[i] = keys[i].ID
	}
	scan := func(rows *sql.Rows) error {
		var id string
		var version int64
		err := rows.Scan(&id, &version)
		if i, ok := slices.BinarySearch(ids, id); ok {
			now[i] = version
		}
		return err
	}
	if len(ids) == 1 { // as nearly always
		return t.query(bumpVersion, scan, keys[0].Kind, ids[0])
	}
	list, err := jsonList(ids)
	if err != nil {
		return err
	}
	return t.query(bumpVersions, scan, keys[0].Kind, list)
}

// Versions reads versions, all with one statement; see storage.Versions.
func (s *Store) Versions(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if err := check.VersionKeys(keys); err != nil {
		return nil, err
	}
	ids, places := map[string][]string{}, map[string][]int{} // by kind
	for i, key := range keys {
		ids[key.Kind], places[key.Kind] = append(ids[key.Kind], key.ID), append(places[key.Kind], i)
	}
	list, err := jsonList(ids)
	if err != nil {
		return nil, err
	}
	now := make([]int64, len(keys))
	err = s.query(ctx, readVersions, func(rows *sql.Rows) error {
		var kind string
		var i int
		var version int64
		err := rows.Scan(&kind, &i, &version)
		if err == nil {
			now[places[kind][i]] = version
		}
		return err
	}, list)
	if err != nil {
		return nil, err
	}
	return now, nil
}
