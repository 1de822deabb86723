package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	driver "modernc.org/sqlite"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

var errBoom = errors.New("boom")

func TestHostWritesInTheSameTransaction(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	notes(t, log)
	both := func(end error) error {
		return log.InTx(t.Context(), func(ctx context.Context) error {
			if err := errors.Join(publish(ctx, log, "paid", "a"), note(ctx, log, "one")); err != nil {
				return err
			}
			if n := count(t, ctx, log); n != 1 {
				t.Errorf("in the transaction there are %d notes, want 1", n)
			}
			if n := count(t, t.Context(), log); n != 0 {
				t.Errorf("beside the transaction there are %d notes, want 0", n)
			}
			return end
		})
	}
	if err := both(errBoom); !errors.Is(err, errBoom) {
		t.Fatalf("InTx: %v, want %v", err, errBoom)
	}
	if n, name := count(t, t.Context(), log), nameOf(t, t.Context(), log, "a"); n != 0 || name != "" {
		t.Errorf("after a rollback there are %d notes, and the order %q", n, name)
	}
	if err := both(nil); err != nil {
		t.Fatalf("InTx: %v", err)
	}
	if n, name := count(t, t.Context(), log), nameOf(t, t.Context(), log, "a"); n != 1 || name != "paid" {
		t.Errorf("after the commit there are %d notes, and the order %q", n, name)
	}
}

func TestTransactionIsRolledBack(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(ctx context.Context, cancel func()) error
		want error // nil: any
	}{
		{"when its function fails", func(context.Context, func()) error { return errBoom }, errBoom},
		{"when its function panics", func(context.Context, func()) error { panic(errBoom) }, nil},
		{"when its function ends its goroutine", func(context.Context, func()) error { runtime.Goexit(); return nil }, nil},
		{"when its ctx has ended", func(_ context.Context, cancel func()) error { cancel(); return nil }, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := openLog(t, newFile(t), nil)
			notes(t, log)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := errors.New("InTx did not return")
			after := false
			var over context.Context
			var wg sync.WaitGroup
			wg.Go(func() {
				defer func() { _ = recover() }()
				err = log.InTx(ctx, func(ctx context.Context) error {
					over = ctx
					log.AfterCommit(ctx, func(context.Context) { after = true })
					if err := errors.Join(note(ctx, log, "one"), publish(ctx, log, "paid", "a")); err != nil {
						return err
					}
					return c.end(ctx, cancel)
				})
			})
			wg.Wait()
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("InTx: %v, want %v", err, c.want)
			}
			if n, name := count(t, t.Context(), log), nameOf(t, t.Context(), log, "a"); n != 0 || name != "" || after {
				t.Errorf("%d notes, the order %q, AfterCommit %v: want nothing", n, name, after)
			}
			if err := log.InTx(over, func(context.Context) error { return nil }); !errors.Is(err, entity.ErrClosed) {
				t.Errorf("InTx with the ctx of a transaction that is over: %v, want ErrClosed", err)
			}
			if err := write(t.Context(), log, "a", "again"); err != nil {
				t.Errorf("the next transaction: %v", err)
			}
		})
	}
}

func TestInnerErrorDoomsTheWhole(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	notes(t, log)
	for _, inner := range []func(context.Context) error{
		func(context.Context) error { return errBoom },
		func(context.Context) error { panic(errBoom) },
	} {
		err := log.InTx(t.Context(), func(ctx context.Context) error {
			func() {
				defer func() { _ = recover() }()
				_ = log.InTx(ctx, inner)
			}()
			return note(ctx, log, "one")
		})
		if err == nil {
			t.Errorf("InTx returned nil, though an inner one failed")
		}
	}
	if n := count(t, t.Context(), log); n != 0 {
		t.Errorf("there are %d notes, want 0", n)
	}
}

func TestFailedStatementLeavesTheTransaction(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	notes(t, log)
	err := log.InTx(t.Context(), func(ctx context.Context) error {
		if err := note(ctx, log, "one"); err != nil {
			return err
		}
		if err := note(ctx, log, "one"); err == nil {
			t.Error("a second row of one key was written")
		}
		return note(ctx, log, "two")
	})
	if n := count(t, t.Context(), log); err != nil || n != 2 {
		t.Errorf("InTx: %v, and there are %d notes, want 2", err, n)
	}
}

