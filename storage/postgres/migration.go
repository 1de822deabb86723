package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/slokeep/slokeep/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the files that make and alter the tables of this package, for a host that runs them with a tool of its
// own. Their names, entity_0001_log.sql and so on, are to be run in their order, each in a transaction whose search_path is
// the schema; OpenLog needs those whose names begin with entity, Open all. Each writes down in the table
// slokeep_migrations that it was run, so that opening finds nothing left to do, whoever ran it; then the user of the pool
// needs the right to use the schema and to read and write its tables, and no right to create.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	return sub
}

// migrate applies what the schema does not have yet of one part. Any number of processes may do so at once: each file is one
// transaction, under a lock that is the schema's.
func (l *Log) migrate(ctx context.Context, conn *pgx.Conn, part string) error {
	plan, err := sqlstore.Plan(Migrations(), part)
	if err != nil {
		return failed("migrations", err)
	}
	for {
		// Looked at without the lock first: mostly there is nothing to do.
		at, err := l.migrated(ctx, conn, part)
		if err != nil {
			return err
		}
		if at > len(plan) {
			return fmt.Errorf("postgres: %w: %s migration %d: this program knows up to %d", ErrNewer, part, at, len(plan))
		}
		if at == len(plan) {
			return nil
		}
		if err := l.apply(ctx, conn, plan[at], part); err != nil {
			return err
		}
	}
}

// apply runs one migration, unless somebody else has meanwhile.
func (l *Log) apply(ctx context.Context, conn *pgx.Conn, m sqlstore.Migration, part string) error {
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		const lock = `SELECT pg_advisory_xact_lock(hashtextextended('slokeep ' || $1::text, 0))`
		if _, err := tx.Exec(ctx, lock, l.schema); err != nil {
			return err
		}
		at, err := l.migrated(ctx, conn, part)
		if err != nil || at >= m.Number {
			return err
		}
		if err := l.createSchema(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SET LOCAL search_path TO `+l.identifier()); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, m.Script)
		return inTheWay(err)
	})
	return failed("migration "+m.Name, err)
}

// createSchema makes the schema where it is not there. Making one that is needs the right to make one.
func (l *Log) createSchema(ctx context.Context, tx pgx.Tx) error {
	var there bool
	const exists = `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`
	if err := tx.QueryRow(ctx, exists, l.schema).Scan(&there); err != nil || there {
		return err
	}
	_, err := tx.Exec(ctx, `CREATE SCHEMA `+l.identifier())
	return err
}

// migrated returns the number of the newest migration of a part that was run, 0 for none.
func (l *Log) migrated(ctx context.Context, conn *pgx.Conn, part string) (number int, err error) {
	var there bool
	const exists = `
		SELECT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'slokeep_migrations' AND relnamespace = (
			SELECT oid FROM pg_namespace WHERE nspname = $1
		))`
	if err := conn.QueryRow(ctx, exists, l.schema).Scan(&there); err != nil {
		return 0, failed("schema version", err)
	}
	if !there {
		return 0, nil
	}
	newest := `SELECT coalesce(max(number), 0) FROM ` + l.identifier() + `.slokeep_migrations WHERE part = $1::text`
	err = conn.QueryRow(ctx, newest, part).Scan(&number)
	return number, failed("schema version", inTheWay(err))
}

// inTheWay says of the errors that are another program's tables what they are.
func inTheWay(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "42P07", "42701", "42703", "42710", "42804", "42883", "42809": // duplicate or other tables, columns, types
			return fmt.Errorf("%w: %w", ErrForeign, err)
		}
	}
	return err
}
