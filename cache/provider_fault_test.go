package cache_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// ear is an OnError that keeps what it hears.
type ear struct {
	mu    sync.Mutex
	heard []error
}

func (e *ear) hear(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, err)
}

// heardOnce checks that one thing was heard since it was last asked, and what it is.
func (e *ear) heardOnce(t *testing.T, want error, part string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.heard) != 1 {
		t.Fatalf("heard %q, want one error", e.heard)
	}
	if want != nil {
		isError(t, e.heard[0], want)
	}
	says(t, e.heard[0], part)
	e.heard = nil
}

// twoFakes are both kinds of providers that are not Memory, with the hook before what they do.
func twoFakes(before hook) map[string]cache.Provider[string] {
	return map[string]cache.Provider[string]{
		"a provider that cannot fence": &fake{before: before},
		"a fenced provider":            &fencedFake{fake: fake{before: before}},
	}
}

// has returns what either of twoFakes keeps.
func has(provider cache.Provider[string]) map[string]string {
	if f, ok := provider.(*fencedFake); ok {
		return f.has()
	}
	return provider.(*fake).has()
}

var failures = []struct {
	name string
	fail func() error
	want error
	text string
}{
	{"an error", func() error { return errDown }, errDown, "the database is down"},
	{"a panic", func() error { panic("torn") }, nil, "cache: panic: torn"},
	{"a panic with an error", func() error { panic(errDown) }, errDown, "cache: panic: the database is down"},
}

func TestAFailingReadIsHeardAndTheLoaderAnswersAndNothingIsStored(t *testing.T) {
	for _, failure := range failures {
		for kind, provider := range twoFakes(on("get", func(context.Context) error { return failure.fail() })) {
			t.Run(failure.name+" of "+kind, func(t *testing.T) {
				var ear ear
				s := newScope(t, provider, &cache.Options{OnError: ear.hear, NegativeTTL: time.Hour})
				v, err := s.Get(t.Context(), "k", gives("v"))
				noError(t, err)
				equal(t, "v", v)
				ear.heardOnce(t, failure.want, `cache: read in scope "things:": `+failure.text)
				got, err := getMany(t.Context(), s, func(_ context.Context, _ []string, found func(string, string)) error {
					found("k", "w")
					return nil
				}, "k", "l")
				noError(t, err)
				equal(t, map[string]string{"k": "w"}, got)
				ear.heardOnce(t, failure.want, "read in scope")
				equal(t, map[string]string{}, has(provider))
				equal(t, cache.Stats{Misses: 3, Loads: 2, Errors: 2}, s.Stats())
			})
		}
	}
}

func TestAFailingStoreIsHeardAndTheLoaderAnswers(t *testing.T) {
	for _, failure := range failures {
		for kind, provider := range twoFakes(on("set", func(context.Context) error { return failure.fail() })) {
			t.Run(failure.name+" of "+kind, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					var ear ear
					s := newScope(t, provider, &cache.Options{OnError: ear.hear})
					for _, want := range []string{"v", "w"} {
						v, err := s.Get(t.Context(), "k", gives(want))
						noError(t, err)
						equal(t, want, v)
						synctest.Wait() // OnError is called when the callers have their answers
						ear.heardOnce(t, failure.want, `cache: store in scope "things:": `+failure.text)
					}
					equal(t, cache.Stats{Misses: 2, Loads: 2, Errors: 2}, s.Stats())
				})
			})
		}
	}
}

func TestAFailingDeleteIsAnErrorForItsCallerAlone(t *testing.T) {
	for _, failure := range failures {
		fail := func(_ context.Context, op string, _ []string) error {
			if op == "delete" || op == "delete prefix" {
				return failure.fail()
			}
			return nil
		}
		for kind, provider := range twoFakes(fail) {
			t.Run(failure.name+" of "+kind, func(t *testing.T) {
				s := newScope(t, provider, &cache.Options{OnError: func(err error) { t.Error(err) }})
				for _, err := range []error{
					s.Invalidate(t.Context(), "a:k"), s.InvalidatePrefix(t.Context(), "a:"), s.InvalidatePrefix(t.Context(), ""),
				} {
					says(t, err, `cache: invalidate in scope "things:": `+failure.text)
					if failure.want != nil {
						isError(t, err, failure.want)
					}
				}
				equal(t, cache.Stats{Invalidations: 3, Errors: 3}, s.Stats())
			})
		}
	}
}

