package cache_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// A batch that ends its goroutine leaves what it had joined.
func TestABatchThatEndsItsGoroutineLeavesTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newScope(t, newMemory[string](t, nil), nil)
		ctx, leave := context.WithCancel(t.Context())
		ended := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_, err := s.Get(ctx, "x", func(ctx context.Context, _ string) (string, error) {
				<-ctx.Done()
				close(ended)
				return "", ctx.Err()
			})
			isError(t, err, context.Canceled)
		})
		synctest.Wait()
		all.Go(func() {
			_ = s.GetMany(context.Background(), []string{"x", "y"}, func(context.Context, []string, func(string, string)) error {
				runtime.Goexit()
				return nil
			}, func(string, string) { t.Error("something was found") })
			t.Error("GetMany came back")
		})
		synctest.Wait()
		leave()
		<-ended // in vain, if x still counted somebody who waits
		all.Wait()
	})
}

// Whoever invalidates much holds up nobody for long: that would be so if each key were looked for in each load that is being
// stored.
func TestInvalidatingManyKeysBesideALargeStore(t *testing.T) {
	storing, release := make(chan struct{}), make(chan struct{})
	p := &fake{before: func(_ context.Context, op string, keys []string) error {
		if op == "set" && len(keys) > 1 {
			close(storing)
			<-release
		}
		return nil
	}}
	s := newScope(t, p, nil)
	const n = 20_000
	var all sync.WaitGroup
	all.Go(func() {
		_, err := getMany(t.Context(), s, givesAll("v"), keyNames("stored ", n)...)
		noError(t, err)
	})
	<-storing
	noError(t, s.Invalidate(t.Context(), keyNames("other ", n)...)) // which does not wait for what it has no part in
	close(release)
	all.Wait()
	equal(t, n, len(p.has()))
}

// Providers are told each key once.
func TestAKeyThatIsInvalidatedTwiceInACallIsDeletedOnce(t *testing.T) {
	p := &fake{}
	noError(t, newScope(t, p, nil).Invalidate(t.Context(), "b", "a", "b"))
	equal(t, []string{"delete a b"}, p.calls())
}
