package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/storage"
)

// Bump adds one to versions; see storage.Versions.
func (s *Store) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	if err := check.VersionKeys(keys); err != nil {
		return nil, err
	}
	bumped := make(map[storage.VersionKey]int64, len(keys))
	var steps []step
	for part := range slices.Chunk(keys, rowsAtOnce) {
		kinds, ids := versionColumns(part)
		steps = append(steps, ask(bumpVersions, func(rows pgx.Rows) error {
			var key storage.VersionKey
			var version int64
			err := rows.Scan(&key.Kind, &key.ID, &version)
			bumped[key] = version
			return err
		}, kinds, ids))
	}
	if len(keys) == 0 {
		return nil, ctx.Err()
	}
	if err := s.run(ctx, steps...); err != nil {
		return nil, err
	}
	versions := make([]int64, len(keys))
	for i, key := range keys {
		versions[i] = bumped[key]
	}
	return versions, nil
}

// Versions reads versions, in one statement; see storage.Versions.
func (s *Store) Versions(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	if err := check.VersionKeys(keys); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, ctx.Err()
	}
	var versions []int64
	kinds, ids := versionColumns(keys)
	err := s.query(ctx, readVersions, func(rows pgx.Rows) error { return rows.Scan(&versions) }, kinds, ids)
	return versions, err
}

func versionColumns(keys []storage.VersionKey) (kinds, ids []string) {
	kinds, ids = make([]string, len(keys)), make([]string, len(keys))
	for i, key := range keys {
		kinds[i], ids[i] = key.Kind, key.ID
	}
	return kinds, ids
}
