package entity_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// setAll writes several orders.
func (w *writeWorld[S]) setAll(states map[string]S) func(context.Context) error {
	return func(context.Context) error {
		for id, s := range states {
			w.put(id, s)
		}
		return nil
	}
}

func TestMutateManyIsOneWriteOfSeveral(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	w.mutate("b", order("open"))
	w.mutate("d", order("same"))
	user := entity.Actor{Type: "user"}
	ids := []string{"d", "c", "b", "a", "b"}
	changes, err := w.h.MutateMany(t.Context(), ids, w.setAll(map[string]Order{
		"a": order("new"), "b": order("paid"), "c": order("new"), "d": order("same"), "e": order("not asked for"),
	}), &entity.MutateOptions{Actor: user})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a 1: nothing to new [note status tags total] by user", "b 2: open to paid [status] by user",
		"c 1: nothing to new [note status tags total] by user",
	}
	if diff := cmp.Diff(want, inLines(changes)); diff != "" {
		t.Errorf("returned (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, inLines(w.delivered())[2:]); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"d", "c", "b", "a", "b"}, ids); diff != "" {
		t.Errorf("the caller's ids were changed (-want +got):\n%s", diff)
	}
	changes, err = w.h.MutateMany(t.Context(), []string{"a", "b"}, w.setAll(nil), nil)
	if len(changes) != 0 || err != nil {
		t.Errorf("nothing differs: got %v, %v", inLines(changes), err)
	}
}

func TestMutateManyOfNoneRunsTheWriteInATransaction(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	memory := w.log.(*entity.Memory)
	ran := false
	changes, err := w.h.MutateMany(t.Context(), nil, func(ctx context.Context) error {
		return memory.Stage(ctx, func() { ran = true })
	}, nil)
	if len(changes) != 0 || err != nil || !ran {
		t.Errorf("got %v, %v; the write's transaction was committed: %t", changes, err, ran)
	}
	if _, err := w.h.MutateMany(t.Context(), nil, func(context.Context) error { return errHost }, nil); !errors.Is(err, errHost) {
		t.Errorf("got %v", err)
	}
}

func TestHowOftenAWriteReads(t *testing.T) {
	for _, c := range []struct {
		name     string
		external bool
		do       func(w *writeWorld[Order], ctx context.Context) error
		want     int
	}{
		{"a write of what the Log knows, once", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.Mutate(ctx, "a", w.set("a", order("paid")), nil)
			return err
		}, 1},
		{"a first write, before and after", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.Mutate(ctx, "new", w.set("new", order("paid")), nil)
			return err
		}, 2},
		{"a removal, once", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.Remove(ctx, "a", w.drop("a"), nil)
			return err
		}, 1},
		{"a write of an external kind, before and after", true, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.Mutate(ctx, "a", w.set("a", order("paid")), nil)
			return err
		}, 2},
		{"a write of several, once for all", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.MutateMany(ctx, []string{"a", "b", "c"}, w.set("a", order("paid")), nil)
			return err
		}, 1},
		{"a write of several of which one is new, before and after", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.MutateMany(ctx, []string{"a", "b", "new"}, w.set("a", order("paid")), nil)
			return err
		}, 2},
		{"a refresh of several, once", false, func(w *writeWorld[Order], ctx context.Context) error {
			return w.h.Refresh(ctx, "a", "b", "new", "new")
		}, 1},
		{"a refresh of an external kind, once", true, func(w *writeWorld[Order], ctx context.Context) error {
			return w.h.Refresh(ctx, "a", "b")
		}, 1},
		{"a refresh of none, never", false, func(w *writeWorld[Order], ctx context.Context) error { return w.h.Refresh(ctx) }, 0},
		{"a write of none, never", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.MutateMany(ctx, nil, w.set("a", order("paid")), nil)
			return err
		}, 0},
		{"an inner write of the same entity, not at all", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.Mutate(ctx, "a", func(ctx context.Context) error {
				_, err := w.h.Mutate(ctx, "a", w.set("a", order("paid")), nil)
				return err
			}, nil)
			return err
		}, 1},
		{"many at once, once", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.GetMany(ctx, []string{"a", "b", "c", "a", "none"})
			return err
		}, 1},
		{"none at once, never", false, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.GetMany(ctx, nil)
			return err
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriteWorld(t, nil, &entity.KindOptions[Order]{External: c.external})
			for _, id := range []string{"a", "b", "c"} {
				w.mutate(id, order("open"))
			}
			got := w.readsOf(func() {
				if err := c.do(w, t.Context()); err != nil {
					t.Error(err)
				}
			})
			if got != c.want {
				t.Errorf("read was called %d times, want %d", got, c.want)
			}
		})
	}
}

