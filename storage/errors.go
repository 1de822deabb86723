package storage

import "github.com/slokeep/slokeep/entity"

// Sentinels of Stores, matched with [errors.Is]. They are those of package entity, since a Store is an [entity.Log] too.
var (
	// ErrInvalid says that a Store was called against its contract: a lock outside of a transaction, a key that is too long
	// for it. Nothing was changed.
	ErrInvalid = entity.ErrInvalid

	// ErrConflict says that the database gave a transaction up for the sake of another. The whole may be tried again.
	ErrConflict = entity.ErrConflict

	// ErrClosed says that a Store is closed, or that a transaction was used after its end.
	ErrClosed = entity.ErrClosed

	// ErrNotFound says that there is no such thing. Stores themselves do not return it, since to have nothing is no error
	// of theirs; who looks for one thing does.
	ErrNotFound = entity.ErrNotFound
)
