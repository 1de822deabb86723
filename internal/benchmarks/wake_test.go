package benchmarks

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/natsbus"
	"github.com/slokeep/slokeep/storage/postgres"
)

// The benchmark of wakes runs this test binary again, as the process that handles what the first one writes.
const handlerEnv = "SLOKEEP_BENCH_HANDLER"

func TestMain(m *testing.M) {
	if text := os.Getenv(handlerEnv); text != "" {
		if err := runHandler(text); err != nil {
			fmt.Fprintln(os.Stderr, "handler:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// BenchmarkWake measures how long it takes from a write in one process, on PostgreSQL, to a handler in another: the median
// and the 99th percentile, from the moment before the commit, and those of what the commit itself took of it. Some 50
// writes a second come at random, whatever becomes of those before. Few say little: the 99th percentile of 200 is the third
// longest. And it is PostgreSQL's more than a Bus's: a change is committed, and committed again when it gets its Position,
// and where the disk or the processors are busy these are what takes long.
//
//	go test -run '^$' -bench Wake -benchtime 2000x ./internal/benchmarks
func BenchmarkWake(b *testing.B) {
	for _, way := range []struct {
		name string
		end
	}{
		{"natsbus", end{Bus: "natsbus", Poll: time.Second}},
		{"listen-notify", end{Bus: "notify", Poll: time.Second}},
		{"poll=100ms", end{Bus: "none", Poll: 100 * time.Millisecond}},
		{"poll=1s", end{Bus: "none", Poll: time.Second}},
	} {
		b.Run(way.name, func(b *testing.B) {
			e := way.end
			e.prepare(b)
			var now stamp
			stamps, closeAll, err := e.open(b.Context(), &now, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				if err := closeAll(); err != nil {
					b.Error(err)
				}
			}()
			h := e.launch(b)
			write := func(n int) (commit time.Duration) {
				_, err := stamps.Mutate(b.Context(), fmt.Sprint("s-", n%16), func(context.Context) error {
					now.At = time.Now().UnixNano() // the host's own write: this process has the state
					return nil
				}, nil)
				if err != nil {
					b.Fatal(err)
				}
				return time.Since(time.Unix(0, now.At))
			}
			for n := range 20 { // by then it listens, and statements are prepared
				write(n)
			}
			h.latencies(b, 20)
			var commits []time.Duration
			b.ResetTimer()
			for n := range b.N {
				time.Sleep(time.Duration(rand.ExpFloat64() * float64(20*time.Millisecond)))
				commits = append(commits, write(n))
			}
			took := h.latencies(b, b.N)
			b.StopTimer()
			b.ReportMetric(0, "ns/op") // which is the pause
			b.ReportMetric(percentile(took, 50), "p50-ms")
			b.ReportMetric(percentile(took, 99), "p99-ms")
			b.ReportMetric(percentile(commits, 50), "commit-p50-ms")
			b.ReportMetric(percentile(commits, 99), "commit-p99-ms")
		})
	}
}

// percentile is in milliseconds. It sorts the list.
func percentile(list []time.Duration, percent int) float64 {
	slices.Sort(list)
	return float64(list[len(list)*percent/100]) / float64(time.Millisecond)
}

// stamp is the state of the entities: when it was written, in nanoseconds. Both processes read the clock of one machine.
type stamp struct {
	At int64 `json:"at"`
}

// end says how a process gets at the Log and the Bus.
type end struct {
	Postgres, NATS string // addresses
	Schema         string // which is the subject, too
	Bus            string
	Poll           time.Duration
}

// prepare finds the servers, and names a schema that is dropped when the benchmark ends.
func (e *end) prepare(b *testing.B) {
	b.Helper()
	e.Postgres, e.NATS = os.Getenv("SLOKEEP_POSTGRES_DSN"), os.Getenv("SLOKEEP_NATS_URL")
	if e.Postgres == "" {
		e.Postgres = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	if e.NATS == "" {
		e.NATS = "nats://127.0.0.1:4222"
	}
	e.Schema = fmt.Sprintf("slokeep_bench_%d", os.Getpid())
	missing := func(what string, err error) {
		if err != nil && os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "" {
			b.Fatalf("no %s: %v", what, err)
		} else if err != nil {
			b.Skipf("no %s", what)
		}
	}
	conn, err := pgx.Connect(b.Context(), e.Postgres)
	missing("PostgreSQL at SLOKEEP_POSTGRES_DSN, or else 127.0.0.1:5432", err)
	b.Cleanup(func() {
		ctx := context.Background()
		if _, err := conn.Exec(ctx, `DROP SCHEMA IF EXISTS `+pgx.Identifier{e.Schema}.Sanitize()+` CASCADE`); err != nil {
			b.Errorf("drop schema: %v", err)
		}
		_ = conn.Close(ctx)
	})
	if e.Bus == "natsbus" {
		n, err := nats.Connect(e.NATS)
		missing("NATS at SLOKEEP_NATS_URL, or else 127.0.0.1:4222", err)
		n.Close()
	}
}

// open starts a registry whose stamps are all as now is. handle, unless nil, gets each change.
func (e *end) open(ctx context.Context, now *stamp, handle func(context.Context, entity.Typed[stamp]) error) (
	stamps *entity.Handle[stamp], closeAll func() error, err error,
) {
	pool, err := pgxpool.New(ctx, e.Postgres)
	if err != nil {
		return nil, nil, err
	}
	store, err := postgres.OpenLog(ctx, pool, &postgres.Options{Schema: e.Schema})
	if err != nil {
		return nil, nil, err
	}
	bus, closeBus, err := e.bus(store)
	if err != nil {
		return nil, nil, err
	}
	reg, err := entity.NewRegistry(&entity.Options{
		Log: store, Bus: bus, Poll: e.Poll, OnError: func(err error) { fmt.Fprintln(os.Stderr, err) },
	})
	if err != nil {
		return nil, nil, err
	}
	stamps, err = entity.Define(reg, "stamp", func(_ context.Context, ids []string, found func(string, stamp)) error {
		for _, id := range ids {
			found(id, *now)
		}
		return nil
	}, nil)
	if err == nil && handle != nil {
		_, err = stamps.OnChange(handle, nil)
	}
	if err == nil {
		err = reg.Start(ctx)
	}
	return stamps, func() error {
		defer pool.Close()
		defer closeBus()
		return reg.Close()
	}, err
}

func (e *end) bus(store *postgres.Log) (bus entity.Bus, closeBus func(), err error) {
	switch e.Bus {
	case "natsbus":
		conn, err := nats.Connect(e.NATS, nats.MaxReconnects(-1))
		if err != nil {
			return nil, nil, err
		}
		bus, err := natsbus.New(conn, e.Schema)
		return bus, conn.Close, err
	case "notify":
		return store, func() {}, nil
	}
	return silent{}, func() {}, nil
}

// silent is a Bus that wakes nobody.
type silent struct{}

func (silent) Wake(context.Context) error { return nil }

func (silent) Listen(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// runHandler is the other process: it prints how old each change is that it is given, until its input ends.
func runHandler(text string) error {
	var e end
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return err
	}
	_, closeAll, err := e.open(context.Background(), &stamp{}, func(_ context.Context, c entity.Typed[stamp]) error {
		fmt.Println(time.Now().UnixNano() - c.Next.At)
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return closeAll()
}

// handler is the other process, as the first one sees it. Its lines are read as they come, so that it need not wait until
// somebody wants them.
type handler struct{ lines chan string }

// launch starts the other process, which ends with the benchmark, and waits until it is ready.
func (e *end) launch(b *testing.B) *handler {
	b.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		b.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), handlerEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	h := &handler{make(chan string, 1+20+b.N)} // for all that it has to say
	go func() {
		defer close(h.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			h.lines <- lines.Text()
		}
	}()
	b.Cleanup(func() {
		_ = in.Close()
		for range h.lines { // until it has ended; what is handled twice may be left
		}
		if err := cmd.Wait(); err != nil {
			b.Errorf("the other process: %v", err)
		}
	})
	if line := <-h.lines; line != "ready" {
		b.Fatalf("the other process is not ready, and says %q", line)
	}
	return h
}

// latencies waits until so many changes more have been handled.
func (h *handler) latencies(b *testing.B, n int) []time.Duration {
	b.Helper()
	var list []time.Duration
	for len(list) < n {
		line, more := <-h.lines
		if !more {
			b.Fatalf("the other process ended after %d changes", len(list))
		}
		nanoseconds, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, time.Duration(nanoseconds))
	}
	return list
}
