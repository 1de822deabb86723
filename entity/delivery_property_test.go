package entity_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var deliveryRounds = flag.Int("delivery.rounds", 5, "how many random worlds delivery is tried on, for each sort of Log; a full run has 100")

// TestDeliveryInRandomWorlds has processes that come, go and die, subscribers that come, go and fail, and writers that
// write meanwhile. What was committed is the oracle of what must have been delivered, at the end.
func TestDeliveryInRandomWorlds(t *testing.T) {
	rounds := *deliveryRounds
	if testing.Short() {
		rounds = (rounds + 1) / 3
	}
	for _, c := range []struct {
		name   string
		memory bool
		bus    bool
		deadly bool // processes die, and answers of the Log are lost
	}{
		{name: "on a Memory", memory: true},
		{name: "on a shared Log"}, {name: "on a shared Log with a Bus", bus: true},
		{name: "on a shared Log, where processes die", deadly: true},
		{name: "on a shared Log with a Bus, where processes die", bus: true, deadly: true},
	} {
		for seed := range rounds {
			t.Run(fmt.Sprint(c.name, ", seed ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &randomWorld{rng: rand.New(rand.NewPCG(uint64(seed), 1)), deadly: c.deadly}
					switch {
					case c.memory:
						r.deliveryWorld = newDeliveryWorld(t, entity.NewMemory(), nil)
					case c.bus:
						r.deliveryWorld = newDeliveryWorld(t, newSharedLog(), &faultyBus{how: "loses some"})
					default:
						r.deliveryWorld = newDeliveryWorld(t, newSharedLog(), nil)
					}
					r.play(150)
					r.check()
				})
			})
		}
	}
}

// randomWorld is what happens at random.
type randomWorld struct {
	*deliveryWorld
	rng     *rand.Rand
	deadly  bool
	calm    bool // nothing fails any longer
	writers sync.WaitGroup

	live []*randomProcess

	patient, strict deliveryLedger // of the group that never gives up, and of the one that parks

	mu  sync.Mutex // of rng and calm
	all []*randomBroadcast
}

type randomProcess struct {
	*deliveryProcess
	broadcasts []*randomBroadcast
	stops      map[string]func() // of groups
}

// randomBroadcast is one broadcast subscription: what it must get begins no later than after what had been committed.
type randomBroadcast struct {
	deliveryLedger
	since map[string]int
	stop  func()
	open  bool
}

func (r *randomWorld) chance(percent int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.calm && r.rng.IntN(100) < percent
}

func (r *randomWorld) n(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n)
}

