package entity

import (
	"context"
	"fmt"
	"slices"
)

// Event is a Change under a name that a Derive function gave it.
type Event struct {
	Name   string
	Change Change // As gives its states their type
}

// Derive makes events of the changes of this kind: derive returns the names of those that a change from prev to next
// fires; one of the two may be nil. It must be pure, and the same in all processes, since it is asked where a change is
// delivered, by each who listens. Several functions of a kind are united, a name counting once. One that panics fires
// nothing, which OnError hears of, and does not silence the others. ErrInvalid: a nil derive. ErrClosed: the Registry is
// closed.
func (h *Handle[S]) Derive(derive func(prev, next *S) []string) error {
	if derive == nil {
		return invalid("derive", "nil", "a function")
	}
	k := h.kind
	if err := k.reg.check(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.derives = append(slices.Clip(k.derives), func(c *Change) []string {
		prev, _ := c.Prev.(*S)
		next, _ := c.Next.(*S)
		if prev == nil && next == nil { // they could not be decoded
			return nil
		}
		return derive(prev, next)
	})
	return nil
}

// fires reports whether a change fires the event of that name.
func (reg *Registry) fires(c *Change, name string) bool {
	k := reg.kind(c.Kind)
	if k == nil {
		return false
	}
	k.mu.Lock()
	derives := k.derives
	k.mu.Unlock()
	for _, derive := range derives {
		fired := false
		err := guard(func() error {
			fired = slices.Contains(derive(c), name)
			return nil
		})
		if err != nil {
			reg.failed(fmt.Errorf("entity: derive events of %s: %w", c.Kind, err))
		}
		if fired {
			return true
		}
	}
	return false
}

// OnEvent calls handler for each change that fires the event of that name, of whatever kind. All else is as with
// [Handle.OnChange].
func (reg *Registry) OnEvent(name string, handler func(ctx context.Context, e Event) error, opts *SubscribeOptions) (stop func(), err error) {
	if err := checkName("event", name); err != nil {
		return nil, err
	}
	if handler == nil {
		return nil, invalid("handler", "nil", "a function")
	}
	return reg.subscribe(&subscription{
		source:  "event " + name,
		match:   func(c *Change) bool { return reg.fires(c, name) },
		deliver: func(ctx context.Context, c *Change) error { return handler(ctx, Event{name, *c}) },
	}, opts)
}
