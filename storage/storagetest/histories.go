package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

// historyLaws are those of a HistoryCache, which a Store need not be.
var historyLaws = []law{
	{
		name: "a history stands until a newer one comes",
		why: `PutHistories writes a history where there is none of its system, or one of a lesser Version; any other it passes over,
also among some that it writes: ON CONFLICT (system) DO UPDATE ... WHERE histories.version < excluded.version.`,
		check: func(w *world) {
			w.putHistories(kept("a", 2, "a2"), kept("b", 9, "b9"), kept("c", 2, "c2"))
			w.putHistories(kept("a", 3, "a3"), kept("b", 8, "b8"), kept("c", 2, "again"), kept("d", 1, "d1"))
			w.histories("Histories", ids("a", "b", "c", "d"), kept("a", 3, "a3"), kept("b", 9, "b9"), kept("c", 2, "c2"), kept("d", 1, "d1"))
		},
	},
	{
		name: "histories come by system, those that there are",
		why: `Histories lists by SystemID, as bytes, whatever the order it is asked in, each once. A system of which nothing is kept
is passed over: there is no row for it, and no error.`,
		check: func(w *world) {
			w.putHistories(kept("B", 1, "B"), kept("a", 1, "a"), kept("b", 1, "b"), kept("é", 1, "é"))
			w.histories("Histories", ids("é", "b", "nobody", "B", "b", "a"), kept("B", 1, "B"), kept("a", 1, "a"), kept("b", 1, "b"), kept("é", 1, "é"))
			w.histories("Histories of nobody", ids("nobody"))
		},
	},
	{
		name: "a history comes back as it was given",
		why: `SystemID, Version and Data come back to the byte. Data is no text and may be long, or empty; IDs that differ are
apart.`,
		check: func(w *world) {
			list := []storage.History{kept(" ", math.MaxInt64, "\x00\xff'"), kept("long", 1, string(bytes.Repeat([]byte{0, 7, 0xfe}, 1<<17)))}
			for i, id := range oddIDs() {
				list = append(list, kept(id, int64(i+1), ""))
			}
			slices.SortFunc(list, func(a, b storage.History) int { return bytes.Compare([]byte(a.SystemID), []byte(b.SystemID)) })
			list = slices.CompactFunc(list, func(a, b storage.History) bool { return a.SystemID == b.SystemID })
			w.putHistories(list...)
			systems := make([]string, len(list))
			for i := range list {
				systems[i] = list[i].SystemID
			}
			w.histories("Histories", systems, list...)
		},
	},
	{
		name: "many histories are put and listed in one call",
		why: `PutHistories and Histories take ten thousand systems as they take one: a limit of bound values is the adapter's to work
around.`,
		check: func(w *world) {
			list, systems := make([]storage.History, many), make([]string, many)
			for i := range list {
				systems[i] = fmt.Sprintf("%05d", i)
				list[i] = kept(systems[i], 1, systems[i])
			}
			w.putHistories(list...)
			slices.Reverse(systems)
			w.histories("Histories", systems, list...)
		},
	},
	{
		name: "the history of a system goes with its facts",
		why: `DeleteFacts deletes what is kept of its systems, whether they have facts or not, and of no others; one of any version
can be put afterwards.`,
		check: func(w *world) {
			w.putFacts(fact("", "both", "a", "b"))
			w.putHistories(kept("a", 5, "a"), kept("b", 5, "b"), kept("c", 5, "c"))
			w.deleteFacts("a", "c")
			w.histories("Histories", ids("a", "b", "c"), kept("b", 5, "b"))
			w.putHistories(kept("a", 1, "again"))
			w.histories("Histories", ids("a", "b", "c"), kept("a", 1, "again"), kept("b", 5, "b"))
		},
	},
	{
		name: "a transaction sees its histories",
		why: `Histories with the ctx of a transaction shows what it has put, and not what it has deleted; PutHistories goes by that
too.`,
		check: func(w *world) {
			w.putHistories(kept("a", 5, "old"), kept("b", 5, "old"), kept("c", 5, "old"))
			w.tx(func(ctx context.Context) error {
				err := errors.Join(
					w.cache().PutHistories(ctx, []storage.History{kept("a", 7, "new"), kept("d", 1, "new")}),
					w.store.DeleteFacts(ctx, ids("b")),
					w.cache().PutHistories(ctx, []storage.History{kept("a", 6, "late"), kept("b", 1, "again")}))
				if err != nil {
					return err
				}
				got, err := histories(ctx, w.store, "a", "b", "c", "d")
				w.same("Histories", got, showAll(afterChange, showHistory))
				return err
			})
			w.histories("Histories after the commit", ids("a", "b", "c", "d"), afterChange...)
		},
	},
	{
		name: "histories commit with everything else",
		why: `Until the commit nobody else sees what a transaction has done to histories, and after a rollback nobody ever does: what
it has worked out may rest on facts that are never committed.`,
		check: func(w *world) {
			w.putHistories(kept("a", 5, "old"), kept("b", 5, "old"))
			before, after := []storage.History{kept("a", 5, "old"), kept("b", 5, "old")}, []storage.History{kept("a", 6, "new"), kept("c", 1, "new")}
			for _, end := range []error{errBoom, nil} {
				var reader <-chan error
				var seen []string
				early := false
				err := w.store.InTx(w.ctx, func(ctx context.Context) error {
					err := w.cache().PutHistories(ctx, []storage.History{kept("a", 6, "new"), kept("c", 1, "new")})
					if err = errors.Join(err, w.store.DeleteFacts(ctx, ids("b"))); err != nil {
						return err
					}
					got := make(chan struct{}, 1)
					reader = w.async(func() (err error) {
						defer func() { got <- struct{}{} }()
						seen, err = histories(w.ctx, w.other, "a", "b", "c")
						return err
					})
					early = w.soon(got)
					return end
				})
				if !errors.Is(err, end) {
					w.Fatalf("InTx returned %v: want %v", err, end)
				}
				w.must("a reader", w.within("a reader", reader))
				if early {
					w.same("before the end others see", seen, showAll(before, showHistory))
				}
				if end == nil {
					before = after
				}
				w.histories(fmt.Sprintf("after a transaction that ended with %v", end), ids("a", "b", "c"), before...)
			}
		},
	},
	{
		name: "of histories that are put at once the newest stays",
		why: `Who puts a history of a system whose history another transaction has put waits for its end, and then is newer or is
not, also where neither saw a row before. To read the version and then write loses the newer one.`,
		check: func(w *world) {
			for i, c := range []struct {
				end           error
				first, second int64
				want          int64
			}{{nil, 5, 4, 5}, {nil, 5, 6, 6}, {errBoom, 5, 4, 4}} {
				for j, known := range []bool{false, true} {
					id, versions := fmt.Sprint(i, j), []int64{c.first, c.second}
					if known {
						w.putHistories(kept(id, 1, "old"))
					}
					w.contend(c.end, func(ctx context.Context, s storage.Store) (string, error) {
						version := versions[0]
						versions = versions[1:]
						return "", s.(storage.HistoryCache).PutHistories(ctx, []storage.History{kept(id, version, fmt.Sprint(version))})
					})
					w.histories(fmt.Sprintf("version %d, while one of version %d ended with %v", c.second, c.first, c.end), ids(id),
						kept(id, c.want, fmt.Sprint(c.want)))
				}
			}
		},
	},
	{
		name: "histories heed their ctx",
		why: `With a ctx that has ended, and with one whose transaction is over, Histories yields an error and PutHistories returns
one and keeps nothing: nobody takes it for an empty cache, or for a transaction of its own.`,
		check: func(w *world) {
			w.putHistories(kept("a", 1, "old"))
			ended, cancel := context.WithCancel(w.ctx)
			cancel()
			var over context.Context
			w.tx(func(ctx context.Context) error { over = ctx; return nil })
			for what, ctx := range map[string]context.Context{"ended": ended, "of a transaction that is over": over} {
				if _, err := histories(ctx, w.store, "a"); err == nil || ctx == over && !errors.Is(err, storage.ErrClosed) {
					w.Errorf("Histories with a ctx that is %s: %v", what, err)
				}
				err := w.cache().PutHistories(ctx, []storage.History{kept("a", 2, "new"), kept("b", 1, "new")})
				if err == nil || ctx == over && !errors.Is(err, storage.ErrClosed) {
					w.Errorf("PutHistories with a ctx that is %s: %v", what, err)
				}
			}
			w.histories("afterwards", ids("a", "b"), kept("a", 1, "old"))
		},
	},
	{
		name: "no histories are no argument for any",
		why:  `No systems find nothing, and no histories write nothing: an empty list must not become a WHERE clause that is true.`,
		check: func(w *world) {
			w.putHistories(kept("a", 1, "a"))
			w.anywhere(func(ctx context.Context) error {
				got, err := histories(ctx, w.store)
				w.same("Histories of no systems", got, nil)
				return errors.Join(err, w.cache().PutHistories(ctx, nil), w.store.DeleteFacts(ctx, nil))
			})
			w.histories("afterwards", ids("a"), kept("a", 1, "a"))
		},
	},
	{
		name: "histories that were given are the caller's again",
		why:  `When PutHistories has returned, the caller may use Data for something else, in a transaction too.`,
		check: func(w *world) {
			list := []storage.History{kept("a", 1, "data")}
			w.tx(func(ctx context.Context) error {
				err := w.cache().PutHistories(ctx, list)
				list[0].Data[0] = 'X'
				list[0].SystemID = "x"
				return err
			})
			w.histories("Histories", ids("a", "x"), kept("a", 1, "data"))
		},
	},
	{
		name: "a listing of histories asks when it is taken",
		why: `What Histories returns can be ranged over many times and asks the database each time, may be left early, and lets the
body of its loop use the Store.`,
		check: func(w *world) {
			w.putHistories(kept("a", 1, "a"), kept("b", 1, "b"))
			w.anywhere(func(ctx context.Context) error {
				seq := w.cache().Histories(ctx, ids("a", "b", "c"))
				for range 50 { // more than a pool has connections
					rows := 0
					for _, err := range seq {
						if err = errors.Join(err, w.useAll(ctx, "histories")); err != nil {
							return err
						}
						rows++
						break
					}
					if rows != 1 {
						return fmt.Errorf("a listing left at its first row gave %d rows", rows)
					}
				}
				if err := w.cache().PutHistories(ctx, []storage.History{kept("c", 1, "c")}); err != nil {
					return err
				}
				got, err := show(seq, showHistory)
				w.same("the listing, taken again", got, showAll([]storage.History{kept("a", 1, "a"), kept("b", 1, "b"), kept("c", 1, "c")}, showHistory))
				return errors.Join(err, w.store.DeleteFacts(ctx, ids("c")))
			})
		},
	},
}

// afterChange is what the transaction of the law about transactions leaves.
var afterChange = []storage.History{kept("a", 7, "new"), kept("b", 1, "again"), kept("c", 5, "old"), kept("d", 1, "new")}

func kept(system string, version int64, data string) storage.History {
	return storage.History{SystemID: system, Version: version, Data: []byte(data)}
}

func ids(list ...string) []string { return list }

func showHistory(h storage.History) string {
	return fmt.Sprintf("%q %d %q", h.SystemID, h.Version, h.Data)
}

func histories(ctx context.Context, s storage.Store, systems ...string) ([]string, error) {
	return show(s.(storage.HistoryCache).Histories(ctx, systems), showHistory)
}

func (w *world) cache() storage.HistoryCache { return w.store.(storage.HistoryCache) }

func (w *world) putHistories(list ...storage.History) {
	w.Helper()
	w.must("PutHistories", w.cache().PutHistories(w.ctx, list))
}

// histories checks what Histories shows to others.
func (w *world) histories(what string, systems []string, want ...storage.History) {
	w.Helper()
	got, err := histories(w.ctx, w.other, systems...)
	w.must("Histories", err)
	w.same(what, got, showAll(want, showHistory))
}
