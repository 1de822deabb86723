package entity

import (
	"context"
	"fmt"
	"time"
)

// Firing is what a watch tells: its condition has become true.
type Firing struct {
	Watch   string    // its name; empty where it has none
	At      time.Time // the microsecond that time made it true at, or the instant of the change that did
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

// noWatchOptions are those of watches that say no more than a Name and IfTrue, which may be very many.
var noWatchOptions, ifTrueOptions = &WatchOptions{}, &WatchOptions{IfTrue: true}

// kept returns options that stay as they are, whatever the caller does to his.
func (o *WatchOptions) kept() *WatchOptions {
	kept := *o
	kept.Name = ""
	switch kept {
	case *noWatchOptions:
		return noWatchOptions
	case *ifTrueOptions:
		return ifTrueOptions
	}
	return &kept
}

// Watch calls fn each time that a condition becomes true: on a change of the entities that it names, with the instant of
// that change, and by time alone, at the very microsecond that the kinds' Forecasters name. One timer is armed for that;
// nothing is polled. What is judged is what is published: a state that comes and goes between two Refreshes fires nothing.
//
// A condition that is true when the watch begins must have been false once before it fires, and after a firing it must
// become false again, or with Rearm reach the value there. Where an entity does not exist, a comparison of it is false,
// and nothing is left to be armed again for.
//
// The calls of one watch come one after the other. A call that fails is made again, as one of a handler of OnChange is, and
// later firings of the watch wait for it. Those of several watches at one instant begin in the order of their Names, each
// when the one before has returned or a second is over.
//
// A watch without a Group ends with ctx, with stop and with Close, after which no call of fn begins. With a Name and a
// Group it is registered in the Log under its Name, where it stays: ctx bounds the registration, stop ends the handler of
// this process, and only [Registry.DropWatch] ends the watch. Registering it again with the same condition and Group
// changes nothing, with others it begins anew.
//
// Of a process that has not started, plain watches begin with Start. ErrInvalid: a faulty condition, a path that names no
// kind or no field, a comparison that the field's type has not, a Group without a Name, a nil fn. ErrClosed: the Registry
// is closed. Other errors are ctx's, read's, the Forecaster's, and of a named watch the Log's.
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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if opts.Group != "" {
		return reg.watchNamed(ctx, c, nodes, fn, *opts)
	}
	a := newArm(nodes, opts.Name, opts.kept(), fn)
	if reg.running() == ErrNotStarted {
		reg.timers.request(func() { reg.timers.beginAtStart(a) })
	} else if err := reg.timers.do(ctx, func() error { return reg.timers.begin(ctx, a) }); err != nil {
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

func newArm(nodes []armNode, name string, opts *WatchOptions, fn func(context.Context, Firing) error) *arm {
	return &arm{slot: slot{due: never}, nodes: nodes, fresh: true, name: name, opts: opts, fn: fn}
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
	if a.hasStopped() {
		return nil
	}
	if !t.active.Load() {
		t.follow()
	}
	a.from = t.reg.feed.end.Load()
	if t.reg.shared {
		versions, err := t.reg.versions(ctx, a.nodes)
		if err != nil {
			return err
		}
		a.side = &side{versions: versions}
	}
	t.add(a)
	at := t.now()
	if err := newBench(t.reg, at, nil).judge(ctx, []*arm{a}); err != nil {
		t.drop(a)
		return err
	}
	t.arms.put(a, a.next())
	t.follows(a, at, t.values([]*arm{a}, nil)[a])
	return nil
}

// beginAtStart is begin for a watch that was made before. It has nobody to return an error to, and goes on trying.
func (t *timers) beginAtStart(a *arm) {
	if err := t.begin(t.reg.ctx, a); err != nil {
		t.reg.failed(fmt.Errorf("entity: begin watch %q: %w", a.name, err))
		t.add(a)
		t.arms.put(a, t.soon())
	}
}

// quit ends a plain watch: no call begins any longer.
func (t *timers) quit(a *arm) {
	a.mu.Lock()
	stopped := a.stopped
	a.stopped = true
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
	t, done := reg.timers, make(chan struct{})
	a := newArm(nodes, "", ifTrueOptions, func(context.Context, Firing) error {
		close(done)
		return nil
	})
	a.once = true
	if err := t.do(ctx, func() error { return t.begin(ctx, a) }); err != nil {
		t.quit(a)
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		t.quit(a)
		return ctx.Err()
	case <-reg.ctx.Done():
		return ErrClosed
	}
}
