package lincheck_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/internal/lincheck"
)

// Faults of a naive cache.
const (
	noFault        = "no fault"
	checkThenSet   = "it stores whatever was loaded"
	knownKeys      = "it counts the invalidations of known keys alone"
	lateFollowers  = "who comes after an invalidation joins the load from before"
	keptPrefix     = "a prefix is what is kept"
	endsWithCaller = "an invalidation ends with its caller's context"
	storesLate     = "it looks whether it may store, and then stores"
	bareBatches    = "what a batch has loaded is stored whatever came"
)

// naive is a scope as one writes it in an hour. It keeps law 1 but for its fault.
type naive struct {
	fault string

	mu      sync.Mutex
	kept    map[string]answer
	epoch   int            // how many invalidations there were
	epochs  map[string]int // of a key
	flights map[string]*naiveLoad
}

type answer struct {
	v      lincheck.Stored
	absent bool
}

func (a answer) result() (lincheck.Stored, error) {
	if a.absent {
		return lincheck.Stored{}, cache.ErrNotFound
	}
	return a.v, nil
}

type naiveLoad struct {
	done  chan struct{}
	epoch int
	a     answer
	err   error
}

func newNaive(fault string) *naive {
	return &naive{fault: fault, kept: map[string]answer{}, epochs: map[string]int{}, flights: map[string]*naiveLoad{}}
}

// epochOf is what must be the same for what was loaded to be stored. The mutex is held.
func (n *naive) epochOf(key string) int {
	switch n.fault {
	case checkThenSet:
		return 0
	case knownKeys:
		return n.epochs[key]
	}
	return n.epoch
}

func (n *naive) Get(ctx context.Context, key string, load cache.Loader[lincheck.Stored]) (lincheck.Stored, error) {
	if err := ctx.Err(); err != nil {
		return lincheck.Stored{}, err
	}
	n.mu.Lock()
	if a, ok := n.kept[key]; ok {
		n.mu.Unlock()
		return a.result()
	}
	f := n.flights[key]
	if f == nil {
		f = &naiveLoad{done: make(chan struct{}), epoch: n.epochOf(key), err: cache.ErrGoexit}
		n.flights[key] = f
		go n.run(context.WithoutCancel(ctx), key, f, load)
	}
	n.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return lincheck.Stored{}, ctx.Err()
	}
	if f.err != nil {
		return lincheck.Stored{}, f.err
	}
	return f.a.result()
}

func (n *naive) run(ctx context.Context, key string, f *naiveLoad, load cache.Loader[lincheck.Stored]) {
	defer func() {
		if v := recover(); v != nil {
			f.err = &cache.PanicError{Value: v}
		}
		n.store(key, f.a, f.epoch, f.err)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.flights[key] == f {
			delete(n.flights, key)
		}
		close(f.done)
	}()
	f.a.v, f.err = load(ctx, key)
	if errors.Is(f.err, cache.ErrNotFound) {
		f.a, f.err = answer{absent: true}, nil
	}
}

// store keeps what was loaded, if nothing was invalidated meanwhile.
func (n *naive) store(key string, a answer, epoch int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil || epoch != n.epochOf(key) {
		return
	}
	if n.fault == storesLate {
		n.mu.Unlock()
		jitter(newRandom())
		n.mu.Lock()
	}
	n.kept[key] = a
}

func (n *naive) GetMany(
	ctx context.Context, keys []string, load cache.BatchLoader[lincheck.Stored], found func(string, lincheck.Stored),
) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	have, missing := map[string]answer{}, map[string]int{}
	var ask []string
	n.mu.Lock()
	for _, key := range keys {
		a, ok := n.kept[key]
		if ok {
			have[key] = a
		} else if _, known := missing[key]; !known {
			missing[key] = n.epochOf(key)
			ask = append(ask, key)
		}
	}
	n.mu.Unlock()
	if len(ask) > 0 {
		loaded := map[string]answer{}
		err = n.loadMany(ctx, ask, load, func(key string, v lincheck.Stored) { loaded[key] = answer{v: v} })
		for key, epoch := range missing {
			a, ok := loaded[key]
			if !ok {
				a.absent = true
			}
			if err == nil {
				have[key] = a
			}
			if n.fault == bareBatches {
				n.mu.Lock()
				epoch = n.epoch
				n.mu.Unlock()
			}
			n.store(key, a, epoch, err)
		}
	}
	for _, key := range keys {
		if a, ok := have[key]; ok && !a.absent {
			found(key, a.v)
		}
	}
	return err
}

// loadMany calls a loader, whose end is not the caller's.
func (n *naive) loadMany(
	ctx context.Context, keys []string, load cache.BatchLoader[lincheck.Stored], found func(string, lincheck.Stored),
) error {
	done, err := make(chan struct{}), error(cache.ErrGoexit)
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				err = &cache.PanicError{Value: v}
			}
		}()
		err = load(context.WithoutCancel(ctx), keys, found)
	}()
	<-done
	return err
}

func (n *naive) Invalidate(ctx context.Context, keys ...string) error {
	return n.invalidate(ctx, func(key string) bool { return slices.Contains(keys, key) }, keys)
}

func (n *naive) InvalidatePrefix(ctx context.Context, prefix string) error {
	return n.invalidate(ctx, func(key string) bool { return strings.HasPrefix(key, prefix) }, nil)
}

// invalidate removes what is kept of some keys, and has what is being loaded of them be forgotten. keys are those of them
// that were named.
func (n *naive) invalidate(ctx context.Context, hit func(key string) bool, keys []string) error {
	if n.fault == endsWithCaller && ctx.Err() != nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	some := len(keys) > 0
	for key := range n.kept {
		if hit(key) {
			some = true
			n.epochs[key]++
			delete(n.kept, key)
		}
	}
	if n.fault == keptPrefix && !some {
		return nil
	}
	n.epoch++
	for key := range n.flights {
		if hit(key) && n.fault != lateFollowers {
			delete(n.flights, key)
		}
	}
	return nil
}
