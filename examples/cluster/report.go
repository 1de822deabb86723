package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// report counts.
type report struct {
	options
	out   io.Writer
	began time.Time

	mu         sync.Mutex
	rounds     int
	now        time.Time
	operations map[string]int // by kind
	doubted    map[int]int    // operations, by how often they were in doubt
	conflicts  int
	answers    int
	telling    []time.Duration
	asking     []time.Duration
	harm       map[string]int
	changes    map[string]int // handled, by kind
	repeated   int
	counts     counts
}

func newReport(out io.Writer, o options, name string) *report {
	fmt.Fprintf(out, "%d processes on %s, seed %d, for %v\n", o.processes, name, o.seed, o.long)
	return &report{options: o, out: out, began: time.Now(), now: dawn,
		operations: map[string]int{}, doubted: map[int]int{}, harm: map[string]int{}, changes: map[string]int{}}
}

func (r *report) round(n int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rounds, r.now = n, now
}

func (r *report) told(kind string, took time.Duration, doubts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operations[kind]++
	r.doubted[doubts]++
	r.telling = append(r.telling, took)
}

func (r *report) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(err, errFailed) {
		r.conflicts++
	}
}

func (r *report) asked(n int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers += n
	r.asking = append(r.asking, took)
}

func (r *report) harmed(name string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.harm[name] += n
}

func (r *report) handled(rows []handled) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.changes)
	r.repeated = 0
	for _, row := range rows {
		r.changes[row.Kind]++
		r.repeated += int(row.Times - 1)
	}
}

// counted adds what a process has counted since it last said so.
func (r *report) counted(more counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.hits += more.hits
	r.counts.wakes += more.wakes
}

// useless says that Redis or NATS was there for nothing, in a run in which that cannot be chance. It is called in the end.
func (r *report) useless() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.long < 10*time.Second || r.processes < 2:
		return nil
	case r.counts.hits == 0:
		return errors.New("nothing was ever found in Redis")
	case r.counts.wakes == 0:
		return errors.New("no wake ever came from NATS")
	}
	return nil
}

// progress prints a line now and then, until ctx ends.
func (r *report) progress(ctx context.Context) {
	every := min(max(r.long/10, time.Second), 30*time.Second)
	for pause(ctx, every) {
		r.mu.Lock()
		fmt.Fprintf(r.out, "%4.0f s  round %d, %s: %d operations, %d answers compared, %d processes killed\n", time.Since(r.began).Seconds(),
			r.rounds, r.now.Format(time.DateTime), len(r.telling), r.answers, r.harm["processes killed"])
		r.mu.Unlock()
	}
}

// print prints the report, in the end.
func (r *report) print(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := func(what, format string, args ...any) {
		fmt.Fprintf(r.out, "  %-12s %s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(r.out, "\n%d processes, seed %d\n", r.processes, r.seed)
	line("time", "%v, %d rounds, %.0f simulated days", time.Since(r.began).Round(time.Second), r.rounds, r.now.Sub(dawn).Hours()/24)
	line("operations", "%d acknowledged: %s", len(r.telling), list(r.operations))
	line("", "%v", quantiles(r.telling))
	once, more := r.doubted[1], len(r.telling)-r.doubted[0]-r.doubted[1]
	line("in doubt", "%d, of which %d were acknowledged when they were told again, and %d later", once+more, once, more)
	line("failed", "%d attempts, which changed nothing", r.conflicts)
	line("questions", "%d, with %d answers", len(r.asking), r.answers)
	line("", "%v", quantiles(r.asking))
	if len(r.changes) > 0 { // it got as far as that
		line("handled", "%s; %d of them more than once", list(r.changes), r.repeated)
	}
	line("shared", "%d histories found in Redis, %d wakes from NATS", r.counts.hits, r.counts.wakes)
	what := "harm"
	for _, name := range slices.Sorted(maps.Keys(r.harm)) {
		line(what, "%d %s", r.harm[name], name)
		what = ""
	}
	_, differs := errors.AsType[*difference](err)
	switch {
	case err == nil:
		fmt.Fprintln(r.out, "\nno difference")
	case differs:
		fmt.Fprintf(r.out, "\nDIFFERENT: %v\n", err)
	default:
		fmt.Fprintf(r.out, "\nFAILED: %v\n", err)
	}
}

// list is counts as text, the greatest first.
func list(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return strings.Join(names, ", ")
}

// quantiles says how long things took, the attempts in vain included.
func quantiles(took []time.Duration) string {
	if len(took) == 0 {
		return "none"
	}
	sorted := slices.Sorted(slices.Values(took))
	last := len(sorted) - 1
	return fmt.Sprintf("p50 %v, p99 %v, at most %v", ms(sorted[last/2]), ms(sorted[last*99/100]), ms(sorted[last]))
}

func ms(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