// A provider must not call Goexit. One that does ends its caller, and wedges nothing for the others.
func TestAProviderThatCallsGoexitWedgesNoKey(t *testing.T) {
	for _, op := range []string{"get", "set", "delete"} {
		bad := false
		exit := on(op, func(context.Context) error {
			if bad {
				runtime.Goexit()
			}
			return nil
		})
		for kind, provider := range twoFakes(exit) {
			t.Run(op+" of "+kind, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					s := newScope(t, provider, nil)
					bad = true
					for _, call := range []func(ctx context.Context){
						func(ctx context.Context) { s.Get(ctx, "k", gives("v")) },
						func(ctx context.Context) { getMany(ctx, s, givesAll("v"), "k", "l") },
						func(ctx context.Context) { s.Invalidate(ctx, "k", "l") },
					} {
						for _, ctx := range []context.Context{t.Context(), context.Background()} {
							go call(ctx)
						}
					}
					synctest.Wait()
					bad = false
					noError(t, s.Invalidate(t.Context(), "k", "l"))
					for range 2 {
						got, err := getMany(t.Context(), s, givesAll("new"), "k", "l")
						noError(t, err)
						equal(t, map[string]string{"k": "new", "l": "new"}, got)
					}
					v, err := s.Get(t.Context(), "k", never(t))
					noError(t, err)
					equal(t, "new", v)
				})
			})
		}
	}
}

func TestAReadThatHangsEndsWithTheCallersContext(t *testing.T) {
	hang := on("get", func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	for kind, provider := range twoFakes(hang) {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newScope(t, provider, &cache.Options{OnError: func(err error) { t.Error(err) }})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := s.Get(ctx, "k", never(t))
				isError(t, err, context.DeadlineExceeded)
				ctx, cancel = context.WithTimeoutCause(t.Context(), time.Second, errDown)
				defer cancel()
				got, err := getMany(ctx, s, givesAll("v"), "k", "l")
				isError(t, err, context.DeadlineExceeded)
				equal(t, map[string]string{}, got)
				equal(t, cache.Stats{}, s.Stats())
			})
		})
	}
}

func TestAnUnreadableEntryIsAMissAndTheNextLoadReplacesIt(t *testing.T) {
	for kind, provider := range twoFakes(nil) {
		t.Run(kind, func(t *testing.T) {
			tear := func(keys ...string) {
				if f, ok := provider.(*fencedFake); ok {
					f.broken = keys
				} else {
					provider.(*fake).broken = keys
				}
			}
			var ear ear
			s := newScope(t, provider, &cache.Options{OnError: ear.hear})
			tear("k")
			for _, load := range []cache.Loader[string]{gives("v"), never(t)} {
				v, err := s.Get(t.Context(), "k", load)
				noError(t, err)
				equal(t, "v", v)
			}
			ear.heardOnce(t, cache.ErrUnreadable, "read in scope")
			tear("l")
			got, err := getMany(t.Context(), s, givesAll("w"), "k", "l")
			noError(t, err)
			equal(t, map[string]string{"k": "v", "l": "w"}, got)
			ear.heardOnce(t, cache.ErrUnreadable, "read in scope")
			v, err := s.Get(t.Context(), "l", never(t))
			noError(t, err)
			equal(t, "w", v)
			equal(t, cache.Stats{Hits: 3, Misses: 2, Loads: 2, Errors: 2}, s.Stats())
		})
	}
}

// lost is a provider that finds what it was not asked for.
type lost struct {
	fake
	index int
}

func (l *lost) Get(_ context.Context, _ string, _ []string, found func(int, cache.Entry[string])) error {
	found(l.index, cache.Entry[string]{Value: "of another key"})
	return nil
}

func TestAProviderThatFindsAKeyThatIsNotThereIsAFailingRead(t *testing.T) {
	for _, index := range []int{-1, 2, 1 << 40} {
		var ear ear
		s := newScope(t, &lost{index: index}, &cache.Options{OnError: ear.hear})
		v, err := s.Get(t.Context(), "k", gives("v"))
		noError(t, err)
		equal(t, "v", v)
		ear.heardOnce(t, nil, "read in scope")
		got, err := getMany(t.Context(), s, givesAll("v"), "k", "l")
		noError(t, err)
		equal(t, map[string]string{"k": "v", "l": "v"}, got)
		ear.heardOnce(t, nil, "read in scope")
	}
}

