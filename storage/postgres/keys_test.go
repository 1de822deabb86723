package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/postgres"
)

// odd are IDs that a careless adapter folds, trims, cuts, reorders or runs.
var odd = []string{
	"a", "A", "a ", " a", "a\t", "a\n", "a\x01", "a\x7f", "ab", "a_b", "a%b", "a.b", "a/b", `a\b`, `a\x00b`, `a\u0000b`,
	"'", `"`, "''", `'; DROP SCHEMA public CASCADE; --`, `$1`, `@entity_heads`, `{a,b}`, `["a"]`, "NULL", "null", "-", "",
	"é", "e\u0301", "ß", "ss", "SS", "ſ", "i", "I", "ı", "İ", "K", "\u212a", "ﬁ", "fi", "a\u00a0", "a\u200b", "\ufeffa", "日本", "10", "9", "09",
	"\u2028", "\ufffd", "\U0010ffff", strings.Repeat("𝄞", 64), strings.Repeat("𝄞", 63) + "𝄟", strings.Repeat("ü", 128), strings.Repeat("'", 256),
}

// A note of 10 KB, and data that is no text.
var (
	longNote = strings.Repeat("it's \"down\" \\ \n ü 日本 ", 400)
	longData = []byte(strings.Repeat("\x00\xff\\", 3000))
)

// fill writes something under each odd ID, and answer lists it all, in the order in which it comes.
func fill(ctx context.Context, s storage.Store) error {
	ids := slices.DeleteFunc(slices.Clone(odd), func(id string) bool { return id == "" })
	slices.Sort(ids)
	_, err := s.Lease(ctx, []string{"lease"}, "me", time.Hour)
	if err != nil {
		return err
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		err := publish(ctx, s, longNote, ids...)
		var facts []storage.Fact
		var versions []storage.VersionKey
		var records []storage.Record
		for i, id := range ids {
			next := ids[(i+1)%len(ids)]
			systems := []string{min(id, next), max(id, next)}
			facts = append(facts, storage.Fact{Kind: "observation", Systems: systems, Data: append([]byte(id), longData...)},
				storage.Fact{Kind: "statement", Source: id, Systems: []string{next}, Data: []byte(id)})
			versions = append(versions, storage.VersionKey{Kind: "history", ID: id})
			err = errors.Join(err, s.PutWatch(ctx, entity.Token{}, entity.WatchRow{Name: id, Group: next, Condition: id, Progress: longNote, At: at}))
			for _, sub := range odd {
				records = append(records, storage.Record{Key: storage.Key{Kind: "day", ID: id, Sub: sub}, Data: []byte(id + sub)})
			}
			records = append(records, storage.Record{Key: storage.Key{Kind: "note", ID: id}, Data: longData})
		}
		_, put := s.PutFacts(ctx, facts)
		_, bumped := s.Bump(ctx, versions)
		return errors.Join(err, put, bumped, s.Put(ctx, records))
	})
}

func answer(ctx context.Context, s storage.Store) (list []string, err error) {
	note := func(what string, v any, e error) {
		list = append(list, fmt.Sprintf("%s %q", what, fmt.Sprint(v)))
		err = errors.Join(err, e)
	}
	for h, e := range s.Heads(ctx, orders, nil) {
		note("head", fmt.Sprint(h.ID, h.Version), e)
	}
	for h, e := range s.Heads(ctx, orders, odd) {
		note("head by ID", h.ID, e)
	}
	for w, e := range s.Watches(ctx) {
		note("watch", w, e)
	}
	for f, e := range s.FactsOf(ctx, odd) {
		note("fact", fmt.Sprint(f.SystemID, len(f.Systems)), e) // those of one system come in any order
	}
	for f, e := range s.FactsFrom(ctx, "statement", odd[:1]) {
		note("fact", fmt.Sprint(f), e)
	}
	for r, e := range s.List(ctx, storage.Range{Kind: "day"}) {
		note("record", r, e)
	}
	for r, e := range s.List(ctx, storage.Range{Kind: "day", Backward: true, After: storage.Key{ID: "A"}, To: storage.Key{ID: "é", Sub: "'"}}) {
		note("record back", r, e)
	}
	var keys []storage.Key
	var versions []storage.VersionKey
	for _, id := range odd {
		keys = append(keys, storage.Key{Kind: "note", ID: id}, storage.Key{Kind: "day", ID: id, Sub: id})
		if id != "" {
			versions = append(versions, storage.VersionKey{Kind: "history", ID: id}, storage.VersionKey{Kind: "other", ID: id})
		}
	}
	for r, e := range s.Get(ctx, keys) {
		note("record by key", r, e)
	}
	counts, e := s.Versions(ctx, versions)
	note("versions", counts, e)
	return list, err
}

func TestOddKeysComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	schema, other := newSchema(t), newSchema(t)
	m := memory.New()
	if err := fill(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want, err := answer(t.Context(), m)
	if err != nil || len(want) < len(odd)*len(odd) {
		t.Fatalf("%d answers of memory, %v", len(want), err)
	}
	pool := newPool(t, func(c *pgxpool.Config) {
		hasty(c)
		c.ConnConfig.Database = newLinguistic(t)
	})
	for door, s := range map[string]storage.Store{"pgx": open(t, pool, schema), "database/sql": openDB(t, newDB(t), other)} {
		if err := fill(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		got, err := answer(t.Context(), s)
		if err != nil {
			t.Errorf("%s: %v", door, err)
		}
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("%s: answer %d of %d is %.300q, memory's of %d %.300q", door, i, len(got), got[i:min(i+1, len(got))], len(want), want[i:min(i+1, len(want))])
				break
			}
		}
	}
}

// newLinguistic makes a database that orders strings as people do, where the server can.
func newLinguistic(t *testing.T) string {
	t.Helper()
	var can bool
	var name string
	const icu = `SELECT current_setting('server_version_num')::integer >= 150000 AND EXISTS (SELECT 1 FROM pg_collation WHERE collprovider = 'i'),
		current_database()`
	if err := newPool(t, nil).QueryRow(t.Context(), icu).Scan(&can, &name); err != nil {
		t.Fatal(err)
	}
	if can {
		return newDatabase(t, `LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'`)
	}
	return name
}

// badUse is a call with a bad string as one of its arguments, mostly beside good ones.
type badUse struct {
	short bool // an argument that is too long is refused too
	call  func(ctx context.Context, s *postgres.Store, bad string) error
}

