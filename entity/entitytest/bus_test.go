package entitytest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/failtest"
)

func TestLocalBusKeepsTheLaws(t *testing.T) {
	RunBus(t, BusHarness{Open: func(testing.TB) (a, b entity.Bus) {
		bus := new(entity.LocalBus)
		return bus, bus
	}})
}

// A bus that loses every wake but the seventh of each seven is a good one.
func TestAForgetfulBusKeepsTheLaws(t *testing.T) {
	RunBus(t, BusHarness{Open: func(testing.TB) (a, b entity.Bus) {
		var mu sync.Mutex
		n := 0
		bus := newBusTwist(new(entity.LocalBus))
		wake := bus.wake
		bus.wake = func(ctx context.Context) error {
			mu.Lock()
			n++
			lost := n%7 != 0
			mu.Unlock()
			if lost {
				return nil
			}
			return wake(ctx)
		}
		return bus, bus
	}})
}

// busTwist is a Bus some of whose methods are replaced.
type busTwist struct {
	wake   func(ctx context.Context) error
	listen func(ctx context.Context, wake func()) error
}

func newBusTwist(b entity.Bus) *busTwist { return &busTwist{wake: b.Wake, listen: b.Listen} }

func (t *busTwist) Wake(ctx context.Context) error                { return t.wake(ctx) }
func (t *busTwist) Listen(ctx context.Context, wake func()) error { return t.listen(ctx, wake) }

// brokenBuses make the two ends of a Bus with one fault each.
var brokenBuses = []struct {
	law  string
	also []string
	open func(tb testing.TB) (a, b entity.Bus)
}{
	{law: "a wake reaches who listens, at every end", also: []string{
		"a bus may be used by many goroutines", "a wake reaches all who listen at one end", "who has stopped listening is not woken",
	}, open: func(tb testing.TB) (a, b entity.Bus) { // the ends are two
		return new(entity.LocalBus), new(entity.LocalBus)
	}},
	{law: "a wake reaches all who listen at one end", also: []string{
		"who has stopped listening is not woken", "a wake reaches who listens, at every end",
	}, open: func(tb testing.TB) (a, b entity.Bus) { // only the first who listens is told
		t := newBusTwist(new(entity.LocalBus))
		listen, one := t.listen, make(chan struct{}, 1)
		t.listen = func(ctx context.Context, wake func()) error {
			select {
			case one <- struct{}{}:
				defer func() { <-one }()
				return listen(ctx, wake)
			case <-ctx.Done():
				return nil
			}
		}
		return t, t
	}},
	{law: "listening ends with its ctx, and without an error", also: []string{
		"a wake reaches all who listen at one end", "who has stopped listening is not woken", "a bus may be used by many goroutines",
	}, open: func(tb testing.TB) (a, b entity.Bus) {
		t := newBusTwist(new(entity.LocalBus))
		listen := t.listen
		t.listen = func(ctx context.Context, wake func()) error { return errors.Join(listen(ctx, wake), ctx.Err()) }
		return t, t
	}},
	{law: "who has stopped listening is not woken", open: func(tb testing.TB) (a, b entity.Bus) {
		t := newBusTwist(new(entity.LocalBus))
		listen := t.listen
		late, cancel := context.WithCancel(context.Background())
		var listening sync.WaitGroup
		tb.Cleanup(func() {
			cancel()
			listening.Wait()
		})
		t.listen = func(ctx context.Context, wake func()) error {
			listening.Go(func() { _ = listen(late, wake) })
			<-ctx.Done()
			return nil
		}
		return t, t
	}},
	{law: "a wake with nobody listening is no error", open: func(tb testing.TB) (a, b entity.Bus) {
		t := newBusTwist(new(entity.LocalBus))
		listen, wake := t.listen, t.wake
		var mu sync.Mutex
		n := 0
		t.listen = func(ctx context.Context, wake func()) error {
			mu.Lock()
			n++
			mu.Unlock()
			return listen(ctx, wake)
		}
		t.wake = func(ctx context.Context) error {
			time.Sleep(time.Millisecond) // whoever is about to listen, does
			mu.Lock()
			defer mu.Unlock()
			if n == 0 {
				return errors.New("nobody listens")
			}
			return wake(ctx)
		}
		return t, t
	}},
	{law: "a bus may be used by many goroutines", open: func(tb testing.TB) (a, b entity.Bus) {
		t := newBusTwist(new(entity.LocalBus))
		listen := t.listen
		var mu sync.Mutex
		n := 0
		t.listen = func(ctx context.Context, wake func()) error {
			mu.Lock()
			n++
			full := n > 5
			mu.Unlock()
			defer func() {
				mu.Lock()
				n--
				mu.Unlock()
			}()
			if full {
				return errors.New("no room")
			}
			return listen(ctx, wake)
		}
		return t, t
	}},
}

func TestEachLawOfABusCanBeBroken(t *testing.T) {
	var names, found []string
	for _, l := range busLaws {
		names = append(names, l.name)
	}
	for _, b := range brokenBuses {
		found = append(found, b.law)
		t.Run(b.law, func(t *testing.T) {
			want := append([]string{b.law}, b.also...)
			var got []string
			for _, l := range busLaws {
				synctest.Test(t, func(t *testing.T) {
					failed, said := failtest.Run(t, func(t testing.TB) {
						l.run(t, BusHarness{Open: b.open})
					})
					if failed {
						got = append(got, l.name)
					}
					if failed && l.name == b.law && !strings.Contains(said, l.why) {
						t.Errorf("the failure does not say the law:\n%s", said)
					}
				})
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the laws that fail are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
	slices.Sort(names)
	slices.Sort(found)
	if !slices.Equal(names, found) {
		t.Errorf("the laws are %q, and broken buses are there for %q", names, found)
	}
}
