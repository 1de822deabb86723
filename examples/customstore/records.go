package main

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

// table is one that has rows of a kind, an ID and a Sub.
type table string

const (
	records table = "records"
	logRows table = "log_rows"
)

func recordFields(r *storage.Record) []any { return []any{&r.Kind, &r.ID, &r.Sub, &r.Data} }

// Put writes records.
func (s *Store) Put(ctx context.Context, list []storage.Record) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		for _, r := range list {
			if _, err := s.insert(ctx, records, r, `DO UPDATE SET data = excluded.data`); err != nil {
				return err
			}
		}
		return nil
	})
}

// Add writes records whose keys are free.
func (s *Store) Add(ctx context.Context, list []storage.Record) ([]bool, error) {
	added := make([]bool, len(list))
	err := s.InTx(ctx, func(ctx context.Context) error {
		for i, r := range list {
			n, err := s.insert(ctx, records, r, `DO NOTHING`)
			if err != nil {
				return err
			}
			added[i] = n > 0
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

func (s *Store) insert(ctx context.Context, t table, r storage.Record, conflict string) (int64, error) {
	return s.exec(ctx, `INSERT INTO `+string(t)+` (kind, id, sub, data) VALUES (?, ?, ?, ?) ON CONFLICT (kind, id, sub) `+conflict,
		r.Kind, r.ID, r.Sub, blob(r.Data))
}

// Get lists the records that keys name.
func (s *Store) Get(ctx context.Context, keys []storage.Key) iter.Seq2[storage.Record, error] {
	return listing(func() ([]storage.Record, error) { return s.named(ctx, records, keys) })
}

func (s *Store) named(ctx context.Context, t table, keys []storage.Key) (list []storage.Record, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		for _, key := range keys {
			one, err := query(ctx, s, recordFields, `SELECT kind, id, sub, data FROM `+string(t)+` WHERE `+byKey, key.Kind, key.ID, key.Sub)
			if err != nil {
				return err
			}
			list = append(list, one...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b storage.Record) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sub, b.Sub))
	})
	return slices.CompactFunc(list, func(a, b storage.Record) bool { return a.Key == b.Key }), nil
}

// byKey finds what a key names: without a Sub all of its ID.
const byKey = `kind = ?1 AND id = ?2 AND (?3 = '' OR sub = ?3)`

// List lists a range of records.
func (s *Store) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	return listing(func() ([]storage.Record, error) { return s.between(ctx, records, r) })
}

func (s *Store) between(ctx context.Context, t table, r storage.Range) ([]storage.Record, error) {
	order, limit := `id, sub`, -1 // none
	if r.Backward {
		order = `id DESC, sub DESC`
	}
	if r.Limit > 0 {
		limit = r.Limit
	}
	return query(ctx, s, recordFields, `
		SELECT kind, id, sub, data FROM `+string(t)+`
		WHERE kind = ?1 AND (id, sub) > (?2, ?3) AND (?4 = '' AND ?5 = '' OR (id, sub) < (?4, ?5))
		ORDER BY `+order+` LIMIT ?6`, r.Kind, r.After.ID, r.After.Sub, r.To.ID, r.To.Sub, limit)
}

// Delete deletes the records that keys name.
func (s *Store) Delete(ctx context.Context, keys []storage.Key) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		_, err := s.remove(ctx, records, keys)
		return err
	})
}

func (s *Store) remove(ctx context.Context, t table, keys []storage.Key) (removed int64, err error) {
	for _, key := range keys {
		n, err := s.exec(ctx, `DELETE FROM `+string(t)+` WHERE `+byKey, key.Kind, key.ID, key.Sub)
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

// Bump adds one to versions.
func (s *Store) Bump(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	return s.each(ctx, keys, `
		INSERT INTO versions (kind, id, version) VALUES (?, ?, 1)
		ON CONFLICT (kind, id) DO UPDATE SET version = version + 1 RETURNING version`)
}

// Versions reads versions. Its queries are one transaction, so that they see one instant.
func (s *Store) Versions(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	return s.each(ctx, keys, `SELECT version FROM versions WHERE kind = ? AND id = ?`)
}

// each asks for one number of each key, in one transaction.
func (s *Store) each(ctx context.Context, keys []storage.VersionKey, text string) ([]int64, error) {
	list := make([]int64, len(keys))
	err := s.InTx(ctx, func(ctx context.Context) error {
		for i, key := range keys {
			found, err := query(ctx, s, number, text, key.Kind, key.ID)
			if err != nil {
				return err
			}
			if len(found) > 0 {
				list[i] = found[0]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
