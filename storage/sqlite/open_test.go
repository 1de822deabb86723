package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

func TestOpenLogRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		path    func(t *testing.T) string
		options *sqlite.Options
		is      error  // nil: any
		says    string // part of the error
	}{
		{name: "an empty path", path: func(*testing.T) string { return "" }, is: entity.ErrInvalid},
		{name: "memory", path: func(*testing.T) string { return ":memory:" }, is: entity.ErrInvalid, says: "storage/memory"},
		{name: "a URI", path: func(t *testing.T) string { return "file:" + newFile(t) }, is: entity.ErrInvalid, says: "plain name"},
		{name: "a NUL", path: func(t *testing.T) string { return newFile(t) + "\x00" }, is: entity.ErrInvalid},
		{name: "a directory", path: func(t *testing.T) string { return t.TempDir() }, is: entity.ErrInvalid,
			says: "want a regular file, not a directory"},
		{name: "a directory that is missing", is: fs.ErrNotExist, says: "directory",
			path: func(t *testing.T) string { return filepath.Join(t.TempDir(), "missing", "log.db") }},
		{name: "a negative wait", path: func(t *testing.T) string { return newFile(t) }, is: entity.ErrInvalid,
			options: &sqlite.Options{WriterWait: -1}, says: "WriterWait"},
		{name: "a file that is no database", says: "not a database",
			path: func(t *testing.T) string { return fileOf(t, strings.Repeat("no database ", 100), 0o600) }},
		{name: "a file that is read-only", is: sqlite.ErrReadOnly, says: "write", path: readOnlyFile},
		{name: "a directory that is read-only", is: sqlite.ErrReadOnly, says: "its directory: " + sqlite.ErrReadOnly.Error() + ": permission denied",
			path: readOnlyDirectory},
		{name: "a log beside the file that is read-only", is: sqlite.ErrReadOnly, says: ": log.db-wal: ", path: readOnlyCompanion("-wal")},
		{name: "an index beside the file that is read-only", is: sqlite.ErrReadOnly, says: ": log.db-shm: ", path: readOnlyCompanion("-shm")},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path(t)
			log, err := sqlite.OpenLog(t.Context(), path, c.options)
			if err == nil {
				_ = log.Close()
				t.Fatal("OpenLog returned nil")
			}
			if c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("OpenLog: %v; want %v, and that it says %q", err, c.is, c.says)
			}
			if strings.Count(err.Error(), "read-only") > 1 {
				t.Errorf("OpenLog: %v; want it to say so once", err)
			}
		})
	}
}

