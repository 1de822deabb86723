package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

var errBoom = errors.New("boom")

const orders = "order"

// order is the state of the tests' entities.
type order struct {
	Name string `json:"name"`
}

var at = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// publish gives entities their next version, in the transaction of ctx.
func publish(ctx context.Context, l entity.Log, name string, ids ...string) error {
	heads, err := l.Lock(ctx, orders, ids)
	if err != nil {
		return err
	}
	entries := make([]entity.Entry, len(ids))
	for i, h := range heads {
		next := &order{name}
		entries[i] = entity.Entry{
			Head:        entity.Head{ID: ids[i], Version: h.Version + 1, State: next, Published: next, At: at},
			Transitions: []string{"name"},
			Change: entity.Change{
				Kind: orders, ID: ids[i], Version: h.Version + 1, Prev: h.Published, Next: next, Fields: []string{"name"}, At: at,
				Actor: entity.Actor{Type: "user", ID: "me"},
			},
		}
	}
	return l.Append(ctx, entries)
}

// write publishes in a transaction of its own.
func write(ctx context.Context, l entity.Log, id, name string) error {
	return l.InTx(ctx, func(ctx context.Context) error { return publish(ctx, l, name, id) })
}

// nameOf is what the head of an order says, "" where there is none.
func nameOf(t testing.TB, ctx context.Context, l entity.Log, id string) string {
	t.Helper()
	var o order
	for h, err := range l.Heads(ctx, orders, []string{id}) {
		if err != nil {
			t.Fatal(err)
		}
		if raw, ok := h.State.(json.RawMessage); ok {
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
		}
	}
	return o.Name
}

// last returns the error of a listing that is taken to its end.
func last[T any](rows iter.Seq2[T, error]) (err error) {
	for _, err = range rows {
		if err != nil {
			return err
		}
	}
	return nil
}

// use is a call of one method. Those that write change what furnish makes.
type use struct {
	name   string
	inside bool // it needs a transaction
	call   func(ctx context.Context, s *postgres.Store) error
}

// held is the token of the lease that furnish takes.
var held = entity.Token{Name: "lease", Number: 1}

