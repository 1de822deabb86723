package cachetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// Loaders fail in all ways that there are: law 5 of package cache.
var loaderLaws = []law{
	{
		name: "a panic of a loader is an error for all who wait",
		why: `Law 5. Whoever waits for a load that panics gets an error, and neither a zero value with none nor the panic itself:
nobody waits for ever. The next Get loads again.`,
		check: func(w *world) { w.fails(func() error { panic(errBoom) }, errBoom) },
	},
	{
		name: "a Goexit of a loader is an error for all who wait",
		why: `Law 5. A loader that calls runtime.Goexit, as t.FailNow does, returns nothing and does not panic. Whoever waits
for it gets an error, ErrGoexit, and neither a zero value with none, nor nothing for ever. The next Get loads again. A leader
whose ctx never ends may have lent its own goroutine to the loader, and lose it.`,
		check: func(w *world) {
			w.fails(func() error {
				runtime.Goexit()
				return nil
			}, cache.ErrGoexit)
		},
	},
	{
		name: "an error of a loader goes to all who wait, and is not kept",
		why: `Law 5. All who wait for a load that fails get its error, which errors.Is finds. The next Get loads again, and what it
loads is stored.`,
		check: func(w *world) { w.fails(func() error { return errBoom }, errBoom) },
	},
	{
		name: "the loads of a batch that do not fail are given",
		why: `A GetMany that waits for several loads, of which one fails, calls found for what the others have, and returns the
error of the one.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			bad, good := w.slow(), w.slow()
			bad.end = func() error { return errBoom }
			first := w.get(w.ctx, s, "bad", bad.load)
			bad.began()
			w.fresh("at first", s, "kept")
			batch := w.getMany(w.ctx, s, good.batch, "bad", "good", "kept")
			good.began()
			w.settle()
			bad.release()
			good.release()
			_ = first.wait()
			if err := batch.wait(); !errors.Is(err, errBoom) {
				w.Errorf("a batch with a load that failed returned %v: want %v", err, errBoom)
			}
			want := map[string]Value{"good": w.truth("good"), "kept": w.truth("kept")}
			if !maps.Equal(batch.values, want) {
				w.Errorf("a batch with a load that failed gave %v: want %v", batch.values, want)
			}
		},
	},
	{
		name: "that there is nothing is kept for NegativeTTL",
		why: `Law 5. A loader says that there is nothing with ErrNotFound, or a batch loader by leaving a key out. With a
NegativeTTL that is kept for so long, and said to who asks alone or in a batch; then the loader is asked again.`,
		check: func(w *world) {
			for negative := 100 * time.Millisecond; ; negative *= 2 {
				s, _ := w.scopes(&cache.Options{NegativeTTL: negative, TTL: time.Hour}, nil)
				keys := []string{fmt.Sprint("a", negative), fmt.Sprint("b", negative)}
				began := time.Now()
				w.nothing(w.get(w.ctx, s, keys[0], none))
				w.getMany(w.ctx, s, leavesOut, keys[1]).gives("where there is nothing")
				over := time.Now().Add(negative + w.h.Grain)
				w.mu.Lock()
				loads := w.loads
				w.mu.Unlock()
				var calls []*call
				for _, key := range keys {
					calls = append(calls, w.get(w.ctx, s, key, w.quick))
				}
				calls = append(calls, w.getMany(w.ctx, s, w.quickly, keys...))
				errs := []error{calls[0].wait(), calls[1].wait(), calls[2].wait()}
				if time.Since(began) >= negative {
					continue // it took too long to tell
				}
				if !isNotFound(errs[0]) || !isNotFound(errs[1]) || errs[2] != nil || calls[2].found != 0 {
					w.Errorf("before NegativeTTL is over, Gets returned %v, and a GetMany found %d", errs, calls[2].found)
				}
				w.loaded("before NegativeTTL is over", loads)
				w.sleepUntil(over)
				w.fresh("when NegativeTTL is over", s, keys...)
				return
			}
		},
	},
	{
		name: "that there is nothing is not kept without NegativeTTL",
		why:  `Law 5. Without a NegativeTTL the loader is asked each time.`,
		check: func(w *world) {
			s, _ := w.scopes(nil, nil)
			w.nothing(w.get(w.ctx, s, "a", none))
			w.getMany(w.ctx, s, leavesOut, "b").gives("where there is nothing")
			w.fresh("after a loader that found nothing", s, "a", "b")
		},
	},
}

// none is a Loader that finds nothing.
func none(context.Context, string) (Value, error) {
	return Value{}, fmt.Errorf("cachetest: %w", cache.ErrNotFound)
}

// leavesOut is a BatchLoader that leaves all keys out.
func leavesOut(context.Context, []string, func(string, Value)) error { return nil }

func isNotFound(err error) bool { return errors.Is(err, cache.ErrNotFound) }

// fails checks that loads which end with end give all who wait an error that matches want.
func (w *world) fails(end func() error, want error) {
	w.Helper()
	s, _ := w.scopes(&cache.Options{NegativeTTL: time.Hour}, nil)
	endless := context.WithoutCancel(w.ctx) // as context.Background is
	begin := map[string]func(*slow) *call{
		"alone":         func(bad *slow) *call { return w.get(w.ctx, s, "alone", bad.load) },
		"batch":         func(bad *slow) *call { return w.getMany(w.ctx, s, bad.batch, "other", "batch") },
		"alone endless": func(bad *slow) *call { return w.get(endless, s, "alone endless", bad.load) },
		"batch endless": func(bad *slow) *call { return w.getMany(endless, s, bad.batch, "another", "batch endless") },
	}
	for key, begin := range begin {
		bad := w.slow()
		bad.end = end
		calls := []*call{begin(bad)}
		bad.began()
		calls = append(calls, w.get(w.ctx, s, key, bad.load), w.getMany(w.ctx, s, bad.batch, key))
		w.settle()
		bad.release()
		for i, c := range calls {
			err := c.wait()
			if lent := i == 0 && strings.HasSuffix(key, "endless"); lent && want == cache.ErrGoexit && err == errGone {
				continue
			}
			if !errors.Is(err, want) || len(c.values) > 0 {
				w.Errorf("caller %d of a load that failed, %s, got %v, %v: want no value, %v", i, c.what, c.values, err, want)
			}
		}
		w.fresh("after a load that failed", s, key)
		w.fresh("then", s, key)
	}
	w.loaded("after loads that failed", len(begin))
}