// handler notes what it has handled, after a while, unless it fails.
func (r *randomWorld) handler(l *deliveryLedger, percent int) func(context.Context, entity.Typed[Order]) error {
	return func(ctx context.Context, c entity.Typed[Order]) error {
		if r.chance(50) {
			select {
			case <-time.After(time.Duration(r.n(200)) * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		switch {
		case r.chance(percent):
			return errDelivery
		case r.chance(percent / 4):
			panic("boom")
		}
		return l.note(ctx, c)
	}
}

// join makes a process a member of a group, in as many attempts as that takes.
func (r *randomWorld) join(p *randomProcess, group string) {
	opts := &entity.SubscribeOptions{Group: group, From: entity.Oldest, Attempts: 1000, Backoff: 30 * time.Millisecond, Parallel: 3}
	l := &r.patient
	if group == "strict" {
		opts.Attempts, l = 2, &r.strict
	}
	for p.stops[group] == nil {
		stop, err := p.orders.OnChange(r.handler(l, 30), opts)
		if err != nil && !(r.deadly && errors.Is(err, errCut)) {
			r.t.Fatal(err)
		}
		p.stops[group] = stop
	}
}

func (r *randomWorld) subscribe(p *randomProcess) {
	synctest.Wait() // for those who have committed and not said so yet
	b := &randomBroadcast{since: map[string]int{}, open: true}
	for id, list := range r.want() {
		b.since[id] = len(list)
	}
	b.stop = p.on(r.handler(&b.deliveryLedger, 20), &entity.SubscribeOptions{Attempts: 1000, Backoff: time.Millisecond, Parallel: 1 + r.n(3)})
	p.broadcasts = append(p.broadcasts, b)
	r.all = append(r.all, b)
}

func (r *randomWorld) openOne() {
	p := &randomProcess{deliveryProcess: r.process(entity.Options{}), stops: map[string]func(){}}
	if r.deadly {
		p.end.set(nil, func(_ context.Context, call string) error {
			if call != "InTx" && r.chance(5) {
				return errCut
			}
			return nil
		})
	}
	for range 10 {
		if p.Start(context.Background()) == nil {
			break
		}
	}
	r.live = append(r.live, p)
	r.subscribe(p)
	for _, group := range []string{"patient", "strict"} {
		if len(r.live) == 1 || r.n(2) == 0 {
			r.join(p, group)
		}
	}
}

// end takes a process away: in order, or as a power failure does.
func (r *randomWorld) end(i int, dies bool) {
	p := r.live[i]
	r.live = slices.Delete(r.live, i, i+1)
	for _, b := range p.broadcasts {
		b.open = false
	}
	if dies {
		p.end.cut()
		r.writers.Go(func() {
			time.Sleep(time.Duration(r.n(20)) * time.Second)
			_ = p.Close()
		})
		return
	}
	if err := p.Close(); err != nil && !r.deadly {
		r.t.Error(err)
	}
}

// play does so many steps, and then lets everything come to rest, with one process more.
func (r *randomWorld) play(steps int) {
	r.t.Cleanup(r.writers.Wait)
	r.openOne()
	for range steps {
		p := r.live[r.n(len(r.live))]
		switch r.n(20) {
		case 0, 1:
			if len(r.live) < 4 {
				r.openOne()
			}
		case 2:
			if len(r.live) > 1 {
				r.end(r.n(len(r.live)), r.deadly && r.chance(70))
			}
		case 3:
			r.subscribe(p)
		case 4:
			if b := p.broadcasts[r.n(len(p.broadcasts))]; b.open {
				b.stop()
				b.open = false
			}
		case 5, 6:
			group := []string{"patient", "strict"}[r.n(2)]
			if stop := p.stops[group]; stop != nil {
				stop()
				delete(p.stops, group)
			} else {
				r.join(p, group)
			}
		case 7, 8:
			time.Sleep(time.Duration(r.n(3000)) * time.Millisecond)
		default:
			id := fmt.Sprint(r.n(6))
			removes := r.n(8) == 0
			r.writers.Go(func() { r.writeOne(p, id, removes) })
			time.Sleep(time.Duration(r.n(30)) * time.Millisecond)
		}
	}
	r.mu.Lock()
	r.calm = true
	r.mu.Unlock()
	r.openOne()
	for _, group := range []string{"patient", "strict"} {
		r.join(r.live[len(r.live)-1], group)
	}
	time.Sleep(time.Minute)
	r.writers.Wait()
	time.Sleep(time.Minute)
	synctest.Wait()
}

func (r *randomWorld) writeOne(p *randomProcess, id string, removes bool) {
	err := error(nil)
	if removes {
		var c entity.Typed[Order]
		if c, err = p.orders.Remove(context.Background(), id, r.host.drop(id), nil); c.Version > 0 {
			r.deliveryWorld.mu.Lock()
			r.committed[id] = append(r.committed[id], c)
			r.deliveryWorld.mu.Unlock()
		}
	} else {
		err = p.write(context.Background(), id)
	}
	if err != nil && !errors.Is(err, entity.ErrClosed) && !(r.deadly && errors.Is(err, errCut)) {
		r.t.Errorf("a write returned %v", err)
	}
}

// check compares what was delivered with what was committed.
func (r *randomWorld) check() {
	want := r.want()
	r.patient.wants(r.deliveryWorld, "the group that never gives up", !r.deadly)
	for i, b := range r.all {
		r.checkBroadcast(fmt.Sprint("broadcast ", i), b, want)
	}
	// The group that parks has handled each change, or parked it; those that it has handled came in order.
	last := r.live[len(r.live)-1]
	handled := map[string]int64{}
	missing := map[string]bool{}
	for id, list := range want {
		for _, c := range list {
			missing[fmt.Sprint(id, " ", c.Version)] = true
		}
	}
	for _, c := range r.strict.got {
		if c.Version <= handled[c.ID] && !r.deadly {
			r.t.Errorf("the group that parks: %s %d came after %d", c.ID, c.Version, handled[c.ID])
		}
		handled[c.ID] = max(handled[c.ID], c.Version)
		delete(missing, fmt.Sprint(c.ID, " ", c.Version))
	}
	list, _ := last.parked("strict")
	if len(list) == 0 {
		r.t.Log("nothing was parked")
	}
	for _, p := range list {
		key := fmt.Sprint(p.Change.ID, " ", p.Change.Version)
		if !missing[key] && !r.deadly {
			r.t.Errorf("%s is parked, and was handled", key)
		}
		delete(missing, key)
		if err := last.Replay(context.Background(), p); err != nil {
			r.t.Errorf("Replay of %s: %v", key, err)
		}
	}
	if len(missing) > 0 {
		r.t.Errorf("the group that parks has neither handled nor parked %v", slices.Sorted(maps.Keys(missing)))
	}
	if _, left := last.parked(""); left != nil {
		r.t.Errorf("after the replays, parked: %v", left)
	}
}

// checkBroadcast wants versions without a gap from a subscription on, to the end if it is open.
func (r *randomWorld) checkBroadcast(who string, b *randomBroadcast, want map[string][]entity.Typed[Order]) {
	at := map[string]int64{}
	for _, c := range b.got {
		switch before := at[c.ID]; {
		case before == 0 && c.Version > int64(b.since[c.ID])+1:
			r.t.Errorf("%s: %s begins with %d, and %d had been committed", who, c.ID, c.Version, b.since[c.ID])
		case before != 0 && c.Version != before+1:
			r.t.Errorf("%s: %s %d came after %d", who, c.ID, c.Version, before)
		}
		at[c.ID] = c.Version
	}
	for id, list := range want {
		if n := len(list); b.open && n > b.since[id] && at[id] != int64(n) {
			r.t.Errorf("%s: %s ends with %d: want %d", who, id, at[id], n)
		}
	}
}
