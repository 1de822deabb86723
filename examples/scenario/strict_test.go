package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const made = `{"at":"2026-03-02T12:00:00Z","op":"objective","id":"o","system":"s","target":99.9,"window":"30d"}` + "\n"

func TestLinesThatAreNoStep(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"bad JSON", `{"at":"2026-03-02T12:00:00Z",`, "bad JSON"},
		{"two values", `{"at":"2026-03-02T12:00:00Z","op":"daily"} {}`, "bad JSON"},
		{"no object", `["daily"]`, "want an object"},
		{"null", `null`, "want an object"},
		{"bytes that are not UTF-8", `{"at":"2026-03-02T12:00:00Z","op":"delete","system":"` + "\xff" + `"}`, "UTF-8"},
		{"a key twice", `{"at":"2026-03-02T12:00:00Z","op":"daily","op":"daily"}`, `key "op"`},
		{"no op", `{"at":"2026-03-02T12:00:00Z"}`, "op is missing"},
		{"an op of another type", `{"at":"2026-03-02T12:00:00Z","op":1}`, "op: 1: want a string"},
		{"an unknown op", `{"at":"2026-03-02T12:00:00Z","op":"Daily"}`, `op "Daily"`},
		{"no at", `{"op":"daily"}`, "at is missing"},
		{"an at that is null", `{"at":null,"op":"daily"}`, "at: null"},
		{"an at without a zone", `{"at":"2026-03-02T12:00:00","op":"daily"}`, `at: "2026-03-02T12:00:00"`},
		{"an at with an hour of one digit", `{"at":"2026-03-02T2:00:00Z","op":"daily"}`, `at: "2026-03-02T2:00:00Z"`},
		{"an at that is a number", `{"at":1772452800,"op":"daily"}`, "at: 1772452800: want a string"},
		{"an unknown key", `{"at":"2026-03-02T12:00:00Z","op":"daily","now":true}`, `key "now"`},
		{"a key of another op", `{"at":"2026-03-02T12:00:00Z","op":"status","objective":"o","system":"s"}`, `key "system"`},
		{"a key in other letters", `{"at":"2026-03-02T12:00:00Z","op":"status","Objective":"o"}`, `key "Objective"`},
		{"an unknown key, beside a bad value", `{"at":"2026-03-02T12:00:00Z","op":"status","objective":1,"x":1}`, `key "x"`},
		{"an unknown key in an outage", `{"at":"2026-03-02T12:00:00Z","op":"restate","source":1,"outages":[{"x":1}]}`, `key "x"`},
		{"a key twice in an outage", `{"at":"2026-03-02T12:00:00Z","op":"restate","source":"i","outages":[{"check":"a","check":"b"}]}`, `key "check"`},
		{"an outage that is none", `{"at":"2026-03-02T12:00:00Z","op":"restate","source":"i","outages":[1]}`, "want an object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), nil, strings.NewReader(made+"# said before\n\n"+tt.line+"\n"+made), &stdout, &stderr)
			if status != 2 || stdout.Len() > 0 {
				t.Errorf("exit status %d, and it printed %q", status, &stdout)
			}
			if got := stderr.String(); !strings.HasPrefix(got, "-:4: ") || !strings.Contains(got, tt.want) {
				t.Errorf("it said %q, want -:4: ... %s", got, tt.want)
			}
		})
	}
	t.Run("what was printed before stays, and so does what it has caused", func(t *testing.T) {
		script := `{"at":"2026-03-02T12:00:00Z","op":"objective","id":"o","system":"s","target":99.9,"window":"30d"}
{"at":"2026-03-02T12:00:00Z","op":"watch","id":"w","if":"state.slo.o.down == true"}
{"at":"2026-03-02T12:00:00Z","op":"burnrate","objective":"o"}
{"at":"2026-03-02T12:00:00Z","op":"health","system":"s","status":"unhealthy"}
{}
{"at":"2026-03-02T12:00:00Z","op":"burnrate","objective":"o"}
`
		got := play(t, script)
		want := `{"at":"2026-03-02T12:00:00Z","op":"burnrate","burnRate":0}
{"at":"2026-03-02T12:00:00Z","op":"fired","watch":"w","value":true}
-:5: no step: at is missing
exit status 2
`
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	refused := `{"at":"2026-03-02T12:00:00Z","op":"burnrate","objective":"x"}`
	const said = `{"at":"2026-03-02T12:00:00Z","op":"burnrate","error":"engine: objective \"x\": not found","line":2}` + "\n"
	t.Run("are one script, each with lines of its own, and - is standard input", func(t *testing.T) {
		a, b := write("a", "\n"+made), write("b", "# no newline at the end\r\n"+refused)
		again := strings.Replace(made, `"id":"o"`, `"id":"x"`, 1)
		if got, want := play(t, "\n"+refused+"\n"+again, a, b, "-", b), said+said+
			`{"at":"2026-03-02T12:00:00Z","op":"burnrate","burnRate":0}`+"\nexit status 1\n"; got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
	t.Run("name themselves where a line is no step", func(t *testing.T) {
		a := write("bad", made+"\n{}")
		if got, want := play(t, "", a), a+":3: no step: at is missing\nexit status 2\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("are all opened before anything is played", func(t *testing.T) {
		got := play(t, "", write("b", "\n"+refused), filepath.Join(dir, "none"))
		if !strings.HasPrefix(got, "scenario: open ") || !strings.HasSuffix(got, "exit status 2\n") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("may be empty", func(t *testing.T) {
		if got := play(t, ""); got != "exit status 0\n" {
			t.Errorf("got %q", got)
		}
	})
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"an unknown flag", "scenario: flag provided but not defined: -x\nexit status 2\n", []string{"-x"}},
		{"help", usage + "exit status 0\n", []string{"-h"}},
		{"memory", "exit status 0\n", []string{"-store", "memory"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := play(t, "", tt.args...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputThatCannotBeWritten(t *testing.T) {
	var stderr bytes.Buffer
	status := run(t.Context(), nil, strings.NewReader(made+`{"at":"2026-03-02T12:00:00Z","op":"burnrate","objective":"o"}`), fullDisk{}, &stderr)
	if status != 1 || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("exit status %d, and it said %q", status, &stderr)
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		play(t, made+`{"at":"2026-03-02T12:00:00Z","op":"watch","id":"w","if":"state.slo.o.down == true"}`+"\n"+
			`{"at":"2026-03-02T12:00:00Z","op":"schedule","on":true}`+"\n"+
			`{"at":"2026-03-02T12:00:00Z","op":"health","system":"s","status":"unhealthy"}`, "-events")
		play(t, "{}")
	}
	deadline := time.Now().Add(10 * time.Second) // a goroutine that has ended is counted a little longer
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines, before %d:\n%s", after, before, stacks[:runtime.Stack(stacks, true)])
	}
}
