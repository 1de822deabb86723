package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// Ticket is the state of an entity of the host's, which has a table of its own.
type Ticket struct {
	Open int `json:"open"`
}

// A host's table and its entity are written in one transaction: both, or neither.
func ExampleLog_Querier() {
	dir, err := os.MkdirTemp("", "sqlite")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(dir, "desk.db"), nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = store.Close() }()
	e, err := engine.New(store, nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = e.Close() }()

	db := store.Querier(ctx) // the pool, or the transaction of the ctx that a statement is given
	if _, err := db.ExecContext(ctx, `CREATE TABLE tickets (system TEXT PRIMARY KEY, open INTEGER NOT NULL)`); err != nil {
		panic(err)
	}
	read := func(ctx context.Context, ids []string, found func(string, Ticket)) error {
		for _, id := range ids {
			var t Ticket
			err := db.QueryRowContext(ctx, `SELECT open FROM tickets WHERE system = ?`, id).Scan(&t.Open)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			found(id, t)
		}
		return nil
	}
	tickets, err := entity.Define(e.Entities(), "ticket", read, nil)
	if err != nil {
		panic(err)
	}
	open := func(system string, then error) (entity.Typed[Ticket], error) {
		return tickets.Mutate(ctx, system, func(ctx context.Context) error {
			const add = `INSERT INTO tickets (system, open) VALUES (?, 1) ON CONFLICT DO UPDATE SET open = open + 1`
			_, err := db.ExecContext(ctx, add, system)
			return errors.Join(err, then)
		}, nil)
	}
	for _, then := range []error{nil, errors.New("the mail server is down"), nil} {
		c, err := open("checkout", then)
		fmt.Println(c.Version, c.Next, err)
	}
	// Output:
	// 1 &{1} <nil>
	// 0 <nil> the mail server is down
	// 2 &{2} <nil>
}
