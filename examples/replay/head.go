package main

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// writeHead writes what all lines of a table have in common, and what would mislead a reader who does not know it.
func writeHead(w *bytes.Buffer, o options, in *input, reports []report) {
	fmt.Fprintf(w, "%s %% of %v", decimalText(o.objective.Target), o.objective.Window)
	if len(reports) == 0 {
		fmt.Fprint(w, ": no outages\n")
		return
	}
	breaching := 0
	for _, r := range reports {
		if r.Breaching {
			breaching++
		}
	}
	first := reports[0] // all are judged over the same time
	fmt.Fprintf(w, " at %s\n", instantText(first.At))
	fmt.Fprintf(w, "%v, from %s to %s: %d of %d breaching\n", o.objective.DependencyExclusion, instantText(first.From),
		instantText(first.To), breaching, len(reports))
	if first.running() {
		fmt.Fprintln(w, "The period is still running: AVAIL % is so far, BUDGET is of the whole period.")
	}
	// The end of a period that is over needs no such word: whatever comes later, it stays what it is.
	if n := in.stillDown(); n > 0 && o.atLast && !o.last {
		fmt.Fprintf(w, "Still down in the files: %d of %d. Judged at their last instant; give -at for another.\n", n, len(reports))
	}
	if o.maintenance != "" {
		n, all := in.plannedIn(first.From, earlier(first.To, first.At))
		fmt.Fprintf(w, "With planned maintenance: %d of %d windows concern these systems in this time.\n", n, all)
	}
}

// running reports whether the period goes on after the instant at which it was judged.
func (r report) running() bool { return r.To.After(r.At) }

// verdict is what the STATUS column says. A period that is still running can be lost already, but not yet won.
func (r report) verdict() string {
	verdict := "met"
	switch {
	case r.Breaching:
		verdict = "BREACHING"
	case r.running():
		verdict = "so far met"
	}
	if r.Down {
		verdict += " DOWN"
	}
	return verdict
}

// stillDown counts the judged systems with an outage that has no end.
func (in *input) stillDown() int {
	n := 0
	for _, system := range in.systems {
		if slices.ContainsFunc(in.statements[system], func(s slo.Statement) bool { return s.Outages[0].End.IsZero() }) {
			n++
		}
	}
	return n
}

// plannedIn counts the windows of planned maintenance that concern a judged system in [from, to), and all windows.
func (in *input) plannedIn(from, to time.Time) (n, all int) {
	for system, windows := range in.maintenance {
		all += len(windows)
		if !slices.Contains(in.systems, system) {
			continue
		}
		for _, m := range windows {
			if m.Start.Before(to) && m.End.After(from) {
				n++
			}
		}
	}
	return n, all
}
