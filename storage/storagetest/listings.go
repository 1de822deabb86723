package storagetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/slokeep/slokeep/storage"
)

// listings are the iterators of a Store, of three rows each after threeRows.
var listings = []struct {
	name  string
	begin func(ctx context.Context, s storage.Store) func(row func() bool) error
}{
	{"FactsOf", func(ctx context.Context, s storage.Store) func(func() bool) error {
		seq := s.FactsOf(ctx, []string{"a", "b"})
		return func(row func() bool) error { return each(seq, row) }
	}},
	{"FactsFrom", func(ctx context.Context, s storage.Store) func(func() bool) error {
		seq := s.FactsFrom(ctx, said, []string{"s", "t"})
		return func(row func() bool) error { return each(seq, row) }
	}},
	{"Get", func(ctx context.Context, s storage.Store) func(func() bool) error {
		seq := s.Get(ctx, []storage.Key{key("a", ""), key("b", "")})
		return func(row func() bool) error { return each(seq, row) }
	}},
	{"List", func(ctx context.Context, s storage.Store) func(func() bool) error {
		seq := s.List(ctx, storage.Range{Kind: day})
		return func(row func() bool) error { return each(seq, row) }
	}},
}

// each calls row for each row of a listing, until it reports false.
func each[T any](seq func(func(T, error) bool), row func() bool) (err error) {
	for _, err = range seq {
		if err != nil || !row() {
			return err
		}
	}
	return nil
}

func (w *world) threeRows() {
	w.Helper()
	w.putFacts(fact("s", "one", "a"), fact("s", "two", "a"), fact("t", "three", "b"))
	w.put(rec("a", "", "one"), rec("a", "1", "two"), rec("b", "", "three"))
}

// anywhere runs f without a transaction, and in one.
func (w *world) anywhere(f func(ctx context.Context) error) {
	w.Helper()
	w.must("without a transaction", f(w.ctx))
	w.must("in a transaction", w.within("the transaction", w.async(func() error { return w.store.InTx(w.ctx, f) })))
}

var listingLaws = []law{
	{
		name: "a listing can be left early",
		why: `A loop over a listing may break. That gives back all that the listing held, a connection or a lock: close the rows in
a defer, inside of the sequence.`,
		check: func(w *world) {
			const loops = 50
			w.threeRows()
			for _, l := range listings {
				w.anywhere(func(ctx context.Context) error {
					for range loops {
						rows := 0
						if err := l.begin(ctx, w.store)(func() bool { rows++; return rows < 2 }); err != nil || rows != 2 {
							return errors.Join(err, fmt.Errorf("%s, left at its second row, came to row %d", l.name, rows))
						}
					}
					return w.store.Put(ctx, []storage.Record{rec("z", l.name, "")})
				})
				w.delete(key("z", ""))
			}
		},
	},
	{
		name: "a listing can be taken again",
		why: `What FactsOf, FactsFrom, Get and List return can be ranged over many times, and asks the database each time: the
query belongs into the sequence, not before it.`,
		check: func(w *world) {
			w.threeRows()
			for i, l := range listings {
				run, there := l.begin(w.ctx, w.store), 3+i
				count := func(want int) {
					w.Helper()
					rows := 0
					w.must(l.name, run(func() bool { rows++; return rows < want || want == there }))
					if rows != want {
						w.Errorf("%s gave %d rows: want %d", l.name, rows, want)
					}
				}
				count(there)
				count(2)
				count(there)
				w.putFacts(fact("t", l.name, "b"))
				w.put(rec("b", l.name, ""))
				there++
				count(there)
			}
		},
	},
	{
		name: "the Store can be used while a listing is taken",
		why: `The body of a loop may call the Store, read and write, in a transaction with its ctx: a listing holds no lock, and no
connection that the body would wait for. Read a page of rows into memory, close the query, and yield them.`,
		check: func(w *world) {
			w.threeRows()
			for i, l := range listings {
				w.anywhere(func(ctx context.Context) error {
					rows := 0
					var err error
					listErr := l.begin(ctx, w.store)(func() bool {
						rows++
						err = errors.Join(err, w.useAll(ctx, fmt.Sprint(i, " ", rows)))
						return err == nil
					})
					if err = errors.Join(err, listErr); err == nil && rows < 3 {
						err = fmt.Errorf("%s gave %d rows", l.name, rows)
					}
					return err
				})
			}
		},
	},
}

// useAll reads and writes what no listing of three rows shows, where nobody says that it must not.
func (w *world) useAll(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	_, err := w.store.PutFacts(ctx, []storage.Fact{fact("", name, "other")})
	_, bumpErr := w.store.Bump(ctx, versionKeys(name))
	err = errors.Join(err, bumpErr, w.store.Put(ctx, []storage.Record{{Key: storage.Key{Kind: "other", ID: name}}}))
	for _, l := range listings {
		err = errors.Join(err, l.begin(ctx, w.store)(func() bool { return true }))
	}
	_, versionsErr := w.store.Versions(ctx, versionKeys(name))
	return errors.Join(err, versionsErr)
}

var sliceLaws = []law{
	{
		name: "slices that were given are the caller's again",
		why: `When a method has returned, the caller may use its slices for something else, in a transaction too: what a Store keeps
of Systems and Data it has copied, or encoded.`,
		check: func(w *world) {
			data, systems, records := []byte("data"), []string{"a", "b"}, []storage.Record{rec("a", "", "data"), rec("b", "", "data")}
			w.tx(func(ctx context.Context) error {
				for i, f := range []storage.Fact{fact("", "own", systems...), fact("s", "stated", systems...)} {
					f.Data = append(data[:0:0], f.Data...)
					if _, err := w.store.PutFacts(ctx, []storage.Fact{f}); err != nil {
						return err
					}
					f.Data[0] = "XY"[i]
				}
				systems[0], systems[1] = "x", "y"
				if err := w.store.Put(ctx, records[:1]); err != nil {
					return err
				}
				_, err := w.store.Add(ctx, records[1:])
				for i := range records {
					records[i].Data[0] = 'X'
					records[i].ID = "x"
				}
				return err
			})
			w.facts("FactsOf", []string{"a", "b", "x", "y"}, "a: own", "a: stated", "b: own", "b: stated")
			got, err := factsFrom(w.ctx, w.other, "s")
			w.must("FactsFrom", err)
			w.same("FactsFrom", got, []string{showFact(fact("s", "stated", "a", "b"))})
			w.records("Get", []storage.Key{key("a", ""), key("b", ""), key("x", "")}, rec("a", "", "data"), rec("b", "", "data"))
		},
	},
}
