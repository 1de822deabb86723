package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/slokeep/slokeep/entity"
)

// Options are for Open and OpenLog; nil means the defaults.
type Options struct {
	// LoseLastOnPowerLoss makes a commit not wait for the disk. It is then much faster, and when the machine loses power or
	// its kernel crashes, the last transactions may be gone, though never a part of one. A crash of the process alone loses
	// nothing either way.
	LoseLastOnPowerLoss bool

	// WriterWait is how long a transaction waits for one of another process, at most, unless its ctx ends before: a process
	// that hangs in a transaction would block all others for ever. 0 means a minute. Waiting for transactions of one's own
	// process is bounded by the ctx alone.
	WriterWait time.Duration
}

// Log is an entity.Log in one SQLite file, which several processes of one machine may share. It is safe for concurrent
// use. Make one per file and process, with OpenLog, and Close it in the end.
type Log struct {
	path    string
	wait    time.Duration
	relaxed bool // the write connection waits for no disk anyhow

	writer    *writer
	readers   *sql.DB
	onWriter  statements // on the write connection
	onReaders statements // on the readers

	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error
}

var _ entity.Log = (*Log)(nil)

// OpenLog opens the file at path, makes it if need be, and brings its tables up to date; its directory must exist, and the
// process must be able to write to both. The path is a plain file name, no URI, and ":memory:" is none: for that there is
// entity.NewMemory. The file may have tables of the host's own beside. ctx is for the opening alone.
//
// An error matches ErrNewer, ErrForeign, ErrReadOnly or ErrDiskFull where the file is so, entity.ErrInvalid where path or
// opts are wrong, fs.ErrNotExist where there is no such directory.
func OpenLog(ctx context.Context, path string, opts *Options) (*Log, error) {
	return open(ctx, path, opts, logStatements, "entity")
}

// open opens a file for the first statements, which need the tables of some parts.
func open(ctx context.Context, path string, opts *Options, first statement, parts ...string) (*Log, error) {
	if opts == nil {
		opts = &Options{}
	}
	l := &Log{wait: opts.WriterWait, relaxed: opts.LoseLastOnPowerLoss, closing: make(chan struct{})}
	switch {
	case l.wait < 0:
		return nil, fmt.Errorf("sqlite: %w: WriterWait %v: want 0 or more", entity.ErrInvalid, l.wait)
	case l.wait == 0:
		l.wait = time.Minute
	}
	var err error
	if l.path, err = locate(path); err != nil {
		return nil, err
	}
	if err := checkAccess(l.path); err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, err)
	}
	if err := l.open(ctx, first, parts); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("sqlite: open %s: %w", path, l.unwritable(err))
	}
	return l, nil
}

// locate checks a path and makes it absolute: connections are opened at any time, and the process may have gone to another
// directory by then.
func locate(path string) (string, error) {
	want := ""
	switch {
	case path == ":memory:":
		want = "the name of a file; for a store in memory there is package storage/memory"
	case strings.HasPrefix(path, "file:"):
		want = "the plain name of the file, no URI"
	case path == "" || strings.IndexByte(path, 0) >= 0:
		want = "the name of a file"
	}
	if want != "" {
		return "", fmt.Errorf("sqlite: %w: path %q: want %s", entity.ErrInvalid, path, want)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sqlite: open %s: %w", path, err)
	}
	// SQLite would say "unable to open" to both.
	if _, err := os.Stat(filepath.Dir(abs)); err != nil {
		return "", fmt.Errorf("sqlite: open %s: its directory: %w", path, err)
	}
	if info, err := os.Stat(abs); err == nil && !info.Mode().IsRegular() {
		what := "a directory"
		if !info.IsDir() {
			what = info.Mode().Type().String()
		}
		return "", fmt.Errorf("sqlite: open %s: %w: want a regular file, not %s", path, entity.ErrInvalid, what)
	}
	return abs, nil
}

// checkAccess refuses a file that cannot be written to, or whose companions cannot. SQLite would do so, too, but by then
// have made companions that are this user's, and with which the file's owner could not open it any more.
func checkAccess(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // beside which SQLite has them
	}
	for _, companion := range []string{"", "-wal", "-shm"} {
		err := access(path + companion)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
		if companion != "" {
			err = fmt.Errorf("%s: %w", filepath.Base(path)+companion, err)
		}
		return err
	}
	return nil
}

