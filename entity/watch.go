package entity

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Firing is what a watch tells: its condition has become true.
type Firing struct {
	Watch   string    // its name; empty where it has none
	At      time.Time // the very microsecond
	Version int64     // of a named watch's firings: 1, 2, 3, ...; a repeated delivery has the same. Of others 0

	// Value is what the first path of the condition reads: nil, a bool, a string, an int64, a uint64 above the int64s, or a
	// float64. nil, too, where it reads nothing.
	Value any
}

// WatchOptions say how a condition is watched. The zero value of each is its default.
type WatchOptions struct {
	// Name names the watch. Of watches that fire at one instant, those with the lesser names do first.
	Name string

	// Group makes a watch with a Name the cluster's: it is kept in the Log and goes on when processes come and go, and each
	// firing is handled in one process of the group. Empty: the watch is this process's own, and ends with it.
	Group string

	// IfTrue makes a watch fire at once where its condition is true when it begins.
	IfTrue bool

	Attempts int           // as in SubscribeOptions
	Backoff  time.Duration // as in SubscribeOptions
	Timeout  time.Duration // as in SubscribeOptions
}

// sight is who looks at an armed condition.
type sight struct {
	name string
	opts *WatchOptions
	done chan struct{} // of WaitUntil: closed when the condition is true
	fn   func(context.Context, Firing) error

	mu      sync.Mutex
	queue   []Firing
	running bool
	stopped bool
}

var noWatchOptions = &WatchOptions{}

// Watch calls fn each time that a condition becomes true, with the exact microsecond at which it did: on a change of the
// entities that it names, and by time alone, at the instant that the kinds' Forecasters name. One timer is armed for
// that; nothing is polled.
//
// A condition that is true when the watch begins must have been false once before it fires, and after a firing it must
// become false again, or with Rearm reach the value there. Where an entity does not exist, a comparison of it is false.
//
// A watch without a Group ends with ctx, with stop and with Close, after which no call of fn begins. With a Name and a
// Group it is registered in the Log under its Name, where it stays: ctx bounds the registration, stop ends the handler of
// this process, and only [Registry.DropWatch] ends the watch. Registering it again with the same condition changes
// nothing, with another one it begins anew. fn is tried again when it fails, as a handler of OnChange is.
//
// Of a process that has not started, plain watches begin with Start. ErrInvalid: a faulty condition, a path that names no
// kind or no field, a comparison that the field's type has not, a Group without a Name, a nil fn. ErrClosed: the Registry
// is closed.
func (reg *Registry) Watch(ctx context.Context, c Condition, fn func(ctx context.Context, f Firing) error, opts *WatchOptions) (stop func(), err error) {
	if err := reg.check(); err != nil {
		return nil, err
	}
	if fn == nil {
		return nil, invalid("fn", "nil", "a function")
	}
	if opts == nil {
		opts = noWatchOptions
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	nodes, err := reg.compile(c)
	if err != nil {
		return nil, err
	}
	if opts.Group != "" {
		return reg.watchNamed(ctx, c, nodes, fn, *opts)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a := &arm{slot: slot{due: never}, nodes: nodes, fresh: true, sight: &sight{name: opts.Name, opts: opts, fn: fn}}
	if err := reg.timers.do(ctx, func() error { return reg.timers.begin(ctx, a) }); err != nil {
		reg.timers.quit(a)
		return nil, err
	}
	if ctx.Done() == nil {
		return func() { reg.timers.quit(a) }, nil
	}
	forget := context.AfterFunc(ctx, func() { reg.timers.quit(a) })
	return func() {
		forget()
		reg.timers.quit(a)
	}, nil
}

func (o *WatchOptions) check() error {
	if o.Name != "" {
		if err := checkName("Name", o.Name); err != nil {
			return err
		}
	} else if o.Group != "" {
		return invalid("Name", o.Name, "one, with the Group "+quote(o.Group))
	}
	_, err := o.subscription().normal()
	return err
}

func (o *WatchOptions) subscription() *SubscribeOptions {
	return &SubscribeOptions{Group: o.Group, Attempts: o.Attempts, Backoff: o.Backoff, Timeout: o.Timeout}
}

// begin arms a condition as of now. It sees all changes from here on.
func (t *timers) begin(ctx context.Context, a *arm) error {
	if !t.active.Load() {
		t.follow()
	}
	t.add(a)
	at := t.now()
	b := &bench{reg: t.reg, at: at}
	if err := b.judge(ctx, []*arm{a}); err != nil {
		t.drop(a)
		if t.reg.running() == nil && ctx.Err() == nil {
			t.reg.failed(err)
		}
		return err
	}
	t.arms.put(a)
	t.follows(a, at, nil)
	return nil
}

// quit ends a plain watch: no call begins any longer.
func (t *timers) quit(a *arm) {
	a.mu.Lock()
	stopped := a.stopped
	a.stopped = true
	t.busy.Add(-int64(len(a.queue)))
	a.queue = nil
	a.mu.Unlock()
	if !stopped {
		t.request(func() { t.drop(a) })
	}
}

// WaitUntil returns nil when a condition is true, or was for a moment since the call. It cannot miss a change between
// looking and waiting. A For begins with the call. Otherwise it returns ctx's error, or ErrClosed when the Registry is
// closed meanwhile. ErrInvalid: as with Watch. ErrNotStarted: nothing is delivered that it could wait for.
func (reg *Registry) WaitUntil(ctx context.Context, c Condition) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	nodes, err := reg.compile(c)
	if err != nil {
		return err
	}
	if err := reg.running(); err != nil {
		return err
	}
	t := reg.timers
	a := &arm{slot: slot{due: never}, nodes: nodes, fresh: true, sight: &sight{opts: waiting, done: make(chan struct{})}}
	if err := t.do(ctx, func() error { return t.begin(ctx, a) }); err != nil {
		t.quit(a)
		return err
	}
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		t.quit(a)
		return ctx.Err()
	case <-reg.ctx.Done():
		return ErrClosed
	}
}

