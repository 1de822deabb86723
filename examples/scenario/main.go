// Command scenario plays a script of what happens to some systems on a simulated clock, and prints what slokeep makes of
// it: to try objectives and conditions on an incident, to write tests as text, and to compare slokeep with other systems.
//
//	go run ./examples/scenario [flags] [FILE...]
//
// Several files are one script; a file may be - for standard input, which is read where there is none. The flags:
//
//	-events         print events, too
//	-store STORE    where everything is kept: memory (unless given); sqlite:FILE, which must not be there yet and stays when
//	                the program has ended; or postgres://user@host/database, in a schema of its own there, which is dropped
//	                at the end; nothing of the output depends on it
//
// # Steps
//
// A script is JSON Lines, one step a line; blank lines and lines that begin with # are passed over. Every step has op and
// at, an RFC 3339 instant to which the clock moves first. On its way all that is due runs at its exact instant: jobs first,
// then watches in the order of their ids. What is due at an instant runs before the steps at it, and what a step makes
// true fires before the next step. Keys marked with * must be given.
//
//	objective     id*, name, system*, check, target*, window*, exclusion (strict, self-only), neverExcuse,
//	              excludeMaintenance, degradedIsUp, unknownIsDown, countFrom, retroactive: creates it or, if it is there,
//	              changes what is given; the past keeps the old terms unless retroactive. Only id must be given then
//	delete        objective or system
//	depends       system*, on*: from now on it depends on these systems
//	health        system*, check, status*, impact, upstream, seq, since (unless given: at): a word of the feed
//	restate       source*, rev, outages* (system*, check, start*, end, status, impact, upstream): all that a source other
//	              than the feed has to say
//	import        an outage's keys, source (unless given: import:LINE): a restate with rev 1 and one outage, none of it
//	              ahead
//	correct       id*, rev, system*, check, from*, until*, status (unless given: healthy), impact, reason
//	live          system*, status*, since: what live health answers until the system's next health step. Of other systems
//	              it knows what the feed says
//	reconcile     records what live health knows and the history does not
//	maintenance   id (unless given: maintenance:LINE), rev, system*, start*, end*, cancelled
//	daily         runs the daily job once
//	schedule      on*: whether the daily job runs at 00:00 UTC and the digest is made on Mondays at 09:00, from now on
//	watch         id*, if*: a condition, such as "state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25". Where
//	              the id is there with another condition, that ends
//	unwatch       id*
//	status        objective*, from, to: as of now, or over [from, to) by the terms of now
//	burnrate      objective*, lookback (unless given: 1h)
//	forecast      objective*
//	backtest      objective*, from*, to*
//	downtimes     objective*
//	days          objective*
//	streak        objective*
//	achievements  system*
//	digest        makes the week's digest, if there is none yet
//	entity        kind* (slo, achievements, digest), id*
//	changes       kind*
//
// Windows are 30d, 12h, 300s, calendar:month, calendar:week:Europe/Berlin; lengths 1h30m. null stands for an outage's end
// alone.
//
// # Output
//
// It is JSON Lines, too: {"at":...,"op":...} and the fields of that op, for each question, for each digest that is made on
// schedule, and with op "fired" and the fields watch and value for each firing of a watch. Lengths are whole nanoseconds, in
// fields that end in Ns or are called ns. Fields that may be null are upstream, the end of a downtime, exhaustsAt,
// recoversAt, what page and ticket hold, a streak's dates, prev and next, and an instant in since. An affordableNs of
// 9223372036854775807 is without limit.
//
// With -events, each of these is a line with op "event", before the firings of its instant:
//
//	event "status"       id, version, fields, prev, next: a change of an entity of kind slo
//	event "achievement"  system, type, earned: one that a system has earned for the first time, and when
//	event "parked"       group, kind, id, version, error: a change that a handler was given in vain
//
// A step that cannot be done, one that goes back in time too, is printed with error and line, changes nothing, and the rest
// goes on; at the end the exit status is 1. A line that is no step at all (bad JSON, a key twice, an unknown op or key, no
// at that can be read) goes to standard error as FILE:LINE: why, nothing after it runs, and the exit status is 2, as for bad
// flags and files. What goes wrong beside the steps goes to standard error, and the exit status is 1. So it is when the
// program is interrupted, or nobody reads its output any more: no step is begun then.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // calendar windows in any zone, also on a machine that has no database of them
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // so that a write fails, and the end comes as it does otherwise
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // who asks a second time does not wait
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{out: bufio.NewWriter(stdout)}
	names, store, err := parseFlags(args, out)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	refused := false
	if err == nil {
		refused, err = scenario(ctx, names, store, stdin, out)
		if ctx.Err() != nil { // all that failed did so for that
			out.fail(errors.New("interrupted"))
			err = nil
		}
	}
	failed := out.end()
	for _, err := range []error{failed, err} {
		if err != nil {
			fmt.Fprintln(stderr, err)
		}
	}
	switch {
	case err != nil:
		return 2
	case failed != nil || refused:
		return 1
	}
	return 0
}

