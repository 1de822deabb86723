// Command cachetable runs the benchmarks of caches in rounds, and prints Markdown tables of them: operations are rows,
// libraries are columns, and each figure is beside its ratio to slokeep's. The first goes by the clock, the second by what
// processors did, which is steadier where the machine is busy, and in which waiting costs nothing.
//
//	go run ./internal/benchmarks/cachetable -count 8 -benchtime 200ms
//
// In each round each operation is run by one library after another, so that what else the machine does falls on all of them.
// A figure is the median of the rounds, and a ratio the median of the rounds' ratios.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

const benchmarks = "github.com/slokeep/slokeep/internal/benchmarks"

func main() {
	count := flag.Int("count", 8, "rounds")
	benchtime := flag.String("benchtime", "200ms", "how long each library runs each operation in a round, as go test has it")
	bench := flag.String("bench", ".", "regular expression that the operations match")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, *count, *benchtime, *bench); err != nil {
		fmt.Fprintln(os.Stderr, "cachetable:", err)
		os.Exit(1)
	}
}

// run builds the benchmarks once, runs them count times, and writes the tables to out.
func run(ctx context.Context, out, progress io.Writer, count int, benchtime, bench string) error {
	if count < 1 {
		return fmt.Errorf("count %d: want 1 or more", count)
	}
	dir, err := os.MkdirTemp("", "cachetable")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "benchmarks.test")
	if _, err := command(ctx, "go", "test", "-c", "-o", binary, benchmarks); err != nil {
		return err
	}
	var rounds []round
	for i := range count {
		fmt.Fprintf(progress, "round %d of %d\n", i+1, count)
		text, err := command(ctx, binary, "-test.run=^$", "-test.bench=^BenchmarkCache$/"+bench, "-test.benchtime="+benchtime)
		if err != nil {
			return err
		}
		r, err := parse(text)
		if err != nil {
			return err
		}
		rounds = append(rounds, r)
	}
	return write(out, rounds)
}

// command runs a command and returns what it writes to its standard output. Where it fails, all that it writes is in the
// error.
func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s\n%s", name, err, bytes.TrimSpace(out), bytes.TrimSpace(errs.Bytes()))
	}
	return out, nil
}