func uses() []use {
	group, other := entity.Group{Name: "g", Source: "kind order"}, entity.Group{Name: "new", Source: "kind order"}
	failed := entity.Pending{Group: group, Change: entity.Change{Position: 2, Kind: orders, ID: "b", At: at}, Attempts: 1, Due: at, Error: "no"}
	return []use{
		{"Lock", true, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Lock(ctx, orders, []string{"a", "new"})
			return err
		}},
		{"Append", true, func(ctx context.Context, s *postgres.Store) error { return publish(ctx, s, "sent", "a", "b") }},
		{"InTx", false, func(ctx context.Context, s *postgres.Store) error { return write(ctx, s, "a", "sent") }},
		{"Heads", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Heads(ctx, orders, nil)) }},
		{"Heads by ID", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Heads(ctx, orders, []string{"a"})) }},
		{"Intervals", false, func(ctx context.Context, s *postgres.Store) error {
			return last(s.Intervals(ctx, orders, "a", "name", at))
		}},
		{"Relay", false, func(ctx context.Context, s *postgres.Store) error { _, err := s.Relay(ctx, held, 10); return err }},
		{"Changes", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Changes(ctx, 0)) }},
		{"Last", false, func(ctx context.Context, s *postgres.Store) error { _, _, err := s.Last(ctx); return err }},
		{"Trim", false, func(ctx context.Context, s *postgres.Store) error { return s.Trim(ctx, held, at.Add(time.Hour)) }},
		{"Positions", false, func(ctx context.Context, s *postgres.Store) error { _, err := s.Positions(ctx, group, 0); return err }},
		{"Positions of a new group", false, func(ctx context.Context, s *postgres.Store) error { _, err := s.Positions(ctx, other, 3); return err }},
		{"Save", false, func(ctx context.Context, s *postgres.Store) error {
			return s.Save(ctx, held, entity.Progress{Group: group, Shard: 3, Position: 4, Put: []entity.Pending{failed}, Done: []int64{1}})
		}},
		{"Pending", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Pending(ctx, "")) }},
		{"Pending of a group", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Pending(ctx, "g")) }},
		{"Forget", false, func(ctx context.Context, s *postgres.Store) error { _, err := s.Forget(ctx, group, 1); return err }},
		{"Drop", false, func(ctx context.Context, s *postgres.Store) error { return s.Drop(ctx, "g") }},
		{"Watches", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Watches(ctx)) }},
		{"Watches by name", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Watches(ctx, "w")) }},
		{"PutWatch", false, func(ctx context.Context, s *postgres.Store) error {
			return s.PutWatch(ctx, held, entity.WatchRow{Name: "w", Progress: "more", At: at})
		}},
		{"DropWatch", false, func(ctx context.Context, s *postgres.Store) error { return s.DropWatch(ctx, "w") }},
		{"Lease", false, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Lease(ctx, []string{"another", "third"}, "me", time.Hour)
			return err
		}},
		{"Lease for no time", false, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Lease(ctx, []string{"lease"}, "me", 0)
			return err
		}},
		{"Leases", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Leases(ctx, "")) }},
		{"PutFacts", false, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.PutFacts(ctx, []storage.Fact{
				{Kind: "observation", Systems: []string{"a", "b", "c"}, Data: []byte("new")},
				{Kind: "statement", Source: "incident", Systems: []string{"a", "c"}, Data: []byte("new")},
			})
			return err
		}},
		{"FactsOf", false, func(ctx context.Context, s *postgres.Store) error { return last(s.FactsOf(ctx, []string{"a", "b"})) }},
		{"FactsFrom", false, func(ctx context.Context, s *postgres.Store) error {
			return last(s.FactsFrom(ctx, "statement", []string{"incident"}))
		}},
		{"DeleteFacts", false, func(ctx context.Context, s *postgres.Store) error { return s.DeleteFacts(ctx, []string{"a", "b"}) }},
		{"Bump", false, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Bump(ctx, []storage.VersionKey{{Kind: "history", ID: "a"}, {Kind: "history", ID: "new"}})
			return err
		}},
		{"Versions", false, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Versions(ctx, []storage.VersionKey{{Kind: "history", ID: "a"}})
			return err
		}},
		{"Put", false, func(ctx context.Context, s *postgres.Store) error {
			return s.Put(ctx, []storage.Record{record("day", "a", "1", "changed"), record("day", "new", "1", "new")})
		}},
		{"Add", false, func(ctx context.Context, s *postgres.Store) error {
			_, err := s.Add(ctx, []storage.Record{record("day", "new", "1", "new"), record("day", "new", "2", "new")})
			return err
		}},
		{"Get", false, func(ctx context.Context, s *postgres.Store) error {
			return last(s.Get(ctx, []storage.Key{{Kind: "day", ID: "a"}, {Kind: "day", ID: "a", Sub: "1"}}))
		}},
		{"List", false, func(ctx context.Context, s *postgres.Store) error {
			return last(s.List(ctx, storage.Range{Kind: "day"}))
		}},
		{"Delete", false, func(ctx context.Context, s *postgres.Store) error {
			return s.Delete(ctx, []storage.Key{{Kind: "day", ID: "a", Sub: "1"}, {Kind: "day", ID: "b"}})
		}},
		{"Histories", false, func(ctx context.Context, s *postgres.Store) error { return last(s.Histories(ctx, []string{"a"})) }},
		{"PutHistories", false, func(ctx context.Context, s *postgres.Store) error {
			return s.PutHistories(ctx, []storage.History{{SystemID: "a", Version: 2, Data: []byte("2")}, {SystemID: "new", Version: 1}})
		}},
	}
}

