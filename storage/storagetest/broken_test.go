package storagetest

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slokeep/slokeep/internal/failtest"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// broken is a twist of a good Store with one fault.
type broken struct {
	law   string
	twist func(t *twist, good *memory.Store)
	also  []string // laws that cannot hold with this fault either
}

func TestMain(m *testing.M) {
	many = 1200
	m.Run()
}

func TestEachLawCanBeBrokenAlone(t *testing.T) {
	all := slices.Concat(brokenFacts, brokenSources, brokenRows, brokenTransactions, brokenListings, brokenHistories)
	every := append(laws(), historyLaws...)
	var found, names []string
	for _, b := range all {
		found = append(found, b.law)
		t.Run(b.law, func(t *testing.T) {
			t.Parallel()
			want := append([]string{b.law}, b.also...)
			var got []string
			for _, l := range every {
				// A model finds much of what the others find. In short mode it is not asked that the others hold.
				others := !testing.Short() && l.name != modelLaws[0].name
				if !others && !slices.Contains(want, l.name) {
					continue
				}
				failed, said := verdict(t, l, b)
				if !failed {
					continue
				}
				got = append(got, l.name)
				if !strings.Contains(said, l.why) {
					t.Errorf("the failure does not say the law:\n%s", said)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the laws that fail are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
	for _, l := range every {
		names = append(names, l.name)
	}
	slices.Sort(names)
	slices.Sort(found)
	if !slices.Equal(names, found) {
		t.Errorf("the laws are\n\t%s\nand broken Stores are there for\n\t%s", strings.Join(names, "\n\t"), strings.Join(found, "\n\t"))
	}
}

// verdict runs a law on a broken Store, in a bubble, where time costs nothing.
func verdict(t *testing.T, l law, b broken) (failed bool, said string) {
	synctest.Test(t, func(t *testing.T) {
		failed, said = failtest.Run(t, func(t testing.TB) {
			l.run(t, Harness{Open: func(testing.TB) storage.Store {
				good := memory.New()
				twisted := newTwist(good)
				b.twist(twisted, good)
				return twisted
			}})
		})
	})
	return failed, said
}

// mark is what outermost puts into the contexts of transactions.
type mark struct{}

func inside(ctx context.Context) bool { return ctx.Value(mark{}) != nil }

// outermost has f called around the fn of a twist's outermost transactions. What it returns is in their contexts.
func outermost(t *twist, good *memory.Store, begin func(ctx context.Context) any, end func(value any)) {
	t.inTx = func(ctx context.Context, fn func(context.Context) error) error {
		if inside(ctx) {
			return good.InTx(ctx, fn)
		}
		return good.InTx(ctx, func(ctx context.Context) error {
			value := begin(ctx)
			defer end(value)
			return fn(context.WithValue(ctx, mark{}, value))
		})
	}
}

func marked(t *twist, good *memory.Store) {
	outermost(t, good, func(context.Context) any { return true }, func(any) {})
}

// outside is a ctx without the transaction that it is in.
type outside struct{ context.Context }

func (outside) Value(any) any { return nil }

// past gives a ctx without its transaction, unless that is over.
func past(ctx context.Context, good *memory.Store) (context.Context, error) {
	_, err := good.Versions(ctx, versionKeys("any"))
	return outside{ctx}, err
}

// lazily is a listing that is made when it is taken.
func lazily[T any](rows func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		list, err := rows()
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			yield(*new(T), err)
		}
	}
}

func drain[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for v, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

// changing is a listing that f changes as a whole.
func changing[T any](seq iter.Seq2[T, error], f func([]T) []T) iter.Seq2[T, error] {
	return lazily(func() ([]T, error) {
		list, err := drain(seq)
		return f(list), err
	})
}
