package cache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

func TestBadInputIsAnErrorThatNamesItAndNothingIsDone(t *testing.T) {
	f := &fencedFake{}
	s := newScope(t, f, &cache.Options{OnError: func(err error) { t.Error(err) }})
	get := func(s *cache.Scope[string], key string, load cache.Loader[string]) error {
		_, err := s.Get(t.Context(), key, load)
		return err
	}
	many := func(s *cache.Scope[string], keys ...string) error {
		return s.GetMany(t.Context(), keys, func(context.Context, []string, func(string, string)) error {
			t.Error("the loader was called")
			return nil
		}, func(string, string) { t.Error("something was found") })
	}
	long, deep := strings.Repeat("x", cache.MaxKey+1), "a:b:c:d:e:f"
	bounds := fmt.Sprintf("want 1 to %d bytes", cache.MaxKey)
	empty := `key "": ` + bounds
	tooLong, tooDeep := fmt.Sprintf("(%d bytes): %s", len(long), bounds), `"a:b:c:d:e:f": want at most 4 of ":", not 5`
	cases := []struct {
		name string
		err  error
		want string
	}{
		{"Get of an empty key", get(s, "", never(t)), empty},
		{"Get of a key that is too long", get(s, long, never(t)), tooLong},
		{"Get of a key with five separators", get(s, deep, never(t)), "key " + tooDeep},
		{"Get without a loader", get(s, "k", nil), "load nil"},
		{"Get with a TTL below 0", get(s.WithTTL(-1), "k", never(t)), "TTL -1ns: want 0 to 8760h0m0s"},
		{"Get with a TTL that is too large", get(s.WithTTL(cache.MaxTTL+1), "k", never(t)), "TTL 8760h0m0.000000001s"},
		{"GetMany with an empty key", many(s, "k", ""), empty},
		{"GetMany with a key that is too long", many(s, "k", long), tooLong},
		{"GetMany with a key with five separators", many(s, deep, "k"), "key " + tooDeep},
		{"GetMany with a TTL below 0", many(s.WithTTL(-time.Hour), "k"), "TTL -1h0m0s"},
		{"GetMany with a TTL that is too large", many(s.WithTTL(cache.MaxTTL+1), "k"), "TTL 8760h0m0.000000001s"},
		{"GetMany without a loader", s.GetMany(t.Context(), []string{"k"}, nil, func(string, string) {}), "load nil"},
		{"GetMany without a function that is told", s.GetMany(t.Context(), []string{"k"}, givesAll("v"), nil), "found nil"},
		{"Invalidate of an empty key", s.Invalidate(t.Context(), "k", ""), empty},
		{"Invalidate of a key that is too long", s.Invalidate(t.Context(), long), tooLong},
		{"Invalidate of a key with five separators", s.Invalidate(t.Context(), deep), "key " + tooDeep},
		{"a prefix without its separator", s.InvalidatePrefix(t.Context(), "a:b"), `prefix "a:b": want one that ends in ":"`},
		{"a prefix with five separators", s.InvalidatePrefix(t.Context(), "a:b:c:d:e:"), `prefix "a:b:c:d:e:": want at most 4`},
		{"a prefix that is too long", s.InvalidatePrefix(t.Context(), long+":"), "prefix \"xxx"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			isError(t, c.err, cache.ErrInvalid)
			says(t, c.err, c.want)
		})
	}
	none(t, f.calls())
	equal(t, cache.Stats{}, s.Stats())
}

