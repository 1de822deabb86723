package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/slokeep/slokeep/storage"
)

// pause is between two looks of a reader, or two transactions that it looks at.
func pause() <-chan time.Time { return time.After(50 * time.Microsecond) }

var waitLaws = []law{
	{
		name: "many writers lose nothing",
		why: `Transactions that lock the same things, read records, put what they computed from them, bump versions and put facts,
run as if one came after the other. Of those that get ErrConflict nothing is left, and they are tried again.`,
		check: func(w *world) {
			const writers, rounds = 6, 8
			accounts := []string{"a", "b", "c"}
			for _, id := range accounts {
				w.put(rec(id, "", "100"))
			}
			outcomes := make([]<-chan error, writers)
			for i := range outcomes {
				s := []storage.Store{w.store, w.other}[i%2]
				outcomes[i] = w.async(func() error {
					for round := range rounds {
						from, to := accounts[(i+round)%3], accounts[(i+round+1)%3]
						err := errBoom
						for err != nil && w.ctx.Err() == nil {
							err = transfer(w.ctx, s, from, to, fmt.Sprint(i, "/", round))
							if err != nil && !errors.Is(err, storage.ErrConflict) {
								return err
							}
						}
					}
					return nil
				})
			}
			for _, outcome := range outcomes {
				w.must("a writer", w.within("a writer", outcome))
			}
			n := int64(writers * rounds)
			w.versions("how often the accounts changed", versionKeys("a", "b", "c"), n*2/3, n*2/3, n*2/3)
			w.records("the accounts", []storage.Key{key("a", ""), key("b", ""), key("c", "")},
				rec("a", "", "100"), rec("b", "", "100"), rec("c", "", "100"))
			got, err := factsOf(w.ctx, w.other, accounts...)
			if w.must("FactsOf", err); int64(len(got)) != 2*n {
				w.Errorf("%d facts are there: want %d", len(got), 2*n)
			}
		},
	},
}

// transfer moves one from an account to another. All transfers together leave each with what it had.
func transfer(ctx context.Context, s storage.Store, from, to, data string) error {
	ids := sorted(from, to)
	return s.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.Lock(ctx, "account", ids); err != nil {
			return err
		}
		for _, step := range []struct {
			id     string
			amount int
		}{{from, -1}, {to, 1}} {
			for r, err := range s.Get(ctx, []storage.Key{key(step.id, "")}) {
				if err != nil {
					return err
				}
				n, err := strconv.Atoi(string(r.Data))
				if err != nil {
					return err
				}
				time.Sleep(100 * time.Microsecond) // so that who does not wait for the lock puts what is old
				if err := s.Put(ctx, []storage.Record{rec(step.id, "", strconv.Itoa(n+step.amount))}); err != nil {
					return err
				}
			}
		}
		if _, err := s.PutFacts(ctx, []storage.Fact{fact("", data, ids...)}); err != nil {
			return err
		}
		_, err := s.Bump(ctx, versionKeys(ids...))
		return err
	})
}
