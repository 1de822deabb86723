package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the files that make and alter the tables of this package, for a host that runs them with a tool of
// its own. Their names, entity_0001_log.sql and so on, are to be run in their order, each in a transaction. Each writes down
// in the table slokeep_migrations that it was run, so that OpenLog finds nothing left to do, whoever ran it.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	return sub
}

// migration is one file.
type migration struct {
	name   string
	number int
	script string
}

// plan reads the migrations of one part, by number, which go on from 1 without a gap.
func plan(files fs.FS, part string) ([]migration, error) {
	names, err := fs.Glob(files, part+"_*.sql")
	if err != nil {
		return nil, err
	}
	var ms []migration
	for i, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, part+"_"), "_")
		number, err := strconv.Atoi(digits)
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("migration %s: want number %d", name, i+1)
		}
		script, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		ms = append(ms, migration{name, number, string(script)})
	}
	return ms, nil
}

// migrate applies what the database does not have yet of one part. Any number of processes may do so at once: each file is
// one transaction, and only its holder of the write lock sees that it is missing.
func (l *Log) migrate(ctx context.Context, files fs.FS, part string) error {
	ms, err := plan(files, part)
	if err != nil {
		return failed("migrations", err)
	}
	for {
		// Looked at without the write lock first: mostly there is nothing to do, and a busy writer need not be waited for.
		at, err := l.migrated(ctx, l.readers, part)
		if err != nil {
			return err
		}
		if at > len(ms) {
			return fmt.Errorf("%w: %s migration %d: this program knows up to %d", ErrNewer, part, at, len(ms))
		}
		if at == len(ms) {
			return nil
		}
		if err := l.apply(ctx, ms[at], part); err != nil {
			return err
		}
	}
}

// apply runs one migration, unless somebody else has meanwhile.
func (l *Log) apply(ctx context.Context, m migration, part string) error {
	return l.write(ctx, false, func(tx *transaction) error {
		at, err := l.migrated(ctx, tx.tx, part)
		if err != nil || at >= m.number {
			return err
		}
		_, err = tx.tx.ExecContext(context.WithoutCancel(ctx), m.script)
		return failed("migration "+m.name, err)
	})
}

// migrated returns the number of the newest migration of a part that was run, 0 for none.
func (l *Log) migrated(ctx context.Context, q Querier, part string) (number int, err error) {
	err = l.patiently(ctx, func() error {
		var tables int
		const exists = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'slokeep_migrations'`
		if err := q.QueryRowContext(ctx, exists).Scan(&tables); err != nil || tables == 0 {
			return err
		}
		const newest = `SELECT coalesce(max(number), 0) FROM slokeep_migrations WHERE part = ?`
		return q.QueryRowContext(ctx, newest, part).Scan(&number)
	})
	return number, failed("schema version", err)
}