const usage = `usage: scenario [flags] [FILE...]
Several files are one script; without any, and for -, standard input is read.
  -events         print events, too
  -store STORE    where everything is kept: memory (unless given); sqlite:FILE, a new file; or
                  postgres://user@host/database, in a schema of its own, which is dropped at the end
`

func parseFlags(args []string, out *output) (files []string, store string, err error) {
	flags := flag.NewFlagSet("scenario", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&out.events, "events", false, "")
	flags.StringVar(&store, "store", "memory", "")
	if err := flags.Parse(args); err != nil {
		return nil, "", fmt.Errorf("scenario: %w", err)
	}
	return flags.Args(), store, nil
}

// scenario plays all files. Its errors are the user's.
func scenario(ctx context.Context, names []string, store string, stdin io.Reader, out *output) (refused bool, err error) {
	files, err := open(names, waiting{ctx, stdin})
	if err != nil {
		return false, fmt.Errorf("scenario: %w", err)
	}
	defer closeAll(files)
	s, closeStore, err := openStore(ctx, store)
	if err != nil {
		return false, fmt.Errorf("scenario: %w", err)
	}
	defer func() { out.fail(closeStore()) }()
	p, err := newPlayer(ctx, s, out)
	if err != nil {
		return false, fmt.Errorf("scenario: %w", err)
	}
	defer func() { out.fail(p.close()) }()
	for _, f := range files {
		for s, err := range steps(f) {
			if err != nil {
				return false, fmt.Errorf("%s:%d: %w", f.name, s.line, err)
			}
			if p.play(s) != nil || ctx.Err() != nil {
				return p.refused, nil
			}
		}
	}
	return p.refused, nil
}

// file is one of those that the script is made of.
type file struct {
	name string
	io.ReadCloser
}

// open opens all files before anything of them is played.
func open(names []string, stdin io.Reader) ([]file, error) {
	if len(names) == 0 {
		names = []string{"-"}
	}
	var files []file
	for _, name := range names {
		if name == "-" {
			files = append(files, file{name, io.NopCloser(stdin)})
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, file{name, f})
	}
	return files, nil
}

// waiting is an input that may not go on, such as a terminal's: then the end of ctx ends a Read.
type waiting struct {
	ctx context.Context
	in  io.Reader
}

// Read implements [io.Reader].
func (w waiting) Read(p []byte) (int, error) {
	type answer struct {
		text []byte // not in p, which is the caller's when Read has returned
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text := make([]byte, len(p))
		n, err := w.in.Read(text)
		answers <- answer{text[:n], err}
	}()
	select {
	case a := <-answers:
		return copy(p, a.text), a.err
	case <-w.ctx.Done():
		return 0, w.ctx.Err()
	}
}

// closeAll ignores errors: the files were only read.
func closeAll(files []file) {
	for _, f := range files {
		_ = f.Close()
	}
}
