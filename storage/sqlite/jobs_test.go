package sqlite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// Jobs are what processes do that end by themselves.
const (
	jobOpen  = "open"
	jobWrite = "write"
	jobRead  = "read"
)

var jobs = map[string]func(ctx context.Context, w worker) error{
	jobOpen: withStore(func(ctx context.Context, s *sqlite.Store) error {
		return bump(ctx, s, storage.VersionKey{Kind: "opened", ID: "x"})
	}),
	jobWrite: withStore(writeRounds),
	jobRead:  withStore(readRounds),
}

func withStore(job func(ctx context.Context, s *sqlite.Store) error) func(ctx context.Context, w worker) error {
	return func(ctx context.Context, w worker) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		s, err := sqlite.Open(ctx, w.Path, &sqlite.Options{LoseLastOnPowerLoss: true})
		if err != nil {
			return err
		}
		return errors.Join(job(ctx, s), s.Close())
	}
}

// rounds is how many transactions the writer makes.
const rounds = 300

var roundKeys = []storage.VersionKey{{Kind: "round", ID: "a"}, {Kind: "round", ID: "b"}}

// writeRound writes some of everything, one more of each with each round.
func writeRound(ctx context.Context, s *sqlite.Store, n int) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		return errors.Join(
			putFacts(ctx, s, fact("", fmt.Sprint(n), "a"), fact("s", fmt.Sprint("s", n), "a")),
			s.Put(ctx, []storage.Record{record("a", fmt.Sprintf("%06d", n), "round")}),
			bump(ctx, s, roundKeys...),
			publish(ctx, s.Log, "paid", "a"),
		)
	})
}

func writeRounds(ctx context.Context, s *sqlite.Store) error {
	for n := range rounds {
		if err := writeRound(ctx, s, n); err != nil {
			return err
		}
	}
	return nil
}

// readRounds reads until the writer is done: all versions are of one instant, and what is read after them is no older.
func readRounds(ctx context.Context, s *sqlite.Store) error {
	for {
		versions, err := s.Versions(ctx, roundKeys)
		if err != nil {
			return err
		}
		if versions[0] != versions[1] {
			return fmt.Errorf("versions %v of one instant", versions)
		}
		n, err := countRounds(ctx, s)
		if err != nil {
			return err
		}
		if slices.Min(n) < versions[0] {
			return fmt.Errorf("facts, records and entity are of rounds %v, read after version %d", n, versions[0])
		}
		if versions[0] == rounds {
			return nil
		}
	}
}

// countRounds says of how many rounds the facts, the records and the entity are.
func countRounds(ctx context.Context, s *sqlite.Store) ([]int64, error) {
	n := make([]int64, 3)
	for _, err := range s.FactsOf(ctx, []string{"a"}) {
		if err != nil {
			return nil, err
		}
		n[0]++
	}
	n[0] /= 2
	for _, err := range s.List(ctx, storage.Range{Kind: "day"}) {
		if err != nil {
			return nil, err
		}
		n[1]++
	}
	for h, err := range s.Heads(ctx, kind, nil) {
		if err != nil {
			return nil, err
		}
		n[2] = h.Version
	}
	return n, nil
}

// command is this test binary as a process that does a job.
func command(t *testing.T, w worker) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(w)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
	return cmd
}

// Nobody ever hears that the database is locked, however many processes have it.
func TestManyProcessesReadWhileOneWrites(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	openStore(t, path, nil)
	runAll(t, append(repeat(worker{Path: path, Job: jobRead}, 5), worker{Path: path, Job: jobWrite})...)
}
