// Package sqlite keeps what slokeep has to keep in one SQLite file: durable, without a server and without cgo. [Open] gives
// a [Store], which package slo/engine runs on, and [OpenLog] the part of package entity alone. The host's own tables may be
// in the same file, and are written in the same transactions:
//
//	store, err := sqlite.Open(ctx, "shop.db", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	keeper, err := engine.New(store, nil)
//	if err != nil {
//		return err
//	}
//	defer keeper.Close()
//	err = store.InTx(ctx, func(ctx context.Context) error {
//		_, err := store.Querier(ctx).ExecContext(ctx, `UPDATE shops SET closed = 1 WHERE id = ?`, id)
//		if err != nil {
//			return err
//		}
//		return keeper.Observe(ctx, slo.Down(id, time.Now()))
//	})
//
// # What holds
//
//  1. What has committed survives a crash of the process, and a loss of power too, unless [Options] ask for speed instead.
//  2. A transaction is seen whole or not at all, by its own process and by others.
//  3. One transaction writes at a time, in all processes together. Those of one process take turns in the order in which
//     they came; those of different processes wait for each other without any order.
//  4. Nobody ever hears that the database is locked. Who waits, waits until its ctx ends; only a process that keeps others
//     from writing for longer than Options.WriterWait makes them fail, with [entity.ErrConflict].
//  5. Reading outside of a transaction waits for no writer and keeps none waiting. A listing reads a page at a time, and
//     holds nothing while the body of the loop runs, so that its pages may be of different instants.
//  6. Nothing is committed but by InTx: not by a statement of the host's, and not what is left of a transaction that the
//     database gave up, as it may when a ctx interrupts a statement or the disk is full.
//  7. A database that a newer version of this package has migrated, or in which another program's tables have the names of
//     ours, is refused and left alone.
//  8. Strings come back as they were given, in the order of their bytes. What is too long, no valid UTF-8 or has a NUL is
//     refused before anything of the call is written.
//
// Changes get their Positions in the order in which they committed, and Relay, which gives them, moves one number. Leases
// and that number are the only things that a commit does not wait for the disk for: they mean nothing to anybody who is left
// when the machine has lost power.
//
// A fact is one row and two entries of indexes, some 200 bytes with a fact of an observation. What is listed is read in
// portions of bounded size: FactsOf and Get take more systems or keys at a time where each has few rows. The writing
// connection of a process takes up to 32 MB for pages of the file.
//
// # Concurrency
//
// A [Store] and a [Log] are safe for concurrent use, by any number of goroutines and, each with one of its own, processes of
// one machine. The function of a transaction has the write lock from its first line to its last: keep it short, and use its
// own ctx, for with another one a write in it would wait for itself.
//
// # Errors
//
// What a comment of packages entity and storage names matches their sentinels. [ErrDiskFull], [ErrReadOnly], [ErrNewer] and
// [ErrForeign] are what can be wrong with a file. What SQLite says comes wrapped: [errors.As] finds the *sqlite.Error of
// modernc.org/sqlite with its code, such as that of a file that is no database. The errors of the host's own statements are
// SQLite's alone.
//
// # What it does not do
//
// It works on local file systems alone: several machines need a server. It makes no backups; SQLite's VACUUM INTO, on a
// connection of its own, or its online backup do so while the file is in use. It keeps beside the file two more, with -wal
// and -shm at the end of their names, which belong to it. It does not wake other processes: they poll, unless the host has
// an [entity.Bus].
package sqlite
