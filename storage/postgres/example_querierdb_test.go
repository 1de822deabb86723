package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/postgres"
)

var errEmpty = errors.New("the account is empty")

// withdraw writes two tables of the host's own, and publishes the balance, in one transaction; or nothing of it.
func withdraw(ctx context.Context, store *postgres.StoreDB, handle *entity.Handle[account], id string, cents int) error {
	_, err := handle.Mutate(ctx, id, func(ctx context.Context) error {
		db := store.Querier(ctx)
		if _, err := db.ExecContext(ctx, `INSERT INTO withdrawals (account, cents) VALUES ($1, $2)`, id, cents); err != nil {
			return err
		}
		done, err := db.ExecContext(ctx, `UPDATE accounts SET cents = cents - $2 WHERE id = $1 AND cents >= $2`, id, cents)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errEmpty)
		}
		return nil
	}, nil)
	return err
}

// account is the state of an account, as others hear of it.
type account struct {
	Cents int `json:"cents"`
}

// accounts defines them: they are read in the transaction of ctx, or where it has none from the pool.
func accounts(reg *entity.Registry, store *postgres.StoreDB) (*entity.Handle[account], error) {
	return entity.Define(reg, "account", func(ctx context.Context, ids []string, found func(string, account)) error {
		for _, id := range ids {
			var a account
			err := store.Querier(ctx).QueryRowContext(ctx, `SELECT cents FROM accounts WHERE id = $1`, id).Scan(&a.Cents)
			switch {
			case errors.Is(err, sql.ErrNoRows):
			case err != nil:
				return err
			default:
				found(id, a)
			}
		}
		return nil
	}, nil)
}

// A host on package database/sql writes with the statements that it has.
func ExampleStoreDB_Querier() {
	ctx := context.Background()
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()
	store, err := postgres.OpenDB(ctx, db, nil)
	if err != nil {
		panic(err)
	}
	reg, err := entity.NewRegistry(&entity.Options{Log: store, Bus: store})
	if err != nil {
		panic(err)
	}
	defer func() { _ = reg.Close() }()
	handle, err := accounts(reg, store)
	if err != nil {
		panic(err)
	}
	fmt.Println(withdraw(ctx, store, handle, "A-1", 500))
}
