package cache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// errAt is what a loader returns that goes on with a bad answer, so that the text shows the way it came.
func errAt(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("load %s: %w", key, err)
}

// loadsBy is a loader that asks for the key that next says, with the loader itself, alone or in a batch.
func loadsBy(s *cache.Scope[string], next map[string]string, batch bool) cache.Loader[string] {
	var load cache.Loader[string]
	var many cache.BatchLoader[string]
	load = func(ctx context.Context, key string) (string, error) {
		time.Sleep(time.Second)
		switch then, ok := next[key]; {
		case !ok:
			return "of " + key, nil
		case batch:
			got, err := getMany(ctx, s, many, then, "other")
			return got[then], errAt(key, err)
		default:
			v, err := s.Get(ctx, then, load)
			return v, errAt(key, err)
		}
	}
	many = func(ctx context.Context, keys []string, found func(string, string)) error {
		for _, key := range keys {
			v, err := load(ctx, key)
			if err != nil {
				return err
			}
			found(key, v)
		}
		return nil
	}
	return load
}

var circles = []struct {
	name string
	next map[string]string
}{
	{"itself", map[string]string{"a": "a"}},
	{"itself through another key", map[string]string{"a": "b", "b": "a"}},
	{"itself through three others", map[string]string{"a": "b", "b": "c", "c": "d", "d": "a"}},
	{"what loads itself", map[string]string{"a": "b", "b": "c", "c": "b"}},
}

func TestALoaderThatWaitsForItselfIsToldSo(t *testing.T) {
	for _, circle := range circles {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in batches %v", circle.name, batch), func(t *testing.T) {
				onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
					_, err := s.Get(t.Context(), "a", loadsBy(s, circle.next, batch))
					isError(t, err, cache.ErrRecursive)
					says(t, err, "load a: ")
					v, err := s.Get(t.Context(), "a", gives("v"))
					noError(t, err)
					equal(t, "v", v)
				})
			})
		}
	}
}

// A fenced provider that gives nobody a token lets no call join a load that runs; one that waits for itself is found
// even so.
func TestALoaderThatWaitsForItselfIsToldSoThoughReadsFail(t *testing.T) {
	for _, circle := range circles {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in batches %v", circle.name, batch), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					s := newScope(t, &fencedFake{fake: fake{before: on("get", func(context.Context) error { return errDown })}}, nil)
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
					defer cancel()
					_, err := s.Get(ctx, "a", loadsBy(s, circle.next, batch))
					isError(t, err, cache.ErrRecursive)
				})
			})
		}
	}
}

func TestALoaderThatWaitsForItselfThroughAnotherScopeIsToldSo(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		other, err := cache.NewScope[int](&numbers{}, "numbers:", nil)
		noError(t, err)
		var load cache.Loader[string]
		load = func(ctx context.Context, key string) (string, error) {
			n, err := other.Get(ctx, "n", func(ctx context.Context, _ string) (int, error) {
				v, err := s.Get(ctx, key, load)
				return len(v), errAt("n", err)
			})
			return fmt.Sprint(n), errAt(key, err)
		}
		_, err = s.Get(t.Context(), "k", load)
		isError(t, err, cache.ErrRecursive)
		says(t, err, `load k: load n: cache: load waits for itself: key "k"`)
	})
}

// numbers is a Provider of another type, which keeps nothing.
type numbers struct{}

func (numbers) Get(context.Context, string, []string, func(int, cache.Entry[int])) error { return nil }
func (numbers) Set(context.Context, string, []cache.Item[int]) error                     { return nil }
func (numbers) Delete(context.Context, string, []string) error                           { return nil }

