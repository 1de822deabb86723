package entity_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

var raceWrites = flag.Int("entity.racewrites", 1500, "how many writes race in TestWritersThatRace; the full number is 30000")

// ledger is a slow, obvious record of what happened to each entity: the states that writes which committed left behind,
// in the order of their locks. "" is none.
type ledger struct {
	mu     sync.Mutex
	states map[string][]string
	made   map[string][]int64 // versions that a caller was told of
}

func (l *ledger) now(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	states := l.states[id]
	if len(states) == 0 {
		return ""
	}
	return states[len(states)-1]
}

// note records a state; it is called while the entity is locked.
func (l *ledger) note(id, state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states[id] = append(l.states[id], state)
}

// forget takes the newest state back.
func (l *ledger) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states[id] = l.states[id][:len(l.states[id])-1]
}

func (l *ledger) told(changes ...entity.Typed[Order]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range changes {
		if c.Version > 0 {
			l.made[c.ID] = append(l.made[c.ID], c.Version)
		}
	}
}

// racer is one of several writers of the same few entities.
type racer struct {
	*rand.Rand
	w *writeWorld[Order]
	l *ledger
}

// write leaves a random state behind, or fails after having taken it back.
func (r racer) write(id string, fail bool) func(context.Context) error {
	state := []string{"", "open", "paid", "sent"}[r.IntN(4)]
	return func(ctx context.Context) error {
		before := r.l.now(id)
		put := func(state string) error {
			if state == "" {
				return r.w.drop(id)(ctx)
			}
			return r.w.set(id, order(state))(ctx)
		}
		if fail {
			return errors.Join(put(state), put(before), errHost)
		}
		r.l.note(id, state)
		return put(state)
	}
}

// undo takes a write back whose transaction was given up after it.
func (r racer) undo(ctx context.Context, id string) error {
	r.l.forget(id)
	if before := r.l.now(id); before != "" {
		return r.w.set(id, order(before))(ctx)
	}
	return r.w.drop(id)(ctx)
}

// act does one thing. Entities are locked in the order of their ids, so that nobody waits in a circle.
func (r racer) act(ctx context.Context, ids []string) error {
	i := r.IntN(len(ids))
	id := ids[i]
	switch r.IntN(8) {
	case 0:
		c, err := r.w.h.Remove(ctx, id, func(ctx context.Context) error {
			r.l.note(id, "")
			return r.w.drop(id)(ctx)
		}, nil)
		r.l.told(c)
		return err
	case 1:
		_, err := r.w.h.Mutate(ctx, id, r.write(id, true), nil)
		if !errors.Is(err, errHost) {
			return fmt.Errorf("a write that failed: %v", err)
		}
		return nil
	case 2: // several at once
		some := ids[i:min(i+3, len(ids))]
		changes, err := r.w.h.MutateMany(ctx, some, func(ctx context.Context) error {
			for _, id := range some {
				if err := r.write(id, false)(ctx); err != nil {
					return err
				}
			}
			return nil
		}, nil)
		r.l.told(changes...)
		return err
	case 3:
		return r.w.h.Refresh(ctx, id)
	case 4: // one inside of another, which may give up afterwards
		if i == len(ids)-1 {
			return nil
		}
		other, fail := ids[i+1], r.IntN(2) == 0
		var inner entity.Typed[Order]
		outer, err := r.w.h.Mutate(ctx, id, func(ctx context.Context) (err error) {
			inner, err = r.w.h.Mutate(ctx, other, r.write(other, false), nil)
			if err == nil && fail {
				return errors.Join(r.undo(ctx, other), errHost)
			}
			return errors.Join(err, r.write(id, false)(ctx))
		}, nil)
		if fail && errors.Is(err, errHost) {
			return nil
		}
		r.l.told(inner, outer)
		return err
	case 5: // two in one transaction
		var first, second entity.Typed[Order]
		err := r.w.log.InTx(ctx, func(ctx context.Context) (err error) {
			if first, err = r.w.h.Mutate(ctx, id, r.write(id, false), nil); err == nil {
				second, err = r.w.h.Mutate(ctx, id, r.write(id, false), nil)
			}
			return err
		})
		r.l.told(first, second)
		return err
	default:
		c, err := r.w.h.Mutate(ctx, id, r.write(id, false), nil)
		r.l.told(c)
		return err
	}
}

