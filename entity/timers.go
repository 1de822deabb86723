package entity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// timers is what time does, in one goroutine: it judges the conditions that are watched, at each change and at each
// instant that the Forecasters named, and where the Registry holds the lease [LeaseTimers], it refreshes the entities that
// time changes and judges the named watches too. The goroutine owns all that is not said to be shared.
type timers struct {
	reg     *Registry
	bell    *bell
	through atomic.Int64 // shared: the changes up to here have been looked at
	active  atomic.Bool  // shared: there is something to look for
	calm    atomic.Bool  // shared: it sleeps, or is about to
	next    atomic.Int64 // shared: what is due next
	busy    atomic.Int64 // shared: firings that have not been handed over yet

	mu       sync.Mutex
	requests []func() // shared: what others want done
	asked    Token    // shared: the last that hold was told

	cursor   cursor
	position int64
	arms     dueHeap[*arm]
	first    map[entityKey]*armNode // the comparisons on each entity, as a list
	flips    dueHeap[*flip]
	flipOf   map[entityKey]*flip
	named    map[string]*arm
	reask    map[entityKey]int64 // entities whose next flip is to be asked for, from when
	token    Token
	reached  int64 // changes up to here are behind what is being judged
	lost     bool  // the lease was lost while judging
	seq      uint64
	stop     func() bool // the alarm that is set
	alarm    int64       // when it goes off; never: none is set
	saved    int64       // position in the row of the cursor
	savedAt  time.Time
}

func newTimers(reg *Registry) *timers {
	t := &timers{
		reg: reg, bell: newBell(watchShard), alarm: never, named: map[string]*arm{},
		first: map[entityKey]*armNode{}, flipOf: map[entityKey]*flip{}, reask: map[entityKey]int64{},
	}
	t.next.Store(never)
	return t
}

// start runs the goroutine. Registry.mu is held.
func (t *timers) start() {
	t.reg.feed.attach(t.bell)
	t.follow()
	t.reg.work.Go(func() {
		defer t.reg.feed.detach(t.bell)
		defer t.disarm()
		for t.reg.ctx.Err() == nil {
			if !t.work() {
				t.sleep()
			}
			if t.lost {
				t.letGo()
			}
		}
	})
}

// follow puts the cursor at the feed's end.
func (t *timers) follow() {
	t.position = t.reg.feed.end.Load()
	t.cursor = t.reg.feed.seek(t.position)
}

// do has f run by the goroutine and waits for it. Before Start it returns without waiting.
func (t *timers) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	t.request(func() { done <- f() })
	if t.reg.running() == ErrNotStarted {
		return nil
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-t.reg.ctx.Done():
		return ErrClosed
	}
}

func (t *timers) request(f func()) {
	t.mu.Lock()
	t.requests = append(t.requests, f)
	t.calm.Store(false)
	t.mu.Unlock()
	t.bell.ring()
}

// hold tells whether the Registry has the lease. It is called by the pump, again and again.
func (t *timers) hold(token Token) {
	t.mu.Lock()
	same := t.asked == token
	t.asked = token
	t.mu.Unlock()
	if same {
		return
	}
	t.request(func() {
		t.letGo()
		if token.Number == 0 {
			return
		}
		t.token = token
		if err := t.takeOver(t.reg.ctx); err != nil {
			t.reg.failed(err)
			t.letGo()
			t.mu.Lock()
			t.asked = Token{}
			t.mu.Unlock()
			t.reg.work.Go(func() {
				t.reg.rest(t.reg.poll)
				t.reg.poke()
			})
		}
	})
}

// work does what there is to do, and reports whether there was anything.
func (t *timers) work() bool {
	t.mu.Lock()
	requests := t.requests
	t.requests = nil
	t.mu.Unlock()
	for _, f := range requests {
		f()
	}
	return t.drain() || t.settleFlips() || t.fall() || len(requests) > 0
}

// drain looks at the changes that are new.
func (t *timers) drain() bool {
	if !t.listening() {
		if t.token.Number == 0 || t.reg.feed.end.Load() == t.position {
			t.follow()
			return false
		}
		t.follow()
		if err := t.loadRows(t.reg.ctx); err != nil { // the bell rings for named watches only
			t.reg.failed(err)
		}
		return t.listening()
	}
	part := t.cursor.read()
	for i := range part {
		t.apply(&part[i], false)
	}
	return len(part) > 0
}

// listening says whether all changes matter, and makes the bell ring accordingly.
func (t *timers) listening() bool {
	active := len(t.arms) > 0 || len(t.first) > 0 || t.token.Number != 0 && t.forecasts()
	if active != t.active.Swap(active) {
		if active {
			t.bell.shards.Store(uint32(allShards))
		} else {
			t.bell.shards.Store(uint32(watchShard))
		}
	}
	return active
}

// forecasts reports whether time changes any kind.
func (t *timers) forecasts() bool {
	for _, k := range t.reg.snapshot() {
		if k.forecast != nil {
			return true
		}
	}
	return false
}

