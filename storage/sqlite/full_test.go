package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// A write for which there is no room is an error with a name; what was there before is there afterwards, and once there is
// room all goes on.
func TestFullDiskLosesNothing(t *testing.T) {
	long := strings.Repeat("long", 250) // more than a page for every four of them
	for name, write := range map[string]func(ctx context.Context, s *sqlite.Store, n int) error{
		"PutFacts": func(ctx context.Context, s *sqlite.Store, n int) error {
			return putFacts(ctx, s, fact("", fmt.Sprint(n, long), "a", "b"))
		},
		"Put": func(ctx context.Context, s *sqlite.Store, n int) error {
			return s.Put(ctx, []storage.Record{record("a", fmt.Sprint(n), long)})
		},
		"Bump": func(ctx context.Context, s *sqlite.Store, n int) error {
			return bump(ctx, s, storage.VersionKey{Kind: "system", ID: fmt.Sprint(n, long[:200])})
		},
		"PutHistories": func(ctx context.Context, s *sqlite.Store, n int) error {
			return s.PutHistories(ctx, []storage.History{{SystemID: fmt.Sprint(n), Version: 1, Data: []byte(long)}})
		},
		"Append": func(ctx context.Context, s *sqlite.Store, n int) error {
			return s.InTx(ctx, func(ctx context.Context) error { return publish(ctx, s.Log, long, fmt.Sprint(n)) })
		},
		"a round": writeRound,
	} {
		for _, inTx := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in a transaction: %t", name, inTx), func(t *testing.T) {
				s := openStore(t, newFile(t), nil)
				must(t, writeRound(t.Context(), s, -1))
				limit(t, s, 1) // as many pages as there are
				before := ""
				fill := func(ctx context.Context) (err error) {
					for n := 0; err == nil && n < 10_000; n++ {
						if !inTx {
							before = everything(t, s)
						}
						err = write(ctx, s, n)
					}
					return err
				}
				var err error
				if inTx {
					before = everything(t, s)
					err = s.InTx(t.Context(), func(ctx context.Context) error {
						if err := fill(ctx); !errors.Is(err, sqlite.ErrDiskFull) {
							t.Errorf("the write: %v, want ErrDiskFull", err)
						}
						return nil // carelessly
					})
				} else {
					err = fill(t.Context())
				}
				if !errors.Is(err, sqlite.ErrDiskFull) {
					t.Errorf("got %v, want ErrDiskFull", err)
				}
				if after := everything(t, s); after != before {
					t.Errorf("the write for which there was no room has left something:\n%.2000s\nbefore:\n%.2000s", after, before)
				}
				checkWhole(t, s)
				limit(t, s, 100_000)
				if err := write(t.Context(), s, 20_000); err != nil {
					t.Errorf("once there is room: %v", err)
				}
			})
		}
	}
}

// limit sets how many pages the file may have.
func limit(t *testing.T, s *sqlite.Store, pages int) {
	t.Helper()
	_, err := s.Querier(t.Context()).ExecContext(t.Context(), fmt.Sprint(`PRAGMA max_page_count = `, pages))
	must(t, err)
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}