// expected is what the ledger says was published: each state that differs from the one before.
func (l *ledger) expected(id string) []string {
	var lines []string
	last := ""
	for _, state := range l.states[id] {
		if state != last {
			lines = append(lines, fmt.Sprintf("%d: %q to %q", len(lines)+1, last, state))
			last = state
		}
	}
	return lines
}

func status(o *Order) string {
	if o == nil {
		return ""
	}
	return o.Status
}

// Whoever writes, and however, no version of an entity is lost, skipped or out of order: against a ledger.
func TestWritersThatRace(t *testing.T) {
	const writers = 8
	n := *raceWrites / writers
	if testing.Short() {
		n /= 3
	}
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Order](t, log, nil)
		l := &ledger{states: map[string][]string{}, made: map[string][]int64{}}
		ids := []string{"a", "b", "c", "d"}
		var racing sync.WaitGroup
		for writer := range writers {
			racing.Go(func() {
				r := racer{rand.New(rand.NewPCG(7, uint64(writer))), w, l}
				for range n {
					if err := r.act(t.Context(), ids); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		racing.Wait()
		got := map[string][]string{}
		versions := map[string][]int64{}
		for _, c := range w.delivered() {
			got[c.ID] = append(got[c.ID], fmt.Sprintf("%d: %q to %q", c.Version, status(c.Prev), status(c.Next)))
			versions[c.ID] = append(versions[c.ID], c.Version)
		}
		for _, id := range ids {
			want := l.expected(id)
			if len(want) < n/8 {
				t.Errorf("%s changed %d times: that proves little", id, len(want))
			}
			if diff := cmp.Diff(want, got[id]); diff != "" {
				t.Errorf("changes of %s (-ledger +delivered):\n%s", id, diff)
			}
			slices.Sort(l.made[id])
			if diff := cmp.Diff(l.made[id], versions[id]); diff != "" {
				t.Errorf("versions of %s (-returned +delivered):\n%s", id, diff)
			}
			if v := w.version(id); v != int64(len(want)) {
				t.Errorf("%s has version %d, want %d", id, v, len(want))
			}
		}
	})
}

// Writers of different entities do not wait for each other; writers of one do.
func TestWriterWaitsForTheWriterOfTheSameEntityAlone(t *testing.T) {
	synctest.Test(t, testWaitingWriters)
}

func testWaitingWriters(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	inside, release := make(chan struct{}), make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		if _, err := w.h.Mutate(t.Context(), "a", func(ctx context.Context) error {
			close(inside)
			<-release
			return w.set("a", order("first"))(ctx)
		}, nil); err != nil {
			t.Error(err)
		}
	})
	<-inside
	w.mutate("b", order("meanwhile"))
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() {
		_, err := w.h.Mutate(ctx, "a", func(context.Context) error { panic("the write ran") }, nil)
		waiting <- err
	}()
	synctest.Wait() // until it waits for the lock
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("whoever waits and gives up: got %v", err)
	}
	others.Go(func() {
		if _, err := w.h.Mutate(t.Context(), "a", w.set("a", order("second")), nil); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	close(release)
	others.Wait()
	want := []string{
		"b 1: nothing to meanwhile [note status tags total] by system",
		"a 1: nothing to first [note status tags total] by system", "a 2: first to second [status] by system",
	}
	if diff := cmp.Diff(want, inLines(w.delivered())); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
}

// A transaction that loses a wait says so, and can be made again as a whole.
func TestWritersThatWaitInACircle(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	var both sync.WaitGroup
	both.Add(2)
	write := func(first, second string) (conflicts int) {
		for {
			once := sync.OnceFunc(func() { both.Done(); both.Wait() })
			if conflicts > 0 {
				once = func() {}
			}
			_, err := w.h.Mutate(t.Context(), first, func(ctx context.Context) error {
				once()
				_, err := w.h.Mutate(ctx, second, w.set(second, order("by "+first)), nil)
				return err
			}, nil)
			if err == nil {
				return conflicts
			}
			if !errors.Is(err, entity.ErrConflict) {
				t.Errorf("got %v, want ErrConflict", err)
				return conflicts
			}
			conflicts++
		}
	}
	results := make(chan int)
	go func() { results <- write("a", "b") }()
	go func() { results <- write("b", "a") }()
	if n := <-results + <-results; n < 1 {
		t.Errorf("%d transactions lost a wait, want 1 or more", n)
	}
	if w.version("a") != 1 || w.version("b") != 1 {
		t.Errorf("versions %d and %d", w.version("a"), w.version("b"))
	}
}
