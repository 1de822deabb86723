package memory_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// TestATransactionReadsItsWritesOverWhatIsCommitted does random things in transactions, some of which fail, and keeps
// beside the store a plain map, which has no index that could go wrong.
func TestATransactionReadsItsWritesOverWhatIsCommitted(t *testing.T) {
	boom := errors.New("boom")
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			store, committed := memory.New(), map[storage.Key]string{}
			for range 40 {
				model, fails := maps.Clone(committed), rng.IntN(3) == 0
				err := store.InTx(t.Context(), func(ctx context.Context) error {
					for range rng.IntN(12) {
						step(t, ctx, rng, store, model)
					}
					if fails {
						return boom
					}
					return nil
				})
				if fails != errors.Is(err, boom) {
					t.Fatal(err)
				}
				if !fails {
					committed = model
				}
				compare(t, "committed", store.List(t.Context(), storage.Range{Kind: "day"}), committed, func(k storage.Key) bool { return k.Kind == "day" })
			}
		})
	}
}

func drawKey(rng *rand.Rand) storage.Key {
	return storage.Key{
		Kind: []string{"day", "member"}[rng.IntN(2)], ID: []string{"a", "b", "c"}[rng.IntN(3)],
		Sub: []string{"", "1", "2", "3"}[rng.IntN(4)],
	}
}

// step does one thing to both, and compares what is under two keys, and in a range.
func step(t *testing.T, ctx context.Context, rng *rand.Rand, store *memory.Store, model map[storage.Key]string) {
	t.Helper()
	key, data := drawKey(rng), fmt.Sprint(rng.Uint32())
	record := storage.Record{Key: key, Data: []byte(data)}
	var err error
	switch rng.IntN(3) {
	case 0:
		err = store.Put(ctx, []storage.Record{record})
		model[key] = data
	case 1:
		var added []bool
		added, err = store.Add(ctx, []storage.Record{record})
		if _, there := model[key]; err == nil && added[0] == there {
			t.Errorf("Add of %v: %v, and it was there: %v", key, added[0], there)
		} else if !there {
			model[key] = data
		}
	default:
		err = store.Delete(ctx, []storage.Key{key})
		maps.DeleteFunc(model, func(k storage.Key, _ string) bool { return names(key, k) })
	}
	if err != nil {
		t.Fatal(err)
	}
	one, two := drawKey(rng), drawKey(rng)
	compare(t, "Get", store.Get(ctx, []storage.Key{one, two}), model, func(k storage.Key) bool { return names(one, k) || names(two, k) })
	compare(t, "List", store.List(ctx, storage.Range{Kind: one.Kind, After: one}), model, func(k storage.Key) bool {
		return k.Kind == one.Kind && order(k, one) > 0
	})
}

func names(asked, k storage.Key) bool {
	return asked == k || asked.Sub == "" && asked.Kind == k.Kind && asked.ID == k.ID
}

func order(a, b storage.Key) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID), strings.Compare(a.Sub, b.Sub))
}

func compare(t *testing.T, what string, list iter.Seq2[storage.Record, error], model map[storage.Key]string, wanted func(storage.Key) bool) {
	t.Helper()
	var got, want []string
	for r, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(r.Key, string(r.Data)))
	}
	for _, k := range slices.SortedFunc(maps.Keys(model), order) {
		if wanted(k) {
			want = append(want, fmt.Sprint(k, model[k]))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %q, want %q", what, got, want)
	}
}

// BenchmarkGetInALargeTransaction reads one record in a transaction that has written many, as Apply does for each of many
// objectives.
func BenchmarkGetInALargeTransaction(b *testing.B) {
	for _, writes := range []int{100, 10_000} {
		b.Run(fmt.Sprint(writes), func(b *testing.B) {
			store := memory.New()
			err := store.InTx(b.Context(), func(ctx context.Context) error {
				for n := range writes {
					key := storage.Key{Kind: "objective", ID: fmt.Sprint(n)}
					if err := store.Put(ctx, []storage.Record{{Key: key}}); err != nil {
						return err
					}
				}
				for b.Loop() {
					for _, err := range store.Get(ctx, []storage.Key{{Kind: "objective", ID: "7"}}) {
						if err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
