package entity

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// timers is what time does, in one goroutine: it judges the conditions that are watched, at each change and at each
// instant that the Forecasters named, and where the Registry holds the lease [LeaseTimers], it refreshes the entities that
// time changes and judges the named watches too. The goroutine owns all that is not said to be shared.
type timers struct {
	accessors // shared

	reg     *Registry
	bell    *bell
	through atomic.Int64 // shared: the changes up to here have been looked at
	active  atomic.Bool  // shared: there is something to look for
	holding atomic.Bool  // shared: it holds the lease
	calm    atomic.Bool  // shared: it sleeps, or is about to
	next    atomic.Int64 // shared: what is due next
	busy    atomic.Int64 // shared: watches with firings that have not been handed over yet
	rang    atomic.Bool  // shared: the alarm has gone off

	mu       sync.Mutex
	requests []func() // shared: what others want done
	asked    Token    // shared: the last that hold was told

	cursor   cursor
	position int64
	arms     dueHeap[*arm]
	late     dueHeap[*arm]              // those of named watches that look at changes that were missed
	first    map[entityKey]*armNode     // the comparisons on each entity, as a list
	seen     map[entityKey]progressMark // how far they have been looked at, of a shared Log
	waiting  []*arm                     // those that are due, but for changes on their way
	later    *time.Timer                // looks for these
	fired    []*arm                     // those whose functions are to be called for firedAt
	firedAt  int64
	flips    dueHeap[*flip]
	flipOf   map[entityKey]*flip
	reask    map[entityKey]int64 // entities whose next flip is to be asked for, from when
	token    Token
	named    map[string]*arm
	missing  map[string]bool     // named watches that could not be armed; true: try again
	unasked  map[entityKey]int64 // as reask: of those the question failed
	again    int64               // when what failed is tried again
	forecast bool                // time changes some kind
	reached  int64               // changes up to here are behind what is being judged
	lost     bool                // the lease was lost while judging
	seq      uint64
	stop     func() bool // the alarm that is set
	alarm    int64       // when it goes off; never: none is set
	awaited  bool        // the alarm was set for what lay ahead
	saved    int64       // position in the row of the cursor
	savedAt  time.Time
}

func newTimers(reg *Registry) *timers {
	t := &timers{
		reg: reg, bell: newBell(watchShard), alarm: never, again: never, named: map[string]*arm{},
		missing: map[string]bool{}, first: map[entityKey]*armNode{}, flipOf: map[entityKey]*flip{},
		reask: map[entityKey]int64{}, seen: map[entityKey]progressMark{}, unasked: map[entityKey]int64{},
	}
	t.next.Store(never)
	return t
}

