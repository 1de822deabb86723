package main

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
)

// This is how a host tests its own side of package entity.

func newShop(t *testing.T) *shop {
	t.Helper()
	s, err := openShop(t.Context(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The one thing that a host must get right: its read sees what the transaction has written, and nothing else.
func TestRead(t *testing.T) {
	s := newShop(t)
	write := func(ctx context.Context) error {
		return errors.Join(s.begin(ctx, "o-1"), s.add(ctx, "o-1", "kettle", 45_00))
	}
	remove := func(ctx context.Context) error { return s.remove(ctx, "o-1") }
	entitytest.CheckRead(t, s.log, s.read, "o-1", write, remove)
}

// A Recorder waits for what is published, without sleeping.
func TestPaidOrderIsPacked(t *testing.T) {
	s := newShop(t)
	recorder := entitytest.NewRecorder[Order]()
	if _, err := s.orders.OnChange(recorder.Handle, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.pack(), s.reg.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, write := range []func(ctx context.Context) error{
		func(ctx context.Context) error { return s.begin(ctx, "o-1") },
		func(ctx context.Context) error { return s.advance(ctx, "o-1", "open", "paid") },
	} {
		if _, err := s.orders.Mutate(t.Context(), "o-1", write, nil); err != nil {
			t.Fatal(err)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	packed, err := recorder.WaitFor(ctx, func(c entity.Typed[Order]) bool { return c.Next.Status == "packed" })
	if err != nil {
		t.Fatal(err)
	}
	if want := (entity.Actor{Type: "warehouse"}); packed.Version != 3 || packed.Actor != want {
		t.Errorf("packed is version %d by %+v, want 3 by %+v", packed.Version, packed.Actor, want)
	}
}

func TestLineThatIsTooDearIsNotPublished(t *testing.T) {
	s := newShop(t)
	recorder := entitytest.NewRecorder[Order]()
	if _, err := s.orders.OnChange(recorder.Handle, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.reg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin := func(ctx context.Context) error { return s.begin(ctx, "o-1") }
	teapot := func(ctx context.Context) error { return s.add(ctx, "o-1", "golden teapot", 4_999_00) }
	if _, err := s.orders.Mutate(t.Context(), "o-1", begin, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.orders.Mutate(t.Context(), "o-1", teapot, nil); !errors.Is(err, errTooDear) {
		t.Fatalf("got %v, want errTooDear", err)
	}

	// That nothing comes is not waited for, but known: all that was committed has been delivered.
	if err := s.reg.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := recorder.Changes()
	if len(got) != 1 {
		t.Fatalf("got %d changes, want the first alone", len(got))
	}
	if diff := cmp.Diff(&Order{Status: "open"}, got[0].Next); diff != "" {
		t.Errorf("the first change (-want +got):\n%s", diff)
	}
}
