package entity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

func order(status string) Order { return Order{Status: status} }

func TestMutatePublishesWhatDiffers(t *testing.T) {
	user := entity.Actor{Type: "user", ID: "u-1", Name: "Alice"}
	for _, c := range []struct {
		name string
		do   func(w *writeWorld[Order])
		want []string
	}{
		{"a creation lists all fields", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
		}, []string{"a 1: nothing to open [note status tags total] by system"}},
		{"a change lists the fields that differ, sorted", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.mutate("a", Order{Status: "paid", Total: 3})
		}, []string{"a 1: nothing to open [note status tags total] by system", "a 2: open to paid [status total] by system"}},
		{"a write that changes nothing is not published", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.mutate("a", order("open"))
		}, []string{"a 1: nothing to open [note status tags total] by system"}},
		{"what is seen for the first time is as it was before the write", func(w *writeWorld[Order]) {
			w.put("a", order("open"))
			w.mutate("a", order("paid"))
		}, []string{"a 1: open to paid [status] by system"}},
		{"what is seen for the first time and not changed is not published", func(w *writeWorld[Order]) {
			w.put("a", order("open"))
			w.mutate("a", order("open"))
		}, nil},
		{"what was written past is part of the next write", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.put("a", order("lost"))
			w.mutate("a", Order{Status: "lost", Total: 1})
		}, []string{"a 1: nothing to open [note status tags total] by system", "a 2: open to lost [status total] by system"}},
		{"a write that takes back what was written past publishes nothing", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.put("a", order("lost"))
			w.mutate("a", order("open"))
		}, []string{"a 1: nothing to open [note status tags total] by system"}},
		{"a removal lists all fields", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.remove("a")
		}, []string{"a 1: nothing to open [note status tags total] by system", "a 2: open to nothing [note status tags total] by system"}},
		{"the removal of what is not there is not published", func(w *writeWorld[Order]) { w.remove("ghost") }, nil},
		{"a second removal is not published", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.remove("a")
			w.remove("a")
		}, []string{"a 1: nothing to open [note status tags total] by system", "a 2: open to nothing [note status tags total] by system"}},
		{"the removal of what was never seen is its first change", func(w *writeWorld[Order]) {
			w.put("a", order("old"))
			w.remove("a")
		}, []string{"a 1: old to nothing [note status tags total] by system"}},
		{"versions go on over a removal and a re-creation", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.remove("a")
			w.mutate("a", order("open"))
		}, []string{
			"a 1: nothing to open [note status tags total] by system", "a 2: open to nothing [note status tags total] by system",
			"a 3: nothing to open [note status tags total] by system",
		}},
		{"a write that deletes is a removal", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			if _, err := w.h.Mutate(w.t.Context(), "a", w.drop("a"), nil); err != nil {
				w.t.Error(err)
			}
		}, []string{"a 1: nothing to open [note status tags total] by system", "a 2: open to nothing [note status tags total] by system"}},
		{"each entity has versions of its own", func(w *writeWorld[Order]) {
			w.mutate("a", order("open"))
			w.mutate("b", order("new"))
		}, []string{"a 1: nothing to open [note status tags total] by system", "b 1: nothing to new [note status tags total] by system"}},
		{"the actor is who was named", func(w *writeWorld[Order]) {
			c, err := w.h.Mutate(w.t.Context(), "a", w.set("a", order("open")), &entity.MutateOptions{Actor: user})
			if err != nil || c.Actor != user {
				w.t.Errorf("got %+v, %v", c.Actor, err)
			}
			if c, err = w.h.Remove(w.t.Context(), "a", w.drop("a"), &entity.MutateOptions{Actor: user}); err != nil || c.Actor != user {
				w.t.Errorf("got %+v, %v", c.Actor, err)
			}
		}, []string{"a 1: nothing to open [note status tags total] by user", "a 2: open to nothing [note status tags total] by user"}},
		{"an actor with a name alone is not the system", func(w *writeWorld[Order]) {
			actor := entity.Actor{Name: "Bob"}
			c, err := w.h.Mutate(w.t.Context(), "a", w.set("a", order("open")), &entity.MutateOptions{Actor: actor})
			if err != nil || c.Actor != actor {
				w.t.Errorf("got %+v, %v", c.Actor, err)
			}
		}, []string{"a 1: nothing to open [note status tags total] by "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothLogs(t, func(t *testing.T, log entity.Log) {
				w := newWriteWorld[Order](t, log, nil)
				c.do(w)
				if diff := cmp.Diff(c.want, inLines(w.delivered())); diff != "" {
					t.Errorf("delivered (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWhatMutateReturnsIsWhatIsDelivered(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Order](t, log, nil)
		note := "with a note"
		w.put("b", order("old"))
		returned := []entity.Typed[Order]{
			w.mutate("a", Order{Status: "open", Tags: []string{"x", "y"}, Note: &note}),
			w.mutate("a", Order{Status: "paid", Total: 5}),
			w.mutate("b", order("new")),
			w.remove("a"),
		}
		delivered := w.delivered()
		for i := range delivered {
			if p := delivered[i].Position; p != int64(i)+1 {
				t.Errorf("change %d has the Position %d", i, p)
			}
			delivered[i].Position = 0
			if delivered[i].Kind != "thing" || !delivered[i].At.Equal(noon) || delivered[i].At.Location() != time.UTC {
				t.Errorf("got %+v", delivered[i].Change)
			}
		}
		if diff := cmp.Diff(returned, delivered); diff != "" {
			t.Errorf("(-returned +delivered):\n%s", diff)
		}
		for _, c := range returned {
			untyped, ok := entity.As[Order](c.Change)
			if diff := cmp.Diff(c, untyped); diff != "" || !ok {
				t.Errorf("As of the Change (-want +got):\n%s", diff)
			}
		}
	})
}

func TestMutateReturnsNoChangeWhereNothingDiffers(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	w.mutate("a", order("open"))
	wrote := false
	c, err := w.h.Mutate(t.Context(), "a", func(context.Context) error {
		wrote = true
		return nil
	}, nil)
	if diff := cmp.Diff(entity.Typed[Order]{}, c); diff != "" || err != nil || !wrote {
		t.Errorf("wrote %t, error %v, change (-want +got):\n%s", wrote, err, diff)
	}
	if c := w.remove("ghost"); c.Version != 0 {
		t.Errorf("Remove of nothing returned %+v", c)
	}
}

// jumpClock is a clock that somebody sets.
type jumpClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *jumpClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *jumpClock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (*jumpClock) AfterFunc(time.Duration, func()) func() bool { return func() bool { return true } }

func TestChangesAreNeverMadeBeforeTheLastOne(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	clock := &jumpClock{now: noon.In(berlin).Add(1999 * time.Nanosecond)}
	reg := newRegistry(t, &entity.Options{Clock: clock})
	tb := newTable[Order]()
	h := define(t, reg, "order", tb.read, nil)
	var got []time.Time
	write := func(status string) {
		c, err := h.Mutate(t.Context(), "a", tb.set("a", order(status)), nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c.At)
	}
	write("open")
	clock.set(noon.Add(-time.Hour))
	write("paid")
	clock.set(noon.Add(time.Second))
	write("sent")
	clock.set(noon)
	if _, err := h.Remove(t.Context(), "a", tb.drop("a"), nil); err != nil {
		t.Fatal(err)
	}
	write("open")
	micro := noon.Add(time.Microsecond)
	want := []time.Time{micro, micro, noon.Add(time.Second), noon.Add(time.Second)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes at (-want +got):\n%s", diff)
	}
	for _, at := range got {
		if at.Location() != time.UTC {
			t.Errorf("%s is not in UTC", at)
		}
	}
	// Another entity has a time of its own.
	c, err := h.Mutate(t.Context(), "b", tb.set("b", order("open")), nil)
	if err != nil || !c.At.Equal(noon) {
		t.Errorf("got %s, %v", c.At, err)
	}
}
