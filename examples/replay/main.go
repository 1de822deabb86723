// Command replay reads outages from CSV files and says how much of its error budget each system has left.
//
//	go run ./examples/replay [flags] FILE...
//
// A file begins with the line system,start,end,upstream,note; FILE may be - for standard input. Instants are RFC 3339. A
// row without an end is still down; one whose upstream is not empty was caused by that system, as its source says. Each
// row is a source of its own, so rows may overlap, nest, touch and repeat, in any order and across files: an instant
// counts once.
//
// The flags:
//
//	-system NAME        judge this system; repeatable. All systems unless given
//	-target PERCENT     what is promised, 0 to 100 with at most six decimals; 99.9 unless given
//	-window WINDOW      over what: 30d (unless given), 24h, 300s, calendar:month, calendar:quarter:Europe/Berlin, ...
//	-at INSTANT         when it is judged, RFC 3339; the last instant in the files unless given
//	-period PERIOD      current (unless given): the window as it is at -at. last, for calendar windows alone: the last
//	                    period that has ended at -at, as of its end
//	-exclusion MODE     strict (unless given): all downtime counts. self-only: what an upstream caused does not
//	-maintenance FILE   planned maintenance in the same form: downtime inside it counts as good. Each row must end
//	-backtest           say how often the default alert policy fires, and how well, from the first instant in the files
//	                    to -at, whatever the period; the json form also says when
//	-format FORMAT      table (unless given), of at most 100 columns, or json
//	-o FILE             write there instead of to standard output, whole or not at all
//
// Systems come worst first: by the percentage of the budget that remains, then by the time that remains, then by name.
//
// With -format json the output is an array with an object for each system: the fields of the JSON form of slo.Status,
// then outages, the number of maximal stretches of downtime in the window, whatever caused it, and longestNs, the length
// of the longest. With -backtest there are also intervals (severity, longNs, shortNs, start, end: when a rule fired), and
// precision, recall, detectionNs and resetNs, each an object with page and ticket, null where there was nothing to judge.
//
// The exit status is 0 when all went well, also if every budget is overspent; 2 when a flag or an input is wrong, which
// the message names with file, line, field and value; 1 when a file could not be read or written. Unless it is 0, nothing
// is written.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // calendar windows in any zone, also on a machine that has no database of them

	"github.com/slokeep/slokeep/slo"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program: it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	err := replay(args, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprintln(stderr, "replay:", err)
	if errors.Is(err, slo.ErrInvalid) {
		return 2
	}
	return 1
}

func replay(args []string, stdout, stderr io.Writer) error {
	o, err := parseFlags(args)
	if err != nil {
		return err
	}
	if note := o.note(); note != "" {
		fmt.Fprintln(stderr, "replay: note:", note)
	}
	p := newProgress(stderr)
	defer p.erase()
	in, err := readInput(o, p)
	if err != nil {
		return err
	}
	if o.atLast {
		o.at = in.last
	}
	reports, err := judgeAll(o, in, p)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if o.format == formatJSON {
		err = writeJSON(&out, reports)
	} else {
		writeTable(&out, o, in, reports)
	}
	if err != nil {
		return err
	}
	p.erase()
	if o.output != "" {
		return writeOutput(o.output, out.Bytes())
	}
	_, err = stdout.Write(out.Bytes())
	return err
}
