package entity

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A lane is one goroutine that takes changes in the order of the feed and hands them to a handler: all of a broadcast, or
// one shard of a group. What fails waits beside it.
type lane struct {
	reg     *Registry
	opts    SubscribeOptions
	handler func(c *Change) *subscription // nil: not for us
	mine    func(c *Change) bool          // nil: all are
	keeper  *keeper                       // of a group's shard; nil: a broadcast

	cursor   cursor // in no chunk: still behind the feed's beginning
	position int64
	bell     *bell
	stuck    map[entityKey][]Pending // the first of each failed, the others wait behind it
	through  atomic.Int64            // all changes up to here are handled, or stuck

	ctx    context.Context // ends with the lane
	cancel context.CancelFunc
	gone   chan struct{}
	call   atomic.Int32 // idle, calling, halted

	watch   sync.Mutex // guards the attempt that the watchdog looks at
	attempt context.Context
	fail    context.CancelCauseFunc
	dog     *time.Timer
	guarded atomic.Bool  // the watchdog will look
	begun   atomic.Int64 // when the attempt began, since origin; 0: none runs
}

// origin is what attempts are measured from, on the monotonic clock.
var origin = time.Now().Add(-time.Second)

type entityKey struct{ kind, id string }

const (
	idle int32 = iota
	calling
	halted
)

func newLane(reg *Registry, opts SubscribeOptions, shards shardSet, handler func(*Change) *subscription) *lane {
	l := &lane{reg: reg, opts: opts, handler: handler, bell: newBell(shards), stuck: map[entityKey][]Pending{}, gone: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(reg.ctx)
	return l
}

// start runs the lane in a goroutine of the Registry's.
func (l *lane) start() {
	l.reg.feed.attach(l.bell)
	l.reg.work.Go(func() {
		defer close(l.gone)
		defer l.end()
		l.loop()
		l.keeper.last(l.position)
	})
}

// halt lets no further call of the handler begin, and ends the lane after the one that runs.
func (l *lane) halt() {
	if !l.call.CompareAndSwap(idle, halted) {
		l.call.Store(halted)
	}
	l.bell.ring()
	select {
	case l.bell.c <- struct{}{}:
	default:
	}
}

func (l *lane) halted() bool { return l.call.Load() == halted || l.ctx.Err() != nil }

func (l *lane) end() {
	l.call.Store(halted)
	l.reg.feed.detach(l.bell)
	l.watch.Lock()
	defer l.watch.Unlock()
	if l.dog != nil {
		l.dog.Stop()
	}
	l.cancel()
}

func (l *lane) loop() {
	for !l.halted() {
		part, err := l.next()
		if err == nil {
			for i := range part {
				if !l.take(&part[i]) {
					return
				}
			}
			l.retry()
			err = l.save()
		}
		if errors.Is(err, ErrLeaseLost) {
			return
		}
		if err != nil {
			l.reg.failed(err)
			l.sleep(l.reg.poll)
			continue
		}
		l.through.Store(l.position)
		if len(part) == 0 {
			l.reg.quiet.tell()
			l.wait()
		}
	}
}

// next returns what the feed has next, and what lies before the feed's beginning from the Log.
func (l *lane) next() ([]Change, error) {
	if l.cursor.chunk != nil {
		return l.cursor.read(), nil
	}
	var part []Change
	low := l.reg.feed.lowest()
	for c, err := range l.reg.log.Changes(l.ctx, l.position) {
		if err != nil {
			return nil, fmt.Errorf("entity: read changes after %d: %w", l.position, err)
		}
		if err := l.reg.typed(&c); err != nil {
			l.reg.failed(err)
		}
		if part = append(part, c); len(part) == chunkSize {
			return part, nil
		}
	}
	// All there was in the Log is in part: the feed goes on from there, if it has not gone further meanwhile.
	position := max(l.position, low)
	if len(part) > 0 {
		position = max(position, part[len(part)-1].Position)
	}
	l.cursor, _ = l.reg.feed.follow(position)
	return part, nil
}

// take handles one change, or puts it behind what is stuck. It reports whether the lane goes on.
func (l *lane) take(c *Change) bool {
	l.position = c.Position
	if c.Version == 0 || l.mine != nil && !l.mine(c) {
		return true
	}
	sub := l.handler(c)
	if sub == nil || !sub.match(c) {
		return true
	}
	if len(l.stuck) > 0 {
		key := entityKey{c.Kind, c.ID}
		if queue := l.stuck[key]; len(queue) > 0 {
			p := Pending{Change: *c}
			l.stuck[key] = append(queue, p)
			l.keeper.put(p)
			return true
		}
	}
	if !l.begin() {
		l.position = c.Position - 1
		return false
	}
	if err := l.finish(sub, c); err != nil {
		if l.ctx.Err() != nil { // it was interrupted, and is not to blame
			l.position = c.Position - 1
			return false
		}
		l.missed(Pending{Change: *c}, err)
	}
	l.keeper.handled(c)
	return true
}

// begin claims the right to call the handler, which halt takes away.
func (l *lane) begin() bool {
	if l.ctx.Err() != nil {
		return false
	}
	return l.call.CompareAndSwap(idle, calling)
}

// finish makes the attempt that begin allowed.
func (l *lane) finish(sub *subscription, c *Change) error {
	err := l.keeper.limit(l.ctx, func() error { return l.try(sub, c) })
	l.call.CompareAndSwap(calling, idle)
	return err
}

// missed notes a failed attempt: the change waits for the next one, or is given up.
func (l *lane) missed(p Pending, err error) bool {
	p.Attempts++
	p.Error = errorText(err)
	key := entityKey{p.Change.Kind, p.Change.ID}
	if p.Attempts < l.opts.Attempts {
		p.Due = time.Now().Add(l.opts.pause(p.Attempts))
		if queue := l.stuck[key]; len(queue) > 0 {
			queue[0] = p
		} else {
			l.stuck[key] = []Pending{p}
		}
		l.keeper.put(p)
		return false
	}
	p.Due, p.Parked = time.Time{}, true
	l.keeper.put(p)
	l.reg.failed(&DeliveryError{Group: l.opts.Group, Change: p.Change, Attempts: p.Attempts, Err: err})
	return true
}

const maxErrorText = 4 << 10

func errorText(err error) string {
	text := err.Error()
	return text[:min(len(text), maxErrorText)]
}

// retry makes the attempts that are due, and lets what waits behind them go on.
func (l *lane) retry() {
	for key, queue := range l.stuck {
		for len(queue) > 0 && !queue[0].Due.After(time.Now()) && !l.halted() {
			p := queue[0]
			sub := l.handler(&p.Change)
			if sub == nil || !l.begin() {
				return
			}
			if err := l.finish(sub, &p.Change); err != nil {
				if l.ctx.Err() != nil || !l.missed(p, err) {
					break
				}
			} else {
				l.keeper.forget(p.Change.Position)
			}
			queue = queue[1:]
			l.stuck[key] = queue
		}
		if len(queue) == 0 {
			delete(l.stuck, key)
		}
	}
}

// due is when the next attempt is; false where nothing is stuck.
func (l *lane) due() (at time.Time, ok bool) {
	for _, queue := range l.stuck {
		if first := queue[0].Due; !ok || first.Before(at) {
			at, ok = first, true
		}
	}
	return at, ok
}

func (l *lane) save() error {
	if l.keeper == nil {
		return nil
	}
	return l.keeper.save(l.ctx, l.position)
}

// wait sleeps until there is something new, an attempt is due, or a group's progress is to be written down.
func (l *lane) wait() {
	l.bell.doze()
	defer l.bell.rouse()
	if l.cursor.more() || l.halted() {
		return
	}
	pause, timed := l.keeper.idle(l.position)
	if at, ok := l.due(); ok {
		until := time.Until(at)
		if !timed || until < pause {
			pause, timed = until, true
		}
	}
	var alarm <-chan time.Time
	if timed {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-l.bell.c:
	case <-alarm:
	case <-l.ctx.Done():
	}
}

func (l *lane) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.ctx.Done():
	}
}

