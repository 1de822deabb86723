package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// head is an entity.Head as JSON. States are kept as bytes, and given back as json.RawMessage.
type head struct {
	entity.Head
	State, Published json.RawMessage
}

func (h head) value() entity.Head {
	h.Head.State, h.Head.Published, h.Head.At = state(h.State), state(h.Published), h.At.UTC()
	return h.Head
}

// state is nil, as an interface, where there is none.
func state(data json.RawMessage) any {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	return data
}

// change is an entity.Change as JSON.
type change struct {
	entity.Change
	Prev, Next json.RawMessage
}

func (c change) value(position int64) entity.Change {
	c.Change.Prev, c.Change.Next, c.Change.At, c.Change.Position = state(c.Prev), state(c.Next), c.At.UTC(), position
	return c.Change
}

func headKey(kind, id string) storage.Key { return storage.Key{Kind: "head " + kind, ID: id} }

// Lock returns heads. The transaction has the only connection, and with it every lock.
func (s *Store) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	t := s.transaction(ctx)
	if t == nil {
		return nil, errNoTx
	}
	if err := t.check(ctx); err != nil {
		return nil, err
	}
	heads := make([]entity.Head, len(ids))
	for i, id := range ids {
		heads[i].ID = id
		for h, err := range s.Heads(ctx, kind, ids[i:i+1]) {
			if err != nil {
				return nil, err
			}
			heads[i] = h
		}
	}
	return heads, nil
}

// Heads lists heads.
func (s *Store) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	return listing(func() ([]entity.Head, error) {
		var found []head
		var err error
		if ids == nil {
			found, err = listed[head](ctx, s, headKey(kind, "").Kind)
		} else {
			keys := make([]storage.Key, len(ids))
			for i, id := range ids {
				keys[i] = headKey(kind, id)
			}
			found, err = loaded[head](ctx, s, keys...)
		}
		heads := make([]entity.Head, len(found))
		for i, h := range found {
			heads[i] = h.value()
		}
		return heads, err
	})
}

// Append writes heads, changes and intervals.
func (s *Store) Append(ctx context.Context, entries []entity.Entry) error {
	if s.transaction(ctx) == nil {
		return errNoTx
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		for i := range entries {
			if err := s.append(ctx, &entries[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) append(ctx context.Context, e *entity.Entry) error {
	c := &e.Change
	if err := s.save(ctx, headKey(c.Kind, e.Head.ID), e.Head); err != nil {
		return err
	}
	data, err := text(c)
	if err != nil {
		return err
	}
	if _, err := s.exec(ctx, `INSERT INTO changes (at, data) VALUES (?, ?)`, c.At.UnixMicro(), data); err != nil {
		return err
	}
	for _, field := range e.Transitions {
		_, err := s.exec(ctx, `UPDATE intervals SET until = ? WHERE kind = ? AND id = ? AND field = ? AND until IS NULL`,
			c.At.UnixMicro(), c.Kind, e.Head.ID, field)
		if err == nil && e.Head.State != nil {
			_, err = s.exec(ctx, `INSERT INTO intervals (since, kind, id, field) VALUES (?, ?, ?, ?)`,
				c.At.UnixMicro(), c.Kind, e.Head.ID, field)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Intervals lists the intervals of a field.
func (s *Store) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	type row struct {
		since int64
		until sql.NullInt64
	}
	return listing(func() ([]entity.Interval, error) {
		rows, err := query(ctx, s, func(r *row) []any { return []any{&r.since, &r.until} }, `
			SELECT since, until FROM intervals WHERE kind = ? AND id = ? AND field = ? ORDER BY number DESC`, kind, id, field)
		var list []entity.Interval
		for _, r := range rows {
			interval := entity.Interval{Since: time.UnixMicro(r.since).UTC()}
			if r.until.Valid {
				interval.Until = time.UnixMicro(r.until.Int64).UTC()
			}
			over := r.until.Valid && !interval.Until.After(since) && interval.Since.Before(since)
			if over {
				break
			}
			list = append(list, interval)
		}
		return list, err
	})
}

// save writes a row of the Log's, as JSON.
func (s *Store) save(ctx context.Context, key storage.Key, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = s.insert(ctx, logRows, storage.Record{Key: key, Data: data}, `DO UPDATE SET data = excluded.data`)
	return err
}

// loaded reads rows of the Log's by key, listed reads all of a kind.
func loaded[T any](ctx context.Context, s *Store, keys ...storage.Key) ([]T, error) {
	rows, err := s.named(ctx, logRows, keys)
	if err != nil {
		return nil, err
	}
	return decoded[T](rows)
}

func listed[T any](ctx context.Context, s *Store, kind string) ([]T, error) {
	rows, err := s.between(ctx, logRows, storage.Range{Kind: kind})
	if err != nil {
		return nil, err
	}
	return decoded[T](rows)
}

func decoded[T any](rows []storage.Record) ([]T, error) {
	list := make([]T, len(rows))
	for i, r := range rows {
		if err := json.Unmarshal(r.Data, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}
