package cache

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// A waiter is what a load, of any scope, is to others: it may wait for them, since a loader may itself call Get, and it is a
// context that ends. waitFor and stopWaiting may be called on nil, which is a caller that is no loader.
type waiter struct {
	mu    sync.Mutex
	waits map[*waiter]int // for which loads the calls of its loader wait
	ended bool
	end   chan struct{} // closed when ended; nil until somebody asks for it
}

type waiterKey struct{}

// waiterOf returns the load whose loader has been given ctx, or a context made of it.
func waiterOf(ctx context.Context) *waiter {
	n, _ := ctx.Value(waiterKey{}).(*waiter)
	return n
}

// Done returns a channel that is closed when nobody waits for the load any more, or when it is over.
func (n *waiter) Done() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.end == nil {
		n.end = make(chan struct{})
		if n.ended {
			close(n.end)
		}
	}
	return n.end
}

// Err returns [context.Canceled] once Done is closed.
func (n *waiter) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return context.Canceled
	}
	return nil
}

// cancel closes Done.
func (n *waiter) cancel() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ended && n.end != nil {
		close(n.end)
	}
	n.ended = true
}

// waitFor notes that n waits for another load, and reports false where that one waits for n, directly or through others, so
// that neither would ever end. Of two that find each other at the same time, both may be told so.
func (n *waiter) waitFor(other *waiter) bool {
	if n == nil {
		return true
	}
	n.mu.Lock()
	if n.waits == nil {
		n.waits = map[*waiter]int{}
	}
	n.waits[other]++
	n.mu.Unlock()
	if !other.reaches(n, nil) {
		return true
	}
	n.stopWaiting(other)
	return false
}

// stopWaiting takes waitFor back.
func (n *waiter) stopWaiting(other *waiter) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waits[other]--; n.waits[other] == 0 {
		delete(n.waits, other)
	}
}

// reaches reports whether n is, or waits for, the target. seen are those that were looked at already.
func (n *waiter) reaches(target *waiter, seen map[*waiter]bool) bool {
	if n == target {
		return true
	}
	n.mu.Lock()
	next := slices.Collect(maps.Keys(n.waits))
	n.mu.Unlock()
	if len(next) > 0 && seen == nil {
		seen = map[*waiter]bool{}
	}
	for _, m := range next {
		if !seen[m] {
			seen[m] = true
			if m.reaches(target, seen) {
				return true
			}
		}
	}
	return false
}

func recursive(key string) error { return fmt.Errorf("%w: key %s", ErrRecursive, quote(key)) }
