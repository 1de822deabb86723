package entity_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

var errHost = errors.New("the host's own")

// Each case is what the write of an outer Mutate of "a" does.
func TestMutateInsideOfAWrite(t *testing.T) {
	type world = *writeWorld[Order]
	write := func(w world, ctx context.Context, id, status string) error {
		_, err := w.h.Mutate(ctx, id, w.set(id, order(status)), nil)
		return err
	}
	for _, c := range []struct {
		name  string
		write func(w world, ctx context.Context) error
		want  []string
	}{
		{"of the same entity is part of the outer one", func(w world, ctx context.Context) error {
			c, err := w.h.Mutate(ctx, "a", w.set("a", order("paid")), &entity.MutateOptions{Actor: entity.Actor{Type: "inner"}})
			if c.Version != 0 {
				t.Errorf("the inner Mutate returned %s", inLine(c))
			}
			return err
		}, []string{"a 2: open to paid [status] by outer"}},
		{"and what the outer one writes afterwards too", func(w world, ctx context.Context) error {
			return errors.Join(write(w, ctx, "a", "paid"), w.set("a", order("sent"))(ctx))
		}, []string{"a 2: open to sent [status] by outer"}},
		{"three deep", func(w world, ctx context.Context) error {
			_, err := w.h.Mutate(ctx, "a", func(ctx context.Context) error { return write(w, ctx, "a", "paid") }, nil)
			return err
		}, []string{"a 2: open to paid [status] by outer"}},
		{"of another entity is a change of its own", func(w world, ctx context.Context) error {
			return errors.Join(write(w, ctx, "b", "new"), w.set("a", order("paid"))(ctx))
		}, []string{"b 1: nothing to new [note status tags total] by system", "a 2: open to paid [status] by outer"}},
		{"of the same entity inside of one of another", func(w world, ctx context.Context) error {
			_, err := w.h.Mutate(ctx, "b", func(ctx context.Context) error {
				return errors.Join(write(w, ctx, "a", "paid"), w.set("b", order("new"))(ctx))
			}, nil)
			return err
		}, []string{"b 1: nothing to new [note status tags total] by system", "a 2: open to paid [status] by outer"}},
		{"of another one twice is two changes", func(w world, ctx context.Context) error {
			return errors.Join(write(w, ctx, "b", "new"), write(w, ctx, "b", "newer"))
		}, []string{"b 1: nothing to new [note status tags total] by system", "b 2: new to newer [status] by system"}},
		{"that removes it is a removal", func(w world, ctx context.Context) error {
			_, err := w.h.Remove(ctx, "a", w.drop("a"), nil)
			return err
		}, []string{"a 2: open to nothing [note status tags total] by outer"}},
		{"of several publishes those that the outer one does not", func(w world, ctx context.Context) error {
			changes, err := w.h.MutateMany(ctx, []string{"c", "a", "b"}, func(ctx context.Context) error {
				return errors.Join(w.set("a", order("paid"))(ctx), w.set("b", order("new"))(ctx), w.set("c", order("new"))(ctx))
			}, nil)
			if len(changes) != 2 {
				t.Errorf("the inner MutateMany returned %v", inLines(changes))
			}
			return err
		}, []string{
			"b 1: nothing to new [note status tags total] by system", "c 1: nothing to new [note status tags total] by system",
			"a 2: open to paid [status] by outer",
		}},
		{"a Refresh of the same entity is left to the outer one", func(w world, ctx context.Context) error {
			return errors.Join(w.set("a", order("paid"))(ctx), w.h.Refresh(ctx, "a"))
		}, []string{"a 2: open to paid [status] by outer"}},
		{"a transaction of the Log around the inner one", func(w world, ctx context.Context) error {
			return w.log.InTx(ctx, func(ctx context.Context) error { return write(w, ctx, "a", "paid") })
		}, []string{"a 2: open to paid [status] by outer"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriteWorld[Order](t, nil, nil)
			w.mutate("a", order("open"))
			outer := &entity.MutateOptions{Actor: entity.Actor{Type: "outer"}}
			_, err := w.h.Mutate(t.Context(), "a", func(ctx context.Context) error { return c.write(w, ctx) }, outer)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, inLines(w.delivered())[1:]); diff != "" {
				t.Errorf("delivered (-want +got):\n%s", diff)
			}
		})
	}
}

// An id means another entity in another kind; and what an operation further out is at work on stays its affair.
func TestMutateOfSeveralKindsInsideOfEachOther(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	rows := newTable[Link]()
	links := define(t, w.reg, "link", rows.read, nil)
	var link entity.Typed[Link]
	c, err := w.h.Mutate(t.Context(), "a", func(ctx context.Context) (err error) {
		link, err = links.Mutate(ctx, "a", func(ctx context.Context) error {
			inner, err := w.h.Mutate(ctx, "a", w.set("a", order("open")), nil)
			if inner.Version != 0 {
				t.Errorf("the innermost Mutate returned %s", inLine(inner))
			}
			return errors.Join(err, rows.set("a", Link{Status: "online"})(ctx))
		}, nil)
		return err
	}, nil)
	if err != nil || c.Version != 1 || link.Version != 1 || link.Next.Status != "online" {
		t.Errorf("got %s and %+v, %v", inLine(c), link, err)
	}
	if diff := cmp.Diff([]string{"a 1: nothing to open [note status tags total] by system"}, inLines(w.delivered())); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
}

