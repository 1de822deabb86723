package entity

import (
	"context"
	"fmt"
	"iter"
)

// DeliveryError says that a handler was given up on a change. It goes to Options.OnError.
type DeliveryError struct {
	Group    string // empty: a broadcast, which has passed it over; a group has parked it
	Change   Change
	Attempts int
	Err      error // of the last one
}

func (e *DeliveryError) Error() string {
	what := "passed over"
	if e.Group != "" {
		what = fmt.Sprintf("parked for group %q", e.Group)
	}
	return fmt.Sprintf("entity: change %d of %s %q %s after %d attempts: %v",
		e.Change.Version, e.Change.Kind, e.Change.ID, what, e.Attempts, e.Err)
}

// Unwrap returns the error of the last attempt.
func (e *DeliveryError) Unwrap() error { return e.Err }

// Parked lists the changes that a group has given up, by source and Position; with an empty name those of all groups.
func (reg *Registry) Parked(ctx context.Context, group string) iter.Seq2[Pending, error] {
	return func(yield func(Pending, error) bool) {
		if err := reg.check(); err != nil {
			yield(Pending{}, err)
			return
		}
		for p, err := range reg.log.Pending(ctx, group) {
			if err == nil && !p.Parked {
				continue
			}
			if err == nil {
				err = reg.typed(&p.Change)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// Replay gives a parked change to its group's handler in this process, once and now, with Change.Replayed set: later
// changes of the entity were delivered before. When the handler returns nil the change is no longer parked; otherwise it
// stays so, and Replay returns the handler's error. The handler's context ends with ctx, after Timeout, and when the
// Registry is closed. ErrNotFound: it is not parked (any longer), or the group has no handler here. ErrClosed: the
// Registry is closed.
func (reg *Registry) Replay(ctx context.Context, p Pending) error {
	what := fmt.Sprintf("change %d of %s %q for group %q", p.Change.Version, p.Change.Kind, p.Change.ID, p.Group.Name)
	reg.mu.Lock()
	if reg.state == ended {
		reg.mu.Unlock()
		return fmt.Errorf("%w: the registry", ErrClosed)
	}
	g := reg.groups[p.Group]
	reg.work.Add(1) // Close waits for the handler
	reg.mu.Unlock()
	defer reg.work.Done()
	if g == nil {
		return fmt.Errorf("%w: replay %s: it has no handler here", ErrNotFound, what)
	}
	ctx, cancel := reg.until(ctx)
	defer cancel()
	sub := g.handler(Shard(p.Change.Kind, p.Change.ID))
	for parked, err := range reg.Parked(ctx, p.Group.Name) {
		if err != nil {
			return fmt.Errorf("entity: replay %s: %w", what, err)
		}
		if parked.Group != p.Group || parked.Change.Position != p.Change.Position || sub == nil {
			continue
		}
		c := parked.Change
		c.Replayed = true
		if err := replay(ctx, sub, &c); err != nil {
			return fmt.Errorf("entity: replay %s: %w", what, err)
		}
		_, err := reg.log.Forget(ctx, p.Group, c.Position)
		return err
	}
	return fmt.Errorf("%w: replay %s: it is not parked", ErrNotFound, what)
}

func replay(ctx context.Context, sub *subscription, c *Change) error {
	ctx, cancel := context.WithTimeout(ctx, sub.opts.Timeout)
	defer cancel()
	return guard(func() error { return sub.deliver(ctx, c) })
}

// DropGroup deletes what the Log keeps of the groups of that name, for all that they get, with what is parked: nothing is
// kept for them any longer. It waits for a handler of the group that was stopped here and still runs. ErrConflict: the
// group has a handler in this process. Handlers that other processes have are to be stopped first.
func (reg *Registry) DropGroup(ctx context.Context, group string) error {
	if err := checkName("group", group); err != nil {
		return err
	}
	if err := reg.check(); err != nil {
		return err
	}
	var lanes []*lane
	reg.mu.Lock()
	for key := range reg.groups {
		if key.Name == group {
			reg.mu.Unlock()
			return fmt.Errorf("%w: group %q has a handler here", ErrConflict, group)
		}
	}
	for _, l := range reg.lanes {
		if l.opts.Group == group {
			lanes = append(lanes, l)
		}
	}
	reg.mu.Unlock()
	for _, l := range lanes { // one that saves what it did would bring the group back
		select {
		case <-l.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return reg.log.Drop(ctx, group)
}
