package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What is printed is the same bytes wherever everything is kept.
func TestScenariosOnSQLite(t *testing.T) {
	for name, args := range scenarios(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "scenario.db")
			comparePlay(t, name, append([]string{"-store", "sqlite:" + file}, args...))
			if info, err := os.Stat(file); err != nil || info.Size() == 0 {
				t.Errorf("the file afterwards: %v, %v", info, err)
			}
		})
	}
}

func TestScenariosOnPostgreSQL(t *testing.T) {
	url := needServer(t)
	for name, args := range scenarios(t) {
		t.Run(name, func(t *testing.T) { comparePlay(t, name, append([]string{"-store", url}, args...)) })
	}
}

// needServer returns the URL of a database, and skips a test on a machine without a server, unless SLOKEEP_REQUIRE_SERVERS
// says that there must be one.
func needServer(t *testing.T) (url string) {
	t.Helper()
	url = cmp.Or(os.Getenv("SLOKEEP_POSTGRES_DSN"), "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	conn, err := pgx.Connect(t.Context(), url)
	switch {
	case err == nil:
		_ = conn.Close(t.Context())
	case os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "":
		t.Fatalf("no PostgreSQL: %v", err)
	default:
		t.Skip("no PostgreSQL at SLOKEEP_POSTGRES_DSN, or else 127.0.0.1:5432")
	}
	return url
}

func TestStoresThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken.db")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ store, says string }{
		{"", "want memory, sqlite:FILE or postgres://user@host/database"},
		{"disk", "want memory, sqlite:FILE or postgres://user@host/database"},
		{"host=127.0.0.1 dbname=test", "or postgres://user@host/database"},
		{"postgres:host=127.0.0.1 dbname=test", "want a URL, such as postgres://user@host/database"},
		{"memory:x", "nothing after memory"},
		{"postgres:", "want a URL"},
		{"postgres://nobody@127.0.0.1:1/none", "cannot be reached"},
		{"postgresql://nobody@127.0.0.1:1/none", "cannot be reached"},
		{"sqlite", "name of a file"},
		{"sqlite:" + dir, "there already"},
		{"sqlite:" + taken, "there already"},
		{"sqlite:" + filepath.Join(dir, "missing", "new.db"), "directory"},
	} {
		got := play(t, "", "-store", c.store)
		if !strings.HasPrefix(got, "scenario: -store ") || !strings.Contains(got, c.says) || !strings.HasSuffix(got, "exit status 2\n") {
			t.Errorf("-store %q printed\n%s\nwant that it says %q", c.store, got, c.says)
		}
	}
	if text, err := os.ReadFile(taken); err != nil || string(text) != "mine" {
		t.Errorf("the file that was there: %q, %v", text, err)
	}
}
