package cachetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// naive is what is often written: a look, a load that those share who come meanwhile, a store; and a delete.
type naive struct {
	p    cache.Provider[Value]
	opts *cache.Options
	mu   sync.Mutex
	runs map[string]*run
}

type run struct {
	done chan struct{}
	v    Value
	err  error
}

func (s *naive) Get(ctx context.Context, key string, load cache.Loader[Value]) (v Value, err error) {
	hit := false
	err = s.p.Get(ctx, name, []string{key}, func(_ int, e cache.Entry[Value]) { v, hit = e.Value, true })
	if err != nil || hit {
		return v, err
	}
	s.mu.Lock()
	r := s.runs[key]
	if r != nil {
		s.mu.Unlock()
		<-r.done
		return r.v, r.err
	}
	r = &run{done: make(chan struct{})}
	s.runs[key] = r
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.runs, key)
		close(r.done)
	}()
	if r.v, r.err = load(ctx, key); r.err == nil {
		r.err = s.p.Set(ctx, name, []cache.Item[Value]{{Key: key, Entry: cache.Entry[Value]{Value: r.v}, TTL: s.ttl()}})
	}
	return r.v, r.err
}

func (s *naive) ttl() (ttl time.Duration) {
	if ttl = s.opts.TTL; ttl == 0 {
		ttl = cache.DefaultTTL
	}
	return ttl
}

func (s *naive) GetMany(ctx context.Context, keys []string, load cache.BatchLoader[Value], found func(string, Value)) error {
	hits := map[string]bool{}
	err := s.p.Get(ctx, name, keys, func(i int, e cache.Entry[Value]) {
		hits[keys[i]] = true
		found(keys[i], e.Value)
	})
	missing := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return hits[key] })
	if err != nil || len(missing) == 0 {
		return err
	}
	var items []cache.Item[Value]
	err = load(ctx, missing, func(key string, v Value) {
		items = append(items, cache.Item[Value]{Key: key, Entry: cache.Entry[Value]{Value: v}, TTL: s.ttl()})
		found(key, v)
	})
	if err != nil {
		return err
	}
	return s.p.Set(ctx, name, items)
}

func (s *naive) Invalidate(ctx context.Context, keys ...string) error {
	return s.p.Delete(ctx, name, keys)
}

func (s *naive) InvalidatePrefix(ctx context.Context, prefix string) error {
	return s.p.(cache.Prefixed).DeletePrefix(ctx, name, prefix)
}

func TestWhatIsOftenWrittenKeepsFewOfTheLaws(t *testing.T) {
	b := broken{harnessed: func(h *Harness) {
		h.scope = func(p cache.Provider[Value], _ string, opts *cache.Options) (scope, error) {
			return &naive{p: p, opts: opts, runs: map[string]*run{}}, nil
		}
	}}
	var kept []string
	for _, l := range slices.Concat(invalidationLaws, processLaws, sharingLaws, waitingLaws, loaderLaws, outageLaws) {
		if failed, _ := verdict(t, l, b); !failed {
			kept = append(kept, l.name)
		}
	}
	want := []string{
		"what is kept is given up when it is invalidated",
		"what is kept is given up when its prefix is invalidated",
		"a key at rest takes no memory",
		"what one process stored another one reads",
		"what is kept is not loaded again",
		"what is kept is loaded again when its TTL is over",
		"an error of a loader goes to all who wait, and is not kept",
		"that there is nothing is not kept without NegativeTTL",
	}
	if !slices.Equal(kept, want) {
		t.Errorf("the laws that are kept are\n\t%s\nwant\n\t%s", strings.Join(kept, "\n\t"), strings.Join(want, "\n\t"))
	}
}
