package simclock

import (
	"container/heap"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Sentinels of this package, matched with [errors.Is].
var (
	// ErrPast says that the clock was to go back in time. It did not move.
	ErrPast = errors.New("simclock: time does not go back")

	// ErrMoving says that the clock was to be moved while it was moving: by another goroutine, by a function that was due,
	// or by Settle. That it does not wait for the first move to end is on purpose: the function would wait for itself.
	ErrMoving = errors.New("simclock: the clock is moving")
)

// Clock is a clock that is moved by hand; [New] makes one. All methods are safe for concurrent use. A Clock must not be
// copied.
type Clock struct {
	// Settle is called at the beginning of each move, at each instant at which something was due, when all of that has run,
	// and at the end of the move.
	// It returns once everything that these functions started elsewhere is done. It may register more, but not move the
	// clock. Nil: there is nothing to wait for. It is set before the clock is first moved, and not changed while it moves.
	Settle func()

	mu     sync.Mutex
	now    time.Time
	timers timers
	last   uint64 // number of the newest timer
	moving bool
}

// New makes a clock that stands at start: without monotonic reading, and else as it is given, in its location and to
// the nanosecond. The clock stays in this location.
func New(start time.Time) *Clock { return &Clock{now: start.Round(0)} }

// Now returns the instant at which the clock stands. To a function that is due it is the instant at which that is.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls f once when the clock gets to d from now, in the goroutine that moves it. Where d is not positive,
// that is in the next move, also in an Advance(0); called by a function that is due, or while Settle runs, in the same
// move. A function that always registers another without a delay therefore keeps the clock where it is for ever.
//
// stop reports whether it came before the call: then f is never called. AfterFunc panics if f is nil.
func (c *Clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if f == nil {
		panic("simclock: AfterFunc of nil")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	t := &timer{at: c.now.Add(max(d, 0)), number: c.last, f: f}
	heap.Push(&c.timers, t)
	return func() bool { return c.stop(t) }
}

func (c *Clock) stop(t *timer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.index < 0 {
		return false
	}
	heap.Remove(&c.timers, t.index)
	return true
}

// Advance moves the clock by d, and returns when all is done that is due until then. It panics with AdvanceTo's error
// where d is negative or the clock is moving.
func (c *Clock) Advance(d time.Duration) {
	if err := c.move(func(now time.Time) time.Time { return now.Add(d) }); err != nil {
		panic(err)
	}
}

// AdvanceTo moves the clock to t, and returns when all is done that is due until then, at t too. To move it to where it
// stands runs what is due there. When a function that is due or Settle panics, so does AdvanceTo; the clock stands at
// that instant, and can be moved on.
//
// ErrPast: t is before Now. ErrMoving: the clock is moving.
func (c *Clock) AdvanceTo(t time.Time) error {
	return c.move(func(time.Time) time.Time { return t })
}

func (c *Clock) move(to func(now time.Time) time.Time) error {
	target, err := c.begin(to)
	if err != nil {
		return err
	}
	defer c.end()
	for {
		if c.Settle != nil { // also before the first step: what was started where the clock stands may set timers yet
			c.Settle()
		}
		if !c.step(target) {
			return nil
		}
		for f := c.due(); f != nil; f = c.due() {
			f()
		}
	}
}

func (c *Clock) begin(to func(now time.Time) time.Time) (target time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	target = to(c.now).In(c.now.Location())
	switch {
	case c.moving:
		return target, ErrMoving
	case target.Before(c.now):
		return target, fmt.Errorf("%w: from %s to %s", ErrPast, show(c.now), show(target))
	}
	c.moving = true
	return target, nil
}

func (c *Clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moving = false
}

// step goes to the next instant at which there is something to do, and reports whether there was any: something is due
// where the clock stands, or it went on, at most to the target.
func (c *Clock) step(target time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) > 0 && !c.timers[0].at.After(target) {
		c.now = c.timers[0].at
		return true
	}
	moved := c.now.Before(target)
	c.now = target
	return moved
}

// due takes out the next function that is due where the clock stands; nil: there is none.
func (c *Clock) due() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 || c.timers[0].at.After(c.now) {
		return nil
	}
	return heap.Pop(&c.timers).(*timer).f
}

func show(t time.Time) string { return t.Format(time.RFC3339Nano) }

// timer is a function that waits for its instant.
type timer struct {
	at     time.Time
	number uint64 // counts the calls of AfterFunc
	index  int    // in timers; -1: not there any more
	f      func()
}

// timers is a heap: by instant, then in order of registration.
type timers []*timer

func (q timers) Len() int { return len(q) }

func (q timers) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].number < q[j].number
}

func (q timers) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push and Pop are container/heap's.
func (q *timers) Push(x any) {
	t := x.(*timer)
	t.index = len(*q)
	*q = append(*q, t)
}

func (q *timers) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.index = -1
	return t
}