func fileOf(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := newFile(t)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func readOnlyFile(t *testing.T) string { return restricted(t, 0o777, 0o444) }

func readOnlyDirectory(t *testing.T) string { return restricted(t, 0o555, 0o666) }

// restricted makes a file in a directory, both with these modes. To root they mean nothing, so root is somebody else until
// the test ends.
func restricted(t *testing.T, dirMode, mode fs.FileMode) string {
	t.Helper()
	path := publicFile(t)
	must(t, errors.Join(os.WriteFile(path, nil, mode), os.Chmod(path, mode), os.Chmod(filepath.Dir(path), dirMode)))
	becomeSomebodyElse(t)
	return path
}

// readOnlyCompanion is a file that may be written to, beside one that may not.
func readOnlyCompanion(suffix string) func(t *testing.T) string {
	return func(t *testing.T) string {
		path := publicFile(t)
		must(t, errors.Join(os.WriteFile(path+suffix, nil, 0o444), os.WriteFile(path, nil, 0o666), os.Chmod(path, 0o666)))
		becomeSomebodyElse(t)
		return path
	}
}

// publicFile names a file in a directory that all may write to.
func publicFile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sqlite") // which others may enter, unlike t.TempDir
	must(t, err)
	t.Cleanup(func() { _ = errors.Join(os.Chmod(dir, 0o700), os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o777))
	return filepath.Join(dir, "log.db")
}

// becomeSomebodyElse makes root another user until the test ends.
func becomeSomebodyElse(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	must(t, syscall.Seteuid(nobody))
	t.Cleanup(func() { must(t, syscall.Seteuid(0)) })
}

// Files beside it that belong to somebody else would lock the owner out, who finds all as it was.
func TestARefusedOpenLeavesNothingBehind(t *testing.T) {
	path := publicFile(t)
	log, err := sqlite.OpenLog(t.Context(), path, nil)
	must(t, err)
	must(t, errors.Join(log.Close(), os.Chmod(path, 0o444)))
	link := filepath.Join(filepath.Dir(publicFile(t)), "link.db")
	must(t, os.Symlink(path, link))
	becomeSomebodyElse(t)
	for _, name := range []string{path, link} {
		if _, err := sqlite.OpenLog(t.Context(), name, nil); !errors.Is(err, sqlite.ErrReadOnly) {
			t.Errorf("OpenLog: %v, want ErrReadOnly", err)
		}
		files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		if must(t, err); len(files) != 1 {
			t.Errorf("it has left %q", files)
		}
	}
}

func TestPathsAreTakenAsTheyAre(t *testing.T) {
	for _, name := range []string{"a b.db", "a?b.db", "a#b.db", "a%20b.db", "ä;'\"&=.db"} {
		path := filepath.Join(t.TempDir(), name)
		openLog(t, path, nil)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("a Log at %q: %v", name, err)
		}
	}
}

func TestRelativePathOutlivesAChangeOfDirectory(t *testing.T) {
	path := newFile(t)
	t.Chdir(filepath.Dir(path))
	log := openLog(t, filepath.Base(path), nil)
	t.Chdir(t.TempDir())
	notes(t, log)
	if n := count(t, t.Context(), log); n != 0 {
		t.Errorf("%d notes", n)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file: %v", err)
	}
}