// Two that come to wait for each other do not both wait for ever: one at least is told, and the other hears of it from that
// one, or gets its answer.
func TestTwoLoadsThatWaitForEachOtherEnd(t *testing.T) {
	for _, batch := range []bool{false, true} {
		t.Run(fmt.Sprintf("in batches %v", batch), func(t *testing.T) {
			onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
				load := loadsBy(s, map[string]string{"a": "b", "b": "a"}, batch)
				errs := make(chan error, 2)
				for _, key := range []string{"a", "b"} {
					go func() {
						_, err := s.Get(t.Context(), key, load)
						errs <- err
					}()
				}
				isError(t, errors.Join(<-errs, <-errs), cache.ErrRecursive)
			})
		})
	}
}

func TestTwoLoadsOfTwoScopesThatWaitForEachOtherEnd(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, a *cache.Scope[string]) {
		b := newScope(t, &fencedFake{}, nil)
		cross := func(to *cache.Scope[string]) cache.Loader[string] {
			return func(ctx context.Context, key string) (string, error) {
				time.Sleep(time.Second)
				return to.Get(ctx, key, never(t))
			}
		}
		errs := make(chan error, 2)
		for _, load := range []func() (string, error){
			func() (string, error) { return a.Get(t.Context(), "k", cross(b)) },
			func() (string, error) { return b.Get(t.Context(), "k", cross(a)) },
		} {
			go func() {
				_, err := load()
				errs <- err
			}()
		}
		isError(t, errors.Join(<-errs, <-errs), cache.ErrRecursive)
	})
}

// Who is a part of a load may ask for anything that does not wait for it, and for the same thing several times at once.
func TestALoaderMayAskForWhatDoesNotWaitForIt(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		leaf := func(_ context.Context, key string) (string, error) {
			time.Sleep(time.Second)
			return "of " + key, nil
		}
		tree := func(ctx context.Context, _ string) (string, error) {
			parts := make(chan string, 4)
			for _, key := range []string{"leaf 1", "leaf 2", "leaf 1", "leaf 3"} {
				go func() {
					v, err := s.Get(ctx, key, leaf)
					if err != nil {
						t.Error(err)
					}
					parts <- v
				}()
			}
			all := 0
			for range cap(parts) {
				all += len(<-parts)
			}
			return fmt.Sprint(all), nil
		}
		for _, key := range []string{"tree 1", "tree 2"} {
			go s.Get(t.Context(), key, tree)
		}
		v, err := s.Get(t.Context(), "tree 3", tree)
		noError(t, err)
		equal(t, "36", v)
		synctest.Wait()
		equal(t, uint64(6), s.Stats().Loads)
	})
}

// a waited for b, and does not any more: so b may wait for a.
func TestWhatHasCeasedToWaitIsNoPartOfACircle(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		b := func(ctx context.Context, _ string) (string, error) {
			time.Sleep(10 * time.Second)
			return s.Get(ctx, "a", never(t))
		}
		a := func(ctx context.Context, _ string) (string, error) {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := s.Get(short, "b", b)
			time.Sleep(time.Minute)
			return "a without b", err2nil(err, context.DeadlineExceeded)
		}
		go s.Get(t.Context(), "a", a)
		synctest.Wait()
		v, err := s.Get(t.Context(), "b", never(t))
		noError(t, err)
		equal(t, "a without b", v)
	})
}

// err2nil is nil if err is what was expected.
func err2nil(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("got %w, want %w", err, want)
}

// A batch of which one key could not be read waits for the load of that key that runs, which must not wait for the batch.
func TestALoadWaitsForNothingThatWaitsForItToEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newScope(t, &fencedFake{unread: func(key string) bool { return key == "a" }}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		go s.Get(ctx, "a", func(ctx context.Context, _ string) (string, error) {
			time.Sleep(time.Second)
			return s.Get(ctx, "b", gives("b of a"))
		})
		synctest.Wait()
		began := time.Now()
		got, err := getMany(ctx, s, givesAll("v"), "a", "b")
		noError(t, err)
		equal(t, time.Second, time.Since(began)) // and not when the context of both ends
		equal(t, map[string]string{"a": "v", "b": "v"}, got)
	})
}
