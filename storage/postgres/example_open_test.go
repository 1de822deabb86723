package postgres_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/postgres"
)

// remember has an engine keep an objective in a database, and asks how it stands.
func remember(ctx context.Context, pool *pgxpool.Pool, opts *postgres.Options) (slo.Status, error) {
	store, err := postgres.Open(ctx, pool, opts)
	if err != nil {
		return slo.Status{}, err
	}
	e, err := engine.New(store, nil) // the store is its Bus, too
	if err != nil {
		return slo.Status{}, err
	}
	defer func() { _ = e.Close() }()
	now := time.Now()
	checkout := slo.Objective{ID: "checkout", SystemID: "checkout", Target: 99.9, Window: slo.Days(30), CreatedAt: now.AddDate(0, 0, -30)}
	if _, err := e.Ensure(ctx, checkout); err != nil {
		return slo.Status{}, err
	}
	if err := e.Observe(ctx, slo.Down("checkout", now.Add(-time.Hour))); err != nil {
		return slo.Status{}, err
	}
	return e.Status(ctx, "checkout")
}

// The engine's tables are in a schema of their own, in the host's database and on the host's pool.
func ExampleOpen() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	status, err := remember(ctx, pool, &postgres.Options{Schema: "reliability"})
	if err != nil {
		panic(err)
	}
	fmt.Println("checkout is down:", status.Down)
}
