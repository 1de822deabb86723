package entity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// TestRelayThatStallsChangesNothing holds up the relay in the middle of its call until another has its lease, and lets it
// go on: it must not give a Position any more.
func TestRelayThatStallsChangesNothing(t *testing.T) {
	for _, call := range []string{"Relay", "Lease", "Leases", "Changes"} {
		t.Run("in "+call, func(t *testing.T) {
			onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
				var all []*deliveryProcess
				var group deliveryLedger
				broadcasts := make([]deliveryLedger, 3)
				for i := range broadcasts {
					p := w.ready(broadcasts[i].note, nil)
					p.on(group.note, &entity.SubscribeOptions{Group: "g"})
					time.Sleep(3 * time.Second)
					all = append(all, p)
				}
				all[0].writes("a", "b")
				time.Sleep(2 * time.Second)
				for range 3 {
					before, came, release := sharedStall(call)
					for _, p := range all {
						p.end.set(before, nil)
					}
					all[0].writes("a", "b", "c", "d")
					<-came
					_, relay := shardsOf(t, w, "g")
					time.Sleep(13 * time.Second)
					all[1].writes("a", "b", "e", "f")
					time.Sleep(3 * time.Second)
					if _, another := shardsOf(t, w, "g"); another == "" || relay == another && call == "Relay" {
						t.Errorf("the relay is %q still", another)
					}
					release()
					all[2].writes("a", "b", "c")
					time.Sleep(15 * time.Second)
				}
				for i := range broadcasts {
					broadcasts[i].wants(w, fmt.Sprint("broadcast ", i), true)
				}
				group.wants(w, "the group", false)
				positions := int64(0)
				for c, err := range w.log.Changes(t.Context(), 0) {
					if positions++; err != nil || c.Position != positions {
						t.Errorf("change number %d has the Position %d, %v", positions, c.Position, err)
					}
				}
				for _, p := range all {
					for _, err := range p.told() {
						t.Errorf("OnError heard %v: a lease that has passed on is no error", err)
					}
				}
			})
		})
	}
}

// TestLostAnswersRepeatNothing does calls of the Log whose callers do not hear that they were done.
func TestLostAnswersRepeatNothing(t *testing.T) {
	for _, call := range []string{"Relay", "Save", "Lease", "Positions", "Trim"} {
		t.Run("of "+call, func(t *testing.T) {
			onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
				var broadcast, group deliveryLedger
				p := w.process(entity.Options{Poll: time.Minute, LeaseTTL: time.Hour})
				var n atomic.Int64
				p.end.set(nil, func(_ context.Context, name string) error {
					if name == call && n.Add(1)%2 == 0 {
						return errCut
					}
					return nil
				})
				p.on(broadcast.note, nil)
				p.on(group.failing(func(entity.Typed[Order]) bool { return false }), &entity.SubscribeOptions{Group: "g"})
				for p.Start(t.Context()) != nil {
					t.Log("started again")
				}
				time.Sleep(time.Minute)
				for i := range 30 {
					p.writes(fmt.Sprint(i % 7))
					time.Sleep(time.Duration(i%4) * 400 * time.Millisecond)
				}
				time.Sleep(3 * time.Hour)
				broadcast.wants(w, "the broadcast", true)
				group.wants(w, "the group", true)
				if n := n.Load(); n < 2 {
					t.Errorf("%s was called %d times: no answer was lost", call, n)
				}
				for _, err := range p.told() {
					if !errors.Is(err, errCut) || !strings.HasPrefix(err.Error(), "entity: ") {
						t.Errorf("OnError heard %v", err)
					}
				}
			})
		})
	}
}

// faultyBus is a Bus that does all that a Bus may.
type faultyBus struct {
	entity.LocalBus
	how string

	mu sync.Mutex
	n  int
}

func (b *faultyBus) Wake(ctx context.Context) error {
	b.mu.Lock()
	b.n++
	n := b.n
	b.mu.Unlock()
	switch b.how {
	case "loses all":
		return nil
	case "loses some":
		if n%3 != 0 {
			return nil
		}
	case "repeats":
		for range 3 {
			_ = b.LocalBus.Wake(ctx)
		}
	case "fails":
		return errCut
	case "is late":
		time.AfterFunc(time.Duration(n%5)*100*time.Millisecond, func() { _ = b.LocalBus.Wake(context.Background()) })
		return nil
	}
	return b.LocalBus.Wake(ctx)
}

func (b *faultyBus) Listen(ctx context.Context, wake func()) error {
	switch b.how {
	case "cannot listen":
		return errCut
	case "stops to listen":
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return b.LocalBus.Listen(ctx, wake)
	}
	return b.LocalBus.Listen(ctx, wake)
}

