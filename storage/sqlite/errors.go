package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// What can be wrong with a file, beside what package storage has names for. They are matched with errors.Is; in an error of
// a method of Log or Store they come with the driver's.
var (
	// ErrNewer says that a database was migrated by a newer version of this package, which this one might do harm to.
	// Nothing was changed. Use that version, or a copy of the file from before.
	ErrNewer = errors.New("the database is newer than this program")

	// ErrForeign says that a database has a table, an index or a view of a name that this package needs, which it did not
	// make. Nothing was changed. Use another file, or rename what is in the way.
	ErrForeign = errors.New("the database has something of another program's in the way")

	// ErrReadOnly says that a file cannot be written to. This process must be allowed to write to it, to the files beside it
	// whose names begin with its own, and to their directory.
	ErrReadOnly = errors.New("read-only: want leave to write to the file and to its directory")

	// ErrDiskFull says that a disk, or a limit that the file has, is full. What was not committed is gone, and nothing else:
	// once there is room, all goes on.
	ErrDiskFull = errors.New("the disk is full")
)

// errRolledBack says why the statements of a transaction are refused that the database has rolled back by itself.
var errRolledBack = errors.New("sqlite: the database has rolled the transaction back")

// failed wraps an error with what failed. The errors of contexts are returned as they are.
func failed(what string, err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sql.ErrTxDone):
		return fmt.Errorf("sqlite: %s: %w: the transaction is over", what, entity.ErrClosed)
	}
	return fmt.Errorf("sqlite: %s: %w", what, named(err))
}

// named adds the name that this package has for an error of SQLite's, if it has one.
func named(err error) error {
	var name error
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		name = ErrDiskFull
	case sqlite3.SQLITE_READONLY:
		name = ErrReadOnly
	}
	if name == nil || errors.Is(err, name) {
		return err
	}
	return fmt.Errorf("%w: %w", name, err)
}

// code returns SQLite's primary result code of an error, 0 where it has none.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// busy reports whether an error only says that another process is in the way.
func busy(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_PROTOCOL
}

// check refuses keys that would not come back as they were.
const check = sqlstore.Check("sqlite")