func TestBadOptionsOfAScopeAreErrorsThatNameThem(t *testing.T) {
	f := &fake{}
	cases := []struct {
		name     string
		provider cache.Provider[string]
		scope    string
		opts     *cache.Options
		want     string
	}{
		{"no provider", nil, "a:", nil, "provider nil"},
		{"a provider that is a nil pointer", (*cache.Memory[string])(nil), "a:", nil, "provider nil"},
		{"a name without its separator", f, "a", nil, `name "a": want 2 to 256 bytes`},
		{"an empty name", f, "", nil, `name "": want`},
		{"a name that is a separator alone", f, ":", nil, `name ":": want`},
		{"a name that is too long", f, strings.Repeat("x", cache.MaxName) + ":", nil, "(257 bytes): want 2 to 256 bytes"},
		{"a TTL below 0", f, "a:", &cache.Options{TTL: -time.Second}, "TTL -1s: want 0 to 8760h0m0s"},
		{"a TTL that is too large", f, "a:", &cache.Options{TTL: cache.MaxTTL + 1}, "TTL 8760h0m0.000000001s"},
		{"a NegativeTTL below 0", f, "a:", &cache.Options{NegativeTTL: -1}, "NegativeTTL -1ns: want"},
		{"a NegativeTTL that is too large", f, "a:", &cache.Options{NegativeTTL: cache.MaxTTL + 1}, "NegativeTTL 8760h0m0.000000001s"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := cache.NewScope(c.provider, c.scope, c.opts)
			isError(t, err, cache.ErrInvalid)
			says(t, err, c.want)
			equal(t, true, s == nil)
		})
	}
	none(t, f.calls())
}

func TestBadOptionsOfAMemoryAreErrorsThatNameThem(t *testing.T) {
	one := func(string, string) int64 { return 1 }
	cases := []struct {
		name string
		opts cache.MemoryOptions[string]
		want string
	}{
		{"MaxEntries below 0", cache.MemoryOptions[string]{MaxEntries: -1}, "MaxEntries -1: want 0 or more"},
		{"MaxCost below 0", cache.MemoryOptions[string]{MaxCost: -5, Cost: one}, "MaxCost -5: want 0 to 1<<50"},
		{"MaxCost without Cost", cache.MemoryOptions[string]{MaxCost: 5}, "Cost nil: want a function"},
		{"Cost without MaxCost", cache.MemoryOptions[string]{Cost: one}, "MaxCost 0: want more than 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) { // which fails where a clock was started
				m, err := cache.NewMemory(&c.opts)
				isError(t, err, cache.ErrInvalid)
				says(t, err, c.want)
				equal(t, true, m == nil)
			})
		})
	}
}

func TestTheLargestOfEachInputIsAllowed(t *testing.T) {
	onEachProvider(t, &cache.Options{TTL: cache.MaxTTL, NegativeTTL: cache.MaxTTL}, func(t *testing.T, s *cache.Scope[string]) {
		for _, key := range []string{strings.Repeat("x", cache.MaxKey), "a:b:c:d:e", "::::", ":", "\x00\xff"} {
			_, err := s.WithTTL(cache.MaxTTL).Get(t.Context(), key, gives("v"))
			noError(t, err)
			v, err := s.Get(t.Context(), key, never(t))
			noError(t, err)
			equal(t, "v", v)
			noError(t, s.Invalidate(t.Context(), key))
			v, err = s.Get(t.Context(), key, gives("new"))
			noError(t, err)
			equal(t, "new", v)
		}
		for _, prefix := range []string{"", ":", "a:", "a:b:c:d:", strings.Repeat("x", cache.MaxKey-1) + ":"} {
			noError(t, s.InvalidatePrefix(t.Context(), prefix))
		}
	})
	name := strings.Repeat("x", cache.MaxName-1) + ":"
	_, err := cache.NewScope[string](&fake{}, name, nil)
	noError(t, err)
}

// A TTL is out of bounds also for what is kept already, of which nothing is loaded.
func TestATTLOutOfBoundsIsInvalidForAHitToo(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		_, err := s.Get(t.Context(), "k", gives("v"))
		noError(t, err)
		for _, ttl := range []time.Duration{-1, cache.MaxTTL + 1} {
			_, err = s.WithTTL(ttl).Get(t.Context(), "k", never(t))
			isError(t, err, cache.ErrInvalid)
			_, err = getMany(t.Context(), s.WithTTL(ttl), givesAll("v"), "k")
			isError(t, err, cache.ErrInvalid)
		}
		v, err := s.WithTTL(0).Get(t.Context(), "k", never(t))
		noError(t, err)
		equal(t, "v", v)
	})
}