func record(kind, id, sub, data string) storage.Record {
	return storage.Record{Key: storage.Key{Kind: kind, ID: id, Sub: sub}, Data: []byte(data)}
}

// furnish empties a schema and puts something of everything into it.
func furnish(t testing.TB, pool *pgxpool.Pool, s *postgres.Store, schema string) {
	t.Helper()
	ctx := t.Context()
	empty(t, pool, schema)
	group := entity.Group{Name: "g", Source: "kind order"}
	_, err := s.Lease(ctx, []string{"lease"}, "me", time.Hour)
	for range 2 {
		err = errors.Join(err, s.InTx(ctx, func(ctx context.Context) error { return publish(ctx, s, "new", "a", "b") }))
	}
	_, relayed := s.Relay(ctx, held, 2)
	_, positions := s.Positions(ctx, group, 2)
	saved := s.Save(ctx, held, entity.Progress{Group: group, Position: 2, Put: []entity.Pending{
		{Group: group, Change: entity.Change{Position: 1, Kind: orders, ID: "a", At: at}, Parked: true},
	}})
	_, facts := s.PutFacts(ctx, []storage.Fact{
		{Kind: "observation", Systems: []string{"a"}, Data: []byte("one")},
		{Kind: "observation", Systems: []string{"a", "b"}, Data: []byte("two")},
		{Kind: "observation", Systems: []string{"b", "c"}, Data: []byte("three")},
		{Kind: "statement", Source: "incident", Systems: []string{"a", "b"}, Data: []byte("four")},
	})
	_, bumped := s.Bump(ctx, []storage.VersionKey{{Kind: "history", ID: "a"}})
	err = errors.Join(err, relayed, positions, saved, facts, bumped,
		s.PutWatch(ctx, held, entity.WatchRow{Name: "w", Group: "g", At: at}),
		s.Put(ctx, []storage.Record{record("day", "a", "1", "one"), record("day", "a", "2", "two"), record("day", "b", "1", "three")}),
		s.PutHistories(ctx, []storage.History{{SystemID: "a", Version: 1, Data: []byte("1")}}))
	if err != nil {
		t.Fatalf("furnish: %v", err)
	}
}

// rows is all that the tables of a schema have, but for numbers that the database gives and the times of leases.
func rows(t testing.TB, pool *pgxpool.Pool, schema string) string {
	t.Helper()
	list, _ := pool.Query(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1`, schema)
	tables, err := pgx.CollectRows(list, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, table := range tables {
		row := `to_jsonb(t) - 'number' - 'fact'`
		if table == "entity_leases" {
			row += ` - 'until'`
		}
		parts = append(parts, `SELECT '`+table+`' || string_agg(E'\n\t' || row, '' ORDER BY row) AS rows FROM (
			SELECT (`+row+`)::text AS row FROM `+pgx.Identifier{schema, table}.Sanitize()+` t) r`)
	}
	var all string
	script := `SELECT string_agg(rows, E'\n' ORDER BY rows) FROM (` + strings.Join(parts, ` UNION ALL `) + `) a`
	if err := pool.QueryRow(t.Context(), script).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// during runs a use in a transaction, between two writes of the host's own, of whose errors that carelessly says nothing.
func during(ctx context.Context, s *postgres.Store, schema string, u use) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		_ = note(ctx, s, schema, "before")
		err := u.call(ctx, s)
		_ = note(ctx, s, schema, "after")
		return err
	})
}

// note is a write of the host's own.
func note(ctx context.Context, s *postgres.Store, schema, text string) error {
	_, err := s.Querier(ctx).Exec(ctx, `INSERT INTO `+pgx.Identifier{schema, "notes"}.Sanitize()+` (note) VALUES ($1)`, text)
	return err
}

// notes makes the host's own table.
func notes(t testing.TB, pool *pgxpool.Pool, schema string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), `CREATE TABLE `+pgx.Identifier{schema, "notes"}.Sanitize()+` (note text PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
}