func TestRefreshPublishesWhatBecameOfThem(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Order](t, log, nil)
		refresh := func(ids ...string) {
			t.Helper()
			if err := w.h.Refresh(t.Context(), ids...); err != nil {
				t.Fatal(err)
			}
		}
		w.mutate("a", order("open"))
		w.mutate("b", order("open"))
		w.put("a", order("paid"))
		w.put("new", order("first seen"))
		refresh("new", "a", "b", "ghost", "a")
		if v := w.version("new"); v != 0 {
			t.Errorf("the first look published version %d", v)
		}
		w.put("new", order("moved on"))
		refresh("new")
		refresh("new")
		if err := w.drop("a")(t.Context()); err != nil {
			t.Fatal(err)
		}
		refresh("a", "ghost")
		w.put("ghost", order("appeared"))
		refresh("ghost")
		w.mutate("ghost", order("written"))
		want := []string{
			"a 1: nothing to open [note status tags total] by system", "b 1: nothing to open [note status tags total] by system",
			"a 2: open to paid [status] by system", "new 1: first seen to moved on [status] by system",
			"a 3: paid to nothing [note status tags total] by system", "ghost 1: appeared to written [status] by system",
		}
		if diff := cmp.Diff(want, inLines(w.delivered())); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
	})
}

func TestExternalKindsPublishFirstWhatOthersWrote(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld(t, log, &entity.KindOptions[Order]{External: true})
		w.put("a", order("theirs before"))
		w.mutate("a", order("open")) // never seen before: it is as it was
		w.put("a", order("theirs"))
		if c := w.mutate("a", order("paid")); c.Version != 3 || c.Prev.Status != "theirs" {
			t.Errorf("returned %s", inLine(c))
		}
		w.put("a", order("theirs again"))
		c, err := w.h.Mutate(t.Context(), "a", func(context.Context) error { return nil }, nil)
		if err != nil || c.Version != 0 {
			t.Errorf("a write of nothing returned %s, %v", inLine(c), err)
		}
		if err := w.drop("a")(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c := w.remove("a"); c.Version != 0 {
			t.Errorf("a removal of what others removed returned %s", inLine(c))
		}
		w.put("a", order("theirs once more"))
		w.put("b", order("b"))
		changes, err := w.h.MutateMany(t.Context(), []string{"a", "b"}, w.setAll(map[string]Order{"a": order("ours"), "b": order("ours")}), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"a 7: theirs once more to ours [status] by system", "b 1: b to ours [status] by system"}
		if diff := cmp.Diff(want, inLines(changes)); diff != "" {
			t.Errorf("returned (-want +got):\n%s", diff)
		}
		want = []string{
			"a 1: theirs before to open [status] by system",
			"a 2: open to theirs [status] by observed", "a 3: theirs to paid [status] by system",
			"a 4: paid to theirs again [status] by observed",
			"a 5: theirs again to nothing [note status tags total] by observed",
			"a 6: nothing to theirs once more [note status tags total] by observed",
			"a 7: theirs once more to ours [status] by system", "b 1: b to ours [status] by system",
		}
		if diff := cmp.Diff(want, inLines(w.delivered())); diff != "" {
			t.Errorf("delivered (-want +got):\n%s", diff)
		}
	})
}

// What others wrote is not published either, when the write that found it fails.
func TestExternalChangesOfAWriteThatFailed(t *testing.T) {
	w := newWriteWorld(t, nil, &entity.KindOptions[Order]{External: true})
	w.mutate("a", order("open"))
	w.put("a", order("theirs"))
	if _, err := w.h.Mutate(t.Context(), "a", func(context.Context) error { return errHost }, nil); !errors.Is(err, errHost) {
		t.Errorf("got %v", err)
	}
	if v := w.version("a"); v != 1 {
		t.Errorf("the version is %d", v)
	}
	w.mutate("a", order("ours"))
	want := []string{"a 2: open to theirs [status] by observed", "a 3: theirs to ours [status] by system"}
	if diff := cmp.Diff(want, inLines(w.delivered())[1:]); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
}
