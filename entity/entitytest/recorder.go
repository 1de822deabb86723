package entitytest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/slokeep/slokeep/entity"
)

// Recorder keeps the changes that are delivered to it, and lets a test wait for them without sleeping. Its Handle is a
// handler of changes:
//
//	stop, err := orders.OnChange(recorder.Handle, nil)
//
// A wait is for a channel, which a bubble of testing/synctest sees. The zero Recorder is ready to use; it must not be
// copied. All its methods are safe for concurrent use.
type Recorder[S any] struct {
	mu      sync.Mutex
	changes []entity.Typed[S]
	more    chan struct{} // closed at the next change; nil while nobody waits
}

// NewRecorder makes a Recorder that has recorded nothing.
func NewRecorder[S any]() *Recorder[S] { return new(Recorder[S]) }

// Handle records a change. It never fails and does not block.
func (r *Recorder[S]) Handle(_ context.Context, c entity.Typed[S]) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, c)
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
	return nil
}

// Changes returns what was recorded since the last Reset, in the order of the delivery; nil where that is nothing. The
// slice is the caller's, what its changes point to is not.
func (r *Recorder[S]) Changes() []entity.Typed[S] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.changes)
}

// Reset forgets what was recorded. Who waits goes on waiting, for what comes after it.
func (r *Recorder[S]) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = nil
}

// Wait waits until at least n changes are recorded and returns all of them, as Changes does. When ctx ends before, it
// returns what there is, and an error that wraps the cause of ctx's end and names the changes.
func (r *Recorder[S]) Wait(ctx context.Context, n int) ([]entity.Typed[S], error) {
	for {
		changes, more := r.look()
		if len(changes) >= n {
			return changes, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return changes, fmt.Errorf("entitytest: waiting for %d changes, recorded are %s: %w", n, versions(changes), context.Cause(ctx))
		}
	}
}

// WaitFor waits for a change for which ok reports true, and returns the first one that is recorded, be it from before the
// call. It calls ok from its own goroutine, at least once for each change and perhaps more often. When ctx ends before, it
// returns an error that wraps the cause of ctx's end and names the changes that were recorded.
func (r *Recorder[S]) WaitFor(ctx context.Context, ok func(entity.Typed[S]) bool) (entity.Typed[S], error) {
	for {
		changes, more := r.look()
		if i := slices.IndexFunc(changes, ok); i >= 0 {
			return changes[i], nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return entity.Typed[S]{}, fmt.Errorf("entitytest: waiting for a change, recorded are %s: %w", versions(changes), context.Cause(ctx))
		}
	}
}

// look returns what is recorded, and what is closed when there is more.
func (r *Recorder[S]) look() ([]entity.Typed[S], <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.more == nil {
		r.more = make(chan struct{})
	}
	return slices.Clone(r.changes), r.more
}

// versions names changes for people.
func versions[S any](changes []entity.Typed[S]) string {
	if len(changes) == 0 {
		return "none"
	}
	const show = 20
	list := make([]string, 0, show)
	for _, c := range changes[:min(len(changes), show)] {
		list = append(list, fmt.Sprint(c.Kind, " ", c.ID, " ", c.Version))
	}
	return fmt.Sprintf("%d, %q", len(changes), list)
}