// start runs the goroutine. Registry.mu is held.
func (t *timers) start() {
	for _, k := range t.reg.kinds {
		t.forecast = t.forecast || k.forecast != nil // a kind that comes later has no Forecaster
	}
	t.reg.feed.attach(t.bell)
	t.follow()
	t.reg.work.Go(func() {
		defer t.reg.feed.detach(t.bell)
		defer t.disarm()
		defer t.lookLater(0)
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

// do has f run by the goroutine and waits for it.
func (t *timers) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	t.request(func() { done <- f() })
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
		t.holding.Store(true)
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
	t.requeue()
	return t.drain() || t.settleFlips() || t.retry() || t.fall() || len(requests) > 0
}

// drain looks at the changes that are new.
func (t *timers) drain() bool {
	if t.listening() {
		part := t.cursor.read()
		for i := range part {
			t.apply(&part[i], false)
		}
		return len(part) > 0
	}
	if t.token.Number == 0 || t.reg.feed.end.Load() == t.position {
		t.follow()
		return false
	}
	t.follow()
	t.reload() // the bell rings for named watches only
	return t.listening()
}

// listening says whether all changes matter, and makes the bell ring accordingly.
func (t *timers) listening() bool {
	active := len(t.arms) > 0 || len(t.first) > 0 || t.token.Number != 0 && t.forecast
	if active != t.active.Swap(active) {
		if active {
			t.bell.shards.Store(uint32(allShards))
		} else {
			t.bell.shards.Store(uint32(watchShard))
		}
	}
	return active
}

const soon = int64(time.Second / time.Microsecond)

// soon is when what failed is tried again.
func (t *timers) soon() int64 { return t.now() + soon }

// retry does again what failed a while ago.
func (t *timers) retry() bool {
	if t.again > t.now() {
		return false
	}
	t.again = never
	for key, from := range t.unasked {
		if _, newer := t.reask[key]; !newer {
			t.reask[key] = from
		}
	}
	clear(t.unasked)
	var names []string
	for name, again := range t.missing {
		if again {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if slices.Contains(names, cursorRow) { // which stands for all
		delete(t.missing, cursorRow)
		t.reload()
	} else if len(names) > 0 {
		t.reload(names...)
	}
	return true
}

func (t *timers) now() int64 { return micros(t.reg.clock.Now()) }

// fall does what is due first, if it is due: the refreshes of an instant, and when their changes have been looked at, its
// conditions.
func (t *timers) fall() bool {
	now := t.now()
	if t.expects(now) {
		return false
	}
	for {
		if due := t.flips.first(); due <= now && due <= t.arms.first() {
			t.refreshDue()
			return true
		}
		due, arms := t.arms.popDue(now)
		if len(arms) == 0 {
			return false
		}
		if arms = t.ready(arms); len(arms) > 0 {
			t.judgeEach(arms, t.dueAt(due), nil)
			return true
		}
	}
}

// expects reports whether the alarm is about to go off. Until it does nothing is due: a clock that is moved by hand may
// have something else to do first at that instant, and the bell may ring meanwhile for another reason.
func (t *timers) expects(now int64) bool { return t.awaited && t.alarm <= now && !t.rang.Load() }

// sleep waits for a change, a request, or what is due next. A real clock is looked at once a minute, should somebody have
// set it.
func (t *timers) sleep() {
	t.launch()
	next := min(t.arms.first(), t.flips.first(), t.again)
	t.keepCursor()
	t.bell.doze()
	defer t.bell.rouse()
	t.setAlarm(next)
	if now := t.now(); t.behind() || next <= now && !t.expects(now) {
		return
	}
	if len(t.waiting) > 0 {
		next = math.MinInt64 // so that it is not settled
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

// behind reports whether there are changes that it must look at.
func (t *timers) behind() bool {
	if t.active.Load() {
		return t.cursor.more()
	}
	return t.token.Number != 0 && t.reg.feed.end.Load() != t.position
}

// setAlarm has the bell ring at an instant. An alarm that has gone off before its instant, by a clock that was set or runs
// slow, is set anew.
func (t *timers) setAlarm(next int64) {
	if next == t.alarm && !t.rang.Load() {
		return
	}
	t.disarm()
	if next == never {
		return
	}
	d := fromMicros(next).Sub(t.reg.clock.Now())
	_, real := t.reg.clock.(wallClock)
	if real && d > time.Minute {
		d = time.Minute
	} else {
		t.alarm = next
	}
	t.awaited = !real && d > 0
	t.rang.Store(false)
	t.stop = t.reg.clock.AfterFunc(d, func() {
		t.rang.Store(true)
		t.bell.ring()
	})
}

func (t *timers) disarm() {
	if t.stop != nil {
		t.stop()
	}
	t.stop, t.alarm = nil, never
}

// overdue reports whether it sleeps while there is something to do: a change up to end, or what is due.
func (t *timers) overdue(end int64) bool {
	return (t.active.Load() || t.holding.Load()) && t.through.Load() < end || t.next.Load() <= t.now()
}

// hurry wakes it for what it sleeps over. Who settles wants all that is due at this instant, whatever the clock has still to
// do.
func (t *timers) hurry() {
	if t.next.Load() <= t.now() {
		t.rang.Store(true)
	}
	t.bell.ring()
}

// settled reports whether nothing is left to do for the changes up to end and the present instant.
func (t *timers) settled(end int64) bool {
	return t.calm.Load() && !t.overdue(end) && t.busy.Load() == 0
}
