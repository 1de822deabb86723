package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func Example() {
	main()
	// Output:
	// 12:00:00  orders-db is unhealthy
	// 12:02:00  checkout is unhealthy
	// 12:10:00  orders-db is healthy
	// 12:31:36  half of the budget is spent
	// 12:35:00  checkout is to be up 99.9 % of 30 days:
	//   level        critical (down: true, breaching: false)
	//   budget       43m12s, of which 18m12s is left (42.13 %)
	//   25m0s        caused by itself
	//   8m0s         caused by orders-db
	//   burn rate    416.7 times what the budget allows, over the last hour
	//   page         an alert is firing, for what burnt over 1h0m0s and 5m0s
	//   page         an alert is firing, for what burnt over 6h0m0s and 30m0s
	//   ticket       an alert is firing, for what burnt over 24h0m0s and 2h0m0s
	//   ticket       an alert is firing, for what burnt over 72h0m0s and 6h0m0s
	//   exhausted    2026-03-02 12:53:12, if it stays down
}

// With a file the first run prints what it prints without, the second one the same answers.
func TestFileKeepsEverything(t *testing.T) {
	file := filepath.Join(t.TempDir(), "quickstart.db")
	inMemory := printed(t, "")
	const kept = "everything is kept in "
	first := printed(t, file)
	if want := inMemory + kept; !strings.HasPrefix(first, want) || !strings.Contains(first, file) {
		t.Errorf("the first run printed\n%swant\n%s", first, want)
	}
	_, answers, _ := strings.Cut(first, "12:35:00")
	for range 2 {
		again := printed(t, file)
		if want := "known from before; told once more, it is still the same\n12:35:00" + answers; again != want {
			t.Errorf("another run printed\n%swant\n%s", again, want)
		}
	}
}

// What ends well has no year 1 in it.
func TestABudgetThatLastsSaysSo(t *testing.T) {
	before := news
	t.Cleanup(func() { news = before })
	news = append(slices.Clone(news), slo.Up("checkout", begin.Add(20*time.Minute)))
	if got := printed(t, ""); !strings.HasSuffix(got, "  exhausted    never, as it is up\n") {
		t.Errorf("it printed\n%s", got)
	}
}

func TestArgumentsThatAreNoFlagsAreRefused(t *testing.T) {
	program := exec.Command(os.Args[0], "-test.run=^Example$", "slo.db") // which calls main
	text, err := program.CombinedOutput()
	if program.ProcessState == nil || program.ProcessState.ExitCode() != 2 || string(text) != "usage: quickstart [-db FILE]\n" {
		t.Errorf("%v, and it printed\n%s", err, text)
	}
}

// printed runs the program, and returns what it prints.
func printed(t *testing.T, file string) string {
	t.Helper()
	r, w, err := os.Pipe() // which has room for all of it
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	err = run(t.Context(), file)
	os.Stdout = stdout
	_ = w.Close()
	text, readErr := io.ReadAll(r)
	if err != nil || readErr != nil {
		t.Fatalf("run: %v, %v", err, readErr)
	}
	return string(text)
}
