package storagetest

import (
	"context"
	"errors"

	"github.com/slokeep/slokeep/storage"
)

// attempt is a call of a Store that does something, or finds something, after base.
type attempt struct {
	name string
	do   func(ctx context.Context, s storage.Store) error
}

var writes = []attempt{
	{"PutFacts", func(ctx context.Context, s storage.Store) error {
		_, err := s.PutFacts(ctx, []storage.Fact{fact("", "late", "a")})
		return err
	}},
	{"DeleteFacts", func(ctx context.Context, s storage.Store) error { return s.DeleteFacts(ctx, []string{"a"}) }},
	{"Bump", func(ctx context.Context, s storage.Store) error {
		_, err := s.Bump(ctx, versionKeys("a"))
		return err
	}},
	{"Put", func(ctx context.Context, s storage.Store) error {
		return s.Put(ctx, []storage.Record{rec("x", "", "late")})
	}},
	{"Add", func(ctx context.Context, s storage.Store) error {
		_, err := s.Add(ctx, []storage.Record{rec("w", "", "late")})
		return err
	}},
	{"Delete", func(ctx context.Context, s storage.Store) error { return s.Delete(ctx, []storage.Key{key("x", "")}) }},
}

var reads = []attempt{
	{"FactsOf", func(ctx context.Context, s storage.Store) error {
		_, err := factsOf(ctx, s, "a")
		return err
	}},
	{"FactsFrom", func(ctx context.Context, s storage.Store) error {
		_, err := factsFrom(ctx, s, "s")
		return err
	}},
	{"Versions", func(ctx context.Context, s storage.Store) error {
		_, err := s.Versions(ctx, versionKeys("a"))
		return err
	}},
	{"Get", func(ctx context.Context, s storage.Store) error {
		_, err := get(ctx, s, key("x", ""))
		return err
	}},
	{"List", func(ctx context.Context, s storage.Store) error {
		_, err := list(ctx, s, storage.Range{Kind: day})
		return err
	}},
}

var contextLaws = []law{
	{
		name: "a read whose ctx has ended fails",
		why:  `A listing whose ctx has ended yields an error, so that nobody takes it for an empty one, and Versions returns one.`,
		check: func(w *world) {
			w.base()
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			for _, c := range reads {
				if c.do(ctx, w.store) == nil {
					w.Errorf("%s: no error, though ctx had ended", c.name)
				}
			}
		},
	},
	{
		name: "a write whose ctx has ended does nothing",
		why:  `A writing method whose ctx has ended returns an error and changes nothing, in a transaction that goes on as outside.`,
		check: func(w *world) {
			w.base()
			before := w.seen()
			ctx, cancel := context.WithCancel(w.ctx)
			cancel()
			for _, c := range writes {
				if c.do(ctx, w.store) == nil {
					w.Errorf("%s: no error, though ctx had ended", c.name)
				}
				w.same("after "+c.name, w.seen(), before)
			}
			for _, c := range writes {
				_ = w.store.InTx(w.ctx, func(ctx context.Context) error { // which may be doomed
					ctx, cancel := context.WithCancel(ctx)
					cancel()
					if c.do(ctx, w.store) == nil {
						w.Errorf("%s in a transaction: no error, though ctx had ended", c.name)
					}
					return nil
				})
				w.same("after a transaction with "+c.name, w.seen(), before)
			}
		},
	},
	{
		name: "a transaction that is over serves nothing",
		why: `A ctx that was kept after its InTx has returned, after a commit as after a rollback, must not quietly read or write
outside of any transaction: ErrClosed, and nothing changes.`,
		check: func(w *world) {
			w.base()
			before := w.seen()
			for _, end := range []error{nil, errBoom} {
				var over context.Context
				err := w.store.InTx(w.ctx, func(ctx context.Context) error {
					over = ctx
					return end
				})
				if !errors.Is(err, end) {
					w.Fatalf("InTx returned %v: want %v", err, end)
				}
				for _, c := range append(writes[:len(writes):len(writes)], reads...) {
					if err := c.do(over, w.store); !errors.Is(err, storage.ErrClosed) {
						w.Errorf("%s with the ctx of a transaction that is over: %v: want ErrClosed", c.name, err)
					}
				}
			}
			w.same("afterwards", w.seen(), before)
		},
	},
	{
		name: "no rows as an argument do nothing",
		why: `A method that is given no rows, keys or systems writes, deletes and finds nothing: an empty list must not become a
WHERE clause that is true.`,
		check: func(w *world) {
			w.base()
			before := w.seen()
			nothing := func(ctx context.Context) error {
				added, putErr := w.store.PutFacts(ctx, nil)
				w.flags("PutFacts", added)
				bumped, bumpErr := w.store.Bump(ctx, nil)
				w.numbers("Bump", bumped)
				versions, err := w.store.Versions(ctx, nil)
				w.numbers("Versions", versions)
				added, addErr := w.store.Add(ctx, nil)
				w.flags("Add", added)
				err = errors.Join(err, putErr, bumpErr, addErr,
					w.store.DeleteFacts(ctx, nil), w.store.Put(ctx, nil), w.store.Delete(ctx, nil))
				for what, read := range map[string]func() ([]string, error){
					"FactsOf":   func() ([]string, error) { return factsOf(ctx, w.store) },
					"FactsFrom": func() ([]string, error) { return factsFrom(ctx, w.store) },
					"Get":       func() ([]string, error) { return get(ctx, w.store) },
				} {
					got, readErr := read()
					w.same(what, got, nil)
					err = errors.Join(err, readErr)
				}
				return err
			}
			w.must("without a transaction", nothing(w.ctx))
			w.tx(nothing)
			w.same("afterwards", w.seen(), before)
		},
	},
}
