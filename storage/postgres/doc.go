// Package postgres keeps what slokeep has to keep in a PostgreSQL database, 13 or newer, which any number of processes
// share: a [storage.Store] for an engine, or with OpenLog the part of package entity alone, an [entity.Log]. It is the
// [entity.Bus] of these processes, too. The host's own tables may be in the same database, and are written in the same
// transactions:
//
//	store, err := postgres.Open(ctx, pool, nil) // a *pgxpool.Pool of the host's
//	if err != nil {
//		return err
//	}
//	err = store.InTx(ctx, func(ctx context.Context) error {
//		_, err := store.Querier(ctx).Exec(ctx, `UPDATE orders SET paid = true WHERE id = $1`, id)
//		return err
//	})
//
// There are two doors, which lead to the same: Open and OpenLog take a pool of pgx, OpenDB and OpenLogDB one of package
// database/sql whose driver is pgx. They differ in the Querier, which has the methods that the host knows from its pool.
//
// # Schema and rights
//
// The tables are in a schema of their own, slokeep unless [Options] name another: several Stores in several schemas of one
// database do not know of each other. Opening makes the schema and its tables, for which the user of the pool needs the
// right to create; each numbered migration is one transaction, under a lock, so that many processes may open at once. Who
// wants to give no such right runs the files of [Migrations] with a tool of its own, or opens once as another user. Then
//
//	GRANT USAGE ON SCHEMA slokeep TO app;
//	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA slokeep TO app;
//
// is all that is needed. Opening looks first, and changes nothing where there is nothing to do.
//
// # What holds
//
//  1. A transaction is seen whole or not at all. When it has committed it survives what the server's synchronous_commit
//     says; with the server's defaults a loss of power, too.
//  2. Transactions are READ COMMITTED, whatever the defaults of the database are, and run at once. They wait for each other
//     where they lock, or write, the same rows. Locks are rows, not advisory locks, of which a server has room for few.
//  3. Who waited for a lock sees what its holder committed. When the server finds a circle of waits, after its
//     deadlock_timeout, one of them fails with [entity.ErrConflict].
//  4. Reading waits for nobody. A listing reads a page at a time, and has no connection while the body of the loop runs, so
//     that its pages may be of different instants; that of the Versions is always of one.
//  5. Nothing is committed but by InTx, and by what is called outside of one, which is a transaction of its own. A COMMIT of
//     the host's is refused, and one that hides behind another statement in one text is found out and named, though what it
//     has committed stays.
//  6. A call that says ErrUnavailable has changed nothing. One that says ErrInDoubt has changed all or nothing.
//  7. A schema that a newer version of this package has migrated is refused and left alone, and so are another program's
//     tables.
//
// Statements without a result are queued and sent with the next one that has a result, or with the commit: a lock is one
// round trip, the commit and all that was written since are another. An error of such a write, which only the database can
// have, comes from there. Lists of keys are bound as arrays, and looked up by an index for each key.
//
// Changes get their Positions from Relay, after they have committed, so that a transaction which began first and commits
// last is seen by everybody. Leases run on the server's clock.
//
// # Waking
//
// Wake sends a NOTIFY on the channel that is called like the schema, outside of the transaction that it tells of, and does
// not wait for it. Listen has a connection of its own beside the pool, one for each call: the pool of pgx gives one away,
// and makes another when it needs one; package database/sql gives none away, so that one is made as those of the pool are.
// A notification that is lost, or that a pooler in between does not pass on, costs the time until the next poll and
// nothing else.
//
// # Concurrency
//
// A [Log] or [Store] is safe for concurrent use. Each transaction has a connection from the first line of its function to
// the last, and each other call one for its duration; a pool of one connection is enough for everything to work. The
// function of a transaction must use its own ctx, for with another one a call in it takes another connection, and waits for
// itself where there is none. A ctx that ends interrupts whatever waits, but no commit of InTx, which is given a minute; the
// error of a write outside of a transaction that it interrupts matches ErrInDoubt, too.
//
// # Errors
//
// What a comment names matches the sentinels of package entity and those of this package, which say what to do. What
// PostgreSQL says comes wrapped: [errors.As] finds the *pgconn.PgError with its code. Where the host has set a
// statement_timeout or lock_timeout, what it ends is an ErrConflict. The errors of the host's own statements are pgx's own.
//
// # What a host must know
//
// In a transaction rows are read to their end, or closed, before the next statement, the library's included, and by one
// goroutine: the methods of a Store may be called by several at once, but not while one of them reads rows. Savepoints are
// for the host's own statements: to roll back what the library has written since, or locked, is refused.
//
// After ErrInDoubt look before you repeat what may be done once only.
//
// The table entity_outbox is written and emptied all the time, so that it is vacuumed often; a transaction that somewhere in
// the database stays open for hours keeps vacuum from it, and makes Relay slow.
//
// All modes of pgx for queries do. A pooler that gives a connection away after each transaction may be in between, where it
// knows prepared statements, or the pool's mode is one that needs none (pgx.QueryExecModeExec). Listen cannot go through it:
// then processes poll.
//
// # What it does not do
//
// It retries nothing, makes no pool and closes none, and sets nothing on the host's connections. It deletes nothing by age,
// which is the affair of who holds the leases for it. It does not write to a standby, where errors match ErrDenied.
package postgres
