package entity_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

func TestGetReadsTheHost(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	w.mutate("a", order("open"))
	w.put("a", order("written past"))
	w.put("b", order("never published"))
	if got, err := w.h.Get(t.Context(), "a"); err != nil || got.Status != "written past" {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err := w.h.GetMany(t.Context(), []string{"b", "none", "a", "b"})
	want := map[string]Order{"a": order("written past"), "b": order("never published")}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("GetMany: %v (-want +got):\n%s", err, diff)
	}
	if got, err := w.h.GetMany(t.Context(), nil); got == nil || len(got) != 0 || err != nil {
		t.Errorf("GetMany of none: %v, %v", got, err)
	}
	if _, err := w.h.Get(t.Context(), "none"); !errors.Is(err, entity.ErrNotFound) || !strings.Contains(err.Error(), `thing "none"`) {
		t.Errorf("of what is not there: %v", err)
	}
}

// A read sees the transaction that it is called in.
func TestGetInsideOfAWriteHasItsContext(t *testing.T) {
	type key struct{}
	var got []any
	tb := newTable[Order]()
	reg := newRegistry(t, nil)
	h := define(t, reg, "order", func(ctx context.Context, ids []string, found func(string, Order)) error {
		got = append(got, ctx.Value(key{}))
		return tb.read(ctx, ids, found)
	}, nil)
	ctx := context.WithValue(t.Context(), key{}, "the writer's")
	if _, err := h.Mutate(ctx, "a", func(ctx context.Context) error {
		_, err := h.GetMany(context.WithValue(ctx, key{}, "the write's"), []string{"a"})
		return err
	}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"the writer's", "the write's", "the writer's"}, got); diff != "" {
		t.Errorf("contexts (-want +got):\n%s", diff)
	}
}

func TestReadThatFailsForAReader(t *testing.T) {
	for _, c := range []struct {
		name string
		read entity.Read[Order]
		want error
	}{
		{"an error", func(context.Context, []string, func(string, Order)) error { return errHost }, errHost},
		{"a panic", func(context.Context, []string, func(string, Order)) error { panic(errPanic) }, entity.ErrRead},
		{"a panic with an error", func(context.Context, []string, func(string, Order)) error { panic(errPanic) }, errPanic},
		{"what nobody asked for", func(_ context.Context, _ []string, found func(string, Order)) error {
			found("other", Order{})
			return nil
		}, entity.ErrRead},
		{"one twice", func(_ context.Context, ids []string, found func(string, Order)) error {
			found(ids[0], Order{})
			found(ids[0], Order{})
			return nil
		}, entity.ErrRead},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := define(t, newRegistry(t, nil), "order", c.read, nil)
			if _, err := h.Get(t.Context(), "a"); !errors.Is(err, c.want) || errors.Is(err, entity.ErrNotFound) {
				t.Errorf("Get: got %v, want %v", err, c.want)
			}
			if got, err := h.GetMany(t.Context(), []string{"a", "b"}); got != nil || !errors.Is(err, c.want) {
				t.Errorf("GetMany: got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestVersionIsThatOfTheLastChange(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	var got []int64
	note := func() { got = append(got, w.version("a")) }
	note()
	w.mutate("a", order("open"))
	note()
	w.mutate("a", order("open"))
	note()
	w.remove("a")
	note()
	w.mutate("a", order("open"))
	note()
	if diff := cmp.Diff([]int64{0, 1, 1, 2, 3}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if v := w.version("b"); v != 0 {
		t.Errorf("of another entity: %d", v)
	}
}

func TestFromMapIsARead(t *testing.T) {
	states, fail := map[string]Order{"a": order("open"), "b": order("paid")}, error(nil)
	h := define(t, newRegistry(t, nil), "order", entity.FromMap(func(_ context.Context, ids []string) (map[string]Order, error) {
		return states, fail
	}), nil)
	got, err := h.GetMany(t.Context(), []string{"b", "a", "none"})
	if diff := cmp.Diff(states, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := h.Get(t.Context(), "a"); !errors.Is(err, entity.ErrRead) {
		t.Errorf("a map with more than was asked for: got %v, want ErrRead", err)
	}
	states = nil
	if _, err := h.Get(t.Context(), "a"); !errors.Is(err, entity.ErrNotFound) {
		t.Errorf("a nil map: got %v, want ErrNotFound", err)
	}
	states, fail = map[string]Order{"a": order("torn")}, errHost
	if _, err := h.Get(t.Context(), "a"); !errors.Is(err, errHost) {
		t.Errorf("got %v, want the host's error", err)
	}
}

// Who has a Change reads at least its Version, in the handler and wherever the Change came from.
func TestWhoHasAChangeReadsAtLeastItsVersion(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	if _, err := w.h.OnChange(func(ctx context.Context, c entity.Typed[Order]) error {
		v, err := w.h.Version(ctx, c.ID)
		if err != nil || v < c.Version {
			t.Errorf("change %d, but version %d, %v", c.Version, v, err)
		}
		s, err := w.h.Get(ctx, c.ID)
		if err != nil || s.Total < c.Next.Total {
			t.Errorf("change %d to %d, but %d, %v", c.Version, c.Next.Total, s.Total, err)
		}
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		w.mutate("a", Order{Total: i + 1})
	}
	if n := len(w.delivered()); n != 50 {
		t.Errorf("%d changes were delivered", n)
	}
}
