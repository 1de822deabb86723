package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var worldKeys = []string{"a:1", "a:2", "a:b:3", "c:4", "5"}

// world is a truth that changes, scopes that keep what is read from it, and clients that read and change it as chance has
// it. Each key has a version, which every write raises. What a client is given must be at least of the version that the last
// invalidation was about that had returned before it asked.
type world struct {
	t        *testing.T
	seed     uint64
	scopes   []*cache.Scope[string] // of one process each
	provider *fake                  // nil: a Memory
	flush    func()                 // nil: nothing can be flushed
	slow     time.Duration          // the longest that one step takes
	failing  float64                // how many of the provider's steps and of the loads fail
	calm     bool                   // nothing is written, and nobody leaves early

	mu      sync.Mutex
	rng     *rand.Rand
	truth   map[string]int
	floor   map[string]int // of what an invalidation has returned
	loads   map[string]int
	running map[string]int
}

// chance reports true in so many of all cases.
func (w *world) chance(share float64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.Float64() < share
}

func (w *world) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// pause takes some time, now and then a long one, so that every step comes between any two of the others.
func (w *world) pause() {
	long := w.slow
	if w.chance(0.1) {
		long *= 10
	}
	time.Sleep(time.Duration(w.draw(int(long))))
}

func (w *world) hook(_ context.Context, op string, _ []string) error {
	w.pause()
	if !w.chance(w.failing) {
		return nil
	}
	if w.chance(0.2) {
		panic("the server has no " + op)
	}
	return errors.New("the server is down")
}

// absent says which versions are that there is nothing.
func absent(version int) bool { return version%4 == 3 }

// read reads what is true now.
func (w *world) read(key string) (value string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v := w.truth[key]; !absent(v) {
		return fmt.Sprintf("%s@%d", key, v), nil
	}
	return "", cache.ErrNotFound
}

// fail ends a load without an answer in one of the ways there are, or returns nil.
func (w *world) fail(ctx context.Context) error {
	if ctx.Err() != nil && w.chance(0.5) {
		return ctx.Err()
	}
	if !w.chance(w.failing) {
		return nil
	}
	switch w.draw(4) {
	case 0:
		panic("no wheels")
	case 1:
		runtime.Goexit()
	}
	return errDown
}

func (w *world) begin(keys ...string) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range keys {
		w.loads[key]++
		if w.running[key]++; w.calm && w.running[key] > 1 {
			w.t.Errorf("seed %d: %d loads of %s at once", w.seed, w.running[key], key)
		}
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, key := range keys {
			w.running[key]--
		}
	}
}

// load is a Loader. It reads at some time while it runs, cares for its context now and then, and may ask for another key.
func (w *world) load(s *cache.Scope[string]) cache.Loader[string] {
	return func(ctx context.Context, key string) (string, error) {
		defer w.begin(key)()
		w.pause()
		v, err := w.read(key)
		w.pause()
		w.askWithin(ctx, s, key)
		return v, errors.Join(err, w.fail(ctx))
	}
}

func (w *world) loadMany(s *cache.Scope[string]) cache.BatchLoader[string] {
	return func(ctx context.Context, keys []string, found func(string, string)) error {
		defer w.begin(keys...)()
		for _, key := range keys {
			w.pause()
			if v, err := w.read(key); err == nil {
				found(key, v)
			}
		}
		w.pause()
		w.askWithin(ctx, s, keys...)
		return w.fail(ctx)
	}
}

// askWithin asks for a key after those that are being loaded, so that no load ever waits for itself.
func (w *world) askWithin(ctx context.Context, s *cache.Scope[string], loading ...string) {
	next := 0
	for i, key := range worldKeys {
		if slices.Contains(loading, key) {
			next = i + 1
		}
	}
	if next < len(worldKeys) && w.chance(0.2) {
		w.get(ctx, s, worldKeys[next+w.draw(len(worldKeys)-next)])
	}
}

// floors returns what each key's answer must be no older than, if it is asked for now.
func (w *world) floors() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.floor)
}

func (w *world) get(ctx context.Context, s *cache.Scope[string], key string) {
	floor := w.floors()[key]
	answered := false
	defer func() { w.checkAnswered(ctx, answered) }()
	v, err := s.Get(ctx, key, w.load(s))
	answered = true
	switch {
	case err == nil:
		w.check(key, v, floor)
	case errors.Is(err, cache.ErrNotFound):
		w.checkAbsent(key, floor)
	default:
		w.checkError(ctx, err)
	}
}

func (w *world) getMany(ctx context.Context, s *cache.Scope[string], keys ...string) {
	floors := w.floors()
	got := map[string]bool{}
	answered := false
	defer func() { w.checkAnswered(ctx, answered) }()
	err := s.GetMany(ctx, keys, w.loadMany(s), func(key, v string) {
		got[key] = true
		w.check(key, v, floors[key])
	})
	answered = true
	if err != nil {
		w.checkError(ctx, err)
		return
	}
	for _, key := range keys {
		if !got[key] {
			w.checkAbsent(key, floors[key])
		}
	}
}

