package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

func TestWhenTheFirstCallerLeavesTheOthersGetWhatIsLoaded(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		load := func(ctx context.Context, _ string) (string, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Minute):
				return "v", nil
			}
		}
		first, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		left := make(chan error)
		go func() {
			_, err := s.Get(first, "k", load)
			left <- err
		}()
		synctest.Wait()
		follower := make(chan string)
		go func() {
			got, err := getMany(t.Context(), s, givesAll("l"), "k", "l")
			follower <- got["k"] + got["l"]
			if err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		isError(t, <-left, context.DeadlineExceeded)
		equal(t, time.Second, time.Since(began))
		equal(t, "vl", <-follower)
		equal(t, time.Minute, time.Since(began))
		v, err := s.Get(t.Context(), "k", never(t))
		noError(t, err)
		equal(t, "v", v)
	})
}

// The load ends with the last who waits, and who comes then begins another.
func TestWhenAllHaveLeftTheLoadersContextEnds(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		began := time.Now()
		var ended atomic.Int64
		load := func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			ended.Store(int64(time.Since(began)))
			return "late", ctx.Err()
		}
		for i := range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
			defer cancel()
			if i == 2 {
				go getMany(ctx, s, givesAll("v"), "k", "l")
			} else {
				go s.Get(ctx, "k", load)
			}
			synctest.Wait()
		}
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		equal(t, 0, ended.Load())
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		equal(t, int64(3*time.Second), ended.Load())
		v, err := s.Get(t.Context(), "k", gives("new"))
		noError(t, err)
		equal(t, "new", v)
	})
}

// Who was still asking the provider when another began the load, and left it, does not inherit that load's end.
func TestWhoAsksTheProviderSlowlyJoinsNoLoadThatWasLeft(t *testing.T) {
	slowFor := func(ctx context.Context, _ string, _ []string) error {
		if ctx.Value(slow{}) != nil {
			time.Sleep(time.Minute)
		}
		return nil
	}
	for kind, provider := range twoFakes(slowFor) {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in batches %v", kind, batch), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					s := newScope(t, provider, nil)
					noError(t, s.Invalidate(t.Context(), "k"))
					go func() {
						time.Sleep(time.Second)
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						defer cancel()
						_, err := s.Get(ctx, "k", func(ctx context.Context, _ string) (string, error) {
							<-ctx.Done()
							time.Sleep(time.Hour)
							return "", ctx.Err()
						})
						if !errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
						}
					}()
					ctx := context.WithValue(t.Context(), slow{}, true)
					var v string
					var err error
					if batch {
						var got map[string]string
						got, err = getMany(ctx, s, givesAll("v"), "k")
						v = got["k"]
					} else {
						v, err = s.Get(ctx, "k", gives("v"))
					}
					noError(t, err)
					equal(t, "v", v)
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
}

// slow is the key of a context whose reads take a minute.
type slow struct{}

// A batch waits for a load of every key: while one of them is wanted, the load that finds them goes on.
func TestALoadOfABatchGoesOnForOneOfItsKeys(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go getMany(ctx, s, func(ctx context.Context, keys []string, found func(string, string)) error {
			time.Sleep(time.Minute)
			return errors.Join(ctx.Err(), givesAll("v")(ctx, keys, found))
		}, "a", "b")
		synctest.Wait()
		v, err := s.Get(t.Context(), "b", never(t))
		noError(t, err)
		equal(t, "v", v)
		v, err = s.Get(t.Context(), "a", never(t)) // which is kept, too
		noError(t, err)
		equal(t, "v", v)
	})
}

func TestTheLoadersContextHasTheValuesOfTheFirstCallerAndNoDeadline(t *testing.T) {
	type name struct{}
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		for _, base := range []context.Context{t.Context(), context.Background()} {
			ctx, cancel := context.WithTimeout(context.WithValue(base, name{}, "Ada"), time.Hour)
			look := func(ctx context.Context) error {
				if _, has := ctx.Deadline(); has || ctx.Value(name{}) != "Ada" || ctx.Err() != nil || ctx.Value("other") != nil {
					t.Errorf("deadline %v, name %v, err %v", has, ctx.Value(name{}), ctx.Err())
				}
				return errDown
			}
			for _, ctx := range []context.Context{ctx, context.WithoutCancel(ctx)} {
				_, err := s.Get(ctx, "k", func(ctx context.Context, _ string) (string, error) { return "", look(ctx) })
				isError(t, err, errDown)
				_, err = getMany(ctx, s, func(ctx context.Context, _ []string, _ func(string, string)) error { return look(ctx) }, "k")
				isError(t, err, errDown)
			}
			cancel()
		}
	})
}

// What is made of a loader's context ends with it, with the right cause, and leaves no goroutine.
func TestContextsMadeOfALoadersContext(t *testing.T) {
	mine := errors.New("my own reason")
	type ends struct {
		within, after, own, cause error
		ran                       bool
	}
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		var got ends
		load := func(ctx context.Context, _ string) (string, error) {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-short.Done()
			got.within = short.Err()
			own, cancelOwn := context.WithCancelCause(ctx)
			cancelOwn(mine)
			got.own = context.Cause(own)
			long, cancelLong := context.WithTimeout(ctx, time.Hour)
			context.AfterFunc(ctx, func() { got.ran = true })
			stop := context.AfterFunc(ctx, func() { t.Error("stopped, and run all the same") })
			stop()
			_ = cancelLong // which nobody calls: the end of the loader's context is enough
			<-long.Done()
			got.after, got.cause = long.Err(), context.Cause(ctx)
			return "", nil
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("the caller's reason"))
		defer cancel()
		_, err := s.Get(ctx, "k", load)
		isError(t, err, context.DeadlineExceeded)
		synctest.Wait()
		equal(t, true, got.within == context.DeadlineExceeded && got.after == context.Canceled && got.own == mine)
		equal(t, true, got.cause == context.Canceled && got.ran)
	})
}

// The loader's context is over once the load is, for what the loader has left running.
func TestTheLoadersContextEndsWithTheLoad(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		for _, ctx := range []context.Context{t.Context(), context.Background()} {
			var kept context.Context
			ran := make(chan struct{})
			_, err := s.Get(ctx, "k", func(ctx context.Context, _ string) (string, error) {
				kept = ctx
				go func() {
					<-ctx.Done()
					close(ran)
				}()
				return "", errDown
			})
			isError(t, err, errDown)
			<-ran
			isError(t, kept.Err(), context.Canceled)
			_, err = s.Get(kept, "l", never(t))
			isError(t, err, context.Canceled)
		}
	})
}

// Loggers and mocks print what they are given.
func TestALoadersContextCanBePrinted(t *testing.T) {
	s := newScope(t, newMemory[string](t, nil), nil)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			_, err := s.Get(t.Context(), strconv.Itoa(i), func(ctx context.Context, _ string) (string, error) {
				fmt.Fprintf(io.Discard, "%v %+v", ctx, ctx)
				return "v", nil
			})
			noError(t, err)
		})
	}
	all.Wait()
}
