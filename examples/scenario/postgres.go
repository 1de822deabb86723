package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

// openPostgres makes a schema of the script's own, and drops it in the end.
func openPostgres(ctx context.Context, where string) (storage.Store, func() error, error) {
	if where == "" {
		return nil, nil, errors.New("want a URL, such as postgres://user@host/database")
	}
	pool, err := pgxpool.New(ctx, "postgres:"+where)
	if err != nil {
		return nil, nil, err
	}
	schema := "scenario_" + strings.ToLower(rand.Text())
	s, err := postgres.Open(ctx, pool, &postgres.Options{Schema: schema})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return s, func() error {
		defer pool.Close()
		if _, err := pool.Exec(ctx, `DROP SCHEMA `+schema+` CASCADE`); err != nil {
			return fmt.Errorf("drop schema %s: %w", schema, err)
		}
		return nil
	}, nil
}
