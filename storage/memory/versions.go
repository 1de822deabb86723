package memory

import (
	"context"

	"github.com/slokeep/slokeep/storage"
)

// Bump adds one to versions; see [storage.Versions].
func (s *Store) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	locks := make([]string, len(keys))
	for i, key := range keys {
		locks[i] = key.Kind + "\x00" + key.ID
	}
	now := make([]int64, len(keys))
	err := s.write(ctx, "storage version", locks, func(t *tx) {
		for i, key := range keys {
			now[i] = t.version(s, key) + 1
			t.versions[key] = now[i]
		}
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// Versions returns versions; see [storage.Versions].
func (s *Store) Versions(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	now := make([]int64, len(keys))
	err := s.read(ctx, func(t *tx) {
		for i, key := range keys {
			now[i] = t.version(s, key)
		}
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// version is what the transaction has made of it, or what is committed.
func (t *tx) version(s *Store, key storage.VersionKey) int64 {
	if version, ok := t.versions[key]; ok {
		return version
	}
	return s.versions[key]
}
