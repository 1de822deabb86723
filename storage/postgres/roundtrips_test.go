package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

// trips counts how often who has its mark waits for the server: how often something is written after something was read.
// What others do meanwhile, as an engine's goroutines, is not counted.
type trips struct {
	mu   sync.Mutex
	n    int
	used map[*counted]bool // by who has the mark
}

type tripsKey struct{}

// on has the connections of a pool counted.
func (c *trips) on(config *pgx.ConnConfig) {
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &counted{Conn: conn, trips: c}, nil
	}
	config.Tracer = c
}

// TraceQueryStart tells a connection whose statements it runs.
func (c *trips) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.mark(ctx, conn)
	return ctx
}

func (c *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *trips) TraceBatchStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.mark(ctx, conn)
	return ctx
}

func (c *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func (c *trips) mark(ctx context.Context, conn *pgx.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := conn.PgConn().Conn().(*counted)
	if counted.marked = ctx.Value(tripsKey{}) != nil; counted.marked {
		c.used[counted] = true
	}
}

// counted is a connection. What is in it is guarded by the mutex of its trips.
type counted struct {
	net.Conn
	trips         *trips
	marked, wrote bool
}

func (c *counted) Write(b []byte) (int, error) {
	c.trips.mu.Lock()
	if c.marked && !c.wrote {
		c.trips.n++
	}
	c.wrote = true
	c.trips.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.trips.mu.Lock()
	c.wrote = c.wrote && n == 0
	c.trips.mu.Unlock()
	return n, err
}

// of returns how many round trips f takes with the ctx that it gets, when all is warm: the median of some calls. A connection
// of the pool that has prepared nothing yet makes a call longer, and others come and go: so a call counts where each of its
// connections has been the only one of a call before.
func (c *trips) of(t *testing.T, f func(ctx context.Context) error) int {
	t.Helper()
	const calls, patience = 7, 500
	warm := map[*counted]bool{}
	var counts []int
	for range patience {
		before := c.take()
		if err := f(context.WithValue(t.Context(), tripsKey{}, true)); err != nil {
			t.Fatal(err)
		}
		n, used := c.now()-before, c.used
		cold := slices.ContainsFunc(slices.Collect(maps.Keys(used)), func(conn *counted) bool { return !warm[conn] })
		if len(used) == 1 {
			maps.Copy(warm, used)
		}
		if !cold {
			counts = append(counts, n)
		}
		if len(counts) == calls {
			slices.Sort(counts)
			return counts[calls/2]
		}
	}
	t.Fatalf("only %d of %d calls were on connections that are warm", len(counts), patience)
	return 0
}

// take returns how many there were, and forgets on which connections.
func (c *trips) take() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = map[*counted]bool{}
	return c.n
}

func (c *trips) now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// countedDoors opens a store through each door, whose round trips are counted.
func countedDoors(t *testing.T, test func(t *testing.T, s *postgres.Store, c *trips)) {
	t.Helper()
	t.Run("pgx", func(t *testing.T) {
		c := &trips{}
		pool := newPool(t, func(config *pgxpool.Config) {
			hasty(config)
			c.on(config.ConnConfig)
		})
		test(t, open(t, pool, newSchema(t)), c)
	})
	t.Run("database/sql", func(t *testing.T) {
		needServer(t)
		c := &trips{}
		config, err := pgx.ParseConfig(dsn())
		if err != nil {
			t.Fatal(err)
		}
		c.on(config)
		db := stdlib.OpenDB(*config)
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(8)
		db.SetMaxIdleConns(8)
		test(t, openDB(t, db, newSchema(t)).Store, c)
	})
}

func TestRoundTripsOfTheStore(t *testing.T) {
	countedDoors(t, func(t *testing.T, s *postgres.Store, c *trips) {
		ctx := t.Context()
		group := entity.Group{Name: "g", Source: "kind order"}
		_, err := s.Lease(ctx, []string{"lease"}, "me", time.Hour)
		if err := errors.Join(err, second(s.Positions(ctx, group, 0))); err != nil {
			t.Fatal(err)
		}
		fresh := 0
		next := func() string { fresh++; return fmt.Sprint(fresh) }
		inTx := func(f func(ctx context.Context) error) func(context.Context) error {
			return func(ctx context.Context) error { return s.InTx(ctx, f) }
		}
		keys := func(n int) (keys []storage.VersionKey) {
			for i := range n {
				keys = append(keys, storage.VersionKey{Kind: "history", ID: fmt.Sprintf("%06d", i)})
			}
			return keys
		}
		for _, c2 := range []struct {
			name string
			want int
			do   func(ctx context.Context) error
		}{
			{"an empty transaction", 0, inTx(func(context.Context) error { return nil })},
			{"a lock", 2, inTx(func(ctx context.Context) error { return second(s.Lock(ctx, orders, []string{"a", "b"})) })},
			{"a lock that is held", 2, inTx(func(ctx context.Context) error {
				for range 3 {
					if _, err := s.Lock(ctx, orders, []string{"a", "b"}); err != nil {
						return err
					}
				}
				return nil
			})},
			{"a change of an entity", 2, func(ctx context.Context) error { return write(ctx, s, "a", next()) }},
			{"what only writes", 1, inTx(func(ctx context.Context) error {
				return errors.Join(s.Put(ctx, []storage.Record{record("day", "a", next(), "")}), s.Delete(ctx, []storage.Key{{Kind: "day", ID: "b"}}))
			})},
			{"facts", 2, func(ctx context.Context) error {
				return second(s.PutFacts(ctx, []storage.Fact{{Kind: "k", Source: next(), Systems: []string{"a", "b"}, Data: []byte(next())}}))
			}},
			{"a version", 1, func(ctx context.Context) error { return second(s.Bump(ctx, keys(1))) }},
			{"versions", 1, func(ctx context.Context) error { return second(s.Bump(ctx, keys(2500))) }},
			{"versions in a transaction", 2, inTx(func(ctx context.Context) error { return second(s.Bump(ctx, keys(2500))) })},
			{"reading versions", 1, func(ctx context.Context) error { return second(s.Versions(ctx, keys(10_000))) }},
			{"records", 1, func(ctx context.Context) error { return s.Put(ctx, []storage.Record{record("day", "a", next(), "")}) }},
			{"a lease", 1, func(ctx context.Context) error {
				return second(s.Lease(ctx, []string{"lease", "other"}, "me", time.Hour))
			}},
			{"relaying", 1, func(ctx context.Context) error { return second(s.Relay(ctx, held, 100)) }},
			{"the positions of a group", 1, func(ctx context.Context) error { return second(s.Positions(ctx, group, 0)) }},
			{"saving progress", 2, func(ctx context.Context) error {
				return s.Save(ctx, held, entity.Progress{Group: group, Position: 1, Done: []int64{1}, Put: []entity.Pending{
					{Group: group, Change: entity.Change{Position: 1, Kind: orders, ID: "a", At: at}, Parked: true},
				}})
			}},
			{"the end of the feed", 1, func(ctx context.Context) error { return second2(s.Last(ctx)) }},
		} {
			if n := c.of(t, c2.do); n != c2.want {
				t.Errorf("%s: %d round trips, want %d", c2.name, n, c2.want)
			}
		}
	})
}

