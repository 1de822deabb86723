package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// Options are for Open, OpenDB, OpenLog and OpenLogDB; nil means the defaults.
type Options struct {
	// Schema is where the tables are: it is made if it is not there, and best has nothing else in it. It is used as it is
	// written, capitals too: 1 to 63 bytes of UTF-8 that do not begin with pg_, and are not $user. "": slokeep.
	Schema string
}

// Log is an entity.Log, and an entity.Bus, in one schema of a PostgreSQL database, which any number of processes may share.
// It is safe for concurrent use. OpenLog makes one on a pool of the host's. It has nothing to close: when the host has
// closed the pool, errors match entity.ErrClosed.
type Log struct {
	door   door
	schema string
	texts  [len(statementTexts)]string
	waker  waker
}

var (
	_ entity.Log = (*Log)(nil)
	_ entity.Bus = (*Log)(nil)
)

// LogDB is a Log on a pool of package database/sql: all but its Querier is the same.
type LogDB struct{ *Log }

// OpenLog opens what package entity needs in a schema of the pool's database, and makes its tables or brings them up to
// date. ctx is for the opening alone, which takes half a minute at most.
//
// Errors match ErrUnavailable where no server answers, ErrDenied where it refuses (a wrong password, no database of that
// name, no right to create a schema or tables), ErrNewer where a newer program has migrated the schema, ErrForeign where
// another program's tables are in the way, and entity.ErrInvalid where opts are wrong, the server is older than PostgreSQL
// 13, or the database has another encoding than UTF8.
func OpenLog(ctx context.Context, pool *pgxpool.Pool, opts *Options) (*Log, error) {
	if pool == nil {
		return nil, fmt.Errorf("postgres: %w: pool nil: want one", entity.ErrInvalid)
	}
	return open(ctx, pgxDoor{pool}, opts, "entity")
}

// OpenLogDB is OpenLog for a pool of package database/sql, whose driver must be pgx: one that was opened with the name pgx
// after github.com/jackc/pgx/v5/stdlib was imported, or by that package. Of any other, errors match entity.ErrInvalid.
func OpenLogDB(ctx context.Context, db *sql.DB, opts *Options) (*LogDB, error) {
	if db == nil {
		return nil, fmt.Errorf("postgres: %w: db nil: want one", entity.ErrInvalid)
	}
	l, err := open(ctx, sqlDoor{db}, opts, "entity")
	if err != nil {
		return nil, err
	}
	return &LogDB{l}, nil
}

// openWait bounds an opening, for a server that takes a connection and never answers.
const openWait = 30 * time.Second

// open opens those parts of a schema.
func open(ctx context.Context, d door, opts *Options, parts ...string) (*Log, error) {
	l := &Log{door: d, schema: "slokeep"}
	if opts != nil && opts.Schema != "" {
		l.schema = opts.Schema
	}
	if err := checkSchema(l.schema); err != nil {
		return nil, err
	}
	l.texts = textsFor(l.schema)
	bounded, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	err := l.prepare(bounded, parts)
	if errors.Is(err, context.DeadlineExceeded) && !ended(ctx) {
		err = fmt.Errorf("postgres: %w: no answer within %v", ErrUnavailable, openWait)
	}
	if err != nil {
		return nil, fmt.Errorf("open schema %q: %w", l.schema, err)
	}
	return l, nil
}

func checkSchema(schema string) error {
	const longest = 63
	if err := check.Keys("Options.Schema", schema); err != nil {
		return err
	}
	if len(schema) > longest {
		return fmt.Errorf("postgres: %w: Options.Schema %q: want at most %d bytes, not %d", entity.ErrInvalid, schema, longest, len(schema))
	}
	if strings.HasPrefix(schema, "pg_") || schema == "$user" { // which a search_path takes for the user's name
		return fmt.Errorf("postgres: %w: Options.Schema %q: want one that is not $user and does not begin with pg_", entity.ErrInvalid, schema)
	}
	return nil
}

const oldest = 130000 // PostgreSQL 13

// prepare looks at the server, and migrates the parts.
func (l *Log) prepare(ctx context.Context, parts []string) error {
	conn, err := l.door.acquire(ctx)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer conn.release()
	var version int
	var encoding string
	const server = `SELECT current_setting('server_version_num')::integer, current_setting('server_encoding')`
	if err := conn.QueryRow(ctx, server).Scan(&version, &encoding); err != nil {
		return failed("look at the server", err)
	}
	switch {
	case version < oldest:
		return fmt.Errorf("postgres: %w: server version %d: want PostgreSQL 13 or newer", entity.ErrInvalid, version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("postgres: %w: encoding %q of the database: want UTF8", entity.ErrInvalid, encoding)
	}
	for _, part := range parts {
		if err := l.migrate(ctx, conn.Conn, part); err != nil {
			return err
		}
	}
	return nil
}

// Shared reports true: other processes may use the schema.
func (l *Log) Shared() bool { return true }

// check refuses keys that would not come back as they were.
const check = sqlstore.Check("postgres")

// identifier is the schema as statements name it.
func (l *Log) identifier() string { return pgx.Identifier{l.schema}.Sanitize() }
