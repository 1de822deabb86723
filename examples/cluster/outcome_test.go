package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestWhatWasFoundIsReportedBesideWhatEndedTheRun(t *testing.T) {
	differs := fmt.Errorf("round 3: %w", &difference{"process 1 says otherwise", []string{"a"}})
	late := fmt.Errorf("ask: %w", errLate)
	said := errors.New("process 2: it said: boom")
	for _, c := range []struct {
		name       string
		err, cause error
		want       string
	}{
		{"nothing", nil, nil, "no difference"},
		{"a difference", differs, nil, "DIFFERENT: round 3: process 1 says otherwise:\n  a"},
		{"something that took too long", late, nil, "FAILED: ask: not within 1m0s"},
		{"a process that complained", fmt.Errorf("ask: %w", context.Canceled), said, "FAILED: process 2: it said: boom"},
		{"a process that complained beside a difference", differs, said,
			"DIFFERENT: round 3: process 1 says otherwise:\n  a\nprocess 2: it said: boom"},
		{"an interruption", fmt.Errorf("ask: %w", context.Canceled), errInterrupted, "FAILED: interrupted"},
		{"an interruption after a difference", errors.Join(differs, context.Canceled), errInterrupted,
			"DIFFERENT: round 3: process 1 says otherwise:\n  a\ninterrupted"},
		{"an interruption after something that took too long", late, errInterrupted, "FAILED: ask: not within 1m0s\ninterrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			newReport(&out, options{}, "").print(outcome(c.err, c.cause))
			if !strings.HasSuffix(out.String(), "\n\n"+c.want+"\n") {
				t.Errorf("it ends otherwise than with %q:\n%s", c.want, out.String())
			}
		})
	}
}

func TestServersThatAreOfNoUseAreNamed(t *testing.T) {
	for _, c := range []struct {
		name      string
		long      time.Duration
		processes int
		counts    counts
		want      string
	}{
		{"both are", time.Minute, 3, counts{1, 1}, ""},
		{"Redis is not", 10 * time.Second, 2, counts{0, 1}, "nothing was ever found in Redis"},
		{"NATS is not", 10 * time.Second, 2, counts{1, 0}, "no wake ever came from NATS"},
		{"nobody knows in a short run", 9 * time.Second, 3, counts{}, ""},
		{"nobody knows of one process", time.Minute, 1, counts{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReport(io.Discard, options{long: c.long, processes: c.processes}, "")
			r.counted(c.counts)
			got := ""
			if err := r.useless(); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("it says %q: want %q", got, c.want)
			}
		})
	}
}
