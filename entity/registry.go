package entity

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Options are those of a Registry. The zero value of each is its default.
type Options struct {
	// Log is where changes lie. nil: a Memory of the Registry's own. One that wraps another Log, and passes on what it is
	// asked, says so with a method Unwrap() Log: then it is as fast around a Memory as that is.
	Log Log

	// Bus wakes the other processes of a shared Log. nil: the Log itself where it is a Bus, else polling alone. It is not
	// used with a Log that is not shared.
	Bus Bus

	// Clock says when a change was made and when something is due. nil: the time package. Leases, polls and the pauses of
	// failing handlers run on real time, whatever Clock says.
	Clock Clock

	// OnError hears of what went wrong where no caller is left to be told: a handler that was given up, a Log that cannot be
	// read just now. It must be safe for concurrent use and return soon. nil: nobody hears.
	OnError func(error)

	// Keep is how long changes and past intervals are kept, at least; what a group has not passed yet is kept longer. 0: 90
	// days. Negative: for ever.
	Keep time.Duration

	// Poll is how often a shared Log is asked for news that no Bus announced. 0: 1 s.
	Poll time.Duration

	// LeaseTTL is how long the leases of a process that died keep others from its work. They ask again each Poll and each
	// third of LeaseTTL, which comes on top until one takes it over. A process renews its leases each third of it; one that
	// is held up for longer than the rest loses them, and what it was at is done again: less than a second is for tests. 0:
	// 10 s.
	LeaseTTL time.Duration
}

// Registry makes the states of a host's entities reactive: it compares them before and after each write, and delivers
// what changed. It is safe for concurrent use.
//
// It delivers nothing until Start. Mutating, reading and subscribing need no Start: a process that only writes does
// without, if another one delivers.
type Registry struct {
	log     Log
	bus     Bus
	shared  bool
	clock   Clock
	onError func(error)
	keep    time.Duration
	poll    time.Duration
	ttl     time.Duration
	holder  string

	feed   *stream // the Log's own, or what the pump read of a shared one
	pump   pump
	timers *timers

	mu          sync.Mutex
	state       lifecycle
	kinds       map[string]*kind
	runs        map[*subscription]*run
	groups      map[Group]*groupRun
	lanes       map[string]*lane // of groups, by the lease of their shard
	nonReactive []NonReactive

	closed atomic.Bool
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup
	quiet  notifier
}

type lifecycle int

const (
	made lifecycle = iota
	started
	ended
)

// NewRegistry makes a Registry. nil options are the defaults. It starts no goroutine.
func NewRegistry(opts *Options) (*Registry, error) {
	if opts == nil {
		opts = &Options{}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"Poll", opts.Poll}, {"LeaseTTL", opts.LeaseTTL}} {
		if d.value < 0 {
			return nil, invalid(d.name, d.value, "0 or more")
		}
	}
	reg := &Registry{
		log: opts.Log, bus: opts.Bus, clock: opts.Clock, onError: opts.OnError,
		keep:   orDuration(opts.Keep, 90*24*time.Hour),
		poll:   orDuration(opts.Poll, time.Second),
		ttl:    orDuration(opts.LeaseTTL, 10*time.Second),
		holder: rand.Text(),
		pump:   pump{bell: newBell(allShards), held: map[string]Token{}},
		kinds:  map[string]*kind{},
		runs:   map[*subscription]*run{},
		groups: map[Group]*groupRun{},
		lanes:  map[string]*lane{},
	}
	if reg.log == nil {
		reg.log = NewMemory()
	}
	if reg.clock == nil {
		reg.clock = wallClock{}
	}
	// A Log that is not shared and not a Memory has no stream to read from, and is asked as a shared one is.
	reg.feed = streamOf(reg.log)
	reg.shared = reg.feed == nil || reg.log.Shared()
	if reg.shared {
		reg.feed = nil
	}
	if bus, ok := reg.log.(Bus); ok && reg.bus == nil {
		reg.bus = bus
	}
	reg.ctx, reg.cancel = context.WithCancel(context.Background())
	reg.timers = newTimers(reg)
	if _, err := define(reg, watchKind, readFirings, nil); err != nil {
		return nil, err
	}
	return reg, nil
}

