// Command cluster has several processes keep objectives together, does them all the harm that a bad day does, and compares
// what they say and did with one Engine in memory that was told the same.
//
//	go run ./examples/cluster [flags]
//
//	-for 30s         how long facts are told; what is left is then waited for and compared
//	-processes 3     how many processes there are
//	-seed N          of what is told; the time unless given. When it is told, killed and cut is chance
//	-postgres DSN    unless given SLOKEEP_POSTGRES_DSN, else the database test at 127.0.0.1
//	-redis ADDR      unless given SLOKEEP_REDIS_ADDR, else 127.0.0.1:6379
//	-nats URL        unless given SLOKEEP_NATS_URL, else nats://127.0.0.1:4222
//	-withhold        keeps one fact from the Engine in memory, to see that the comparison can fail
//
// Each process has an Engine on one PostgreSQL, which keeps everything, one Redis, where they share what they have read, and
// one NATS, on which they wake each other. It answers questions, and handles work: as a member of a group it writes each
// change of an objective, each digest and each achievement into a table of the host's own, in the same database. The last
// process trades exactness for speed, with a MaxStale of 100 ms; the others have none.
//
// The driver, which is this program, tells them what happens: outages, incidents, corrections, maintenance, what depends on
// what, new and changed objectives. All the while it kills processes (SIGKILL) and starts others in their place, ends
// connections, on the server and in proxies that stand before it, keeps servers away or silent for a while, and deletes what
// is in Redis. Time is simulated: it stands while a round of operations is told, and then goes on by hours.
//
// # What is compared
//
//  1. In the middle of everything: who was told that a fact is recorded finds it at once in the answers of an exact
//     process, whichever is drawn.
//  2. After each round, with nobody else writing: all answers of all processes, and all days, streaks, achievements and
//     digests, are those of the Engine in memory.
//  3. In the end: each change was handled, none before the one that it follows, with Versions 1, 2, 3, ..., the Prev of each
//     being the Next before; the last Next is how the objective stands. Each digest and each achievement was handled, too,
//     and none that there is not.
//
// An operation that fails, or whose process dies over it, is told again until it is acknowledged: all are such that to tell
// them twice is to tell them once. So nothing is left in doubt, and the Engine in memory is told each of them once.
//
// No answer shows whether Redis and NATS are of any use: the report says how many histories were found in Redis, and how
// many wakes came from NATS. In a run of 10 s or more, of two processes or more, there must be some of both.
//
// Everything is in a schema, under a prefix and on a subject of this run's own, which are gone when it ends. The exit status
// is 1 for a difference, which is named, or a run that did not get to its end, and 2 for bad flags and servers that do not
// answer.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

func main() {
	if isWorker() {
		os.Exit(work())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks a second time does not wait
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	long      time.Duration
	processes int
	seed      uint64
	postgres  string
	redis     string
	nats      string
	withhold  bool
}

// run is the program: it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	logging.Disable() // go-redis has its say in errors, too
	o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "cluster:", err)
		return 2
	}
	servers, err := connect(ctx, o)
	if err != nil {
		fmt.Fprintln(stderr, "cluster:", err)
		return 2
	}
	r := newReport(stdout, o, servers.name)
	err = errors.Join(drive(ctx, o, servers, r), servers.close())
	r.print(err)
	if err != nil {
		return 1
	}
	return 0
}

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.DurationVar(&o.long, "for", 30*time.Second, "how long facts are told")
	flags.IntVar(&o.processes, "processes", 3, "how many processes there are")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of what is told")
	flags.StringVar(&o.postgres, "postgres", env("SLOKEEP_POSTGRES_DSN", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"), "the `DSN` of PostgreSQL")
	flags.StringVar(&o.redis, "redis", env("SLOKEEP_REDIS_ADDR", "127.0.0.1:6379"), "the `address` of Redis")
	flags.StringVar(&o.nats, "nats", env("SLOKEEP_NATS_URL", "nats://127.0.0.1:4222"), "the `URL` of NATS")
	flags.BoolVar(&o.withhold, "withhold", false, "keep one fact from the Engine in memory, to see that the comparison can fail")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stdout)
		flags.Usage()
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("what is %q?", flags.Arg(0))
	case o.long <= 0:
		err = fmt.Errorf("-for %v: want more than 0", o.long)
	case o.processes < 1 || o.processes > 16:
		err = fmt.Errorf("-processes %d: want 1 to 16", o.processes)
	}
	return o, err
}

func env(name, otherwise string) string { return cmp.Or(os.Getenv(name), otherwise) }
