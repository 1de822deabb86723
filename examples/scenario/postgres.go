package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

const postgresForm = "postgres://user@host/database"

// openPostgres makes a schema of the script's own, and drops it in the end, also of a script that is interrupted.
func openPostgres(ctx context.Context, where string) (storage.Store, func() error, error) {
	if !strings.HasPrefix(where, "//") {
		return nil, nil, errors.New("want a URL, such as " + postgresForm)
	}
	pool, err := pgxpool.New(ctx, "postgres:"+where)
	if err != nil {
		return nil, nil, err
	}
	schema := "scenario_" + strings.ToLower(rand.Text())
	drop := func() error {
		defer pool.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if _, err := pool.Exec(ctx, `DROP SCHEMA IF EXISTS `+schema+` CASCADE`); err != nil {
			return fmt.Errorf("drop schema %s: %w", schema, err)
		}
		return nil
	}
	s, err := postgres.Open(ctx, pool, &postgres.Options{Schema: schema})
	if err != nil {
		_ = drop() // of which there may be a part
		return nil, nil, err
	}
	return s, drop, nil
}
