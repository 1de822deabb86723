// Package storage is the contract between slokeep and a database: [Store], and what every adapter keeps to. Take one that
// is there (storage/memory, storage/sqlite, storage/postgres), or write your own: beside [entity.Log] the interface is a
// dozen methods. What follows is for who writes one, and for who wants to know what to rely on.
//
// # What a Store is used for
//
//	func record(ctx context.Context, s storage.Store, f storage.Fact) error {
//		return s.InTx(ctx, func(ctx context.Context) error {
//			if _, err := s.Lock(ctx, "source", []string{f.Source}); err != nil { // others wait here
//				return err
//			}
//			added, err := s.PutFacts(ctx, []storage.Fact{f})
//			if err != nil || !added[0] {
//				return err
//			}
//			keys := make([]storage.VersionKey, len(f.Systems))
//			for i, system := range f.Systems {
//				keys[i] = storage.VersionKey{Kind: "history", ID: system}
//			}
//			_, err = s.Bump(ctx, keys)
//			return err
//		})
//	}
//
// A Store joins nothing and understands nothing. It keeps bytes by key, gives them back in order, and commits. Whatever
// they mean is worked out above it, from all facts that bear on a system, so that no adapter can get that wrong.
//
// # What holds
//
//  1. What one transaction wrote, with the methods of the Store, of the Log and with the host's own statements, becomes
//     visible in one step, or never.
//  2. A transaction sees what it wrote itself in every method, listings too. Nobody else does before the commit.
//  3. A fact is kept once: it is known by its Kind and the SHA-256 of its Data, and stays as it came first.
//  4. A fact with a Source belongs to every system that any fact of its (Kind, Source) names, in whatever order they came. It
//     is never deleted; only its systems can be.
//  5. A version counts each Bump, of transactions that run at once too. Who reads versions first, and rows after them, finds
//     rows that are at least as new.
//  6. Of those who add one record, or put one fact, at once, one is told that it was new.
//  7. Who waited for a lock sees what its holder committed.
//  8. Strings are compared as bytes everywhere: a key equals itself alone, and listings are in the order of UTF-8.
//  9. A listing asks the database when it is taken, each time; it may be left early; the body of its loop may use the Store.
//  10. A ctx that has ended, and one whose transaction is over, get an error, and nothing is changed.
//
// Package storagetest has these and the smaller ones as tests, each with its reason; those of the Log are in package
// entitytest.
//
// # How to write an adapter
//
// Begin with the transaction. InTx puts it into the ctx that it gives to fn, under a key of the Store's own, and every
// method looks there first: one function that returns the transaction of ctx, or else the pool, is all that reads need.
// A write without a transaction calls InTx itself. InTx with a ctx that has one joins it: it runs fn, and remembers an error
// or a panic, so that the outermost cannot commit. Roll back in a defer, since fn may panic or end its goroutine. Commit,
// give the connection back, and only then run what AfterCommit has queued.
//
// These tables do, with a primary key as named; each column that is compared has the collation of bytes (BINARY in SQLite,
// "C" in PostgreSQL), and Data is a BLOB or bytea, since it is no text:
//
//	facts           kind, hash; number, source, systems, data      an index on (kind, source)
//	fact_systems    system, fact number                            for facts without a source; an index on the number
//	source_systems  system, kind, source                           for all others
//	versions        kind, id; version
//	records         kind, id, sub; data
//	histories       system; version, data                          where the Store is a [HistoryCache], too
//
// Then the methods are statements:
//
//	PutFacts     INSERT ... ON CONFLICT (kind, hash) DO NOTHING RETURNING number; links for what came back, and nothing else
//	FactsOf      the facts of fact_systems, UNION ALL the facts whose (kind, source) is in source_systems; by system
//	DeleteFacts  lock the facts; those that have no other system, then the links of both kinds
//	Bump         INSERT ... VALUES (?, ?, 1) ON CONFLICT (kind, id) DO UPDATE SET version = versions.version + 1 RETURNING version
//	Put, Add     INSERT ... ON CONFLICT (kind, id, sub) DO UPDATE SET data = excluded.data, or DO NOTHING
//	Get, Delete  WHERE kind = ? AND id = ? AND (? = '' OR sub = ?)
//	List         WHERE kind = ? AND (id, sub) > (?, ?) AND (id, sub) < (?, ?) ORDER BY id, sub LIMIT ?
//	PutHistories INSERT ... ON CONFLICT (system) DO UPDATE SET version = excluded.version, data = excluded.data
//	             WHERE histories.version < excluded.version
//
// The last table is a cache, which the engine finds out about with a type assertion: one row of a system, of some 10 bytes
// for each observation, in place of all its facts. It pays where a fact is a row that must be found, sent and decoded. The
// engine writes it in the transactions that it makes anyway, and needs no answer; DeleteFacts deletes from it too.
//
// READ COMMITTED is enough, and more is not better. Whatever is read to decide on it is read under a Lock, whose holder
// before has committed; with a snapshot that is older than the wait for the lock, law 7 does not hold. Everything else that
// races meets in one row, where ON CONFLICT waits for the other transaction. A database that runs one writer at a time has
// all of this for nothing, if its transaction begins with the write lock (BEGIN IMMEDIATE).
//
// Locks are rows: Lock inserts the heads that are missing and selects them FOR UPDATE, in the order of the ids. Callers ask
// in ascending order, and an adapter writes many rows of one call in ascending order of their keys too, so that no two of
// them wait for each other; when they do all the same, the database's deadlock error becomes [ErrConflict].
//
// What adapters get wrong:
//
//   - A limit of bound values, 999 or 65,535: cut long calls into pieces, or bind one array. Versions must still be one
//     statement, or one snapshot.
//   - WHERE id IN () for no keys at all. Return before that.
//   - The order of SELECT ... IN: Versions and Lock answer in the order of the keys.
//   - Rows that stay open while the loop's body runs: read a page, close, yield; then the body can use the connection.
//   - A query that runs when the listing is made instead of when it is taken.
//   - LIKE for a prefix, in which _ and % are wild. A collation that folds or trims. Keys that were joined with a separator.
//   - nil Data, which becomes NULL. Microseconds: store them as integers.
//   - A statement that the end of ctx interrupts in a transaction. Some databases roll back then, and what comes next is in
//     no transaction. Look at ctx before, and run the statement without its end.
//   - A second attempt of InTx. fn has effects that the database does not know of.
//   - Data and Systems that are kept, not copied.
//
// The whole of the test is a call of storagetest.Run with a function that opens an empty Store. Have it fail, and mend what
// the first failing law says; examples/customstore is an adapter that came to be so, on database/sql, and storage/memory
// the one to read for what each method means. A Store that also is an [entity.Bus] wakes other processes by itself.
//
// # Concurrency
//
// A Store is safe for concurrent use, and so is a transaction, by the goroutines of its fn. How many transactions run at
// once is the adapter's affair, and whether readers wait for a commit. A transaction that runs alone must use its own ctx
// for all that it does: with another one it would wait for itself.
//
// # Errors
//
// [ErrInvalid], [ErrConflict] and [ErrClosed] are those of package entity. What a database says comes wrapped, so that its
// own error is still found. There is no error for what is not there: a listing is empty, a version is 0.
//
// # What it does not do
//
// It tells nobody of new rows: that is what the Log's feed is for. It deletes nothing by age. It does not check what it is
// given against the lengths that are written here, which its caller keeps to. It retries nothing.
package storage