// try calls the handler under the watchdog. One context serves many attempts that succeed.
func (l *lane) try(sub *subscription, c *Change) (err error) {
	if l.attempt == nil {
		l.watch.Lock()
		l.attempt, l.fail = context.WithCancelCause(l.ctx)
		l.watch.Unlock()
	}
	ctx := l.attempt
	l.begun.Store(int64(time.Since(origin)))
	if !l.guarded.Load() {
		l.unleash()
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
		l.begun.Store(0)
		if err != nil || ctx.Err() != nil {
			l.watch.Lock()
			defer l.watch.Unlock()
			l.fail(nil)
			l.attempt = nil
		}
	}()
	return sub.deliver(ctx, c)
}

// unleash sets the watchdog.
func (l *lane) unleash() {
	l.watch.Lock()
	defer l.watch.Unlock()
	l.guarded.Store(true)
	l.dog = time.AfterFunc(l.opts.Timeout, l.look)
}

// look is the watchdog: it ends the context of an attempt that has lasted too long, and stays while one runs.
func (l *lane) look() {
	l.watch.Lock()
	defer l.watch.Unlock()
	begun := l.begun.Load()
	if begun == 0 {
		l.guarded.Store(false)
		if begun = l.begun.Load(); begun == 0 { // else it began in this very moment, and may not have seen that
			return
		}
		l.guarded.Store(true)
	}
	left := l.opts.Timeout - (time.Since(origin) - time.Duration(begun))
	if left <= 0 {
		if l.attempt != nil {
			l.fail(context.DeadlineExceeded)
		}
		left = l.opts.Timeout
	}
	l.dog.Reset(left)
}