var waiting = &WatchOptions{IfTrue: true}

// follows does what follows from a judgement.
func (t *timers) follows(a *arm, at int64, c *Change) {
	switch {
	case a.named != nil:
		t.keepNamed(a, at, c)
	case !a.fire:
	case a.done != nil:
		close(a.done)
		t.drop(a)
	default:
		t.enqueue(a, Firing{Watch: a.name, At: fromMicros(at), Value: t.value(a, c)})
	}
}

// value reads the first path of a condition.
func (t *timers) value(a *arm, c *Change) any {
	for i := range a.nodes {
		n := &a.nodes[i]
		if !n.leaf() {
			continue
		}
		var state any
		if c != nil && c.ID == n.id && c.Kind == n.kind.name {
			state = c.Next
		} else if states, err := n.kind.get(t.reg.ctx, []string{n.id}); err != nil {
			t.reg.failed(err)
		} else if state, err = n.kind.published(t.reg.ctx, states[0]); err != nil {
			t.reg.failed(err)
		}
		value, _ := n.get.scalar(state)
		return value
	}
	return nil
}

// enqueue has a firing handled in a goroutine of its own, after the earlier ones of the same watch.
func (t *timers) enqueue(a *arm, f Firing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	t.busy.Add(1)
	a.queue = append(a.queue, f)
	if !a.running {
		a.running = true
		t.reg.work.Go(func() { t.handle(a) })
	}
}

// handle calls the function of a plain watch for its firings, one after the other.
func (t *timers) handle(a *arm) {
	opts, _ := a.opts.subscription().normal()
	for {
		a.mu.Lock()
		if a.stopped || len(a.queue) == 0 || t.reg.ctx.Err() != nil {
			t.busy.Add(-int64(len(a.queue)))
			a.queue, a.running = nil, false
			a.mu.Unlock()
			t.reg.quiet.tell()
			return
		}
		f := a.queue[0]
		a.queue = a.queue[1:]
		a.mu.Unlock()
		err := a.try(t.reg.ctx, &opts, f)
		t.busy.Add(-1)
		t.reg.quiet.tell()
		for attempts := 1; err != nil && t.reg.ctx.Err() == nil && !a.hasStopped(); attempts++ {
			if attempts == opts.Attempts {
				t.reg.failed(fmt.Errorf("entity: watch %q: its firing at %s was passed over after %d attempts: %w",
					a.name, f.At.Format(time.RFC3339Nano), attempts, err))
				break
			}
			t.reg.rest(opts.pause(attempts))
			err = a.try(t.reg.ctx, &opts, f)
		}
	}
}

func (s *sight) hasStopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

func (s *sight) try(ctx context.Context, opts *SubscribeOptions, f Firing) error {
	ctx, cancel := context.WithTimeout(ctx, opts.Timeout)
	defer cancel()
	return guard(func() error { return s.fn(ctx, f) })
}
