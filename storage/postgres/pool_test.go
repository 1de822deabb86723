package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
)

// doors opens a store with a pool of a few connections through each door.
func doors(t *testing.T, schema string, conns int) map[string]storage.Store {
	t.Helper()
	db := newDB(t)
	db.SetMaxOpenConns(conns)
	return map[string]storage.Store{
		"pgx":          open(t, newPool(t, func(c *pgxpool.Config) { c.MaxConns = int32(conns) }), schema),
		"database/sql": openDB(t, db, schema),
	}
}

// All that an engine does at once fits through one connection: nothing holds one while it waits for another.
func TestAnEngineRunsOnAPoolOfOneConnection(t *testing.T) {
	schema := newSchema(t)
	for door, s := range doors(t, schema, 1) {
		t.Run(door, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			runEngine(t, ctx, s, door+" ")
		})
	}
}

// What Listen hears is not kept for the connections of the pool, which never look at it.
func TestListenLeavesNothingInThePool(t *testing.T) {
	schema := newSchema(t)
	db := newDB(t)
	db.SetMaxOpenConns(1)
	wakes(t, open(t, newPool(t, nil), schema), openDB(t, db, schema))
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	err = c.Raw(func(raw any) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if n, err := raw.(*stdlib.Conn).Conn().WaitForNotification(ctx); err == nil {
			return fmt.Errorf("a connection of the pool has %+v", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// However the host's pool sends statements, as it must behind some poolers, what comes of it is the same.
func TestAnEngineRunsInEachModeOfPgx(t *testing.T) {
	t.Parallel()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			schema := newSchema(t)
			pool := newPool(t, func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode })
			s := open(t, pool, schema)
			runEngine(t, ctx, s, "")
			furnish(t, pool, s, schema)
			for _, u := range uses() {
				if err := s.InTx(ctx, func(ctx context.Context) error { return u.call(ctx, s) }); err != nil {
					t.Errorf("%s: %v", u.name, err)
				}
			}
		})
	}
}

// runEngine has an engine do some of everything, and checks what comes of it.
func runEngine(t *testing.T, ctx context.Context, s storage.Store, prefix string) {
	t.Helper()
	e, err := engine.New(s, &engine.Options{Poll: 50 * time.Millisecond, LeaseTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	reg := e.Entities()
	var stateOf atomic.Int64
	read := func(_ context.Context, ids []string, found func(string, order)) error {
		for _, id := range ids {
			found(id, order{fmt.Sprint(stateOf.Load())})
		}
		return nil
	}
	handle, err := entity.Define(reg, prefix+orders, read, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A handler of a group writes too, and a watch is asked meanwhile.
	_, grouped := handle.OnChange(func(ctx context.Context, c entity.Typed[order]) error {
		return s.Put(ctx, []storage.Record{record("told", prefix+c.ID, fmt.Sprint(c.Version), "")})
	}, &entity.SubscribeOptions{Group: prefix + "group", From: entity.Oldest})
	_, watched := reg.Watch(ctx, entity.Is(entity.Path("slo", prefix+"o0", "down"), true), func(ctx context.Context, f entity.Firing) error {
		return s.Put(ctx, []storage.Record{record("fired", prefix, fmt.Sprint(f.Version), "")})
	}, &entity.WatchOptions{Name: prefix + "down", Group: prefix + "down"})
	if err := errors.Join(grouped, watched, reg.Start(ctx)); err != nil {
		t.Fatal(err)
	}
	const n = 5
	now := time.Now()
	var ids []string
	for i := range n {
		id := fmt.Sprint(prefix, "o", i)
		ids = append(ids, id)
		o := slo.Objective{ID: id, SystemID: id, Target: 99, Window: slo.Days(30), CreatedAt: now.AddDate(0, 0, -3)}
		if _, err := e.Create(ctx, o); err != nil {
			t.Fatalf("Create: %v", err)
		}
	}
	errs := make(chan error)
	work := []func(i int) error{
		func(i int) error {
			return e.Observe(ctx, slo.Down(ids[i], now.Add(-time.Hour)), slo.Up(ids[i], now.Add(-30*time.Minute)), slo.Down(ids[i], now))
		},
		func(i int) error {
			return e.Restate(ctx, slo.Statement{Source: ids[i], Rev: 1, Outages: []slo.Outage{{SystemID: ids[i], Start: now.Add(-5 * time.Hour), End: now.Add(-4 * time.Hour)}}})
		},
		func(int) error { _, err := e.Statuses(ctx, ids); return err },
		func(int) error { return e.RunDaily(ctx, now) },
		func(i int) error {
			_, err := handle.Mutate(ctx, ids[i], func(ctx context.Context) error {
				stateOf.Add(1)
				_, err := s.Add(ctx, []storage.Record{record("mutated", ids[i], "", "")})
				return err
			}, nil)
			return err
		},
	}
	for _, do := range work {
		for i := range n {
			go func() { errs <- do(i) }()
		}
	}
	for range n * len(work) {
		if err := <-errs; err != nil && !errors.Is(err, engine.ErrConflict) { // RunDaily runs once at a time
			t.Errorf("work: %v", err)
		}
	}
	if err := errors.Join(e.RunDaily(ctx, now), e.Settle(ctx)); err != nil {
		t.Fatalf("Settle: %v", err)
	}
	statuses, err := e.Statuses(ctx, ids)
	if err != nil || len(statuses) != n {
		t.Fatalf("Statuses: %v, %v", statuses, err)
	}
	for i := range statuses {
		if !statuses[i].Down {
			t.Errorf("%s is not down: %+v", ids[i], statuses[i])
		}
	}
	for _, want := range []struct {
		kind, id string
		least    int
	}{{"told", prefix + ids[0], 1}, {"mutated", ids[0], 1}, {"fired", prefix, 1}} {
		found := 0
		for _, err := range s.Get(ctx, []storage.Key{{Kind: want.kind, ID: want.id}}) {
			if err != nil {
				t.Fatal(err)
			}
			found++
		}
		if found < want.least {
			t.Errorf("%d records of %s %q, want %d", found, want.kind, want.id, want.least)
		}
	}
}