// A host's statement must neither end the transaction nor undo what the library has written in it, which would not notice.
func TestStatementsThatAreInTxsAffairAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(ctx context.Context, log *sqlite.Log) error
		says string // "": it commits
	}{
		"COMMIT":   {func(ctx context.Context, log *sqlite.Log) error { return runOn(ctx, log, `COMMIT`) }, "InTx's affair"},
		"ROLLBACK": {func(ctx context.Context, log *sqlite.Log) error { return runOn(ctx, log, `ROLLBACK; BEGIN`) }, "InTx's affair"},
		"its own statements may be undone": {func(ctx context.Context, log *sqlite.Log) error {
			return errors.Join(publish(ctx, log, "paid", "a"), runOn(ctx, log, `SAVEPOINT s`), note(ctx, log, "two"), runOn(ctx, log, `ROLLBACK TO s`))
		}, ""},
		"the library's may not": {func(ctx context.Context, log *sqlite.Log) error {
			return errors.Join(runOn(ctx, log, `SAVEPOINT s`), publish(ctx, log, "paid", "a"), runOn(ctx, log, `ROLLBACK TO s`))
		}, "would undo"},
	} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, newFile(t), nil)
			notes(t, log)
			err := log.InTx(t.Context(), func(ctx context.Context) error {
				if err := note(ctx, log, "one"); err != nil {
					return err
				}
				if err := c.do(ctx, log); (err == nil) != (c.says == "") {
					t.Errorf("the statement: %v", err)
				}
				return nil // the refusal alone does not let it commit
			})
			notes, name := 1, "paid"
			if c.says != "" {
				notes, name = 0, ""
				if !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("InTx: %v, want ErrInvalid that says %q", err, c.says)
				}
			} else if err != nil {
				t.Errorf("InTx: %v", err)
			}
			if n, got := count(t, t.Context(), log), nameOf(t, t.Context(), log, "a"); n != notes || got != name {
				t.Errorf("%d notes, the order %q: want %d, %q", n, got, notes, name)
			}
		})
	}
}

func runOn(ctx context.Context, log *sqlite.Log, statement string) error {
	_, err := log.Querier(ctx).ExecContext(ctx, statement)
	return err
}

// When SQLite rolls back by itself, what a careless function writes next would commit at once.
func TestNothingCommitsAfterARollbackOfTheDatabase(t *testing.T) {
	for name, spoil := range map[string]string{
		"by ROLLBACK":           `SELECT 1; ROLLBACK`,
		"by COMMIT":             `SELECT 1; COMMIT`,
		"by a script":           `SELECT 1; ROLLBACK; INSERT INTO notes (note) VALUES ('script')`,
		"by a conflict clause":  `INSERT OR ROLLBACK INTO notes (note) VALUES ('one')`,
		"by a ctx that expires": `INSERT INTO notes (note) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n`,
	} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t, newFile(t), nil)
			notes(t, log)
			err := log.InTx(t.Context(), func(ctx context.Context) error {
				if err := note(ctx, log, "one"); err != nil {
					return err
				}
				brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
				if _, err := log.Querier(ctx).ExecContext(brief, spoil); err == nil && !strings.Contains(spoil, "; ROLLBACK") {
					t.Errorf("%s: no error", spoil)
				}
				if err := note(ctx, log, "two"); err == nil {
					t.Error("a statement ran after the rollback")
				}
				if err := log.Querier(ctx).QueryRowContext(ctx, `SELECT 1`).Scan(new(int)); err == nil {
					t.Error("a question was answered after the rollback")
				}
				if err := publish(ctx, log, "paid", "a"); err == nil {
					t.Error("an Append ran after the rollback")
				}
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), "rolled") {
				t.Errorf("InTx: %v, want that it was rolled back", err)
			}
			if n := count(t, t.Context(), log); n != 0 {
				t.Errorf("%d notes were committed", n)
			}
			if err := write(t.Context(), log, "a", "paid"); err != nil {
				t.Errorf("the next transaction: %v", err)
			}
		})
	}
}

