package cache_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// downed returns a fenced provider that cannot be read until it is told otherwise.
func downed() (p *fencedFake, up func()) {
	p = &fencedFake{}
	var isUp atomic.Bool
	p.unread = func(string) bool { return !isUp.Load() }
	return p, func() { isUp.Store(true) }
}

// A loader that never comes back holds up those who wait for it, and nobody once they have left: also while the provider
// cannot be read, when loads wait for each other.
func TestALoadThatNobodyWaitsForHoldsUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, _ := downed()
		s := newScope(t, p, nil)
		release := make(chan struct{})
		defer close(release)
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := s.Get(ctx, "k", func(context.Context, string) (string, error) { <-release; return "late", nil })
			isError(t, err, context.Canceled)
		})
		synctest.Wait()
		all.Go(func() {
			v, err := s.Get(t.Context(), "k", gives("second"))
			noError(t, err)
			equal(t, "second", v)
		})
		synctest.Wait()
		leave()
		all.Wait()
	})
}

// A load that was begun while the provider could not be read is one of those of which only one runs.
func TestOneLoadRunsAlsoWhenTheProviderCanBeReadAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p, up := downed()
		s := newScope(t, p, nil)
		var running, most atomic.Int32
		load := func(context.Context, string) (string, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return "v", nil
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := s.Get(t.Context(), "k", load)
				noError(t, err)
			})
			synctest.Wait()
			up()
		}
		all.Wait()
		equal(t, 1, most.Load())
		equal(t, map[string]string{"things:k": "v"}, p.has())
	})
}