// streamOf returns the stream of the Memory that a Log is, embeds or wraps, nil where it is none.
func streamOf(log Log) *stream {
	for {
		if own, ok := log.(interface{ stream() *stream }); ok {
			return own.stream()
		}
		wrapper, ok := log.(interface{ Unwrap() Log })
		if !ok {
			return nil
		}
		log = wrapper.Unwrap()
	}
}

func orDuration(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// now is the instant that a change is made at.
func (reg *Registry) now() time.Time { return instant(reg.clock.Now()) }

// failed tells OnError, if there is an error and the Registry is not just being closed.
func (reg *Registry) failed(err error) {
	if err != nil && reg.onError != nil && reg.ctx.Err() == nil {
		reg.onError(err)
	}
}

// check refuses the calls that come after Close.
func (reg *Registry) check() error {
	if reg.closed.Load() {
		return fmt.Errorf("%w: the registry", ErrClosed)
	}
	return nil
}

// Start begins to deliver: it starts the goroutines that Close ends. ctx bounds the first look at the Log, not what runs
// afterwards. Subscriptions and named watches that were made before see all changes from here on, of a Log that is not
// shared from their making on; plain watches begin here. ErrConflict: it has started already. ErrClosed: it was closed.
func (reg *Registry) Start(ctx context.Context) error {
	ctx, cancel := reg.until(ctx)
	defer cancel()
	reg.mu.Lock()
	err := reg.startable()
	reg.mu.Unlock()
	if err != nil {
		return err
	}
	end := int64(0)
	if reg.shared {
		end, _, err = reg.log.Last(ctx)
		if closed := reg.check(); closed != nil {
			return closed
		}
		if err != nil {
			return fmt.Errorf("entity: start: %w", err)
		}
	}
	groups, err := reg.run(end, nil)
	for len(groups) > 0 {
		for _, g := range groups {
			if err := reg.join(ctx, g.group, g.opts.From); err != nil {
				return err
			}
		}
		groups, err = reg.run(end, groups)
	}
	return err
}

// run starts the goroutines, unless there are groups that have not joined: it returns those. A shared Log's feed begins
// after end.
func (reg *Registry) run(end int64, joined []*groupRun) (groups []*groupRun, err error) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if err := reg.startable(); err != nil {
		return nil, err
	}
	for _, g := range joined {
		g.joined = true
	}
	for _, g := range reg.groups {
		if !g.joined {
			groups = append(groups, g)
		}
	}
	if len(groups) > 0 {
		return groups, nil
	}
	if reg.feed == nil {
		reg.feed = newStream(end)
	}
	reg.state = started
	for _, r := range reg.runs {
		r.start()
	}
	reg.timers.start()
	reg.work.Go(reg.runPump)
	if reg.shared && reg.bus != nil {
		reg.work.Go(reg.listen)
	}
	return nil, nil
}

// startable is why the Registry cannot start. Registry.mu is held.
func (reg *Registry) startable() error {
	if reg.state == started {
		return fmt.Errorf("%w: the registry has started already", ErrConflict)
	}
	return reg.check()
}

// until returns a context that ends with ctx, and when the Registry is closed.
func (reg *Registry) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	forget := context.AfterFunc(reg.ctx, cancel)
	return ctx, func() {
		forget()
		cancel()
	}
}

// Close ends what Start began and waits for it: no handler runs when it has returned. A handler that is running is told
// by its context; what it leaves undone is delivered to it again, by another process or after the next Start, if it has
// a group. Calls that come later get ErrClosed; a transaction that has begun may still commit. A handler must not call
// it. Closing twice is closing once.
func (reg *Registry) Close() error {
	reg.closed.Store(true) // before mu: whoever has it next must not begin anything
	reg.cancel()
	reg.mu.Lock()
	before := reg.state
	reg.state = ended
	reg.mu.Unlock()
	reg.work.Wait()
	if before == started {
		reg.quiet.tell()
		return reg.giveUp()
	}
	return nil
}

// notifier tells all who wait that they may look again.
type notifier struct {
	mu      sync.Mutex
	waiting chan struct{}
	anybody atomic.Bool
}

// wait returns a channel that is closed at the next tell.
func (n *notifier) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting == nil {
		n.waiting = make(chan struct{})
		n.anybody.Store(true)
	}
	return n.waiting
}

func (n *notifier) tell() {
	if !n.anybody.Load() {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting != nil {
		close(n.waiting)
		n.waiting = nil
		n.anybody.Store(false)
	}
}