func (l *Log) open(ctx context.Context, first statement, parts []string) error {
	durability := "FULL"
	if l.relaxed {
		durability = "NORMAL"
	}
	// Nobody waits inside of SQLite for the write lock, since no ctx reaches there.
	w, err := newWriter(dsn(l.path, "_txlock=immediate", "_busy_timeout=0", "_synchronous="+durability, roomy, rarely))
	if err != nil {
		return err
	}
	l.writer = w
	readers, err := newConnector(dsn(l.path, "_busy_timeout=100", "_query_only=1"))
	if err != nil {
		return err
	}
	l.readers = sql.OpenDB(readers)
	l.readers.SetMaxOpenConns(max(16, 4*runtime.GOMAXPROCS(0)))
	l.readers.SetMaxIdleConns(max(4, runtime.GOMAXPROCS(0)))
	l.onWriter.db, l.onReaders.db = l.writer.db, l.readers
	for _, part := range parts { // a database that is refused stays as it is
		if _, err := l.missing(ctx, part); err != nil {
			return err
		}
	}
	if err := l.useWAL(ctx); err != nil {
		return err
	}
	for _, part := range parts {
		if err := l.migrate(ctx, part); err != nil {
			return err
		}
	}
	return l.patiently(ctx, func() error { return l.onWriter.prepare(ctx, first) })
}

// unwritable finds out whether it is the directory that SQLite cannot write to.
func (l *Log) unwritable(err error) error {
	if c := code(err); c == sqlite3.SQLITE_CANTOPEN || c == sqlite3.SQLITE_READONLY {
		if cause := access(filepath.Dir(l.path)); cause != nil {
			return fmt.Errorf("its directory: %w: %w", ErrReadOnly, cause)
		}
	}
	return named(err)
}

// useWAL sets the journal mode, which the file remembers.
func (l *Log) useWAL(ctx context.Context) error {
	l.writer.committing.Store(true) // the change of the mode is a commit
	defer l.writer.committing.Store(false)
	var mode string
	err := l.patiently(ctx, func() error {
		return l.writer.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
	})
	if err == nil && mode != "wal" {
		err = fmt.Errorf("journal mode %q: want a file system on which SQLite can have a write-ahead log", mode)
	}
	return err
}

// Facts are found by their hashes, which lie all over the file: what loads many of them has few pages to read again and,
// since more of them change again until the write-ahead log goes into the file, fewer to write.
const (
	roomy  = "_pragma=cache_size(-32000)"       // KiB
	rarely = "_pragma=wal_autocheckpoint(4000)" // pages
)

// dsn is what the driver wants to hear of a file.
func dsn(path string, params ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	u := url.URL{Scheme: "file", Path: path}
	// _error_rc: without it a failure to open reads "out of memory".
	u.RawQuery = strings.Join(append(params, "_foreign_keys=1", "_error_rc=1", "_dqs=0"), "&")
	return u.String()
}

// Shared reports true: other processes may use the file.
func (l *Log) Shared() bool { return true }

// Close waits for the transaction that runs and closes all connections. What waits or comes later gets an error that
// matches entity.ErrClosed. Called in a transaction's fn it would wait for itself. Closing again does nothing and returns
// the same.
func (l *Log) Close() error {
	l.closeOnce.Do(func() {
		close(l.closing)
		var errs []error
		// The readers first: the last connection of all removes the write-ahead log, and should be one that can write.
		if l.readers != nil {
			l.onReaders.close()
			errs = append(errs, l.readers.Close())
		}
		if l.writer != nil {
			l.writer.turn <- struct{}{} // for ever
			l.onWriter.close()
			errs = append(errs, l.writer.db.Close())
		}
		l.closeErr = failed("close", errors.Join(errs...))
	})
	return l.closeErr
}

// check tells whether the Log can be used.
func (l *Log) check() error {
	select {
	case <-l.closing:
		return fmt.Errorf("sqlite: %w: the log", entity.ErrClosed)
	default:
		return nil
	}
}