// TestBusMayDoItsWorst checks that nothing but time depends on a Bus, and no more than Poll for each step: one process to
// relay, another to read.
func TestBusMayDoItsWorst(t *testing.T) {
	for _, how := range []string{"works", "loses all", "loses some", "repeats", "fails", "is late", "cannot listen", "stops to listen"} {
		t.Run("one that "+how, func(t *testing.T) {
			onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
				w.bus = &faultyBus{how: how}
				var broadcast, group deliveryLedger
				var all []*deliveryProcess
				for range 3 {
					p := w.process(entity.Options{Poll: 2 * time.Second})
					p.on(group.note, &entity.SubscribeOptions{Group: "g"})
					start(t, p.Registry)
					time.Sleep(7 * time.Second)
					all = append(all, p)
				}
				all[2].on(broadcast.note, nil) // one that does not relay
				most := time.Duration(0)
				for i := range 20 {
					broadcast.forget()
					wrote := time.Now()
					all[1].writes(fmt.Sprint(i))
					time.Sleep(4*time.Second + time.Duration(i)*77*time.Millisecond)
					synctest.Wait()
					if at := broadcast.instants(wrote); len(at) != 1 {
						t.Fatalf("after two polls it came %d times", len(at))
					} else {
						most = max(most, at[0])
					}
				}
				if how == "works" && most != 0 || most > 4*time.Second {
					t.Errorf("the slowest took %v", most)
				}
				group.wants(w, "the group", true)
			})
		})
	}
}

// TestWriterWithoutStartWakesTheOthers has a process that only writes.
func TestWriterWithoutStartWakesTheOthers(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		w.bus = new(entity.LocalBus)
		var l deliveryLedger
		w.ready(l.note, nil)
		writer := w.process(entity.Options{})
		wrote := time.Now()
		writer.writes("a", "b", "a")
		synctest.Wait()
		l.wants(w, "the other process", true)
		if diff := cmp.Diff([]time.Duration{0, 0, 0}, l.instants(wrote)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		// The bus that fails after the commit is no failure of the write.
		writer = (&deliveryWorld{t: t, host: w.host, log: w.log, bus: &faultyBus{how: "fails"}, committed: w.committed}).process(entity.Options{})
		writer.writes("a")
		if errs := writer.told(); len(errs) != 1 || !errors.Is(errs[0], errCut) {
			t.Errorf("OnError heard %v", errs)
		}
	})
}

// TestChangesGoWhenTheyAreOldAndPassed drives days, on a Log of each sort.
func TestChangesGoWhenTheyAreOldAndPassed(t *testing.T) {
	const day = 24 * time.Hour
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		kept := func() (n int) {
			for range w.log.Changes(t.Context(), 0) {
				n++
			}
			return n
		}
		want := func(what string, n int) {
			t.Helper()
			if got := kept(); got != n {
				t.Errorf("%s: %d changes are kept: want %d", what, got, n)
			}
		}
		var slow, fast deliveryLedger
		p := w.process(entity.Options{Keep: 2 * day, Poll: 10 * time.Minute, LeaseTTL: time.Hour})
		p.on(fast.note, &entity.SubscribeOptions{Group: "fast"})
		stop := p.on(slow.note, &entity.SubscribeOptions{Group: "slow"})
		start(t, p.Registry)
		time.Sleep(time.Hour)
		p.writes("a", "b", "c")
		time.Sleep(day)
		p.writes("a", "b")
		time.Sleep(23 * time.Hour)
		want("none is older than Keep", 5)
		time.Sleep(5 * time.Hour)
		want("three are, and all groups have passed them", 2)
		time.Sleep(day)
		want("all are", 0)
		stop()
		p.writes("a", "b")
		time.Sleep(5 * day)
		want("a group that has nobody has not passed them", 2)
		stop = p.on(slow.note, &entity.SubscribeOptions{Group: "slow"})
		time.Sleep(3 * time.Hour)
		want("it has", 0)
		stop()
		p.writes("a")
		time.Sleep(3 * day)
		if err := p.DropGroup(t.Context(), "slow"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		want("the group is dropped", 0)
		slow.got = append(slow.got, fast.got[len(fast.got)-1])
		slow.wants(w, "slow", true)
		fast.wants(w, "fast", true)
		if v, err := p.orders.Version(t.Context(), "a"); v != 4 || err != nil {
			t.Errorf("the Version after all is %d, %v: want 4", v, err)
		}
	})
}

func TestNegativeKeepKeepsForEver(t *testing.T) {
	onEachDelivery(t, func(t *testing.T, w *deliveryWorld) {
		p := w.process(entity.Options{Keep: -1, Poll: time.Hour, LeaseTTL: 24 * time.Hour})
		start(t, p.Registry)
		p.writes("a")
		time.Sleep(200 * 24 * time.Hour)
		for range w.log.Changes(t.Context(), 0) {
			return
		}
		t.Error("it is gone")
	})
}

// TestProcessThatMissedChangesSaysSo is cut off for longer than Keep. What was deleted meanwhile cannot be delivered; what
// comes then must be, also to new subscribers.
func TestProcessThatMissedChangesSaysSo(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var l, later deliveryLedger
		p := w.ready(l.note, nil)
		other := w.process(entity.Options{Keep: time.Minute})
		start(t, other.Registry)
		p.end.cut()
		other.writes("a")
		time.Sleep(20 * time.Second) // so that other relays
		for range 300 {
			other.writes("a")
		}
		time.Sleep(3 * time.Hour)
		p.told()
		p.end.set(nil, nil)
		other.writes("b")
		time.Sleep(3 * time.Second)
		p.on(later.note, nil)
		other.writes("b", "c")
		time.Sleep(3 * time.Second)
		if diff := cmp.Diff([]string{"b 1", "b 2", "c 1"}, l.versions()); diff != "" {
			t.Errorf("the one that was cut off (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"b 2", "c 1"}, later.versions()); diff != "" {
			t.Errorf("one that came later (-want +got):\n%s", diff)
		}
		if errs := p.told(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "changes 1 to 301 were deleted") {
			t.Errorf("OnError heard %v", errs)
		}
	})
}