func second2[T, U any](_ T, _ U, err error) error { return err }

func TestRoundTripsOfMutate(t *testing.T) {
	countedDoors(t, func(t *testing.T, s *postgres.Store, c *trips) {
		reg, err := entity.NewRegistry(&entity.Options{Log: s})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reg.Close() }()
		n, own := 0, 0
		ask := func(ctx context.Context) (name string, err error) {
			own++
			err = s.Querier(ctx).QueryRow(ctx, `SELECT $1::text`, fmt.Sprint(n)).Scan(&name)
			return name, err
		}
		read := func(ctx context.Context, ids []string, found func(string, order)) error {
			name, err := ask(ctx)
			for _, id := range ids {
				found(id, order{name})
			}
			return err
		}
		handle, err := entity.Define(reg, orders, read, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := c.of(t, func(ctx context.Context) error {
			own = 0
			change, err := handle.Mutate(ctx, "a", func(ctx context.Context) error {
				n++
				return second(ask(ctx))
			}, nil)
			if err == nil && change.Version != int64(n) {
				err = fmt.Errorf("version %d, want %d", change.Version, n)
			}
			return err
		})
		t.Logf("Mutate: %d round trips beside the host's %d", all-own, own)
		if all-own > 4 {
			t.Errorf("Mutate: %d round trips beside the host's own, want at most 4", all-own)
		}
	})
}

func TestRoundTripsOfTheEngine(t *testing.T) {
	countedDoors(t, func(t *testing.T, s *postgres.Store, c *trips) {
		ctx := t.Context()
		e, err := engine.New(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Close() }()
		many := 300
		if testing.Short() || strings.HasSuffix(t.Name(), "sql") { // behind its door all is the same
			many = 100
		}
		now := time.Now().Add(-time.Hour)
		ids := make([]string, many)
		var wg sync.WaitGroup
		for part := range 8 {
			wg.Go(func() {
				for i := part; i < many; i += 8 {
					ids[i] = fmt.Sprintf("o%04d", i)
					o := slo.Objective{ID: ids[i], SystemID: ids[i], Target: 99, Window: slo.Days(30), CreatedAt: now.AddDate(0, 0, -40)}
					if _, err := e.Create(ctx, o); err != nil {
						t.Errorf("Create: %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
		n := 0
		observe := func(words int) func(context.Context) error {
			return func(ctx context.Context) error {
				var list []slo.Observation
				for i := range words {
					n++
					list = append(list, slo.Down(ids[i], now.Add(time.Duration(n)*time.Millisecond)))
				}
				return e.Observe(ctx, list...)
			}
		}
		for _, words := range []int{1, 100} {
			trips := c.of(t, observe(words))
			t.Logf("Observe of %d: %d round trips", words, trips)
			if trips > 4 {
				t.Errorf("Observe of %d: %d round trips, want at most 4", words, trips)
			}
		}
		if err := errors.Join(observe(many)(ctx), e.Settle(ctx)); err != nil { // each has a history
			t.Fatal(err)
		}
		if n := c.of(t, func(ctx context.Context) error { return second(e.Statuses(ctx, ids)) }); n != 1 {
			t.Errorf("Statuses of %d, when all is warm: %d round trips, want 1", many, n)
		}
		cold := func(ids []string) int {
			return c.of(t, func(ctx context.Context) error {
				fresh, err := engine.New(s, nil)
				if err != nil {
					return err
				}
				_, err = fresh.Statuses(ctx, ids)
				return errors.Join(err, fresh.Close())
			})
		}
		few, all := cold(ids[:10]), cold(ids)
		t.Logf("Statuses, when all is cold: %d round trips for %d objectives", all, many)
		if few != all {
			t.Errorf("Statuses, when all is cold: %d round trips for 10 objectives, %d for %d", few, all, many)
		}
	})
}
