package entity

import (
	"context"
	"fmt"
	"time"
)

// SubscribeOptions say how a handler gets its changes. The zero value of each is its default.
type SubscribeOptions struct {
	// Group makes the handler a worker: each change is handled in one process of the group, which goes on where it stopped.
	// Empty: a broadcast, which every process gets, from the moment of its subscription on.
	Group string

	// From is the Position after which a group that is new starts. 0: the newest, so that it gets what comes from now on.
	// Oldest: with the oldest change that is still kept. It is not for a broadcast.
	From int64

	// Attempts is how often a change is tried. A group's change that failed as often is parked; a broadcast's is told to
	// OnError and passed over. 0: 10.
	Attempts int

	// Backoff is the pause before the second attempt; each further pause is twice as long, up to a minute. 0: 100 ms.
	Backoff time.Duration

	// Timeout is how long an attempt may take until its context ends, with the cause context.DeadlineExceeded. A handler
	// that does not heed its context holds up what comes behind it. 0: 30 s.
	Timeout time.Duration

	// Parallel is how many calls of the handler may run at once in this process, each for other entities. 0: 1. At most
	// Shards.
	Parallel int
}

// Oldest, as SubscribeOptions.From, starts a new group with the oldest change that is still kept.
const Oldest = -1

const maxBackoff = time.Minute

// normal checks options and fills in the defaults.
func (o *SubscribeOptions) normal() (SubscribeOptions, error) {
	var opts SubscribeOptions
	if o != nil {
		opts = *o
	}
	if opts.Group != "" {
		if err := checkName("Group", opts.Group); err != nil {
			return opts, err
		}
	} else if opts.From != 0 {
		return opts, invalid("From", opts.From, "0 without a Group: a broadcast starts now")
	}
	switch {
	case opts.From < Oldest:
		return opts, invalid("From", opts.From, "a Position, or Oldest")
	case opts.Attempts < 0:
		return opts, invalid("Attempts", opts.Attempts, "0 or more")
	case opts.Backoff < 0:
		return opts, invalid("Backoff", opts.Backoff, "0 or more")
	case opts.Timeout < 0:
		return opts, invalid("Timeout", opts.Timeout, "0 or more")
	case opts.Parallel < 0 || opts.Parallel > Shards:
		return opts, invalid("Parallel", opts.Parallel, fmt.Sprintf("0 to %d", Shards))
	}
	if opts.Attempts == 0 {
		opts.Attempts = 10
	}
	if opts.Parallel == 0 {
		opts.Parallel = 1
	}
	opts.Backoff = orDuration(opts.Backoff, 100*time.Millisecond)
	opts.Timeout = orDuration(opts.Timeout, 30*time.Second)
	return opts, nil
}

// pause is how long to wait after so many attempts.
func (o *SubscribeOptions) pause(attempts int) time.Duration {
	d := o.Backoff
	for range attempts - 1 {
		if d >= maxBackoff {
			return max(o.Backoff, maxBackoff)
		}
		d *= 2
	}
	return max(o.Backoff, min(d, maxBackoff))
}

// subscription is a handler with what it is for.
type subscription struct {
	source  string // as in Group.Source
	opts    SubscribeOptions
	match   func(c *Change) bool
	deliver func(ctx context.Context, c *Change) error
}

// OnChange calls handler for the changes of this kind, those of one entity in their order, each at least once, and again
// where handler returns an error or panics. While one entity's change waits for its next attempt, later ones of that
// entity wait behind it, and others go on. A handler may mutate entities, also the one that it was told about, and may
// call stop; a slow one never blocks a writer.
//
// The handler's context ends when the attempt has lasted for Timeout, and when the Registry is closed. After stop has
// returned no call begins; one that runs, goes on. ErrInvalid: a nil handler, or options out of bounds. ErrConflict: the
// group has another handler here with other options. ErrClosed: the Registry is closed.
func (h *Handle[S]) OnChange(handler func(ctx context.Context, c Typed[S]) error, opts *SubscribeOptions) (stop func(), err error) {
	if handler == nil {
		return nil, invalid("handler", "nil", "a function")
	}
	name := h.kind.name
	return h.kind.reg.subscribe(&subscription{
		source: "kind " + name,
		match:  func(c *Change) bool { return c.Kind == name },
		deliver: func(ctx context.Context, c *Change) error {
			prev, _ := c.Prev.(*S)
			next, _ := c.Next.(*S)
			if prev == nil && next == nil {
				return fmt.Errorf("entity: change %d of %s %q: its states cannot be decoded", c.Version, c.Kind, c.ID)
			}
			return handler(ctx, Typed[S]{*c, prev, next})
		},
	}, opts)
}

// subscribe makes a subscription run, from Start on.
func (reg *Registry) subscribe(sub *subscription, opts *SubscribeOptions) (stop func(), err error) {
	sub.opts, err = opts.normal()
	if err != nil {
		return nil, err
	}
	if sub.opts.Group != "" {
		return reg.subscribeGroup(sub)
	}
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if err := reg.check(); err != nil {
		return nil, err
	}
	r := &run{reg: reg, sub: sub}
	reg.runs[sub] = r
	for i := range sub.opts.Parallel {
		l := newLane(reg, sub.opts, allShards)
		l.wants, l.handler = sub.match, func() *subscription { return sub }
		if parallel := sub.opts.Parallel; parallel > 1 {
			l.wants = func(c *Change) bool { return Shard(c.Kind, c.ID)%parallel == i && sub.match(c) }
		}
		r.lanes = append(r.lanes, l)
	}
	if reg.feed != nil {
		r.seek()
	}
	if reg.state == started {
		r.start()
	}
	return r.stop, nil
}

// run is a broadcast subscription at work.
type run struct {
	reg   *Registry
	sub   *subscription
	lanes []*lane
}

// seek puts its lanes at the end of the feed.
func (r *run) seek() {
	end := r.reg.feed.end.Load()
	for _, l := range r.lanes {
		l.position = end
		l.cursor = r.reg.feed.seek(end)
		l.through.Store(end)
	}
}

// start runs the lanes. Registry.mu is held.
func (r *run) start() {
	if r.lanes[0].cursor.chunk == nil {
		r.seek()
	}
	for _, l := range r.lanes {
		l.start()
	}
}

func (r *run) stop() {
	for _, l := range r.lanes {
		l.halt()
	}
	r.reg.mu.Lock()
	defer r.reg.mu.Unlock()
	delete(r.reg.runs, r.sub)
	r.reg.quiet.tell()
}
