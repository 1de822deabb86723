package crashtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// workerEnv has the order of a worker, in JSON.
const workerEnv = "SLOKEEP_CRASHTEST_WORKER"

// order says what a worker is to do.
type order struct {
	Target string
	Worker int // 0, 1, 2, ... of those that work at once
	Launch int // how many were launched before it
	Seed   uint64
	Began  time.Time

	Patience time.Duration
	LeaseTTL time.Duration
}

// line is what a worker prints.
type line struct {
	Ready   bool     `json:",omitempty"`
	Try     *op      `json:",omitempty"`
	Done    *outcome `json:",omitempty"`
	Failed  *failure `json:",omitempty"` // in the background
	Waits   *waits   `json:",omitempty"` // it has stopped
	Answers answers  `json:",omitempty"`
}

// outcome is what came of an operation.
type outcome struct {
	ID      string
	Version int64 `json:",omitempty"`
	failure
}

// failure is an error, as a worker tells of it. The zero value is none.
type failure struct {
	Error    string `json:",omitempty"`
	Conflict bool   `json:",omitempty"` // it was for the sake of another transaction
	InOrder  bool   `json:",omitempty"` // where connections are cut
}

// What a worker is told, a line each.
const (
	orderStop = "stop" // do nothing more
	orderAsk  = "ask " // and an instant: say how all objectives stood then
)

// IsWorker reports whether this process is to be a worker: whether TestMain is to call [Work] instead of running tests.
func IsWorker() bool { return os.Getenv(workerEnv) != "" }

// Work is the whole of a worker process, which a test has launched. It returns the process's exit code. open is that of
// the [Harness]. inOrder reports whether a call, or the engine in the background, may fail with an error where the test cuts
// connections; each other one fails the test. entity.ErrConflict always is in order. nil: nothing else is.
func Work(open Open, inOrder func(err error) bool) int {
	var o order
	err := json.Unmarshal([]byte(os.Getenv(workerEnv)), &o)
	if err == nil {
		err = work(context.Background(), o, open, inOrder, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashtest: worker:", err)
		return 1
	}
	return 0
}

// worker is one that works.
type worker struct {
	*host
	order
	drawer
	waits   *waits
	inOrder func(error) bool
	unsure  bool // whether what it has made is there

	mu  sync.Mutex
	out *json.Encoder
}

// print prints a line at once, since the process may be killed next. It fails when nobody listens any more.
func (w *worker) print(l line) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Encode(l)
}

// failed tells of an error that was seen at something, "" for nothing more to be said of that.
func (w *worker) failed(at string, err error) failure {
	f := failure{Error: at + err.Error(), Conflict: errors.Is(err, entity.ErrConflict)}
	f.InOrder = f.Conflict || w.inOrder != nil && w.inOrder(err)
	return f
}

func work(ctx context.Context, o order, open Open, inOrder func(error) bool, in io.Reader, out io.Writer) (err error) {
	store, closeStore, err := open(ctx, o.Target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	w := &worker{order: o, out: json.NewEncoder(out), waits: &waits{}, inOrder: inOrder}
	c := clock{o.Began}
	if w.host, err = join(ctx, measured(store, w.waits), c, o.LeaseTTL, slog.New(failures{w})); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	w.table = tableOf(store)
	w.drawer = drawer{
		random: rand.New(rand.NewPCG(o.Seed, uint64(o.Launch))), worker: o.Worker,
		prefix: fmt.Sprintf("%d-%d-", o.Worker, o.Launch), own: fmt.Sprint("own-", o.Worker),
	}
	if err := w.look(ctx); err != nil {
		return err
	}
	if err := w.print(line{Ready: true}); err != nil {
		return err
	}
	orders := make(chan string)
	go func() {
		defer close(orders)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			orders <- lines.Text()
		}
	}()
	return w.run(ctx, c, orders)
}

// look finds out which objectives there are on the worker's own system.
func (w *worker) look(ctx context.Context) error {
	mine, err := w.ForSystems(ctx, w.own)
	if err != nil {
		return err
	}
	w.extra = nil
	for _, o := range mine[w.own] {
		w.extra = append(w.extra, o.ID)
	}
	w.unsure = false
	return nil
}

// run works until it is told to stop, and then answers what it is asked.
func (w *worker) run(ctx context.Context, c clock, orders <-chan string) error {
	for {
		select {
		case text := <-orders:
			if text != orderStop {
				return nil // the test has ended
			}
			if err := w.print(line{Waits: w.waits.takeAll()}); err != nil {
				return err
			}
			for text := range orders {
				if err := w.answer(ctx, strings.TrimPrefix(text, orderAsk)); err != nil {
					return err
				}
			}
			return nil
		default:
		}
		if w.unsure {
			if err := w.look(ctx); err != nil { // it is tried again
				f := w.failed("look for its own objectives: ", err)
				if err := w.print(line{Failed: &f}); err != nil {
					return err
				}
			}
		}
		if err := w.step(ctx, w.draw(c.Now())); err != nil {
			return err
		}
	}
}

func (w *worker) step(ctx context.Context, o op) error {
	if err := w.print(line{Try: &o}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, w.Patience)
	defer cancel()
	version, err := w.do(ctx, &o)
	if err != nil {
		w.unsure = true
	}
	done := outcome{ID: o.ID, Version: version}
	if err != nil {
		done.failure = w.failed("", err)
	} else {
		w.done(o)
	}
	return w.print(line{Done: &done})
}

// answer prints how the objectives that are always there stood at an instant, as far as this process knows.
func (w *worker) answer(ctx context.Context, text string) error {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return err
	}
	a, err := statuses(ctx, w.Engine, at)
	if err != nil {
		return err
	}
	return w.print(line{Answers: a})
}

// failures prints what goes wrong in the background.
type failures struct{ w *worker }

func (f failures) Enabled(context.Context, slog.Level) bool { return true }
func (f failures) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f failures) WithGroup(string) slog.Handler            { return f }

func (f failures) Handle(_ context.Context, r slog.Record) error {
	said := failure{Error: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		said.Error += ": " + a.Value.String()
		if err, ok := a.Value.Any().(error); ok {
			more := f.w.failed("", err)
			said.Conflict, said.InOrder = said.Conflict || more.Conflict, said.InOrder || more.InOrder
		}
		return true
	})
	return f.w.print(line{Failed: &said})
}

// Open opens a store: that of the target, which may be a path, or what else the adapter opens. closeStore ends it.
type Open func(ctx context.Context, target string) (store storage.Store, closeStore func() error, err error)
