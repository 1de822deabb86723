package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) {
	if isWorker() {
		os.Exit(work())
	}
	os.Exit(m.Run())
}

// needServers skips a test on a machine without the servers, unless SLOKEEP_REQUIRE_SERVERS says that they must be there.
func needServers(t *testing.T) options {
	t.Helper()
	o, err := parse([]string{"-seed", "1"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	s, err := connect(t.Context(), o)
	if err == nil {
		err = s.close()
	}
	switch {
	case err == nil:
	case os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "":
		t.Fatalf("a server is missing: %v", err)
	default:
		t.Skipf("no PostgreSQL, Redis or NATS at SLOKEEP_POSTGRES_DSN, SLOKEEP_REDIS_ADDR or SLOKEEP_NATS_URL: %v", err)
	}
	return o
}

// play runs the program, and returns its exit status and what it printed.
func play(t *testing.T, args ...string) (status int, text string) {
	t.Helper()
	var out bytes.Buffer
	status = run(t.Context(), args, &out, &out)
	t.Log(out.String())
	return status, out.String()
}

func TestAFewSecondsShowNoDifference(t *testing.T) {
	o := needServers(t)
	long := "5s"
	if testing.Short() {
		long = "2s"
	}
	status, text := play(t, "-for", long)
	if status != 0 || !strings.HasSuffix(text, "no difference\n") {
		t.Errorf("exit status %d", status)
	}
	for _, s := range []string{" observe", " killed", " state", " found in Redis, "} {
		if !strings.Contains(text, s) {
			t.Errorf("the report has no %q", s)
		}
	}
	nothingIsLeft(t, o, text)
}

func TestAFactThatIsWithheldIsADifference(t *testing.T) {
	needServers(t)
	status, text := play(t, "-for", "1m", "-withhold", "-processes", "1")
	if status != 1 || !strings.Contains(text, "DIFFERENT: round 1: process 0 says otherwise") || !strings.Contains(text, "downtimes of queue-month:") {
		t.Errorf("exit status %d", status)
	}
}

// nothingIsLeft looks for what a run had of its own.
func nothingIsLeft(t *testing.T, o options, text string) {
	t.Helper()
	name := regexp.MustCompile(`cluster_\w+`).FindString(text)
	if name == "" {
		t.Fatal("the report does not say where everything is")
	}
	conn, err := pgx.Connect(t.Context(), o.postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var schema *string
	if err := conn.QueryRow(t.Context(), `SELECT to_regnamespace($1)::text`, name).Scan(&schema); err != nil || schema != nil {
		t.Errorf("its schema is left behind, or nobody knows: %v", err)
	}
	client := redis.NewClient(&redis.Options{Addr: o.redis})
	defer client.Close()
	for keys := client.Scan(t.Context(), 0, name+"*", 1000).Iterator(); keys.Next(t.Context()); {
		t.Errorf("a key is left behind: %s", keys.Val())
	}
}

func TestBadUsageIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-for", "0s"}, {"-for", "soon"}, {"-processes", "0"}, {"-processes", "17"}, {"-seed", "-1"}, {"-unknown"}, {"more"},
		{"-postgres", "host=127.0.0.1 port=1"}, {"-redis", "127.0.0.1:1"}, {"-nats", "nats://127.0.0.1:1"},
	} {
		if status, text := play(t, args...); status != 2 || text == "" {
			t.Errorf("%q: exit status %d, and it prints %q", args, status, text)
		}
	}
}

func TestARunThatIsInterruptedIsNotGood(t *testing.T) {
	o := needServers(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var out bytes.Buffer
	if status := run(ctx, []string{"-for", "1m"}, &out, &out); status != 1 || !strings.HasSuffix(out.String(), "interrupted\n") {
		t.Errorf("exit status %d: %s", status, out.String())
	}
	nothingIsLeft(t, o, out.String())
}

func TestAnswersThatDifferAreNamed(t *testing.T) {
	a := answers{"a": "1", "b": "2"}
	if list := a.differences(answers{"a": "1", "b": "2"}); len(list) > 0 {
		t.Errorf("the same answers differ: %q", list)
	}
	if list := a.differences(answers{"b": "3", "c": "4"}); len(list) != 3 {
		t.Errorf("three differ: %q", list)
	}
	same := strings.Repeat("same", 20)
	list := answers{"a": same + "here" + same}.differences(answers{"a": same + "there"})
	if len(list) != 1 || !strings.Contains(list[0], "samehere") || !strings.HasSuffix(list[0], "samethere") {
		t.Errorf("one differs after 80 bytes: %q", list)
	}
}