func (w *world) check(key, value string, floor int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	version := -1
	if text, ok := strings.CutPrefix(value, key+"@"); ok {
		fmt.Sscan(text, &version)
	}
	if version < floor || version > w.truth[key] {
		w.t.Errorf("seed %d: %s is %q, after version %d was invalidated, and %d is true", w.seed, key, value, floor, w.truth[key])
	}
}

func (w *world) checkAbsent(key string, floor int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for v := floor; v <= w.truth[key]; v++ {
		if absent(v) {
			return
		}
	}
	w.t.Errorf("seed %d: %s is absent, after version %d was invalidated, and %d is true", w.seed, key, floor, w.truth[key])
}

// checkAnswered lets a Goexit pass where the loader had its caller's goroutine.
func (w *world) checkAnswered(ctx context.Context, answered bool) {
	if !answered && (w.failing == 0 || ctx.Done() != nil) {
		w.t.Errorf("seed %d: a call did not return", w.seed)
	}
}

// checkError lets pass what a call may end with: its own context's end, and the ends of bad loads.
func (w *world) checkError(ctx context.Context, err error) {
	_, panicked := errors.AsType[*cache.PanicError](err)
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
	case w.failing > 0 && (panicked || errors.Is(err, errDown) || errors.Is(err, cache.ErrGoexit)):
	default:
		w.t.Errorf("seed %d: %v", w.seed, err)
	}
}

// write commits a new version of each key, and invalidates them.
func (w *world) write(ctx context.Context, keys []string, invalidate func(ctx context.Context) error) {
	committed := map[string]int{}
	w.mu.Lock()
	for _, key := range keys {
		w.truth[key]++
		committed[key] = w.truth[key]
	}
	w.mu.Unlock()
	w.pause()
	if err := invalidate(ctx); err != nil {
		if w.failing == 0 {
			w.t.Errorf("seed %d: %v", w.seed, err)
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, v := range committed {
		w.floor[key] = max(w.floor[key], v)
	}
}

// act does one thing, from any of the processes.
func (w *world) act() {
	s := w.scopes[w.draw(len(w.scopes))]
	ctx := context.Background()
	if !w.calm && w.chance(0.6) {
		var cancel context.CancelFunc
		long := 6 * w.slow
		if w.chance(0.5) {
			long *= 100
		}
		ctx, cancel = context.WithTimeout(ctx, time.Duration(w.draw(int(long))))
		defer cancel()
	}
	key := worldKeys[w.draw(len(worldKeys))]
	what := w.draw(100)
	if w.calm {
		what = w.draw(50)
	}
	switch {
	case what < 30:
		w.get(ctx, s, key)
	case what < 50:
		w.getMany(ctx, s, w.someKeys()...)
	case what < 80:
		keys := w.someKeys()
		w.write(ctx, keys, func(ctx context.Context) error { return s.Invalidate(ctx, keys...) })
	case what < 97:
		prefix := []string{"", "a:", "a:b:", "c:"}[w.draw(4)]
		var keys []string
		for _, key := range worldKeys {
			if strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
		w.write(ctx, keys, func(ctx context.Context) error { return s.InvalidatePrefix(ctx, prefix) })
	case w.flush != nil:
		w.flush()
	}
}

// someKeys draws one to four, some of them twice.
func (w *world) someKeys() []string {
	keys := make([]string, 1+w.draw(4))
	for i := range keys {
		keys[i] = worldKeys[w.draw(len(worldKeys))]
	}
	return keys
}

// run lets clients act, and then looks at what is left when all is quiet.
func (w *world) run() {
	w.truth, w.floor = map[string]int{}, map[string]int{}
	w.loads, w.running = map[string]int{}, map[string]int{}
	var clients sync.WaitGroup
	for range 3 + w.draw(6) {
		clients.Go(func() {
			for range 12 {
				w.pause()
				var action sync.WaitGroup // on a goroutine of its own, which may end
				action.Go(w.act)
				action.Wait()
			}
		})
	}
	clients.Wait()
	time.Sleep(time.Second) // until the loads have ended that nobody waits for
	synctest.Wait()
	w.failing = 0
	for _, s := range w.scopes {
		for _, key := range worldKeys {
			w.get(context.Background(), s, key)
		}
	}
	if w.provider == nil {
		return
	}
	for key, v := range w.provider.has() {
		if key = strings.TrimPrefix(key, "things:"); v == "absent" {
			w.checkAbsent(key, w.floor[key])
		} else {
			w.check(key, v, w.floor[key])
		}
	}
}
