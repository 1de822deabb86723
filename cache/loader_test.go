package cache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var errDown = errors.New("the database is down")

// badEnds are how a loader can end without a value, and what its callers are to be told.
var badEnds = []struct {
	name  string
	end   func() error
	check func(t *testing.T, err error)
}{
	{"an error", func() error { return errDown }, func(t *testing.T, err error) {
		isError(t, err, errDown)
	}},
	{"a panic with a value", func() error { panic("no wheels") }, func(t *testing.T, err error) {
		p, ok := errors.AsType[*cache.PanicError](err)
		equal(t, true, ok)
		equal(t, "no wheels", p.Value)
		equal(t, true, strings.Contains(string(p.Stack), "loader_test.go"))
		says(t, err, "cache: panic: no wheels")
	}},
	{"a panic with an error", func() error { panic(fmt.Errorf("read: %w", errDown)) }, func(t *testing.T, err error) {
		_, ok := errors.AsType[*cache.PanicError](err)
		equal(t, true, ok)
		isError(t, err, errDown)
	}},
	{"a panic with ErrNotFound", func() error { panic(cache.ErrNotFound) }, func(t *testing.T, err error) {
		_, ok := errors.AsType[*cache.PanicError](err)
		equal(t, true, ok)
	}},
	{"a panic with nil", func() error { panic(nil) }, func(t *testing.T, err error) {
		_, ok := errors.AsType[*runtime.PanicNilError](err)
		equal(t, true, ok)
	}},
	{"Goexit", func() error { runtime.Goexit(); return nil }, func(t *testing.T, err error) {
		isError(t, err, cache.ErrGoexit)
	}},
}

func TestALoaderThatEndsBadlyGivesAllWhoWaitAnError(t *testing.T) {
	for _, bad := range badEnds {
		t.Run(bad.name, func(t *testing.T) {
			onEachProvider(t, &cache.Options{NegativeTTL: time.Hour}, func(t *testing.T, s *cache.Scope[string]) {
				load := func(context.Context, string) (string, error) {
					time.Sleep(time.Second)
					return "half a value", bad.end()
				}
				errs := make(chan error, 4)
				for range cap(errs) {
					go func() {
						v, err := s.Get(t.Context(), "k", load)
						if v != "" {
							t.Errorf("a caller got %q with %v", v, err)
						}
						errs <- err
					}()
				}
				for range cap(errs) {
					bad.check(t, <-errs)
				}
				equal(t, uint64(1), s.Stats().Loads)
				equal(t, uint64(1), s.Stats().LoadErrors)

				v, err := s.Get(t.Context(), "k", gives("v")) // the key is not wedged, and nothing of it was kept
				noError(t, err)
				equal(t, "v", v)
			})
		})
	}
}

func TestABatchLoaderThatEndsBadlyGivesAllWhoWaitAnError(t *testing.T) {
	for _, bad := range badEnds {
		t.Run(bad.name, func(t *testing.T) {
			onEachProvider(t, &cache.Options{NegativeTTL: time.Hour}, func(t *testing.T, s *cache.Scope[string]) {
				load := func(_ context.Context, keys []string, found func(string, string)) error {
					found(keys[0], "half an answer")
					time.Sleep(time.Second)
					return bad.end()
				}
				errs := make(chan error, 3)
				go func() {
					got, err := getMany(t.Context(), s, load, "a", "b", "c")
					if len(got) > 0 {
						t.Errorf("found %v", got)
					}
					errs <- err
				}()
				synctest.Wait()
				go func() {
					_, err := s.Get(t.Context(), "a", never(t))
					errs <- err
				}()
				go func() {
					got, err := getMany(t.Context(), s, givesAll("v"), "b", "d")
					if len(got) != 1 || got["d"] != "v" {
						t.Errorf("found %v", got)
					}
					errs <- err
				}()
				for range cap(errs) {
					bad.check(t, <-errs)
				}
				got, err := getMany(t.Context(), s, givesAll("v"), "a", "b", "c")
				noError(t, err)
				equal(t, 3, len(got))
			})
		})
	}
}

