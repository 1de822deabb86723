package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slokeep/slokeep/slo"
)

const usage = `usage: replay [flags] FILE...

Reads outages from CSV files and says how much of its error budget each system has left, worst first. FILE may be - for
standard input.

  -system NAME        judge this system; repeatable (default: all)
  -target PERCENT     what is promised (default 99.9)
  -window WINDOW      over what: 30d, 24h, 300s, calendar:month, calendar:quarter:Europe/Berlin, ... (default 30d)
  -at INSTANT         when it is judged, RFC 3339 (default: the last instant in the files)
  -period PERIOD      current, or last: the last calendar period that has ended at -at, as of its end (default current)
  -exclusion MODE     strict: all downtime counts, self-only: what an upstream caused does not (default strict)
  -maintenance FILE   planned maintenance in the same form: downtime inside it counts as good
  -backtest           say how often the default alert policy fires, and how well, from the first instant in the files
                      to -at, whatever the period; with -format json also when
  -format FORMAT      table or json (default table)
  -o FILE             write there instead of to standard output, whole or not at all

The first line of a file must be the one below, exactly; each row has its five columns. start and
end are RFC 3339 with a zone, Z or one such as +02:00. An empty end says that the system is still
down. upstream is the system that the source blames for it, empty for none or itself; note is free
text. Quotes are those of CSV. Rows may overlap, repeat and come in any order.

system,start,end,upstream,note
checkout,2026-03-02T12:02:00Z,2026-03-02T12:15:00Z,orders-db,"slow queries, then none"
`

const (
	formatTable = "table"
	formatJSON  = "json"
)

// options is what the flags say.
type options struct {
	systems     []string // none: all
	objective   slo.Objective
	at          time.Time // zero: the last instant in the data
	atLast      bool      // at was not given: it is the last instant in the data
	last        bool      // the last period that has ended, not the current one
	maintenance string
	backtest    bool
	format      string
	output      string
	files       []string
}

// parseFlags reads the command line. Its errors match slo.ErrInvalid, or flag.ErrHelp where help was asked for.
func parseFlags(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("replay", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // run prints the error, and flag's own text would repeat a long value whole
	fs.Func("system", "", func(name string) error { o.systems = append(o.systems, name); return nil })
	target := fs.String("target", "99.9", "")
	window := fs.String("window", "30d", "")
	at := fs.String("at", "", "")
	period := fs.String("period", "current", "")
	exclusion := fs.String("exclusion", "strict", "")
	fs.StringVar(&o.maintenance, "maintenance", "", "")
	fs.BoolVar(&o.backtest, "backtest", false, "")
	fs.StringVar(&o.format, "format", formatTable, "")
	fs.StringVar(&o.output, "o", "", "")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, err
	} else if err != nil {
		return o, invalidf("%v: see -help", err)
	}
	o.files = fs.Args()
	if err := o.readFiles(); err != nil {
		return o, err
	}
	for _, read := range []func() error{
		func() error { return o.readObjective(*target, *window, *exclusion) },
		func() error { return o.readPeriod(*at, *period) },
		func() error { return oneOf("-format", o.format, formatTable, formatJSON) },
	} {
		if err := read(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// stdin is the file name that means standard input.
const stdin = "-"

func (o *options) readFiles() error {
	if len(o.files) == 0 {
		return invalidf("no FILE: see -help")
	}
	inputs := 0
	for _, path := range slices.Concat(o.files, []string{o.maintenance}) {
		if path == stdin {
			inputs++
		}
	}
	if inputs > 1 {
		return invalidf("FILE - is given %d times: standard input can be read once", inputs)
	}
	for _, path := range o.files {
		// Package flag stops at the first file, so a flag after it would be read as a file that does not exist.
		if strings.HasPrefix(path, "-") && path != stdin {
			return invalidf("%s: flags come before the files; a file of that name is ./%s", show(path), fit(path, maxShow))
		}
	}
	return nil
}

func (o *options) readObjective(target, window, exclusion string) error {
	percent, err := strconv.ParseFloat(target, 64)
	if err != nil {
		return invalidf("-target %s: want a number from 0 to 100", show(target))
	}
	o.objective = slo.Objective{ID: "replay", SystemID: "replay", Target: percent, ExcludeMaintenance: o.maintenance != ""}
	if o.objective.Window, err = slo.ParseWindow(window); err != nil {
		return fmt.Errorf("-window: %w", err)
	}
	if err := o.objective.DependencyExclusion.UnmarshalText([]byte(exclusion)); err != nil {
		return fmt.Errorf("-exclusion: %w", err)
	}
	if err := o.objective.Validate(); err != nil {
		// All else that can be wrong has just been found right, and the objective's name is of no use to anybody.
		return invalidf("-%s", strings.TrimPrefix(err.Error(), `slo: objective "replay": `))
	}
	return nil
}

func (o *options) readPeriod(at, period string) error {
	o.atLast = at == ""
	if at != "" {
		var err error
		if o.at, err = parseInstant("-at", at); err != nil {
			return err
		}
	}
	if err := oneOf("-period", period, "current", "last"); err != nil {
		return err
	}
	o.last = period == "last"
	if o.last && !strings.HasPrefix(o.objective.Window.String(), "calendar:") {
		return invalidf("-period last: want a calendar window with it: -window %v has no periods that end", o.objective.Window)
	}
	return nil
}

// note returns what looks like a mistake but may be meant; empty: nothing.
func (o *options) note() string {
	target := o.objective.Target
	if target <= 0 || target >= 1 {
		return ""
	}
	percent := math.Round(target*1e6) / 1e4 // a target has at most six decimals, so this is exact
	return fmt.Sprintf("-target %s is in percent: did you mean %s?", decimalText(target), decimalText(percent))
}

// The instants that package slo knows lie between these two.
var (
	firstInstant = time.Date(1970, time.January, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(2200, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// rfc3339 is stricter than time.Parse, which also reads an hour of one digit, a decimal comma and an offset of 99 hours.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// parseInstant reads an instant to the microsecond.
func parseInstant(field, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || !rfc3339.MatchString(text) {
		return t, invalidf("%s %s: want an instant such as 2026-03-01T00:00:00Z", field, show(text))
	}
	if t.Before(firstInstant) || t.After(lastInstant) {
		return t, invalidf("%s %s: want an instant from 1970 to 2200", field, show(text))
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

func oneOf(field, value, a, b string) error {
	if value != a && value != b {
		return invalidf("%s %s: want %s or %s", field, show(value), a, b)
	}
	return nil
}

// inputError is an error in what the program was given; it matches slo.ErrInvalid.
type inputError string

func (e inputError) Error() string        { return string(e) }
func (e inputError) Is(target error) bool { return target == slo.ErrInvalid }

func invalidf(format string, args ...any) error { return inputError(fmt.Sprintf(format, args...)) }

// maxShow is how many bytes of a bad value an error repeats.
const maxShow = 64

func show(s string) string {
	if len(s) > maxShow {
		return fmt.Sprintf("%q... (%d bytes)", s[:maxShow], len(s))
	}
	return fmt.Sprintf("%q", s)
}
