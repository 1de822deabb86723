package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/slokeep/slokeep/entity"
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

// How long names may be, in bytes; see package storage.
const (
	maxKind = 32
	maxID   = 256
	maxSub  = 1024
)

// checkKeys refuses what SQLite, or the JSON in which lists get there, would not give back as it was.
func checkKeys(what string, keys ...string) error {
	for _, key := range keys {
		if strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key) {
			return invalid(what, key, "valid UTF-8 without NUL")
		}
	}
	return nil
}

// checkText refuses what is not as long as package storage says, too.
func checkText(what, text string, least, most int) error {
	switch {
	case len(text) > most:
		return invalid(what, text, fmt.Sprintf("at most %d bytes, not %d", most, len(text)))
	case len(text) < least:
		return invalid(what, text, "one that is not empty")
	}
	return checkKeys(what, text)
}

// checkIDs holds for the IDs of systems and entities.
func checkIDs(what string, ids ...string) error {
	for _, id := range ids {
		if err := checkText(what, id, 1, maxID); err != nil {
			return err
		}
	}
	return nil
}

// checkNames holds for leases and their holders: a key that is not blank.
func checkNames(what string, names ...string) error {
	for _, name := range names {
		if strings.TrimSpace(name) == "" {
			return invalid(what, name, "a name that is not blank")
		}
	}
	return checkKeys(what, names...)
}

// invalid says of what it has shown to be wrong what it should be.
func invalid(what, value, want string) error {
	return fmt.Errorf("sqlite: %w: %s %.64q: want %s", entity.ErrInvalid, what, value, want)
}