// What a provider had already called back stands.
func TestAReadThatFailsInPartGivesWhatItHasFound(t *testing.T) {
	f := &fencedFake{unread: func(key string) bool { return key == "a" }}
	s := newScope(t, f, nil)
	for range 2 {
		got, err := getMany(t.Context(), s, givesAll("v"), "a", "b")
		noError(t, err)
		equal(t, map[string]string{"a": "v", "b": "v"}, got)
	}
	equal(t, map[string]string{"things:b": "v"}, f.has()) // a, without a token, is not stored
	equal(t, cache.Stats{Hits: 1, Misses: 3, Loads: 2, Errors: 2}, s.Stats())
}

// Where the provider cannot say whether another process has invalidated a key, a call is given nothing that began before it.
func TestWithoutATokenACallWaitsForTheNextLoad(t *testing.T) {
	for _, batch := range []bool{false, true} {
		inBubble(t, func(t *testing.T) {
			var truth atomic.Value
			truth.Store("old")
			s := newScope(t, &fencedFake{fake: fake{before: on("get", func(context.Context) error {
				if truth.Load() != "old" {
					return errDown
				}
				return nil
			})}}, nil)
			var running, most atomic.Int64
			load := func(context.Context, string) (string, error) {
				raise(&most, running.Add(1))
				defer running.Add(-1)
				v := truth.Load().(string)
				time.Sleep(time.Second)
				return v, nil
			}
			ask := func() (string, error) {
				if !batch {
					return s.Get(t.Context(), "k", load)
				}
				got, err := getMany(t.Context(), s, func(ctx context.Context, keys []string, found func(string, string)) error {
					v, err := load(ctx, keys[0])
					found("k", v)
					return err
				}, "k")
				return got["k"], err
			}
			var answers []string
			var mu sync.Mutex
			var callers sync.WaitGroup
			call := func() {
				callers.Go(func() {
					v, err := ask()
					mu.Lock()
					defer mu.Unlock()
					answers = append(answers, v)
					if err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
			call()
			truth.Store("new") // another process has changed and invalidated it, and the provider has failed since
			for range 50 {
				call()
			}
			time.Sleep(1500 * time.Millisecond) // the second load runs
			truth.Store("newer")
			for range 50 {
				call()
			}
			callers.Wait()
			equal(t, 1, most.Load())
			equal(t, uint64(3), s.Stats().Loads)
			slices.Sort(answers)
			equal(t, []string{"new", "newer", "old"}, slices.Compact(answers))
		})
	}
}

// Who waits for the next load and leaves does not let another one begin beside the one that runs.
func TestWhoLeavesTheNextLoadBeginsNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newScope(t, &fencedFake{fake: fake{before: on("get", func(context.Context) error { return errDown })}}, nil)
		var running, most atomic.Int64
		load := func(context.Context, string) (string, error) {
			raise(&most, running.Add(1))
			defer running.Add(-1)
			time.Sleep(time.Minute)
			return "v", nil
		}
		go s.Get(t.Context(), "k", load)
		synctest.Wait()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := s.Get(ctx, "k", load)
			isError(t, err, context.DeadlineExceeded)
			cancel()
		}
		v, err := s.Get(t.Context(), "k", load)
		noError(t, err)
		equal(t, "v", v)
		equal(t, 1, most.Load())
		equal(t, uint64(2), s.Stats().Loads)
	})
}

// What is heard may be answered by an invalidation, and an OnError that panics harms nobody.
func TestOnErrorMayInvalidateAndMayPanic(t *testing.T) {
	for _, op := range []string{"get", "set"} {
		for kind, provider := range twoFakes(on(op, func(context.Context) error { return errDown })) {
			for _, panics := range []bool{false, true} {
				t.Run(op+" of "+kind, func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						var s *cache.Scope[string]
						var heard atomic.Int64
						s = newScope(t, provider, &cache.Options{OnError: func(err error) {
							heard.Add(1)
							if panics {
								panic("no ear")
							}
							if err := errors.Join(s.Invalidate(t.Context(), "k"), s.InvalidatePrefix(t.Context(), "")); err != nil {
								t.Error(err)
							}
						}})
						for _, ctx := range []context.Context{t.Context(), context.Background()} {
							v, err := s.Get(ctx, "k", gives("v"))
							noError(t, err)
							equal(t, "v", v)
							got, err := getMany(ctx, s, givesAll("v"), "k", "l")
							noError(t, err)
							equal(t, 2, len(got))
						}
						synctest.Wait()
						equal(t, 4, heard.Load())
					})
				})
			}
		}
	}
}