func TestManyOpenOneFileAtOnce(t *testing.T) {
	for range 5 {
		path := newFile(t)
		logs := make([]*sqlite.Log, 10)
		var wg sync.WaitGroup
		for i := range logs {
			wg.Go(func() {
				log, err := sqlite.OpenLog(t.Context(), path, nil)
				if err != nil {
					t.Errorf("OpenLog: %v", err)
					return
				}
				logs[i] = log
				if err := write(t.Context(), log, fmt.Sprint(i), "paid"); err != nil {
					t.Errorf("write: %v", err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		if changes := feed(t, logs[0]); len(changes) != len(logs) {
			t.Errorf("%d changes, want %d", len(changes), len(logs))
		}
		for _, log := range logs { // one after the other closes, also at once, while others are open
			wg.Go(func() {
				if err := log.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		}
		wg.Wait()
	}
}

func TestManyWriteOneFile(t *testing.T) {
	const logs, writers, writes = 4, 4, 25
	path := newFile(t)
	var all []*sqlite.Log
	var wg sync.WaitGroup
	for range logs {
		log := openLog(t, path, &sqlite.Options{LoseLastOnPowerLoss: true})
		all = append(all, log)
		for range writers {
			wg.Go(func() {
				for range writes {
					if err := write(t.Context(), log, "a", "paid"); err != nil {
						t.Errorf("write: %v", err)
					}
					for _, err := range log.Heads(t.Context(), kind, nil) {
						if err != nil {
							t.Errorf("Heads: %v", err)
						}
					}
				}
			})
		}
	}
	wg.Wait()
	changes := feed(t, all[0])
	for i, c := range changes {
		if c.Version != int64(i)+1 || c.Position != c.Version {
			t.Fatalf("change %d has the Version %d and the Position %d", i+1, c.Version, c.Position)
		}
	}
	if want := logs * writers * writes; len(changes) != want {
		t.Errorf("%d changes, want %d", len(changes), want)
	}
}

func TestAWriterThatHangsIsAConflict(t *testing.T) {
	path := newFile(t)
	hanging, log := openLog(t, path, nil), openLog(t, path, &sqlite.Options{WriterWait: 20 * time.Millisecond})
	err := hanging.InTx(t.Context(), func(context.Context) error {
		if err := write(t.Context(), log, "a", "paid"); !errors.Is(err, entity.ErrConflict) {
			t.Errorf("a write beside it: %v, want ErrConflict", err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("InTx: %v", err)
	}
}

func TestClosedLogSaysSo(t *testing.T) {
	log := openLog(t, newFile(t), nil)
	notes(t, log)
	var inside context.Context
	release := make(chan struct{})
	var wg sync.WaitGroup
	began := make(chan struct{})
	wg.Go(func() {
		err := log.InTx(t.Context(), func(ctx context.Context) error {
			inside = ctx
			close(began)
			<-release
			return note(ctx, log, "one") // Close waits for it
		})
		if err != nil {
			t.Errorf("the transaction before Close: %v", err)
		}
	})
	<-began
	wg.Go(func() {
		if err := write(t.Context(), log, "a", "late"); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("a writer that waited: %v, want ErrClosed", err)
		}
	})
	time.Sleep(20 * time.Millisecond)
	wg.Go(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	time.Sleep(20 * time.Millisecond)
	close(release)
	wg.Wait()
	if err := log.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	for name, use := range uses(log) {
		for what, ctx := range map[string]context.Context{"": t.Context(), ", in a transaction that is over": inside} {
			if err := use(ctx); !errors.Is(err, entity.ErrClosed) {
				t.Errorf("%s after Close%s: %v, want ErrClosed", name, what, err)
			}
		}
	}
}

// uses calls each method.
func uses(log *sqlite.Log) map[string]func(context.Context) error {
	token := entity.Token{Name: "a", Number: 1}
	first := func(seq func(yield func(error) bool)) (err error) {
		seq(func(e error) bool { err = e; return false })
		return err
	}
	return map[string]func(context.Context) error{
		"InTx": func(ctx context.Context) error { return log.InTx(ctx, func(context.Context) error { return nil }) },
		"Heads": func(ctx context.Context) error {
			return first(func(yield func(error) bool) {
				log.Heads(ctx, kind, nil)(func(_ entity.Head, err error) bool { return yield(err) })
			})
		},
		"Changes": func(ctx context.Context) error {
			return first(func(yield func(error) bool) {
				log.Changes(ctx, 0)(func(_ entity.Change, err error) bool { return yield(err) })
			})
		},
		"Watches": func(ctx context.Context) error {
			return first(func(yield func(error) bool) {
				log.Watches(ctx)(func(_ entity.WatchRow, err error) bool { return yield(err) })
			})
		},
		"Last":      func(ctx context.Context) error { _, _, err := log.Last(ctx); return err },
		"Relay":     func(ctx context.Context) error { _, err := log.Relay(ctx, token, 1); return err },
		"Trim":      func(ctx context.Context) error { return log.Trim(ctx, token, time.Now()) },
		"Positions": func(ctx context.Context) error { _, err := log.Positions(ctx, entity.Group{Name: "g"}, 0); return err },
		"Save":      func(ctx context.Context) error { return log.Save(ctx, token, entity.Progress{}) },
		"Drop":      func(ctx context.Context) error { return log.Drop(ctx, "g") },
		"PutWatch":  func(ctx context.Context) error { return log.PutWatch(ctx, token, entity.WatchRow{Name: "w"}) },
		"Lease":     func(ctx context.Context) error { _, err := log.Lease(ctx, []string{"a"}, "me", time.Hour); return err },
		"Exec":      func(ctx context.Context) error { return note(ctx, log, "late") },
		"Query":     func(ctx context.Context) error { _, err := log.Querier(ctx).QueryContext(ctx, `SELECT 1`); return err },
		"QueryRow": func(ctx context.Context) error {
			return log.Querier(ctx).QueryRowContext(ctx, `SELECT 1`).Scan(new(int))
		},
	}
}
