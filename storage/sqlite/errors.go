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

// ErrNewer says that a database was migrated by a newer version of this package, which this one might do harm to. Nothing
// was changed.
var ErrNewer = errors.New("sqlite: the database is newer than this program")

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
	return fmt.Errorf("sqlite: %s: %w", what, err)
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

// checkKeys refuses what SQLite, or the JSON in which lists get there, would not give back as it was.
func checkKeys(what string, keys ...string) error {
	for _, key := range keys {
		if strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key) {
			return fmt.Errorf("sqlite: %w: %s %.64q: want valid UTF-8 without NUL", entity.ErrInvalid, what, key)
		}
	}
	return nil
}

// checkNames holds for leases and their holders: a key that is not blank.
func checkNames(what string, names ...string) error {
	for _, name := range names {
		if strings.TrimSpace(name) == "" {
			return fmt.Errorf("sqlite: %w: %s %q: want a name that is not blank", entity.ErrInvalid, what, name)
		}
	}
	return checkKeys(what, names...)
}