func TestFullDiskIsAnError(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	if err := write(t.Context(), log, "a", "paid"); err != nil {
		t.Fatal(err)
	}
	err := log.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := log.Querier(ctx).ExecContext(ctx, `PRAGMA max_page_count = 1`); err != nil { // as many as there are
			return err
		}
		for i := range 1000 {
			if err := publish(ctx, log, strings.Repeat("long", 1000), fmt.Sprint(i)); err != nil {
				t.Logf("it says: %v", err)
				return nil // carelessly
			}
		}
		t.Error("the disk is full, and nothing fails")
		return nil
	})
	if full, ok := errors.AsType[*driver.Error](err); !ok || full.Code() != 13 || !errors.Is(err, sqlite.ErrDiskFull) { // SQLITE_FULL
		t.Errorf("InTx: %v, want ErrDiskFull and the driver's error", err)
	}
	if changes := feed(t, log); len(changes) != 1 {
		t.Errorf("%d changes, want 1", len(changes))
	}
	if _, err := log.Querier(t.Context()).ExecContext(t.Context(), `PRAGMA max_page_count = 100000`); err != nil {
		t.Error(err)
	}
	if err := write(t.Context(), log, "b", "paid"); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}

func TestOpenRowsDoNotOutliveTheTransaction(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	notes(t, log)
	for range 3 {
		err := log.InTx(t.Context(), func(ctx context.Context) error {
			_, err := log.Querier(ctx).QueryContext(ctx, `SELECT name FROM sqlite_schema`)
			return errors.Join(err, publish(ctx, log, "paid", "a"))
		})
		if err != nil {
			t.Fatalf("InTx: %v", err)
		}
	}
}

func TestWaitingForTheWriterEndsWithTheContext(t *testing.T) {
	path := newFile(t)
	log, other := openLog(t, path, nil), openLog(t, path, nil)
	for name, waiter := range map[string]func(context.Context) error{
		"of this process":    func(ctx context.Context) error { return write(ctx, log, "a", "paid") },
		"of another process": func(ctx context.Context) error { return write(ctx, other, "a", "paid") },
	} {
		t.Run(name, func(t *testing.T) {
			err := log.InTx(t.Context(), func(context.Context) error {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
				defer cancel()
				begun := time.Now()
				if err := waiter(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a waiter got %v, want its ctx's error", err)
				}
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("a waiter came back after %v", took)
				}
				return nil
			})
			if err != nil {
				t.Errorf("InTx: %v", err)
			}
		})
	}
}

func TestWritersAreServedInTheirOrder(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	var order []int
	var wg sync.WaitGroup
	err := log.InTx(t.Context(), func(context.Context) error {
		for i := range 8 {
			wg.Go(func() {
				err := log.InTx(t.Context(), func(context.Context) error { order = append(order, i); return nil })
				if err != nil {
					t.Errorf("InTx: %v", err)
				}
			})
			time.Sleep(5 * time.Millisecond) // until it waits
		}
		return nil
	})
	wg.Wait()
	if err != nil || len(order) != 8 || !slices.IsSorted(order) {
		t.Errorf("InTx: %v; served %v", err, order)
	}
}

func TestAfterCommitMayWrite(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	err := log.InTx(ctx, func(inner context.Context) error {
		log.AfterCommit(inner, func(after context.Context) {
			cancel()
			if after.Err() != nil || after.Value(key{}) != "value" {
				t.Errorf("AfterCommit's ctx: %v, %v", after.Err(), after.Value(key{}))
			}
			if err := write(after, log, "b", "told"); err != nil {
				t.Errorf("a write after the commit: %v", err)
			}
		})
		return publish(inner, log, "paid", "a")
	})
	if name := nameOf(t, t.Context(), log, "b"); err != nil || name != "told" {
		t.Errorf("InTx: %v; b is %q", err, name)
	}
}

func TestOneTransactionServesManyGoroutines(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	notes(t, log)
	err := log.InTx(t.Context(), func(ctx context.Context) error {
		var wg sync.WaitGroup
		for _, id := range []string{"a", "b", "c", "d"} {
			wg.Go(func() {
				for range 20 {
					if err := publish(ctx, log, "paid", id); err != nil {
						t.Errorf("publish: %v", err)
					}
					count(t, ctx, log)
				}
			})
		}
		wg.Wait()
		return nil
	})
	if changes := feed(t, log); err != nil || len(changes) != 80 {
		t.Errorf("InTx: %v; %d changes, want 80", err, len(changes))
	}
}
