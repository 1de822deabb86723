package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// order is the state of the tests' entities.
type order struct {
	Name  string `json:"name"`
	Total int64  `json:"total"`
}

const kind = "order"

// publish does what a Registry does in a transaction: it locks orders and appends their next version.
func publish(ctx context.Context, log *sqlite.Log, name string, ids ...string) error {
	heads, err := log.Lock(ctx, kind, ids)
	if err != nil {
		return err
	}
	now := time.Now()
	entries := make([]entity.Entry, len(heads))
	for i, h := range heads {
		next := &order{Name: name, Total: 4200}
		entries[i] = entity.Entry{
			Head:        entity.Head{ID: h.ID, Version: h.Version + 1, State: next, Published: next, At: now},
			Transitions: []string{"name"},
			Change: entity.Change{
				Kind: kind, ID: h.ID, Version: h.Version + 1, Prev: h.Published, Next: next,
				Fields: []string{"name"}, Actor: entity.System, At: now,
			},
		}
	}
	return log.Append(ctx, entries)
}

// write is a publish in a transaction of its own.
func write(ctx context.Context, log *sqlite.Log, id, name string) error {
	return log.InTx(ctx, func(ctx context.Context) error { return publish(ctx, log, name, id) })
}

// nameOf returns the name of an order as it was published, "" where there is none.
func nameOf(t testing.TB, ctx context.Context, log *sqlite.Log, id string) string {
	t.Helper()
	var o order
	for h, err := range log.Heads(ctx, kind, []string{id}) {
		if err != nil {
			t.Fatalf("Heads: %v", err)
		}
		if err := json.Unmarshal(h.State.(json.RawMessage), &o); err != nil {
			t.Fatalf("a state: %v", err)
		}
	}
	return o.Name
}

// lease takes a lease for long.
func lease(t testing.TB, log *sqlite.Log, name string) entity.Token {
	t.Helper()
	tokens, err := log.Lease(t.Context(), []string{name}, "test", time.Hour)
	if err != nil || tokens[0].Number == 0 {
		t.Fatalf("Lease: %v, %v", tokens, err)
	}
	return tokens[0]
}

// feed relays everything and lists the feed.
func feed(t testing.TB, log *sqlite.Log) []entity.Change {
	t.Helper()
	if _, err := log.Relay(t.Context(), lease(t, log, entity.LeaseRelay), 1<<20); err != nil {
		t.Fatalf("Relay: %v", err)
	}
	var list []entity.Change
	for c, err := range log.Changes(t.Context(), 0) {
		if err != nil {
			t.Fatalf("Changes: %v", err)
		}
		list = append(list, c)
	}
	return list
}

// newFile names a file in a directory of the test's own.
func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "log.db") }

// notes makes a table of the host's own.
func notes(t testing.TB, log *sqlite.Log) {
	t.Helper()
	if _, err := log.Querier(t.Context()).ExecContext(t.Context(), `CREATE TABLE notes (note TEXT PRIMARY KEY) STRICT`); err != nil {
		t.Fatalf("CREATE TABLE: %v", err)
	}
}

// note writes a row of the host's own.
func note(ctx context.Context, log *sqlite.Log, text string) error {
	_, err := log.Querier(ctx).ExecContext(ctx, `INSERT INTO notes (note) VALUES (?)`, text)
	return err
}

// count counts the rows of the host's table as ctx sees them.
func count(t testing.TB, ctx context.Context, log *sqlite.Log) (n int) {
	t.Helper()
	if err := log.Querier(ctx).QueryRowContext(ctx, `SELECT count(*) FROM notes`).Scan(&n); err != nil {
		t.Fatalf("count: %v", err)
	}
	return n
}

// raw opens a file without this package.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
