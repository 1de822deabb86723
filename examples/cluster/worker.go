package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
	_ "time/tzdata" // on each machine the same zones

	"github.com/redis/go-redis/v9/logging"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/postgres"
)

// workerEnv has the order of a process, in JSON.
const workerEnv = "SLOKEEP_CLUSTER_WORKER"

// order says what a process is to be.
type order struct {
	Name     string // see servers
	Process  int
	Now      time.Time
	MaxStale time.Duration

	Postgres string // the DSN
	Port     uint16 // where its proxy listens
	Redis    string // the proxy
	NATS     string // the proxy, with user and password
}

func isWorker() bool { return os.Getenv(workerEnv) != "" }

// work is the whole of a process. It serves what it is asked over HTTP, and ends with its standard input. What it prints is
// its address, and then now and then its counts; what it has to say on standard error is a fault.
func work() int {
	logging.Disable()
	var o order
	err := json.Unmarshal([]byte(os.Getenv(workerEnv)), &o)
	if err == nil {
		err = serve(context.Background(), o, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o order, in io.Reader, out io.Writer) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		end()
	}()
	w, err := open(ctx, o)
	for err != nil && expected(ctx, err) && ctx.Err() == nil { // what it needs is away just now
		pause(ctx, 20*time.Millisecond)
		w, err = open(ctx, o)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer w.close()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tell", answer(w.tell))
	mux.HandleFunc("POST /ask", answer(w.ask))
	mux.HandleFunc("POST /settle", answer(w.settle))
	mux.HandleFunc("POST /time", answer(w.move))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, BaseContext: func(net.Listener) context.Context { return ctx }}
	defer server.Close()
	go func() { _ = server.Serve(listener) }()
	fmt.Fprintln(out, listener.Addr())
	for pause(ctx, 100*time.Millisecond) {
		w.print(out)
	}
	w.print(out)
	return nil
}

// worker is a process at work.
type worker struct {
	*engine.Engine
	clock  *simclock.Clock
	counts func() counts
	close  func()
}

func (w *worker) print(out io.Writer) {
	c := w.counts()
	fmt.Fprintln(out, c.hits, c.wakes)
}

func (w *worker) tell(ctx context.Context, o operation) (struct{}, error) {
	return struct{}{}, o.tell(ctx, w.Engine, w.clock.Now())
}

func (w *worker) ask(ctx context.Context, q question) (answers, error) {
	return q.ask(ctx, w.Engine, w.clock.Now())
}

func (w *worker) settle(ctx context.Context, _ struct{}) (struct{}, error) {
	return struct{}{}, w.Settle(ctx)
}

func (w *worker) move(_ context.Context, now time.Time) (struct{}, error) {
	return struct{}{}, w.clock.AdvanceTo(now)
}

// Statuses of an answer that says that something did not work out.
const (
	statusRefused = http.StatusInternalServerError // a fault: nothing here may be refused
	statusFailed  = http.StatusServiceUnavailable  // nothing was changed
	statusInDoubt = http.StatusGatewayTimeout      // nobody knows whether anything was changed
)

// answer makes a handler of a function from what is asked to what is answered.
func answer[Q, A any](f func(ctx context.Context, q Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q Q
		var a A
		err := json.NewDecoder(r.Body).Decode(&q)
		if err == nil {
			a, err = f(r.Context(), q)
		}
		switch {
		case err == nil:
			_ = json.NewEncoder(w).Encode(a)
		case !expected(r.Context(), err):
			http.Error(w, err.Error(), statusRefused)
		case errors.Is(err, postgres.ErrInDoubt):
			http.Error(w, err.Error(), statusInDoubt)
		default:
			http.Error(w, err.Error(), statusFailed)
		}
	}
}