func TestMutateInsideOfARemovalThatBringsItBackIsRefused(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	w.mutate("a", order("open"))
	_, err := w.h.Remove(t.Context(), "a", func(ctx context.Context) error {
		_, err := w.h.Mutate(ctx, "a", w.set("a", order("back")), nil)
		return err
	}, nil)
	if !errors.Is(err, entity.ErrRead) {
		t.Errorf("got %v, want ErrRead", err)
	}
	if n := len(w.delivered()); n != 1 || w.version("a") != 1 {
		t.Errorf("%d changes were delivered, the version is %d", n, w.version("a"))
	}
	if _, err := w.h.Remove(t.Context(), "a", func(ctx context.Context) error {
		_, err := w.h.Mutate(ctx, "a", w.drop("a"), nil)
		return err
	}, nil); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"a 2: open to nothing [note status tags total] by system"}, inLines(w.delivered())[1:]); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
}

func TestErrorOfAnInnerWriteDoomsTheOuterOne(t *testing.T) {
	for name, inner := range map[string]func(w *writeWorld[Order], ctx context.Context){
		"of another entity": func(w *writeWorld[Order], ctx context.Context) {
			_, err := w.h.Mutate(ctx, "b", func(context.Context) error { return errHost }, nil)
			if !errors.Is(err, errHost) {
				t.Errorf("the inner error is %v", err)
			}
		},
		"of the same entity": func(w *writeWorld[Order], ctx context.Context) {
			_, err := w.h.Mutate(ctx, "a", func(context.Context) error { return errHost }, nil)
			if !errors.Is(err, errHost) {
				t.Errorf("the inner error is %v", err)
			}
		},
		"of no entity": func(w *writeWorld[Order], ctx context.Context) {
			_, err := w.h.MutateMany(ctx, nil, func(context.Context) error { return errHost }, nil)
			if !errors.Is(err, errHost) {
				t.Errorf("the inner error is %v", err)
			}
		},
	} {
		t.Run(name+", swallowed by the outer write", func(t *testing.T) {
			w := newWriteWorld[Order](t, nil, nil)
			_, err := w.h.Mutate(t.Context(), "a", func(ctx context.Context) error {
				inner(w, ctx)
				return nil
			}, nil)
			if !errors.Is(err, errHost) {
				t.Errorf("got %v, want the inner error", err)
			}
			if got := w.delivered(); len(got) != 0 || w.version("a") != 0 || w.version("b") != 0 {
				t.Errorf("got %v", inLines(got))
			}
			w.mutate("a", order("open"))
		})
	}
}

func TestMutateInTheHostsTransaction(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Order](t, log, nil)
		both := func(ctx context.Context) (versions []int64, err error) {
			for _, status := range []string{"open", "paid"} {
				c, err := w.h.Mutate(ctx, "a", w.set("a", order(status)), nil)
				if err != nil {
					return nil, err
				}
				versions = append(versions, c.Version)
			}
			inside, err := w.h.Version(ctx, "a")
			return append(versions, inside), err
		}
		err := w.log.InTx(t.Context(), func(ctx context.Context) error {
			versions, err := both(ctx)
			if !slices.Equal(versions, []int64{1, 2, 2}) || err != nil {
				t.Errorf("versions in the transaction: %v, %v", versions, err)
			}
			return errors.Join(w.drop("a")(ctx), errHost)
		})
		if !errors.Is(err, errHost) {
			t.Errorf("got %v", err)
		}
		if got := w.delivered(); len(got) != 0 || w.version("a") != 0 {
			t.Errorf("a transaction that was rolled back published %v", inLines(got))
		}

		if err := w.log.InTx(t.Context(), func(ctx context.Context) error {
			_, err := both(ctx)
			if got := w.version("a"); got != 0 {
				t.Errorf("others see version %d before the commit", got)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		want := []string{"a 1: nothing to open [note status tags total] by system", "a 2: open to paid [status] by system"}
		if diff := cmp.Diff(want, inLines(w.delivered())); diff != "" {
			t.Errorf("two writes in one transaction (-want +got):\n%s", diff)
		}
	})
}

// A context of a write that somebody kept is no way into a transaction that is over.
func TestWriteWithTheContextOfATransactionThatIsOver(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	var kept context.Context
	if _, err := w.h.Mutate(t.Context(), "a", func(ctx context.Context) error {
		kept = ctx
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if _, err := w.h.Mutate(kept, id, w.set(id, order("late")), nil); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", id, err)
		}
	}
	if got := w.delivered(); len(got) != 0 {
		t.Errorf("got %v", inLines(got))
	}
}

func TestWithWriteAndWithRemove(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	for _, h := range []*entity.Handle[Order]{nil, w.h} {
		if err := entity.WithWrite(t.Context(), h, "a", w.set("a", order("open"))); err != nil {
			t.Error(err)
		}
		if err := entity.WithWrite(t.Context(), h, "a", func(context.Context) error { return errHost }); !errors.Is(err, errHost) {
			t.Errorf("got %v", err)
		}
		if err := entity.WithRemove(t.Context(), h, "a", w.drop("a")); err != nil {
			t.Error(err)
		}
		if err := entity.WithRemove(t.Context(), h, "a", func(context.Context) error { return errHost }); !errors.Is(err, errHost) {
			t.Errorf("got %v", err)
		}
		for _, f := range []func(context.Context, *entity.Handle[Order], string, func(context.Context) error) error{
			entity.WithWrite[Order], entity.WithRemove[Order],
		} {
			if err := f(t.Context(), h, "a", nil); !errors.Is(err, entity.ErrInvalid) {
				t.Errorf("a nil write: got %v, want ErrInvalid", err)
			}
		}
	}
	want := []string{
		"a 1: nothing to open [note status tags total] by system", "a 2: open to nothing [note status tags total] by system",
	}
	if diff := cmp.Diff(want, inLines(w.delivered())); diff != "" {
		t.Errorf("with a Handle alone (-want +got):\n%s", diff)
	}
}
