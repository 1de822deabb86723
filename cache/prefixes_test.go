package cache_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/cache"
)

// prefixesOf is Prefixes, slowly: of all beginnings of a key those that are empty or end in a separator.
func prefixesOf(key string) []string {
	var prefixes []string
	for i := range len(key) + 1 {
		if begin := key[:i]; begin == "" || begin[i-1] == ':' {
			prefixes = append(prefixes, begin)
		}
	}
	return prefixes
}

func TestPrefixes(t *testing.T) {
	for key, want := range map[string][]string{
		"":            {""},
		"k":           {""},
		"system:eu:7": {"", "system:", "system:eu:"},
		"a:":          {"", "a:"},
		"::":          {"", ":", "::"},
		"é:ü":         {"", "é:"},
	} {
		equal(t, want, slices.Collect(cache.Prefixes(key)))
		equal(t, want, prefixesOf(key))
	}
	for prefix := range cache.Prefixes("a:b:c") { // which may be left early
		if equal(t, "", prefix); prefix == "" {
			break
		}
	}
}

// A key is allowed or not by its bytes and separators alone, and what a prefix of it invalidates is loaded again.
func FuzzKeys(f *testing.F) {
	for _, key := range []string{
		"", "k", "a:b:c:d:e", "a:b:c:d:e:f", ":::::", "system:eu:7", "\xff:\x00", strings.Repeat("x", cache.MaxKey+1),
	} {
		f.Add(key)
	}
	m := newMemory[string](f, nil)
	f.Fuzz(func(t *testing.T, key string) {
		prefixes := prefixesOf(key)
		equal(t, prefixes, slices.Collect(cache.Prefixes(key)))
		allowed := key != "" && len(key) <= cache.MaxKey && len(prefixes) <= 1+cache.MaxSeparators
		for _, provider := range []cache.Provider[string]{m, &fake{}, &fencedFake{}} {
			s := newScope(t, provider, nil)
			v, err := s.Get(t.Context(), key, gives("old"))
			_, errMany := getMany(t.Context(), s, givesAll("old"), key)
			invalidate := s.Invalidate(t.Context(), key)
			if !allowed {
				for _, err := range []error{err, errMany, invalidate} {
					isError(t, err, cache.ErrInvalid)
				}
				equal(t, "", v)
				equal(t, cache.Stats{}, s.Stats())
				continue
			}
			noError(t, errors.Join(err, errMany, invalidate))
			for _, prefix := range prefixes {
				for i, want := range []string{"new", "newer"} {
					v, err := s.Get(t.Context(), key, gives(want))
					noError(t, err)
					equal(t, "new", v)
					if i == 1 {
						noError(t, s.InvalidatePrefix(context.Background(), prefix))
					}
				}
			}
			v, err = s.Get(t.Context(), key, gives("newest"))
			noError(t, err)
			equal(t, "newest", v)
			noError(t, s.Invalidate(t.Context(), key))
		}
		refused := errors.Is(newScope(t, m, nil).InvalidatePrefix(t.Context(), key), cache.ErrInvalid)
		equal(t, key == "" || strings.HasSuffix(key, ":") && allowed, !refused)
	})
}
