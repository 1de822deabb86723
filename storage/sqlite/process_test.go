package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/crashtest"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// The tests of crashes and clusters run this test binary again, as the processes that they kill.
const workerEnv = "SLOKEEP_TEST_WORKER"

func TestMain(m *testing.M) {
	if crashtest.IsWorker() {
		os.Exit(crashtest.Work(openWorker, nil))
	}
	if text := os.Getenv(workerEnv); text != "" {
		if err := runWorker(text); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// worker says what a process does: it counts entities up, or removes them, and handles the changes of all processes.
type worker struct {
	Path     string
	Entities int
	Seed     uint64
	Job      string // where it does something else: one of jobs
}

// counter is the state of the entities: how often it was counted up, and whether that is odd.
type counter struct {
	N  int64 `json:"n"`
	On bool  `json:"on"`
}

// The watch of the workers: its condition becomes true with every other change of one entity.
const (
	watched  = "c-0"
	watchID  = "odd"
	workload = `
CREATE TABLE counters (id TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE handled (seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL);
CREATE INDEX handled_id ON handled (id, version);
CREATE TABLE budget (changes INTEGER NOT NULL)`
)

var errSpent = errors.New("all changes are made")

func readCounters(log *sqlite.Log) entity.Read[counter] {
	return func(ctx context.Context, ids []string, found func(string, counter)) error {
		text, err := json.Marshal(ids)
		if err != nil {
			return err
		}
		rows, err := log.Querier(ctx).QueryContext(ctx, `SELECT id, n FROM counters WHERE id IN (SELECT value FROM json_each(?))`, string(text))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id string
			var n int64
			if err := rows.Scan(&id, &n); err != nil {
				return err
			}
			found(id, counter{n, n%2 == 1})
		}
		return rows.Err()
	}
}

// step is one write: it takes a change from the budget, and makes it.
func step(log *sqlite.Log, id string, remove bool) func(context.Context) error {
	return func(ctx context.Context) error {
		db := log.Querier(ctx)
		spent, err := db.ExecContext(ctx, `UPDATE budget SET changes = changes - 1 WHERE changes > 0`)
		if err != nil {
			return err
		}
		if n, err := spent.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errSpent)
		}
		if remove {
			gone, err := db.ExecContext(ctx, `DELETE FROM counters WHERE id = ?`, id)
			if err != nil {
				return err
			}
			if n, err := gone.RowsAffected(); err != nil || n > 0 {
				return err
			}
		}
		_, err = db.ExecContext(ctx, `INSERT INTO counters (id, n) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1`, id)
		return err
	}
}

// join makes a registry that takes part in the work.
func join(ctx context.Context, log *sqlite.Log) (*entity.Registry, *entity.Handle[counter], error) {
	reg, err := entity.NewRegistry(&entity.Options{
		Log: log, Poll: 20 * time.Millisecond, LeaseTTL: 400 * time.Millisecond, Keep: -1,
		OnError: func(err error) { fmt.Fprintln(os.Stderr, "worker:", err) },
	})
	if err != nil {
		return nil, nil, err
	}
	counters, err := entity.Define(reg, "counter", readCounters(log), nil)
	if err != nil {
		return nil, nil, err
	}
	note := func(ctx context.Context, queue, id string, version int64) error {
		_, err := log.Querier(ctx).ExecContext(ctx, `INSERT INTO handled (queue, id, version) VALUES (?, ?, ?)`, queue, id, version)
		return err
	}
	_, err = counters.OnChange(func(ctx context.Context, c entity.Typed[counter]) error {
		return note(ctx, "work", c.ID, c.Version)
	}, &entity.SubscribeOptions{Group: "work", From: entity.Oldest, Parallel: 4})
	if err != nil {
		return nil, nil, err
	}
	_, err = reg.Watch(ctx, entity.Is(entity.Path("counter", watched, "on"), true), func(ctx context.Context, f entity.Firing) error {
		return note(ctx, "edges", f.Watch, f.Version)
	}, &entity.WatchOptions{Name: watchID, Group: "edges"})
	if err != nil {
		return nil, nil, err
	}
	return reg, counters, reg.Start(ctx)
}

// runWorker works until the budget is spent, and then handles what others may leave, until it is killed or its input
// ends. It prints what it has committed.
func runWorker(text string) error {
	var w worker
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return err
	}
	ctx := context.Background()
	if job := jobs[w.Job]; job != nil {
		return job(ctx, w)
	}
	log, err := sqlite.OpenLog(ctx, w.Path, nil)
	if err != nil {
		return err
	}
	reg, counters, err := join(ctx, log)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(w.Seed, 0))
	fmt.Println("ready")
	for {
		id := watched
		if random.IntN(8) > 0 {
			id = fmt.Sprintf("c-%d", random.IntN(w.Entities))
		}
		c, err := counters.Mutate(ctx, id, step(log, id, random.IntN(20) == 0), nil)
		if errors.Is(err, errSpent) {
			break
		}
		if err != nil {
			return err
		}
		fmt.Println(id, c.Version)
	}
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	return errors.Join(reg.Close(), log.Close())
}

// process is a worker that runs.
type process struct {
	cmd   *exec.Cmd
	ready chan struct{} // closed when it works
	ended chan struct{} // closed when all that it printed has been read

	mu    sync.Mutex
	acked map[string]int64 // the newest version that it says it committed
}

func launch(t *testing.T, w worker) *process {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0]), ready: make(chan struct{}), ended: make(chan struct{}), acked: map[string]int64{}}
	p.cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.cmd.StdinPipe(); err != nil { // open until the worker is to end
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if lines.Text() == "ready" {
				close(p.ready)
				continue
			}
			var id string
			var version int64
			if n, _ := fmt.Sscan(lines.Text(), &id, &version); n == 2 {
				p.mu.Lock()
				p.acked[id] = version
				p.mu.Unlock()
			}
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// awaitReady waits until the process works.
func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case <-p.ready:
	case <-p.ended:
		t.Fatal("the process ended before it worked")
	case <-time.After(30 * time.Second):
		t.Fatal("the process does not begin to work")
	}
}

// kill ends the process at once, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = p.cmd.Wait()
}

// newWorkload makes a file with the workers' tables.
func newWorkload(t *testing.T, path string, changes int) *sqlite.Log {
	t.Helper()
	log := openLog(t, path, nil)
	for statement := range strings.SplitSeq(workload, ";") {
		if _, err := log.Querier(t.Context()).ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Querier(t.Context()).ExecContext(t.Context(), `INSERT INTO budget (changes) VALUES (?)`, changes); err != nil {
		t.Fatal(err)
	}
	return log
}

func queryInt(t *testing.T, log *sqlite.Log, query string, args ...any) int64 {
	t.Helper()
	var n sql.NullInt64
	if err := log.Querier(t.Context()).QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n.Int64
}
