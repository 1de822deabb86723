package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slokeep/slokeep/storage/sqlite"
)

// The host's own table lies in the same file, and is written in the transactions of the Log.
func ExampleOpenLog() {
	dir, err := os.MkdirTemp("", "sqlite")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	log, err := sqlite.OpenLog(ctx, filepath.Join(dir, "shop.db"), nil)
	if err != nil {
		panic(err)
	}
	defer func() { _ = log.Close() }()
	db := log.Querier(ctx) // the pool, or the transaction of the ctx that it is given
	if _, err := db.ExecContext(ctx, `CREATE TABLE orders (id TEXT PRIMARY KEY, total INTEGER NOT NULL)`); err != nil {
		panic(err)
	}

	order := func(id string, total int) error {
		return log.InTx(ctx, func(ctx context.Context) error {
			log.AfterCommit(ctx, func(context.Context) { fmt.Println("committed:", id) })
			if _, err := db.ExecContext(ctx, `INSERT INTO orders (id, total) VALUES (?, ?)`, id, total); err != nil {
				return err
			}
			if total > 1000 {
				return errors.New("too much")
			}
			return nil
		})
	}
	fmt.Println(order("a", 42))
	fmt.Println(order("b", 4200))

	var n int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM orders`).Scan(&n); err != nil {
		panic(err)
	}
	fmt.Println("orders:", n)
	// Output:
	// committed: a
	// <nil>
	// too much
	// orders: 1
}