func badUses() map[string]badUse {
	type S = *postgres.Store
	group := entity.Group{Name: "g", Source: "kind order"}
	all := map[string]badUse{}
	add := func(name string, short bool, call func(ctx context.Context, s S, bad string) error) {
		all[name] = badUse{short, call}
	}
	entry := func(change func(e *entity.Entry, bad string)) func(ctx context.Context, s S, bad string) error {
		return func(ctx context.Context, s S, bad string) error {
			return s.InTx(ctx, func(ctx context.Context) error {
				entries := make([]entity.Entry, 2)
				for i, id := range []string{"c", "d"} {
					entries[i] = entity.Entry{
						Head:   entity.Head{ID: id, Version: 1, State: &order{}, Published: &order{}, At: at},
						Change: entity.Change{Kind: orders, ID: id, Version: 1, At: at},
					}
				}
				change(&entries[1], bad)
				return s.Append(ctx, entries)
			})
		}
	}
	add("Lock kind", false, func(ctx context.Context, s S, bad string) error {
		return s.InTx(ctx, func(ctx context.Context) error { return second(s.Lock(ctx, bad, []string{"a"})) })
	})
	add("Lock id", false, func(ctx context.Context, s S, bad string) error {
		return s.InTx(ctx, func(ctx context.Context) error { return second(s.Lock(ctx, orders, []string{"new", bad})) })
	})
	add("Append kind", false, entry(func(e *entity.Entry, bad string) { e.Change.Kind = bad }))
	add("Append id", false, entry(func(e *entity.Entry, bad string) { e.Head.ID, e.Change.ID = bad, bad }))
	add("Append field", false, entry(func(e *entity.Entry, bad string) { e.Change.Fields = []string{"a", bad} }))
	add("Append transition", false, entry(func(e *entity.Entry, bad string) { e.Transitions = []string{"a", bad} }))
	add("Append actor type", false, entry(func(e *entity.Entry, bad string) { e.Change.Actor.Type = bad }))
	add("Append actor id", false, entry(func(e *entity.Entry, bad string) { e.Change.Actor.ID = bad }))
	add("Append actor name", false, entry(func(e *entity.Entry, bad string) { e.Change.Actor.Name = bad }))
	add("Heads kind", false, func(ctx context.Context, s S, bad string) error { return last(s.Heads(ctx, bad, nil)) })
	add("Heads id", false, func(ctx context.Context, s S, bad string) error {
		return last(s.Heads(ctx, orders, []string{"a", bad}))
	})
	add("Intervals kind", false, func(ctx context.Context, s S, bad string) error { return last(s.Intervals(ctx, bad, "a", "f", at)) })
	add("Intervals id", false, func(ctx context.Context, s S, bad string) error { return last(s.Intervals(ctx, orders, bad, "f", at)) })
	add("Intervals field", false, func(ctx context.Context, s S, bad string) error { return last(s.Intervals(ctx, orders, "a", bad, at)) })
	add("Relay token", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Relay(ctx, entity.Token{Name: bad, Number: 1}, 9))
	})
	add("Trim token", false, func(ctx context.Context, s S, bad string) error {
		return s.Trim(ctx, entity.Token{Name: bad, Number: 1}, at.Add(time.Hour))
	})
	add("Positions name", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Positions(ctx, entity.Group{Name: bad}, 1))
	})
	add("Positions source", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Positions(ctx, entity.Group{Name: "new", Source: bad}, 1))
	})
	save := func(change func(p *entity.Progress, token *entity.Token, bad string)) func(ctx context.Context, s S, bad string) error {
		return func(ctx context.Context, s S, bad string) error {
			p := entity.Progress{Group: group, Shard: 1, Position: 9, Done: []int64{1}, Put: []entity.Pending{
				{Change: entity.Change{Position: 3, Kind: orders, ID: "a", At: at}}, {Change: entity.Change{Position: 4, Kind: orders, ID: "a", At: at}},
			}}
			token := held
			change(&p, &token, bad)
			return s.Save(ctx, token, p)
		}
	}
	add("Save group", false, save(func(p *entity.Progress, _ *entity.Token, bad string) { p.Group.Name = bad }))
	add("Save source", false, save(func(p *entity.Progress, _ *entity.Token, bad string) { p.Group.Source = bad }))
	add("Save token", false, save(func(_ *entity.Progress, token *entity.Token, bad string) { token.Name = bad }))
	add("Save kind", false, save(func(p *entity.Progress, _ *entity.Token, bad string) { p.Put[1].Change.Kind = bad }))
	add("Save id", false, save(func(p *entity.Progress, _ *entity.Token, bad string) { p.Put[1].Change.ID = bad }))
	add("Save error", false, save(func(p *entity.Progress, _ *entity.Token, bad string) { p.Put[1].Error = bad }))
	add("Pending name", false, func(ctx context.Context, s S, bad string) error { return last(s.Pending(ctx, bad)) })
	add("Forget name", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Forget(ctx, entity.Group{Name: bad}, 1))
	})
	add("Forget source", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Forget(ctx, entity.Group{Name: "g", Source: bad}, 1))
	})
	add("Drop name", false, func(ctx context.Context, s S, bad string) error { return s.Drop(ctx, bad) })
	add("Watches name", false, func(ctx context.Context, s S, bad string) error { return last(s.Watches(ctx, "w", bad)) })
	for name, row := range map[string]func(bad string) entity.WatchRow{
		"name":      func(bad string) entity.WatchRow { return entity.WatchRow{Name: bad} },
		"group":     func(bad string) entity.WatchRow { return entity.WatchRow{Name: "w", Group: bad} },
		"condition": func(bad string) entity.WatchRow { return entity.WatchRow{Name: "w", Condition: bad} },
		"progress":  func(bad string) entity.WatchRow { return entity.WatchRow{Name: "w", Progress: bad} },
	} {
		add("PutWatch "+name, false, func(ctx context.Context, s S, bad string) error { return s.PutWatch(ctx, held, row(bad)) })
	}
	add("PutWatch token", false, func(ctx context.Context, s S, bad string) error {
		return s.PutWatch(ctx, entity.Token{Name: bad, Number: 1}, entity.WatchRow{Name: "w"})
	})
	add("DropWatch name", false, func(ctx context.Context, s S, bad string) error { return s.DropWatch(ctx, bad) })
	add("Lease name", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Lease(ctx, []string{"new", bad}, "me", time.Hour))
	})
	add("Lease holder", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Lease(ctx, []string{"new"}, bad, time.Hour))
	})
	add("Lease name for no time", false, func(ctx context.Context, s S, bad string) error {
		return second(s.Lease(ctx, []string{"lease", bad}, "me", 0))
	})
	add("Leases prefix", false, func(ctx context.Context, s S, bad string) error { return last(s.Leases(ctx, bad)) })
	for name, fact := range map[string]func(bad string) storage.Fact{
		"kind": func(bad string) storage.Fact { return storage.Fact{Kind: bad, Systems: []string{"a"}, Data: longData} },
		"source": func(bad string) storage.Fact {
			return storage.Fact{Kind: "k", Source: bad, Systems: []string{"a"}, Data: longData}
		},
		"system": func(bad string) storage.Fact {
			return storage.Fact{Kind: "k", Systems: []string{"a", bad}, Data: longData}
		},
	} {
		add("PutFacts "+name, true, func(ctx context.Context, s S, bad string) error {
			return second(s.PutFacts(ctx, []storage.Fact{{Kind: "observation", Systems: []string{"a"}, Data: []byte("good")}, fact(bad)}))
		})
	}
	add("FactsOf system", false, func(ctx context.Context, s S, bad string) error { return last(s.FactsOf(ctx, []string{"a", bad})) })
	add("FactsFrom kind", false, func(ctx context.Context, s S, bad string) error { return last(s.FactsFrom(ctx, bad, []string{"a"})) })
	add("FactsFrom source", false, func(ctx context.Context, s S, bad string) error {
		return last(s.FactsFrom(ctx, "k", []string{"a", bad}))
	})
	add("DeleteFacts system", false, func(ctx context.Context, s S, bad string) error { return s.DeleteFacts(ctx, []string{"a", bad}) })
	for name, key := range map[string]func(bad string) storage.VersionKey{
		"kind": func(bad string) storage.VersionKey { return storage.VersionKey{Kind: bad, ID: "a"} },
		"id":   func(bad string) storage.VersionKey { return storage.VersionKey{Kind: "history", ID: bad} },
	} {
		keys := func(bad string) []storage.VersionKey {
			return []storage.VersionKey{{Kind: "history", ID: "a"}, key(bad)}
		}
		add("Bump "+name, true, func(ctx context.Context, s S, bad string) error { return second(s.Bump(ctx, keys(bad))) })
		add("Versions "+name, true, func(ctx context.Context, s S, bad string) error { return second(s.Versions(ctx, keys(bad))) })
	}
	for name, key := range map[string]func(bad string) storage.Key{
		"kind": func(bad string) storage.Key { return storage.Key{Kind: bad, ID: "a", Sub: "1"} },
		"id":   func(bad string) storage.Key { return storage.Key{Kind: "day", ID: bad, Sub: "1"} },
		"sub": func(bad string) storage.Key {
			return storage.Key{Kind: "day", ID: "a", Sub: bad + strings.Repeat("s", len(bad)*4)}
		},
	} {
		keys := func(bad string) []storage.Key { return []storage.Key{{Kind: "day", ID: "a", Sub: "1"}, key(bad)} }
		records := func(bad string) []storage.Record {
			return []storage.Record{record("day", "new", "1", "good"), {Key: key(bad)}}
		}
		add("Put "+name, true, func(ctx context.Context, s S, bad string) error { return s.Put(ctx, records(bad)) })
		add("Add "+name, true, func(ctx context.Context, s S, bad string) error { return second(s.Add(ctx, records(bad))) })
		add("Get "+name, true, func(ctx context.Context, s S, bad string) error { return last(s.Get(ctx, keys(bad))) })
		add("Delete "+name, true, func(ctx context.Context, s S, bad string) error { return s.Delete(ctx, keys(bad)) })
		add("List "+name, false, func(ctx context.Context, s S, bad string) error {
			return last(s.List(ctx, storage.Range{Kind: key(bad).Kind, After: key(bad)}))
		})
		add("List to "+name, false, func(ctx context.Context, s S, bad string) error {
			return last(s.List(ctx, storage.Range{Kind: key(bad).Kind, To: key(bad), Backward: true}))
		})
	}
	add("Histories system", false, func(ctx context.Context, s S, bad string) error { return last(s.Histories(ctx, []string{"a", bad})) })
	add("PutHistories system", true, func(ctx context.Context, s S, bad string) error {
		return s.PutHistories(ctx, []storage.History{{SystemID: "a", Version: 9}, {SystemID: bad, Version: 1}})
	})
	return all
}

func TestBadKeysAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	pool := newPool(t, hasty)
	doors := map[string]*postgres.Store{"pgx": open(t, pool, schema), "database/sql": openDB(t, newDB(t), schema).Store}
	furnish(t, pool, doors["pgx"], schema)
	before := rows(t, pool, schema)
	for door, s := range doors {
		for name, u := range badUses() {
			for what, bad := range map[string]string{"a NUL": "a\x00", "no UTF-8": "a\xff", "too long": strings.Repeat("a", 257)} {
				if what == "too long" && !u.short {
					continue
				}
				if err := u.call(t.Context(), s, bad); !errors.Is(err, entity.ErrInvalid) {
					t.Errorf("%s: %s with %s: %v, want ErrInvalid", door, name, what, err)
				}
				err := s.InTx(t.Context(), func(ctx context.Context) error { return u.call(ctx, s, bad) })
				if !errors.Is(err, entity.ErrInvalid) {
					t.Errorf("%s: %s with %s in a transaction: %v, want ErrInvalid", door, name, what, err)
				}
				if after := rows(t, pool, schema); after != before {
					t.Fatalf("%s: %s with %s has changed something:\n%s\nwas\n%s", door, name, what, after, before)
				}
			}
		}
	}
}

// What the callers of a Log do not let through does no harm either: a key that no index can hold is refused by the server,
// and leaves nothing behind.
func TestKeysThatNoIndexHolds(t *testing.T) {
	schema := newSchema(t)
	pool := newPool(t, hasty)
	s := open(t, pool, schema)
	furnish(t, pool, s, schema)
	before := rows(t, pool, schema)
	rng := rand.New(rand.NewPCG(3, 4))
	huge := make([]byte, 20_000) // which does not compress
	for i := range huge {
		huge[i] = byte('!' + rng.IntN(90))
	}
	all := badUses()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		err := all[name].call(t.Context(), s, string(huge))
		after := rows(t, pool, schema)
		switch {
		case err == nil || errors.Is(err, entity.ErrLeaseLost) || errors.Is(err, entity.ErrNotFound): // it was none of an index
			furnish(t, pool, s, schema)
		case !errors.Is(err, entity.ErrInvalid):
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		case after != before:
			t.Errorf("%s has changed something:\n%.2000s\nwas\n%.2000s", name, after, before)
		}
	}
}