func TestInvalidatePrefixWithAProviderThatCannotIsErrNoPrefixes(t *testing.T) {
	f := &fake{}
	s := newScope[string](t, struct{ cache.Provider[string] }{f}, nil)
	isError(t, s.InvalidatePrefix(t.Context(), "a:"), cache.ErrNoPrefixes)
	isError(t, s.InvalidatePrefix(t.Context(), "a"), cache.ErrInvalid)
	none(t, f.calls())
	equal(t, cache.Stats{}, s.Stats())
}

func TestNoKeysAreNothingToDo(t *testing.T) {
	f := &fake{}
	s := newScope(t, f, nil)
	got, err := getMany(t.Context(), s, givesAll("v"))
	noError(t, err)
	equal(t, map[string]string{}, got)
	noError(t, s.Invalidate(t.Context()))
	none(t, f.calls())
}

func TestAContextThatHasEndedReadsAndLoadsNothing(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		_, err := s.Get(t.Context(), "kept", gives("v"))
		noError(t, err)
		before := s.Stats()
		for _, ended := range []struct {
			make func() (context.Context, context.CancelFunc)
			err  error
		}{
			{func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), -1) }, context.DeadlineExceeded},
			{func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				return ctx, cancel
			}, context.Canceled},
		} {
			ctx, cancel := ended.make()
			for _, key := range []string{"kept", "other"} {
				_, err := s.Get(ctx, key, never(t))
				isError(t, err, ended.err)
			}
			got, err := getMany(ctx, s, func(context.Context, []string, func(string, string)) error {
				t.Error("the loader was called")
				return nil
			}, "kept", "other")
			isError(t, err, ended.err)
			equal(t, map[string]string{}, got)
			cancel()
		}
		equal(t, before, s.Stats())
	})
}

func TestInvalidateIsDoneThoughItsContextHasEnded(t *testing.T) {
	onEachProvider(t, nil, func(t *testing.T, s *cache.Scope[string]) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for _, invalidate := range []func() error{
			func() error { return s.Invalidate(ended, "a:k") },
			func() error { return s.InvalidatePrefix(ended, "a:") },
			func() error { return s.InvalidatePrefix(ended, "") },
		} {
			_, err := s.Get(t.Context(), "a:k", gives("old"))
			noError(t, err)
			noError(t, invalidate())
			v, err := s.Get(t.Context(), "a:k", gives("new"))
			noError(t, err)
			equal(t, "new", v)
			noError(t, s.Invalidate(ended, "a:k"))
		}
	})
}

// The provider hears a context that lives and has the values of the one that has ended.
func TestTheProviderIsGivenTheValuesOfTheContextOfAnInvalidation(t *testing.T) {
	type name struct{}
	f := &fake{}
	var heard []any
	f.before = func(ctx context.Context, op string, _ []string) error {
		heard = append(heard, op, ctx.Value(name{}), ctx.Err())
		return nil
	}
	s := newScope(t, f, nil)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), name{}, "Ada"))
	cancel()
	noError(t, s.Invalidate(ctx, "k"))
	noError(t, s.InvalidatePrefix(ctx, ""))
	equal(t, []any{"delete", "Ada", nil, "delete prefix", "Ada", nil}, heard)
}

func TestScopesOfOtherNamesOnOneProviderDoNotMeet(t *testing.T) {
	for _, provider := range []cache.Provider[string]{newMemory[string](t, nil), &fencedFake{}} {
		a, err := cache.NewScope(provider, "a:", nil)
		noError(t, err)
		ab, err := cache.NewScope(provider, "b:", nil)
		noError(t, err)
		for _, s := range []*cache.Scope[string]{a, ab} {
			v, err := s.Get(t.Context(), "k:1", gives(map[bool]string{true: "of a", false: "of b"}[s == a]))
			noError(t, err)
			equal(t, map[bool]string{true: "of a", false: "of b"}[s == a], v)
		}
		noError(t, a.InvalidatePrefix(t.Context(), ""))
		v, err := ab.Get(t.Context(), "k:1", never(t))
		noError(t, err)
		equal(t, "of b", v)
	}
}
