package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/slokeep/slokeep/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the files that make and alter the tables of this package, for a host that runs them with a tool of
// its own. They are to be run in the order of their names, entity_0001_log.sql and so on, each in a transaction; those of
// the part entity are for OpenLog, and Open needs those of the part store as well. Each writes down in the table
// slokeep_migrations that it was run, so that nothing is left to do when the file is opened, whoever ran it.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	return sub
}

// migrate applies what the database does not have yet of one part. Any number of processes may do so at once: each file is
// one transaction, and only its holder of the write lock sees that it is missing.
func (l *Log) migrate(ctx context.Context, part string) error {
	for {
		// Looked at without the write lock first: mostly there is nothing to do, and a busy writer need not be waited for.
		missing, err := l.missing(ctx, part)
		if err != nil || len(missing) == 0 {
			return err
		}
		if err := l.apply(ctx, missing[0], part); err != nil {
			return err
		}
	}
}

// missing returns the migrations of a part that are still to be run, and refuses a database for which there are none.
func (l *Log) missing(ctx context.Context, part string) (ms []sqlstore.Migration, err error) {
	all, err := sqlstore.Plan(Migrations(), part)
	if err != nil {
		return nil, failed("migrations", err)
	}
	err = l.patiently(ctx, func() error {
		tx, err := l.readers.BeginTx(ctx, nil) // so that what another process migrates meanwhile is not in the way
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		at, err := migrated(ctx, tx, part)
		if err != nil {
			return err
		}
		if at > len(all) {
			return fmt.Errorf("%w: %s migration %d: this program knows up to %d", ErrNewer, part, at, len(all))
		}
		ms = all[at:]
		for i := range ms {
			if err := checkRoom(ctx, tx, ms[i].Script); err != nil {
				return err
			}
		}
		return nil
	})
	return ms, failed("look for migrations", err)
}

// apply runs one migration, unless somebody else has meanwhile.
func (l *Log) apply(ctx context.Context, m sqlstore.Migration, part string) error {
	return l.write(ctx, false, func(tx *transaction) error {
		at, err := migrated(ctx, tx.tx, part)
		if err != nil || at >= m.Number {
			return failed("migration "+m.Name, err)
		}
		_, err = tx.tx.ExecContext(context.WithoutCancel(ctx), m.Script)
		return failed("migration "+m.Name, err)
	})
}

var creates = regexp.MustCompile(`(?m)^CREATE (?:UNIQUE )?(?:TABLE|INDEX) (\w+)`)

// checkRoom finds what has a name that a migration needs.
func checkRoom(ctx context.Context, q Querier, script string) error {
	var names []string
	for _, match := range creates.FindAllStringSubmatch(script, -1) {
		names = append(names, match[1])
	}
	list, err := jsonList(names)
	if err != nil {
		return err
	}
	const taken = `
		SELECT type, name FROM sqlite_schema WHERE name COLLATE NOCASE IN (SELECT value FROM json_each(?)) ORDER BY name LIMIT 1`
	var what, name string
	err = q.QueryRowContext(ctx, taken, list).Scan(&what, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return cmp.Or(err, fmt.Errorf("%w: %s %s: want another file, or another name for it", ErrForeign, what, name))
}

// migrated returns the number of the newest migration of a part that was run, 0 for none.
func migrated(ctx context.Context, q Querier, part string) (number int, err error) {
	var columns int // a table of that name but without them is another program's, and in the way
	const ours = `SELECT count(*) FROM pragma_table_info('slokeep_migrations') WHERE name IN ('part', 'number')`
	if err := q.QueryRowContext(ctx, ours).Scan(&columns); err != nil || columns < 2 {
		return 0, err
	}
	const newest = `SELECT coalesce(max(number), 0) FROM slokeep_migrations WHERE part = ?`
	err = q.QueryRowContext(ctx, newest, part).Scan(&number)
	return number, err
}
