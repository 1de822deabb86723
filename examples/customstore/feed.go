package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// Relay moves nothing: a change has its position when it is written, since one transaction runs at a time.
func (s *Store) Relay(ctx context.Context, t entity.Token, _ int) (int, error) {
	return 0, s.newest(ctx, t)
}

// Changes lists the feed.
func (s *Store) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	type row struct {
		position int64
		data     []byte
	}
	return listing(func() ([]entity.Change, error) {
		rows, err := query(ctx, s, func(r *row) []any { return []any{&r.position, &r.data} },
			`SELECT position, data FROM changes WHERE position > ? ORDER BY position`, after)
		changes := make([]entity.Change, len(rows))
		for i, r := range rows {
			var c change
			if err := json.Unmarshal(r.data, &c); err != nil {
				return nil, err
			}
			changes[i] = c.value(r.position)
		}
		return changes, err
	})
}

// Last returns the newest position. Nothing waits for a relay.
func (s *Store) Last(ctx context.Context) (position int64, drained bool, err error) {
	last, err := query(ctx, s, number, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)`)
	if err != nil {
		return 0, false, err
	}
	return last[0], true, nil
}

// Trim deletes old changes that every group has passed, and old intervals.
func (s *Store) Trim(ctx context.Context, t entity.Token, before time.Time) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.newest(ctx, t); err != nil {
			return err
		}
		passed, _, err := s.Last(ctx)
		if err != nil {
			return err
		}
		groups, err := listed[[entity.Shards]int64](ctx, s, "group")
		if err != nil {
			return err
		}
		for _, positions := range groups {
			for _, position := range positions {
				passed = min(passed, position)
			}
		}
		if _, err := s.exec(ctx, `DELETE FROM changes WHERE at < ? AND position <= ?`, before.UnixMicro(), passed); err != nil {
			return err
		}
		_, err = s.exec(ctx, `DELETE FROM intervals WHERE until < ?`, before.UnixMicro())
		return err
	})
}

// lease is what is kept of one. One that was given up has no holder, and keeps its number, so that the next is greater.
type lease struct {
	entity.Lease
	Until time.Time
}

func leaseKey(name string) storage.Key { return storage.Key{Kind: "lease", ID: name} }

// Lease takes, prolongs or gives up leases.
func (s *Store) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	tokens := make([]entity.Token, len(names))
	err := s.InTx(ctx, func(ctx context.Context) error {
		for i, name := range names {
			tokens[i] = entity.Token{Name: name}
			found, err := loaded[lease](ctx, s, leaseKey(name))
			if err != nil {
				return err
			}
			l := lease{Lease: entity.Lease{Name: name}}
			if len(found) > 0 {
				l = found[0]
			}
			mine := l.Holder == holder
			if !mine && (ttl == 0 || l.Holder != "" && time.Now().Before(l.Until)) {
				continue
			}
			if !mine {
				l.Number++
			}
			l.Holder, l.Until = holder, time.Now().Add(ttl)
			if tokens[i].Number = l.Number; ttl == 0 {
				l.Holder, tokens[i].Number = "", 0
			}
			if err := s.save(ctx, leaseKey(name), l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

// Leases lists the leases in force.
func (s *Store) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	return listing(func() ([]entity.Lease, error) {
		found, err := listed[lease](ctx, s, "lease")
		var list []entity.Lease
		for _, l := range found {
			if l.Holder != "" && time.Now().Before(l.Until) && strings.HasPrefix(l.Name, prefix) {
				list = append(list, l.Lease)
			}
		}
		return list, err
	})
}

// newest checks that a token is the newest of its lease.
func (s *Store) newest(ctx context.Context, t entity.Token) error {
	found, err := loaded[lease](ctx, s, leaseKey(t.Name))
	if err == nil && (len(found) == 0 || found[0].Number != t.Number) {
		err = fmt.Errorf("%w: %q", entity.ErrLeaseLost, t.Name)
	}
	return err
}
