package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// What one name of a call cannot be makes the whole call an error that says which and why, and nothing of it is written.
func TestNamesThatAreRefused(t *testing.T) {
	s := openStore(t, newFile(t), nil)
	calls := []struct {
		field string
		most  int // bytes
		do    func(ctx context.Context, name string) error
	}{
		{"kind of a fact", 32, func(ctx context.Context, name string) error {
			return putFacts(ctx, s, fact("", "good", "a"), storage.Fact{Kind: name, Systems: []string{"a"}})
		}},
		{"source of a fact", 256, func(ctx context.Context, name string) error {
			return putFacts(ctx, s, fact("", "good", "a"), fact(name, "bad", "a"))
		}},
		{"system of a fact", 256, func(ctx context.Context, name string) error {
			return putFacts(ctx, s, fact("", "good", "a"), fact("", "bad", "a", name))
		}},
		{"system", 256, func(ctx context.Context, name string) error { return s.DeleteFacts(ctx, []string{"a", name}) }},
		{"kind of a version", 32, func(ctx context.Context, name string) error {
			return bump(ctx, s, storage.VersionKey{Kind: "system", ID: "a"}, storage.VersionKey{Kind: name, ID: "a"})
		}},
		{"ID of a version", 256, func(ctx context.Context, name string) error {
			return bump(ctx, s, storage.VersionKey{Kind: "system", ID: "a"}, storage.VersionKey{Kind: "system", ID: name})
		}},
		{"system of a history", 256, func(ctx context.Context, name string) error {
			return s.PutHistories(ctx, []storage.History{{SystemID: "a", Version: 1}, {SystemID: name, Version: 1}})
		}},
		{"kind of a record", 32, func(ctx context.Context, name string) error {
			return s.Put(ctx, []storage.Record{record("a", "", "good"), {Key: storage.Key{Kind: name, ID: "a"}}})
		}},
		{"ID of a record", 256, func(ctx context.Context, name string) error {
			return s.Put(ctx, []storage.Record{record("a", "", "good"), record(name, "", "bad")})
		}},
		{"Sub of a record", 1024, func(ctx context.Context, name string) error {
			_, err := s.Add(ctx, []storage.Record{record("a", "", "good"), record("a", name, "bad")})
			return err
		}},
		{"ID of a record", 256, func(ctx context.Context, name string) error {
			return s.Delete(ctx, []storage.Key{{Kind: "day", ID: "there"}, {Kind: "day", ID: name}})
		}},
		{"kind", 256, func(ctx context.Context, name string) error {
			return s.InTx(ctx, func(ctx context.Context) error { _, err := s.Lock(ctx, name, []string{"a"}); return err })
		}},
		{"ID", 256, func(ctx context.Context, name string) error {
			return s.InTx(ctx, func(ctx context.Context) error { return publish(ctx, s.Log, "paid", "a", name) })
		}},
		{"group", 256, func(ctx context.Context, name string) error {
			_, err := s.Positions(ctx, entity.Group{Name: name, Source: "kind order"}, 0)
			return err
		}},
		{"watch", 256, func(ctx context.Context, name string) error {
			return s.PutWatch(ctx, entity.Token{}, entity.WatchRow{Name: name})
		}},
	}
	must(t, s.Put(t.Context(), []storage.Record{record("there", "", "good")}))
	before := everything(t, s)
	for _, c := range calls {
		for why, name := range map[string]string{
			"too long":      "long" + strings.Repeat("x", c.most-3),
			"a NUL":         "nul\x00",
			"invalid UTF-8": "utf\xff",
		} {
			err := c.do(t.Context(), name)
			if !errors.Is(err, storage.ErrInvalid) {
				t.Errorf("a %s with %s: %v; want ErrInvalid", c.field, why, err)
				continue
			}
			if want := fmt.Sprintf("%s %.64q: want", c.field, name); !strings.Contains(err.Error(), want) {
				t.Errorf("a %s with %s: %v; want that it says %q", c.field, why, err, want)
			}
			if after := everything(t, s); after != before {
				t.Fatalf("a %s with %s has written something:\n%s\nbefore:\n%s", c.field, why, after, before)
			}
		}
	}
	if err := putFacts(t.Context(), s, fact("", "nobody's")); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("a fact of nobody about nothing: %v; want ErrInvalid", err)
	}
	for _, c := range calls { // as long as may be
		if err := c.do(t.Context(), strings.Repeat("x", c.most)); err != nil {
			t.Errorf("a %s of %d bytes: %v", c.field, c.most, err)
		}
	}
}

func fact(source, data string, systems ...string) storage.Fact {
	return storage.Fact{Kind: "observation", Source: source, Systems: systems, Data: []byte(data)}
}

func record(id, sub, data string) storage.Record {
	return storage.Record{Key: storage.Key{Kind: "day", ID: id, Sub: sub}, Data: []byte(data)}
}

func putFacts(ctx context.Context, s *sqlite.Store, facts ...storage.Fact) error {
	_, err := s.PutFacts(ctx, facts)
	return err
}

func bump(ctx context.Context, s *sqlite.Store, keys ...storage.VersionKey) error {
	_, err := s.Bump(ctx, keys)
	return err
}

// everything shows the rows of all tables of slokeep.
func everything(t *testing.T, s *sqlite.Store) string {
	t.Helper()
	var text strings.Builder
	db := s.Querier(t.Context())
	for _, table := range []string{
		"store_facts", "store_fact_systems", "store_source_systems", "store_versions", "store_records", "store_histories",
		"entity_heads", "entity_intervals", "entity_changes", "entity_groups", "entity_watches",
	} {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
		must(t, err)
		columns, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			must(t, rows.Scan(into...))
			fmt.Fprintf(&text, "%s %q\n", table, values)
		}
		must(t, rows.Err())
	}
	return text.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