// apply looks at one change: at what was due before it, at the conditions on its entity, and at what time will do to it.
// Replayed changes concern named watches alone.
func (t *timers) apply(c *Change, replayed bool) {
	if !replayed {
		t.position = c.Position
	}
	if c.Kind == watchKind {
		if c.Version == 0 && t.token.Number != 0 && !replayed {
			if err := t.loadRows(t.reg.ctx, c.ID); err != nil {
				t.reg.failed(err)
			}
		}
		return
	}
	at := micros(c.At)
	t.reached = c.Position - 1
	for t.judgeDue(min(at-1, t.now())) {
	}
	t.reached = c.Position
	key := entityKey{c.Kind, c.ID}
	var arms []*arm
	for n := t.first[key]; n != nil; n = n.next {
		a := n.arm
		if a.mark || replayed != a.named.replaying() || c.Position <= a.named.seen() {
			continue
		}
		a.mark = true
		arms = append(arms, a)
		at = max(at, a.last)
	}
	if len(arms) > 0 {
		t.judge(arms, at, c)
	}
	if t.token.Number != 0 && !replayed {
		if k := t.reg.kind(c.Kind); k != nil && k.forecast != nil {
			t.reask[key] = micros(c.At)
		}
	}
}

func (t *timers) now() int64 { return micros(t.reg.clock.Now()) }

// fall does what is due first, if it is due: the refreshes of an instant, and when their changes have been looked at, its
// conditions.
func (t *timers) fall() bool {
	now := t.now()
	if due := t.flips.first(); due <= now && due <= t.arms.first() {
		t.refreshDue()
		return true
	}
	return t.judgeDue(now)
}

// judgeDue judges the conditions of the first instant that is due, no later than until.
func (t *timers) judgeDue(until int64) bool {
	if due := t.arms.first(); due > until || due == never {
		return false
	}
	due, arms := t.arms.pop()
	t.judge(arms, due, nil)
	return true
}

// judge judges conditions and does what follows from it.
func (t *timers) judge(arms []*arm, at int64, c *Change) {
	slices.SortFunc(arms, func(a, b *arm) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.seq, b.seq))
	})
	b := &bench{reg: t.reg, at: at, change: c}
	err := b.judge(t.reg.ctx, arms)
	for _, a := range arms {
		a.mark = false
		if err != nil {
			a.stale, a.due = true, t.soon()
		}
		t.arms.put(a)
		if err == nil {
			t.follows(a, at, c)
		}
	}
	if err != nil {
		t.reg.failed(fmt.Errorf("entity: judge conditions: %w", err))
	}
}

// add begins to watch an arm.
func (t *timers) add(a *arm) {
	t.seq++
	a.seq = t.seq
	for i := range a.nodes {
		n := &a.nodes[i]
		if !n.leaf() {
			continue
		}
		key := entityKey{n.kind.name, n.id}
		n.arm, n.prev, n.next = a, nil, t.first[key]
		if n.next != nil {
			n.next.prev = n
		}
		t.first[key] = n
	}
	t.listening()
}

// drop ends the watching of an arm.
func (t *timers) drop(a *arm) {
	t.arms.remove(a)
	for i := range a.nodes {
		n := &a.nodes[i]
		if n.arm == nil {
			continue
		}
		key := entityKey{n.kind.name, n.id}
		switch {
		case n.prev != nil:
			n.prev.next = n.next
		case n.next != nil:
			t.first[key] = n.next
		default:
			delete(t.first, key)
		}
		if n.next != nil {
			n.next.prev = n.prev
		}
		n.arm, n.prev, n.next = nil, nil, nil
	}
	t.listening()
}

// sleep waits for a change, a request, or what is due next. A real clock is looked at once a minute, should somebody have
// set it.
func (t *timers) sleep() {
	next := min(t.arms.first(), t.flips.first())
	t.keepCursor()
	t.bell.doze()
	defer t.bell.rouse()
	t.setAlarm(next)
	if t.active.Load() && t.cursor.more() || next <= t.now() {
		return
	}
	t.next.Store(next)
	t.through.Store(t.position)
	t.mu.Lock()
	t.calm.Store(len(t.requests) == 0)
	t.mu.Unlock()
	if !t.calm.Load() {
		return
	}
	t.reg.quiet.tell()
	select {
	case <-t.bell.c:
	case <-t.reg.ctx.Done():
	}
	t.calm.Store(false)
}

func (t *timers) setAlarm(next int64) {
	if next == t.alarm {
		return
	}
	t.disarm()
	if next == never {
		return
	}
	d := fromMicros(next).Sub(t.reg.clock.Now())
	if _, real := t.reg.clock.(wallClock); real && d > time.Minute {
		d = time.Minute
	} else {
		t.alarm = next
	}
	t.stop = t.reg.clock.AfterFunc(d, t.bell.ring)
}

func (t *timers) disarm() {
	if t.stop != nil {
		t.stop()
	}
	t.stop, t.alarm = nil, never
}

// settled reports whether nothing is left to do for the changes up to end and the present instant.
func (t *timers) settled(end int64) bool {
	behind := t.active.Load() && t.through.Load() < end
	return t.calm.Load() && !behind && t.next.Load() > t.now() && t.busy.Load() == 0
}
