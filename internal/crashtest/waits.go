package crashtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// waits are how long calls took, by what they waited for.
type waits struct {
	mu  sync.Mutex
	For map[string][]time.Duration
}

const (
	waitToBegin = "to begin"
	waitForLock = "for any lock"
)

func (w *waits) add(what string, since time.Time) {
	d := time.Since(since)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.For == nil {
		w.For = map[string][]time.Duration{}
	}
	w.For[what] = append(w.For[what], d)
}

// takeAll returns what was measured so far.
func (w *waits) takeAll() *waits {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := &waits{For: w.For}
	w.For = nil
	return all
}

// Waits says how long some calls took, the calls of all processes together.
type Waits struct {
	Calls         int
	P50, P99, Max time.Duration
}

func (w Waits) String() string {
	return fmt.Sprintf("%d calls, p50 %v, p99 %v, max %v", w.Calls, w.P50.Round(time.Microsecond), w.P99.Round(time.Microsecond), w.Max.Round(time.Microsecond))
}

func quantiles(list []time.Duration) Waits {
	if len(list) == 0 {
		return Waits{}
	}
	slices.Sort(list)
	last := len(list) - 1
	return Waits{len(list), list[last/2], list[last*99/100], list[last]}
}

// timed is a store whose waits are measured.
type timed struct {
	storage.Store
	waits *waits
}

// measured wraps a store so that what it is beside a Store is still seen.
func measured(store storage.Store, w *waits) storage.Store {
	t := &timed{store, w}
	bus, isBus := store.(entity.Bus)
	cache, isCache := store.(storage.HistoryCache)
	switch {
	case isBus && isCache:
		return struct {
			*timed
			entity.Bus
			storage.HistoryCache
		}{t, bus, cache}
	case isBus:
		return struct {
			*timed
			entity.Bus
		}{t, bus}
	case isCache:
		return struct {
			*timed
			storage.HistoryCache
		}{t, cache}
	}
	return t
}

// Unwrap returns what is measured.
func (t *timed) Unwrap() entity.Log { return t.Store }

func (t *timed) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	defer t.waits.add("for "+kind, time.Now())
	return t.Store.Lock(ctx, kind, ids)
}

// outermost is in the context of a transaction.
type outermost struct{ t *timed }

func (t *timed) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if ctx.Value(outermost{t}) != nil {
		return t.Store.InTx(ctx, fn)
	}
	began := time.Now()
	return t.Store.InTx(ctx, func(ctx context.Context) error {
		t.waits.add(waitToBegin, began)
		return fn(context.WithValue(ctx, outermost{t}, true))
	})
}
