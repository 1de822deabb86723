package sqlite

import (
	"context"

	"github.com/slokeep/slokeep/storage"
)

// Store is a storage.Store in one SQLite file, which several processes of one machine may share: a Log, and beside it in
// the same transactions facts, versions and records. It is a storage.HistoryCache, too. It is safe for concurrent use. Make
// one per file and process, with Open, and Close it in the end.
//
// IDs and names that are longer than package storage says, no valid UTF-8 or with a NUL match storage.ErrInvalid, and
// nothing of the call is written.
type Store struct {
	*Log
}

var (
	_ storage.Store        = (*Store)(nil)
	_ storage.HistoryCache = (*Store)(nil)
)

// Open opens the file at path for package slo/engine, or for whatever else needs a Store. It is OpenLog, whose files it
// takes as well: what they lack is added to them.
func Open(ctx context.Context, path string, opts *Options) (*Store, error) {
	l, err := open(ctx, path, opts, statement(len(statementTexts)), "entity", "store")
	if err != nil {
		return nil, err
	}
	return &Store{l}, nil
}
