package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The tests of how the program ends run this test binary again, as the program.
const programEnv = "SLOKEEP_TEST_SCENARIO"

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A program that is told to end, or to which nobody listens, drops its schema; its input goes on all the while.
func TestNoSchemaIsLeftBehind(t *testing.T) {
	url := needServer(t)
	const question = `{"at":"2026-03-02T12:00:00Z","op":"burnrate","objective":"o"}` + "\n"
	send := func(signal os.Signal) func(*testing.T, *program) {
		return func(t *testing.T, p *program) {
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name, says string
		end        func(t *testing.T, p *program)
	}{
		{"interrupted", "scenario: interrupted\n", send(os.Interrupt)},
		{"terminated", "scenario: interrupted\n", send(syscall.SIGTERM)},
		{"a pipe that closes", "broken pipe\n", func(t *testing.T, p *program) {
			if err := p.out.Close(); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(p.in, question)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := schemas(t, url)
			p := startProgram(t, "-store", url)
			if _, err := io.WriteString(p.in, made+question); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(p.out).ReadString('\n'); err != nil || !strings.Contains(line, "burnRate") {
				t.Fatalf("it printed %q, %v", line, err)
			}
			mine := slices.DeleteFunc(schemas(t, url), func(s string) bool { return slices.Contains(before, s) })
			if len(mine) == 0 {
				t.Fatal("it has no schema")
			}
			c.end(t, p)
			_ = p.cmd.Wait()
			if status := p.cmd.ProcessState.ExitCode(); status != 1 || !strings.HasSuffix(p.stderr.String(), c.says) {
				t.Errorf("%v, and it said %q", p.cmd.ProcessState, &p.stderr)
			}
			// Schemas of other tests, which may run at the same time, go too, though later.
			left := func() bool {
				return slices.ContainsFunc(schemas(t, url), func(s string) bool { return slices.Contains(mine, s) })
			}
			for deadline := time.Now().Add(20 * time.Second); left(); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("of %q something is left", mine)
				}
			}
		})
	}
}

// program is one that runs.
type program struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr bytes.Buffer
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.cmd.Env = append(os.Environ(), programEnv+"=1")
	p.cmd.Stderr = &p.stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.in.Close() })
	return p
}

// schemas lists those of scripts that are being played.
func schemas(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'scenario\_%'`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}
