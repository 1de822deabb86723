package cache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

func TestStatsCountEachPath(t *testing.T) {
	ctx := context.Background()
	nothing := func(context.Context, string) (string, error) { return "", cache.ErrNotFound }
	fails := func(context.Context, string) (string, error) { return "", errDown }
	cases := []struct {
		name string
		do   func(s *cache.Scope[string]) error
		want cache.Stats
	}{
		{"nothing", func(*cache.Scope[string]) error { return nil }, cache.Stats{}},
		{"a miss", func(s *cache.Scope[string]) error {
			_, err := s.Get(ctx, "k", gives("v"))
			return err
		}, cache.Stats{Misses: 1, Loads: 1}},
		{"a hit", func(s *cache.Scope[string]) error {
			_, err := s.Get(ctx, "k", gives("v"))
			_, again := s.WithTTL(time.Second).Get(ctx, "k", gives("v")) // which is the same scope
			return errors.Join(err, again)
		}, cache.Stats{Hits: 1, Misses: 1, Loads: 1}},
		{"nothing there, and again from what is kept", func(s *cache.Scope[string]) error {
			_, err := s.Get(ctx, "k", nothing)
			_, again := s.Get(ctx, "k", nothing)
			return errors.Join(err2nil(err, cache.ErrNotFound), err2nil(again, cache.ErrNotFound))
		}, cache.Stats{Hits: 1, Misses: 1, Loads: 1}},
		{"a load that fails", func(s *cache.Scope[string]) error {
			_, err := s.Get(ctx, "k", fails)
			return err2nil(err, errDown)
		}, cache.Stats{Misses: 1, Loads: 1, LoadErrors: 1}},
		{"a load that panics", func(s *cache.Scope[string]) error {
			_, err := s.Get(ctx, "k", func(context.Context, string) (string, error) { panic(errDown) })
			return err2nil(err, errDown)
		}, cache.Stats{Misses: 1, Loads: 1, LoadErrors: 1}},
		{"a batch, of which one key is there", func(s *cache.Scope[string]) error {
			_, err := s.Get(ctx, "a", gives("v"))
			_, many := getMany(ctx, s, givesAll("v"), "a", "b", "c", "b")
			return errors.Join(err, many)
		}, cache.Stats{Hits: 1, Misses: 4, Loads: 2}},
		{"a batch of hits", func(s *cache.Scope[string]) error {
			_, err := getMany(ctx, s, givesAll("v"), "a", "b")
			_, again := getMany(ctx, s, givesAll("v"), "a", "b")
			return errors.Join(err, again)
		}, cache.Stats{Hits: 2, Misses: 2, Loads: 1}},
		{"a batch that fails", func(s *cache.Scope[string]) error {
			_, err := getMany(ctx, s, func(context.Context, []string, func(string, string)) error { return errDown }, "a", "b")
			return err2nil(err, errDown)
		}, cache.Stats{Misses: 2, Loads: 1, LoadErrors: 1}},
		{"invalidations", func(s *cache.Scope[string]) error {
			return errors.Join(
				s.Invalidate(ctx, "a", "b"), s.Invalidate(ctx, "a"), s.InvalidatePrefix(ctx, "a:"), s.InvalidatePrefix(ctx, ""),
			)
		}, cache.Stats{Invalidations: 4}},
		{"an invalidation of what is being loaded", func(s *cache.Scope[string]) error {
			_, err := getMany(ctx, s, func(ctx context.Context, keys []string, found func(string, string)) error {
				return errors.Join(givesAll("v")(ctx, keys, found), s.Invalidate(ctx, "a", "c"))
			}, "a", "b")
			return err
		}, cache.Stats{Misses: 2, Loads: 1, Stale: 1, Invalidations: 1}},
		{"a key that nobody asked for", func(s *cache.Scope[string]) error {
			_, err := getMany(ctx, s, func(_ context.Context, _ []string, found func(string, string)) error {
				found("x", "v")
				return nil
			}, "a")
			return err
		}, cache.Stats{Misses: 1, Loads: 1, Errors: 1}},
		{"followers of a load, one of whom leaves", func(s *cache.Scope[string]) error {
			slow := func(context.Context, string) (string, error) {
				time.Sleep(time.Second)
				return "v", nil
			}
			for range 3 {
				go s.Get(ctx, "k", slow)
			}
			synctest.Wait()
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			_, err := s.Get(short, "k", slow)
			time.Sleep(time.Second)
			return err2nil(err, context.DeadlineExceeded)
		}, cache.Stats{Misses: 4, Loads: 1}},
		{"a load that all have left", func(s *cache.Scope[string]) error {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := s.Get(short, "k", func(context.Context, string) (string, error) {
				time.Sleep(10 * time.Second)
				return "v", nil
			})
			time.Sleep(20 * time.Second)
			return err2nil(err, context.DeadlineExceeded)
		}, cache.Stats{Misses: 1, Loads: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEachProvider(t, &cache.Options{NegativeTTL: time.Hour}, func(t *testing.T, s *cache.Scope[string]) {
				noError(t, c.do(s))
				equal(t, c.want, s.Stats())
			})
		})
	}
}

// A fenced provider refuses what another process has invalidated, and that is counted as what one has invalidated oneself.
func TestStatsCountWhatTheFenceRefuses(t *testing.T) {
	f := &fencedFake{}
	s, other := newScope(t, f, nil), newScope(t, f, nil)
	_, err := getMany(t.Context(), s, func(ctx context.Context, keys []string, found func(string, string)) error {
		return errors.Join(givesAll("v")(ctx, keys, found), other.Invalidate(ctx, "a"), other.InvalidatePrefix(ctx, "b:"))
	}, "a", "b:b", "c")
	noError(t, err)
	equal(t, cache.Stats{Misses: 3, Loads: 1, Stale: 2}, s.Stats())
	equal(t, cache.Stats{Invalidations: 2}, other.Stats())
	equal(t, map[string]string{"things:c": "v"}, f.has())
}
