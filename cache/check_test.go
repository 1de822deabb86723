package cache_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func isError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

// says checks that an error's text has a part.
func says(t testing.TB, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Fatalf("got %v, want one that says %s", err, part)
	}
}

func equal[T any](t testing.TB, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("- want, + got:\n%s", diff)
	}
}

// none checks that a list or map is empty.
func none[T any, L ~[]T](t testing.TB, list L) {
	t.Helper()
	if len(list) > 0 {
		t.Fatalf("got %v, want nothing", list)
	}
}

// inBubble runs a test in a bubble of its own, on virtual time. One that leaves a goroutine behind, or in which all wait
// for ever, fails there.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