// A caller whose context never ends lends its goroutine to the load: a Goexit ends it, and the others are told.
func TestALoaderThatEndsBadlyUnderABackgroundContextGivesAllOthersAnError(t *testing.T) {
	for _, bad := range badEnds {
		t.Run(bad.name, func(t *testing.T) {
			onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
				slowly := func() error { time.Sleep(time.Second); return bad.end() }
				single := func(context.Context, string) (string, error) { return "", slowly() }
				many := func(context.Context, []string, func(string, string)) error { return slowly() }
				for _, call := range []func(ctx context.Context) error{
					func(ctx context.Context) error { _, err := s.Get(ctx, "k", single); return err },
					func(ctx context.Context) error { _, err := getMany(ctx, s, many, "k", "l"); return err },
				} {
					leader, done := errNoAnswer, make(chan struct{})
					go func() {
						defer close(done)
						leader = call(context.Background())
					}()
					synctest.Wait()
					bad.check(t, call(t.Context()))
					<-done
					if bad.name == "Goexit" {
						isError(t, leader, errNoAnswer)
					} else {
						bad.check(t, leader)
					}
				}
				v, err := s.Get(context.Background(), "k", gives("v"))
				noError(t, err)
				equal(t, "v", v)
			})
		})
	}
}

var errNoAnswer = errors.New("the call did not return")

func TestErrorsAreNotKept(t *testing.T) {
	onEachProvider(t, &cache.Options{NegativeTTL: time.Hour}, func(t *testing.T, s *cache.Scope[string]) {
		for i := range 3 {
			want := fmt.Errorf("failure %d", i)
			_, err := s.Get(t.Context(), "k", func(context.Context, string) (string, error) { return "", want })
			equal(t, true, err == want) // as it is
		}
		equal(t, uint64(3), s.Stats().Loads)
	})
}

func TestThatThereIsNothingIsKeptForNegativeTTLAlone(t *testing.T) {
	for _, ttl := range []time.Duration{0, time.Minute} {
		t.Run(ttl.String(), func(t *testing.T) {
			onEachProvider(t, &cache.Options{NegativeTTL: ttl}, func(t *testing.T, s *cache.Scope[string]) {
				var loads int
				ask := func() error {
					_, err := s.Get(t.Context(), "k", func(context.Context, string) (string, error) {
						loads++
						return "no value", fmt.Errorf("user k: %w", cache.ErrNotFound)
					})
					return err
				}
				says(t, ask(), "user k: cache: not found")
				isError(t, ask(), cache.ErrNotFound)
				if ttl == 0 {
					equal(t, 2, loads)
					return
				}
				equal(t, 1, loads)
				got, err := getMany(t.Context(), s, givesAll("v"), "k")
				noError(t, err)
				equal(t, map[string]string{}, got)
				time.Sleep(ttl - time.Second)
				isError(t, ask(), cache.ErrNotFound)
				equal(t, 1, loads)
				time.Sleep(time.Second + 20*time.Millisecond)
				isError(t, ask(), cache.ErrNotFound)
				equal(t, 2, loads)
				noError(t, s.Invalidate(t.Context(), "k"))
				v, err := s.Get(t.Context(), "k", gives("born"))
				noError(t, err)
				equal(t, "born", v)
			})
		})
	}
}

func TestWhatABatchLoaderLeavesOutIsNothingAndWhatNobodyAskedForIsDropped(t *testing.T) {
	var heard atomic.Value
	opts := &cache.Options{NegativeTTL: time.Hour, OnError: func(err error) { heard.Store(err) }}
	onEachProvider(t, opts, func(t *testing.T, s *cache.Scope[string]) {
		var late func(string, string)
		got, err := getMany(t.Context(), s, func(_ context.Context, keys []string, found func(string, string)) error {
			found("a", "first")
			found("nobody's", "x")
			found("a", "last")
			found("nor this", "x")
			late = found
			keys[0], keys[1] = "they are", "the loader's"
			return nil
		}, "a", "b", "a")
		late("b", "too late")
		noError(t, err)
		equal(t, map[string]string{"a": "last"}, got)
		isError(t, heard.Load().(error), cache.ErrUnasked)
		says(t, heard.Load().(error), `load in scope "things:"`)
		says(t, heard.Load().(error), `"nobody's" (2 in all)`)
		equal(t, uint64(1), s.Stats().Errors)
		_, err = s.Get(t.Context(), "b", never(t))
		isError(t, err, cache.ErrNotFound)
		v, err := s.Get(t.Context(), "nobody's", gives("theirs"))
		noError(t, err)
		equal(t, "theirs", v)
	})
}

