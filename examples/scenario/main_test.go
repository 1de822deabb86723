package main

import (
	"bytes"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the scenarios print to the .golden files")

// play runs a script, and returns all that can be seen of that.
func play(t testing.TB, script string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, strings.NewReader(script), &stdout, &stderr)
	return fmt.Sprintf("%s%sexit status %d\n", &stdout, &stderr, status)
}

// Each scenario says in comments why it must print what its .golden file holds.
func TestScenarios(t *testing.T) {
	for name, args := range scenarios(t) {
		t.Run(name, func(t *testing.T) { comparePlay(t, name, args) })
	}
}

// scenarios lists those of testdata, each with the arguments that it is played with.
func scenarios(t *testing.T) iter.Seq2[string, []string] {
	t.Helper()
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return func(yield func(string, []string) bool) {
		for _, file := range files {
			args := []string{file}
			if strings.Contains(file, "events") {
				args = []string{"-events", file}
			}
			if !yield(strings.TrimSuffix(filepath.Base(file), ".jsonl"), args) {
				return
			}
		}
	}
}

// comparePlay plays a scenario and compares what it prints with its .golden file.
func comparePlay(t *testing.T, name string, args []string) {
	t.Helper()
	got := play(t, "", args...)
	golden := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
