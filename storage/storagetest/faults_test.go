package storagetest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

func TestAStoreWithoutFaultsKeepsTheLaws(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{Open: func(testing.TB) storage.Store {
		return new(storagetest.Faults).Wrap(storagetest.WithHistories(memory.New()))
	}})
}

var book = storage.Record{Key: storage.Key{Kind: "book", ID: "emma"}}

// books counts what another sees.
func books(t *testing.T, s storage.Store) (n int) {
	t.Helper()
	for _, err := range s.List(t.Context(), storage.Range{Kind: "book"}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestAFaultStrikesTheCallThatItNames(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name  string
		fault storagetest.Fault
		want  []error // of six calls: Put, Get, Put, Get, Put, Get
	}{
		{"the next of any", storagetest.Fault{N: 1}, []error{storagetest.ErrFault, nil, nil, nil, nil, nil}},
		{"the fourth of any", storagetest.Fault{N: 4, Err: boom}, []error{nil, nil, nil, boom, nil, nil}},
		{"the second of one method", storagetest.Fault{Method: "Put", N: 2, Err: boom}, []error{nil, nil, boom, nil, nil, nil}},
		{"all of one method", storagetest.Fault{Method: "Get", Err: boom}, []error{nil, boom, nil, boom, nil, boom}},
		{"another method", storagetest.Fault{Method: "Add"}, make([]error, 6)},
		{"after the call", storagetest.Fault{Method: "Get", N: 1, When: storagetest.After, Err: boom}, []error{nil, boom, nil, nil, nil, nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var faults storagetest.Faults
			s := faults.Wrap(memory.New())
			faults.Fail(c.fault)
			var got []error
			for range 3 {
				got = append(got, s.Put(t.Context(), []storage.Record{book}))
				var last error
				for _, err := range s.Get(t.Context(), []storage.Key{book.Key}) {
					last = err
				}
				got = append(got, last)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v\nwant %v", got, c.want)
			}
			if diff := cmp.Diff(map[string]int{"Put": 3, "Get": 3}, faults.Calls()); diff != "" {
				t.Errorf("Calls (-want +got):\n%s", diff)
			}
			faults.Reset()
			if err := s.Put(t.Context(), []storage.Record{book}); err != nil || len(faults.Calls()) != 1 {
				t.Errorf("after Reset: %v, %v", err, faults.Calls())
			}
		})
	}
}

func TestAFaultStrikesAtItsPointOfTheTransaction(t *testing.T) {
	for _, c := range []struct {
		name           string
		method         string
		when           storagetest.When
		ran, committed bool
		followed       bool
	}{
		{name: "before it begins", method: "InTx", when: storagetest.Before},
		{name: "at its commit", method: "InTx", when: storagetest.AtCommit, ran: true},
		{name: "after its commit", method: "InTx", when: storagetest.After, ran: true, committed: true},
		{name: "before a write in it", method: "Put", when: storagetest.Before, ran: true},
		{name: "after a write in it", method: "Put", when: storagetest.After, ran: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var faults storagetest.Faults
			s := faults.Wrap(memory.New())
			try := func() (ran, followed bool, err error) {
				err = s.InTx(t.Context(), func(ctx context.Context) error {
					ran = true
					s.AfterCommit(ctx, func(context.Context) { followed = true })
					return s.Put(ctx, []storage.Record{book})
				})
				return ran, followed, err
			}
			faults.Fail(storagetest.Fault{Method: c.method, N: 1, When: c.when})
			ran, followed, err := try()
			if !errors.Is(err, storagetest.ErrFault) || ran != c.ran || followed || (books(t, s) == 1) != c.committed {
				t.Errorf("InTx returned %v, ran %v, followed %v, %d books", err, ran, followed, books(t, s))
			}
			if ran, followed, err := try(); err != nil || !ran || !followed || books(t, s) != 1 {
				t.Errorf("the next InTx returned %v, ran %v, followed %v, %d books", err, ran, followed, books(t, s))
			}
		})
	}
}

func TestAWriteThatFailsAfterItTookEffectHasTakenEffect(t *testing.T) {
	var faults storagetest.Faults
	s := faults.Wrap(memory.New())
	faults.Fail(storagetest.Fault{N: 1, When: storagetest.After})
	if added, err := s.Add(t.Context(), []storage.Record{book}); !errors.Is(err, storagetest.ErrFault) || added != nil {
		t.Errorf("Add returned %v, %v", added, err)
	}
	if n := books(t, s); n != 1 {
		t.Errorf("%d books: want 1", n)
	}
}

func TestAStoreThatRefusesWritesServesReads(t *testing.T) {
	var faults storagetest.Faults
	s := faults.Wrap(memory.New())
	full := errors.New("disk full")
	if err := s.Put(t.Context(), []storage.Record{book}); err != nil {
		t.Fatal(err)
	}
	faults.RefuseWrites(full)
	err := s.InTx(t.Context(), func(ctx context.Context) error {
		_, err := s.Bump(ctx, []storage.VersionKey{{Kind: "history", ID: "a"}})
		return err
	})
	if !errors.Is(err, full) || books(t, s) != 1 {
		t.Errorf("InTx with a write returned %v, %d books", err, books(t, s))
	}
	err = s.InTx(t.Context(), func(ctx context.Context) error {
		_, err := s.Versions(ctx, []storage.VersionKey{{Kind: "history", ID: "a"}})
		return err
	})
	if err != nil {
		t.Errorf("InTx without a write: %v", err)
	}
	faults.RefuseWrites(nil)
	if err := s.Delete(t.Context(), []storage.Key{book.Key}); err != nil || books(t, s) != 0 {
		t.Errorf("Delete, when writes are allowed again: %v, %d books", err, books(t, s))
	}
}

// A Registry polls what it does not know for a Memory. In the bubble a minute's poll would be a minute of its clock.
func TestARegistryGetsChangesOfAMemoryWithFaultsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(storagetest.Faults).Wrap(memory.New())
		reg, err := entity.NewRegistry(&entity.Options{Log: s, Poll: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer reg.Close()
		orders, err := entity.Define(reg, "order", func(_ context.Context, ids []string, found func(string, struct{ N int })) error {
			found("o-1", struct{ N int }{1})
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := reg.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := orders.Refresh(t.Context(), "o-1"); err != nil {
			t.Fatal(err)
		}
		if err := reg.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("the change was delivered after %v: want at once", took)
		}
	})
}
