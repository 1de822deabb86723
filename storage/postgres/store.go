package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// Store is a storage.Store in one schema of a PostgreSQL database: a Log, and beside it facts, versions, records, and the
// histories that the engine works out, in the same transactions. It is safe for concurrent use. Open makes one on a pool of
// the host's. It has nothing to close.
type Store struct{ *Log }

// StoreDB is a Store on a pool of package database/sql: all but its Querier is the same.
type StoreDB struct{ *Store }

var (
	_ storage.Store        = (*Store)(nil)
	_ storage.HistoryCache = (*Store)(nil)
	_ entity.Bus           = (*Store)(nil)
	_ storage.Store        = (*StoreDB)(nil)
	_ storage.HistoryCache = (*StoreDB)(nil)
	_ entity.Bus           = (*StoreDB)(nil)
)

// Open opens all that slokeep's engine needs in a schema of the pool's database, and makes its tables or brings them up to
// date; a schema that OpenLog has made gets the others. ctx is for the opening alone. Errors are those of OpenLog.
func Open(ctx context.Context, pool *pgxpool.Pool, opts *Options) (*Store, error) {
	if pool == nil {
		return nil, fmt.Errorf("postgres: %w: pool nil: want one", entity.ErrInvalid)
	}
	return openStore(ctx, pgxDoor{pool}, opts)
}

// OpenDB is Open for a pool of package database/sql, whose driver must be pgx; see OpenLogDB.
func OpenDB(ctx context.Context, db *sql.DB, opts *Options) (*StoreDB, error) {
	if db == nil {
		return nil, fmt.Errorf("postgres: %w: db nil: want one", entity.ErrInvalid)
	}
	s, err := openStore(ctx, sqlDoor{db}, opts)
	if err != nil {
		return nil, err
	}
	return &StoreDB{s}, nil
}

func openStore(ctx context.Context, d door, opts *Options) (*Store, error) {
	l, err := open(ctx, d, opts, "entity", "store")
	if err != nil {
		return nil, err
	}
	return &Store{l}, nil
}

// Querier returns the transaction of ctx, or where ctx has none the pool, as [Log.Querier] does, for package database/sql.
func (s *StoreDB) Querier(ctx context.Context) QuerierDB {
	return querierDB{querier{s.Log, s.transaction(ctx)}}
}

// rowsAtOnce is how many rows one statement writes at most.
const rowsAtOnce = 2000
