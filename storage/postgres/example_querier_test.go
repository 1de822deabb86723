package postgres_test

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/postgres"
)

// parcel is what others hear of a row of the host's own table.
type parcel struct {
	Status string `json:"status"`
}

// parcels defines a kind of entities that is read from the host's own table.
func parcels(reg *entity.Registry, store *postgres.Store) (*entity.Handle[parcel], error) {
	read := func(ctx context.Context, ids []string, found func(id string, p parcel)) error {
		rows, err := store.Querier(ctx).Query(ctx, `SELECT id, status FROM parcels WHERE id = ANY($1)`, ids)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var p parcel
			if err := rows.Scan(&id, &p.Status); err != nil {
				return err
			}
			found(id, p)
		}
		return rows.Err()
	}
	return entity.Define(reg, "parcel", read, nil)
}

// send writes the row, and the change of the entity, in one transaction.
func send(ctx context.Context, store *postgres.Store, handle *entity.Handle[parcel], id string) (entity.Typed[parcel], error) {
	return handle.Mutate(ctx, id, func(ctx context.Context) error {
		_, err := store.Querier(ctx).Exec(ctx, `
			INSERT INTO parcels (id, status) VALUES ($1, 'sent') ON CONFLICT (id) DO UPDATE SET status = excluded.status`, id)
		return err
	}, nil)
}

// The host's own rows are written and read in the transactions of the store.
func ExampleLog_Querier() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	store, err := postgres.Open(ctx, pool, nil)
	if err != nil {
		panic(err)
	}
	reg, err := entity.NewRegistry(&entity.Options{Log: store, Bus: store})
	if err != nil {
		panic(err)
	}
	defer func() { _ = reg.Close() }()
	handle, err := parcels(reg, store)
	if err != nil {
		panic(err)
	}
	change, err := send(ctx, store, handle, "P-1")
	if err != nil {
		panic(err)
	}
	fmt.Println(change.Version, change.Next.Status)
}
