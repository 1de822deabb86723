package entity

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

// A lane is one goroutine that takes changes in the order of the feed and hands them to a handler: all of a broadcast, or
// one shard of a group. What fails waits beside it.
type lane struct {
	reg     *Registry
	opts    SubscribeOptions
	wants   func(c *Change) bool // whether a change is this lane's to handle
	handler func() *subscription // nil: it has none any longer
	keeper  *keeper              // of a group's shard; nil: a broadcast

	cursor   cursor // in no chunk: still behind the feed's beginning
	position int64
	bell     *bell
	stuck    map[entityKey][]Pending // the first of each failed, the others wait behind it
	through  atomic.Int64            // all changes up to here are handled, or stuck

	ctx    context.Context // ends with the lane
	cancel context.CancelFunc
	gone   chan struct{}
	lost   bool         // it ended because its lease is another's; to be read when it has gone
	call   atomic.Int32 // idle, calling, halted

	givenUp  []error // what OnError has not heard yet
	trying   *Change // what the handler was called with, until it returns
	attempts int     // that were made of it before

	attempt context.Context // of the attempt that runs, and of the next ones if it succeeds
	number  atomic.Uint64   // of the attempt that runs, odd; even: none does
	dog     watchdog
}

type entityKey struct{ kind, id string }

const (
	idle int32 = iota
	calling
	halted
)

func newLane(reg *Registry, opts SubscribeOptions, shards shardSet) *lane {
	l := &lane{reg: reg, opts: opts, bell: newBell(shards), stuck: map[entityKey][]Pending{}, gone: make(chan struct{})}
	l.dog.number, l.dog.timeout = &l.number, opts.Timeout
	l.ctx, l.cancel = context.WithCancel(reg.ctx)
	return l
}

// start runs the lane in a goroutine of the Registry's.
func (l *lane) start() {
	l.reg.feed.attach(l.bell)
	l.reg.work.Go(l.run)
}

var errExited = errors.New("the handler ended its goroutine, as runtime.Goexit does")

// run is what the goroutine does. When a handler ends the goroutine, it has failed, and the lane goes on in another.
func (l *lane) run() {
	over := false
	defer func() {
		if !over {
			l.reg.work.Go(l.run)
		}
	}()
	if c := l.trying; c != nil {
		l.trying, l.cursor = nil, cursor{}
		l.missed(Pending{Change: *c, Attempts: l.attempts}, errExited)
	}
	l.loop()
	over = true
	l.keeper.last(l.position)
	l.report()
	l.end()
	close(l.gone)
	if l.keeper != nil {
		l.reg.poke() // its lease is free for another, or to be asked for again
	}
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
	l.dog.leash()
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
				if l.keeper.late() && errors.Is(l.save(), ErrLeaseLost) { // another error comes again below
					break
				}
			}
			l.retry()
			err = l.save()
		}
		if errors.Is(err, ErrLeaseLost) {
			l.lost, l.givenUp = true, nil
			return
		}
		if err != nil {
			l.reg.failed(err)
			l.sleep(l.reg.poll)
			continue
		}
		l.report()
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
	if c.Version == 0 || !l.wants(c) {
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
	made, err := l.deliver(c, 0)
	if !made {
		l.position = c.Position - 1
		return false
	}
	if err != nil {
		l.missed(Pending{Change: *c}, err)
	}
	l.keeper.handled()
	return true
}

// deliver makes an attempt, unless the lane was halted. One that the end of the lane interrupted counts as not made: the
// handler is not to blame.
func (l *lane) deliver(c *Change, attempts int) (made bool, err error) {
	if !l.begin() {
		return false, nil
	}
	defer l.finish()
	sub := l.handler()
	if sub == nil {
		return false, nil
	}
	l.trying, l.attempts = c, attempts
	err = l.try(sub, c)
	l.trying = nil
	return err == nil || l.ctx.Err() == nil, err
}

// begin takes one of the group's slots, and claims the right to call the handler, which halt takes away.
func (l *lane) begin() bool {
	if !l.keeper.enter(l) {
		return false
	}
	if l.ctx.Err() == nil && l.call.CompareAndSwap(idle, calling) {
		return true
	}
	l.keeper.leave()
	return false
}

func (l *lane) finish() {
	l.call.CompareAndSwap(calling, idle)
	l.keeper.leave()
}

// missed notes a failed attempt: the change waits for the next one, or is given up.
func (l *lane) missed(p Pending, err error) {
	p.Attempts++
	p.Error = errorText(err)
	key := entityKey{p.Change.Kind, p.Change.ID}
	queue := l.stuck[key]
	if p.Attempts < l.opts.Attempts {
		p.Due = time.Now().Add(l.opts.pause(p.Attempts))
		if len(queue) > 0 {
			queue[0] = p
		} else {
			l.stuck[key] = []Pending{p}
		}
		l.keeper.put(p)
		return
	}
	p.Due, p.Parked = time.Time{}, true
	l.keeper.put(p)
	if len(queue) > 0 {
		l.pop(key)
	}
	l.givenUp = append(l.givenUp, &DeliveryError{Group: l.opts.Group, Change: p.Change, Attempts: p.Attempts, Err: err})
}

// report tells OnError what was given up, when it is written down: who hears of a parked change finds it.
func (l *lane) report() {
	for _, err := range l.givenUp {
		l.reg.failed(err)
	}
	l.givenUp = nil
}

// pop takes out the first that is stuck, so that what waits behind it goes on.
func (l *lane) pop(key entityKey) {
	if queue := l.stuck[key]; len(queue) > 1 {
		l.stuck[key] = queue[1:]
	} else {
		delete(l.stuck, key)
	}
}

const maxErrorText = 4 << 10

// errorText is what a Log keeps of an error: text that any database takes. The error is the host's and may panic.
func errorText(err error) string {
	text := fmt.Sprint(err)
	text = strings.ToValidUTF8(text[:min(len(text), maxErrorText)], "")
	return strings.ReplaceAll(text, "\x00", "")
}

// retry makes the attempts that are due, and lets what waits behind them go on.
func (l *lane) retry() {
	for key, queue := range l.stuck {
		for ; len(queue) > 0 && !queue[0].Due.After(time.Now()); queue = l.stuck[key] {
			p := queue[0]
			made, err := l.deliver(&p.Change, p.Attempts)
			switch {
			case !made:
				return
			case err != nil:
				l.missed(p, err)
			default:
				l.keeper.forget(p.Change.Position)
				l.pop(key)
			}
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
	l.dog.leash()
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
	case <-l.bell.c:
	case <-timer.C:
	case <-l.ctx.Done():
	}
}

// try calls the handler under the watchdog. One context serves many attempts that succeed.
func (l *lane) try(sub *subscription, c *Change) (err error) {
	if l.attempt == nil {
		l.attempt = l.dog.context(l.ctx)
	}
	ctx := l.attempt
	l.number.Add(1)
	if !l.dog.fresh.Load() {
		l.dog.unleash()
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
		l.number.Add(1)
		if err != nil || ctx.Err() != nil {
			l.dog.end(nil)
			l.attempt = nil
		}
	}()
	return sub.deliver(ctx, c)
}
