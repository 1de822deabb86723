package sqlstore

import (
	"context"
	"fmt"
	"sync"

	"github.com/slokeep/slokeep/entity"
)

// Outcome is what becomes of a transaction: what forbids its commit, what follows it, and whether it is over. The zero
// Outcome is ready to use, and safe for concurrent use.
type Outcome struct {
	mu     sync.Mutex
	doomed error
	after  []func(context.Context)
	over   bool
}

// Doom keeps the first error that forbids the commit; nil is none.
func (o *Outcome) Doom(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.doomed == nil {
		o.doomed = err
	}
}

// Doomed returns what forbids the commit.
func (o *Outcome) Doomed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.doomed
}

// Join runs the function of an inner transaction. An error of it dooms the whole, and so does a panic, also where the outer
// function recovers.
func (o *Outcome) Join(ctx context.Context, fn func(ctx context.Context) error) error {
	err := fmt.Errorf("%w: an inner transaction did not return", entity.ErrConflict)
	defer func() { o.Doom(err) }()
	err = fn(ctx)
	return err
}

// After keeps what is to follow the commit; of a transaction that is over nothing follows.
func (o *Outcome) After(f func(ctx context.Context)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.after = append(o.after, f)
	}
}

// Follow calls what is to follow the commit, with a ctx that does not end with that of the transaction.
func (o *Outcome) Follow(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for _, f := range o.after { // it is over: nothing is added any more
		f(ctx)
	}
}

// End makes the transaction one that is over, and reports whether it was not before.
func (o *Outcome) End() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	first := !o.over
	o.over = true
	return first
}

// Over reports whether the transaction is over.
func (o *Outcome) Over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}
