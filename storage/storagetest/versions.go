package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slokeep/slokeep/storage"
)

var versionLaws = []law{
	{
		name: "a version counts its bumps",
		why: `A version that was never bumped is 0, and needs no row. Bump adds one to each and returns what they are now, in the
order of its keys; a transaction that bumps twice counts both.`,
		check: func(w *world) {
			w.numbers("the first Bump", w.bump("a", "c"), 1, 1)
			w.numbers("the second Bump", w.bump("a", "b", "c"), 2, 1, 2)
			w.tx(func(ctx context.Context) error {
				for want := range int64(2) {
					got, err := w.store.Bump(ctx, versionKeys("a", "d"))
					if err != nil {
						return err
					}
					w.numbers("Bump in a transaction", got, want+3, want+1)
				}
				return nil
			})
			w.versions("Versions", versionKeys("a", "b", "c", "d", "e"), 4, 1, 2, 2, 0)
		},
	},
	{
		name: "versions come in the order of their keys",
		why: `Versions answers for each key at its index, whatever the order of the keys, and for one that comes twice twice. A
SELECT ... IN gives neither: put what it finds into its places.`,
		check: func(w *world) {
			w.bump("a", "b")
			w.bump("b", "c")
			w.bump("b")
			w.versions("Versions", versionKeys("c", "b", "nobody", "a", "b"), 1, 3, 0, 1, 3)
		},
	},
	{
		name: "a version is of a kind and an ID",
		why:  `Keys are apart where a byte of the Kind or the ID is: not folded, normalized, trimmed, or joined to one string.`,
		check: func(w *world) {
			var keys []storage.VersionKey
			for _, kind := range []string{"a", "ab", history} {
				for _, id := range append(oddIDs(), "b", "ba") {
					keys = append(keys, storage.VersionKey{Kind: kind, ID: id})
				}
			}
			slices.SortFunc(keys, func(a, b storage.VersionKey) int {
				return slices.Compare([]string{a.Kind, a.ID}, []string{b.Kind, b.ID})
			})
			var want []int64
			for i, key := range keys {
				want = append(want, int64(i%3))
				for range i % 3 {
					_, err := w.store.Bump(w.ctx, []storage.VersionKey{key})
					w.must("Bump", err)
				}
			}
			w.versions("Versions", keys, want...)
		},
	},
	{
		name: "many versions are bumped and read in one call",
		why:  `Bump and Versions take ten thousand keys as they take one: a limit of bound values is the adapter's to work around.`,
		check: func(w *world) {
			n := many
			ids := make([]string, n)
			for i := range ids {
				ids[i] = fmt.Sprintf("%05d", i)
			}
			want := slices.Repeat([]int64{1}, n)
			w.numbers("Bump", w.bump(ids...), want...)
			slices.Reverse(ids)
			w.versions("Versions", versionKeys(ids...), want...)
		},
	},
	{
		name: "a version that was bumped is locked until the transaction ends",
		why: `Who bumps what another transaction has bumped waits for its end, and counts on from what it left: one more after a
commit, the same number after a rollback. UPDATE ... SET version = version + 1 does it; to read, add and write does not.`,
		check: func(w *world) {
			for i, end := range []error{nil, errBoom} {
				key := versionKeys(fmt.Sprint(i))
				second := w.contend(end, func(ctx context.Context, s storage.Store) (string, error) {
					got, err := s.Bump(ctx, key)
					return fmt.Sprint(got), err
				})
				if want := fmt.Sprint([]int{2 - i}); second != want {
					w.Errorf("after a transaction that ended with %v, Bump of the one who waited returned %s: want %s", end, second, want)
				}
			}
		},
	},
	{
		name: "versions are read at one instant",
		why: `Outside of a transaction all that one call of Versions returns held at one instant: it is one statement, or one
transaction that reads a snapshot. Two versions that are always bumped together are always equal.`,
		check: func(w *world) {
			keys := versionKeys("a", "b", "c")
			w.beside(func(ctx context.Context, s storage.Store) error {
				got, err := s.Versions(ctx, keys)
				if err == nil && (len(got) != 3 || got[0] != got[1] || got[1] != got[2]) {
					err = fmt.Errorf("versions that are bumped together are %v", got)
				}
				return err
			}, func(ctx context.Context, s storage.Store, _ int) error {
				_, err := s.Bump(ctx, keys)
				return err
			})
		},
	},
	{
		name: "who has read a version finds what it stands for",
		why: `Versions are read first, and facts and records after them. Since all of them become visible in one commit, who has
seen the version that came with a fact finds the fact, and what came with it. A replica that lags, or a cache that
knows versions before rows, breaks it.`,
		check: func(w *world) {
			w.beside(func(ctx context.Context, s storage.Store) error {
				version, err := s.Versions(ctx, versionKeys("a"))
				if err != nil {
					return err
				}
				facts, err := factsOf(ctx, s, "a")
				if err != nil {
					return err
				}
				records, err := get(ctx, s, key("a", ""))
				if n := version[0]; err == nil && (int64(len(facts)) < n || int64(len(records)) < n) {
					err = fmt.Errorf("who saw version %d found %d facts and %d records", n, len(facts), len(records))
				}
				return err
			}, func(ctx context.Context, s storage.Store, i int) error {
				_, versionErr := s.Bump(ctx, versionKeys("a"))
				_, err := s.PutFacts(ctx, []storage.Fact{fact("", fmt.Sprint(i), "a")})
				return errors.Join(versionErr, err, s.Put(ctx, []storage.Record{rec("a", fmt.Sprint(i), "")}))
			})
		},
	},
}
