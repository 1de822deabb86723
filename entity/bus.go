package entity

import (
	"context"
	"sync"
)

// Bus tells the processes that share a Log that there may be something new in it. It carries no data and gives no promise:
// a Bus may lose, repeat and reorder. What it saves is the time until the next poll. Its methods must be safe for
// concurrent use.
type Bus interface {
	// Wake makes the Listen calls of all processes, this one's too, call their functions soon.
	Wake(ctx context.Context) error

	// Listen calls wake when somebody called Wake; several wakes may become one call. It blocks until ctx ends, and then
	// returns nil; an error says that it cannot listen (any longer), and it is called again after a while. wake returns at
	// once and is safe for concurrent use. After Listen has returned it is not called.
	Listen(ctx context.Context, wake func()) error
}

// LocalBus is a Bus within one process, for several registries on one Log. The zero LocalBus is ready to use, and safe for
// concurrent use.
type LocalBus struct {
	mu        sync.Mutex
	listeners map[*func()]struct{}
}

var _ Bus = (*LocalBus)(nil)

// Wake calls the functions of all who listen, before it returns. It never fails.
func (b *LocalBus) Wake(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for wake := range b.listeners {
		(*wake)()
	}
	return nil
}

// Listen calls wake at each Wake until ctx ends, and returns nil.
func (b *LocalBus) Listen(ctx context.Context, wake func()) error {
	b.mu.Lock()
	if b.listeners == nil {
		b.listeners = map[*func()]struct{}{}
	}
	b.listeners[&wake] = struct{}{}
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.listeners, &wake)
	return nil
}
