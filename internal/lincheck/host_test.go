package lincheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// table is a host's own data, one row for each entity, as one process has it.
type table interface {
	// begin makes the context for an operation that may write. The table then sees what the operation has written.
	begin(ctx context.Context) context.Context

	// read finds rows, in the transaction of ctx if there is one.
	read(ctx context.Context, ids []string, found func(string, lincheck.State)) error

	// put writes a row in the transaction of ctx; nil deletes it.
	put(ctx context.Context, id string, s *lincheck.State) error
}

// row reads one row.
func row(ctx context.Context, tb table, id string) (s *lincheck.State, err error) {
	err = tb.read(ctx, []string{id}, func(_ string, found lincheck.State) { s = &found })
	return s, err
}

// memoryTable keeps rows beside a Memory, into whose commits its writes are staged: until then they are seen by their own
// operation alone.
type memoryTable struct {
	log  *entity.Memory
	mu   sync.Mutex
	rows map[string]lincheck.State
}

// draft is what one operation has written so far.
type draft struct {
	mu     sync.Mutex
	rows   map[string]*lincheck.State
	staged bool
}

type draftKey struct{}

func (tb *memoryTable) begin(ctx context.Context) context.Context {
	return context.WithValue(ctx, draftKey{}, &draft{rows: map[string]*lincheck.State{}})
}

func (tb *memoryTable) read(ctx context.Context, ids []string, found func(string, lincheck.State)) error {
	d, _ := ctx.Value(draftKey{}).(*draft)
	for _, id := range ids {
		if s := tb.see(d, id); s != nil {
			found(id, *s)
		}
	}
	return nil
}

func (tb *memoryTable) see(d *draft, id string) *lincheck.State {
	if d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if s, ok := d.rows[id]; ok {
			return s
		}
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if s, ok := tb.rows[id]; ok {
		return &s
	}
	return nil
}

func (tb *memoryTable) put(ctx context.Context, id string, s *lincheck.State) error {
	d, ok := ctx.Value(draftKey{}).(*draft)
	if !ok {
		return errors.New("a write outside of an operation")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows[id] = s
	if d.staged {
		return nil
	}
	d.staged = true
	return tb.log.Stage(ctx, func() {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for id, s := range d.rows {
			if s == nil {
				delete(tb.rows, id)
			} else {
				tb.rows[id] = *s
			}
		}
	})
}

// sqliteTable is a table in the file of a Log.
type sqliteTable struct{ log *sqlite.Log }

func (tb sqliteTable) begin(ctx context.Context) context.Context { return ctx }

func (tb sqliteTable) read(ctx context.Context, ids []string, found func(string, lincheck.State)) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	rows, err := tb.log.Querier(ctx).QueryContext(ctx,
		`SELECT id, name, count FROM things WHERE id IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var s lincheck.State
		if err := rows.Scan(&id, &s.Name, &s.Count); err != nil {
			return err
		}
		found(id, s)
	}
	return rows.Err()
}

func (tb sqliteTable) put(ctx context.Context, id string, s *lincheck.State) error {
	query, args := `DELETE FROM things WHERE id = ?`, []any{id}
	if s != nil {
		query, args = `INSERT OR REPLACE INTO things (id, name, count) VALUES (?, ?, ?)`, []any{id, s.Name, s.Count}
	}
	_, err := tb.log.Querier(ctx).ExecContext(ctx, query, args...)
	return err
}

// end is a Log as one process has it, with the host's table on it.
type end struct {
	log   entity.Log
	table table
}

// store makes the ends of one Log, of which there are as many as processes.
type store func(t testing.TB) []end

const processes = 4

// onMemory has all processes share one Memory, as several registries of one program may.
func onMemory(testing.TB) []end {
	memory := entity.NewMemory()
	return ends(memory, &memoryTable{log: memory, rows: map[string]lincheck.State{}})
}

func ends(log entity.Log, tb table) []end {
	list := make([]end, processes)
	for i := range list {
		list[i] = end{log, tb}
	}
	return list
}

// onSQLite has two handles on one file, each for every other process.
func onSQLite(t testing.TB) []end {
	path := filepath.Join(t.TempDir(), "log.db")
	a, b := openSQLite(t, path), openSQLite(t, path)
	makeThings(t, a)
	list := make([]end, processes)
	for i := range list {
		log := []*sqlite.Log{a, b}[i%2]
		list[i] = end{log, sqliteTable{log}}
	}
	return list
}

func openSQLite(t testing.TB, path string) *sqlite.Log {
	t.Helper()
	log, err := openTemplate(t, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

// openTemplate opens a Log at path.
func openTemplate(t testing.TB, path string) (*sqlite.Log, error) {
	return sqlite.OpenLog(t.Context(), path, &sqlite.Options{LoseLastOnPowerLoss: true})
}

func makeThings(t testing.TB, log *sqlite.Log) {
	t.Helper()
	_, err := log.Querier(t.Context()).ExecContext(t.Context(),
		`CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT NOT NULL, count INTEGER NOT NULL)`)
	if err != nil {
		t.Fatal(err)
	}
}