func TestALoaderThatIgnoresItsContextHoldsUpNobodyWhoComesLater(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		s = s.WithTTL(5 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var ended atomic.Bool
		_, err := s.Get(ctx, "k", func(ctx context.Context, _ string) (string, error) {
			time.Sleep(10 * time.Second) // and its callers have left
			ended.Store(ctx.Err() == context.Canceled)
			return "old", nil
		})
		isError(t, err, context.DeadlineExceeded)
		v, err := s.Get(t.Context(), "k", gives("new"))
		noError(t, err)
		equal(t, "new", v)
		time.Sleep(20 * time.Second)
		equal(t, true, ended.Load())
		v, err = s.Get(t.Context(), "k", gives("newer")) // the TTL of the new one is over, and the old one was not kept
		noError(t, err)
		equal(t, "newer", v)
	})
}

// One load runs at a time, for those who ask alone and in batches; who is named twice is loaded once.
func TestAllWhoAskMeanwhileShareOneLoad(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		load := func(context.Context, string) (string, error) {
			time.Sleep(time.Second)
			return "of Get", nil
		}
		many := func(_ context.Context, keys []string, found func(string, string)) error {
			time.Sleep(2 * time.Second)
			for _, key := range keys {
				found(key, fmt.Sprint("of GetMany: ", keys))
			}
			return nil
		}
		go s.Get(t.Context(), "a", load)
		synctest.Wait()
		go getMany(t.Context(), s, many, "b", "a", "b", "c")
		synctest.Wait()
		for range 64 {
			go func() {
				v, err := s.Get(t.Context(), "c", never(t))
				if err != nil || v != "of GetMany: [b c]" {
					t.Error(v, err)
				}
			}()
		}
		var order []string
		err := s.GetMany(t.Context(), []string{"c", "a", "d", "a"}, many, func(key, v string) { order = append(order, key+" "+v) })
		noError(t, err)
		slices.Sort(order)
		equal(t, []string{"a of Get", "a of Get", "c of GetMany: [b c]", "d of GetMany: [d]"}, order)
		synctest.Wait()
		equal(t, uint64(3), s.Stats().Loads)
	})
}

// Invalidation inside of the load that it is about ends neither, and what is loaded is not kept.
func TestALoaderMayInvalidateItsOwnKey(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		v, err := s.Get(t.Context(), "a:k", func(ctx context.Context, key string) (string, error) {
			return "old", errors.Join(s.Invalidate(ctx, key), s.InvalidatePrefix(ctx, "a:"))
		})
		noError(t, err)
		equal(t, "old", v)
		v, err = s.Get(t.Context(), "a:k", gives("new"))
		noError(t, err)
		equal(t, "new", v)
		equal(t, uint64(1), s.Stats().Stale)
	})
}

// A panic of the function that is told belongs to the caller, and wedges nothing.
func TestAPanicOfFoundIsTheCallers(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		for range 2 { // of what is loaded, and of what is kept
			func() {
				defer func() { equal(t, any("mine"), recover()) }()
				s.GetMany(t.Context(), []string{"a", "b"}, givesAll("v"), func(string, string) { panic("mine") })
			}()
		}
		got, err := getMany(t.Context(), s, givesAll("new"), "a", "b")
		noError(t, err)
		equal(t, map[string]string{"a": "v", "b": "v"}, got)
	})
}
