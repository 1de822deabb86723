package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/storage"
)

// A cache that processes share holds what was made of a system's facts, under the system's ID: the same bytes as a store may
// keep beside the facts, with the version and the name. What is found there counts only at the version that the store says
// the system has, so that no answer depends on what becomes of an invalidation.

// respite is for how long the cache is left alone when it has failed, so that not each question waits for it to fail again.
const respite = time.Second

// sharedTTL is for how long the cache may keep a system that nobody writes about.
const sharedTTL = time.Hour

// sharedCache is what an Engine has of Options.Cache; nil: there is none.
type sharedCache struct {
	scope *cache.Scope[[]byte]
	away  atomic.Int64 // until when it is left alone, in nanoseconds since 1970

	mu      sync.Mutex
	written map[string]struct{} // systems that are to be invalidated
	wake    chan struct{}
}

func newSharedCache(provider cache.Provider[[]byte], onError func(error)) (*sharedCache, error) {
	if provider == nil {
		return nil, nil
	}
	c := &sharedCache{written: map[string]struct{}{}, wake: make(chan struct{}, 1)}
	var err error
	c.scope, err = cache.NewScope(provider, "slo:history:", &cache.Options{TTL: sharedTTL, OnError: func(err error) {
		if !errors.Is(err, cache.ErrUnreadable) {
			c.away.Store(time.Now().Add(respite).UnixNano())
		}
		onError(err)
	}})
	return c, err
}

// cacheKey is a system's ID without a separator in it, of which an ID may have any number.
func cacheKey(id string) string {
	return strings.ReplaceAll(strings.ReplaceAll(id, "%", "%25"), cache.Separator, "%3A")
}

// invalidate has systems invalidated that were written. Nobody waits for it: a server that does not answer must not hold up
// those who write, and who reads looks at the version.
func (c *sharedCache) invalidate(keys []storage.VersionKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if key.Kind == versionSystem {
			c.written[cacheKey(key.ID)] = struct{}{}
		}
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run invalidates until ctx ends.
func (c *sharedCache) run(ctx context.Context, failed func(doing string, err error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		c.mu.Lock()
		written := c.written
		c.written = map[string]struct{}{}
		c.mu.Unlock()
		if err := c.scope.Invalidate(ctx, slices.Sorted(maps.Keys(written))...); err != nil {
			failed("invalidate histories", err)
		}
	}
}

// readShared reads systems through the shared cache, each at its version, and returns the others: those whose bytes are of
// another version, or cannot be read. An error is none of it: they are all among the others then.
func (e *Engine) readShared(ctx context.Context, ids []string, versions []int64, found map[string]*system) (others []string) {
	c := e.shared
	if time.Now().UnixNano() < c.away.Load() {
		return ids
	}
	version := make(map[string]int64, len(ids)) // by key, as all of these
	byKey := make(map[string]string, len(ids))
	keys := make([]string, 0, len(ids))
	for i, id := range ids {
		if versions[i] == 0 { // there is not a fact
			others = append(others, id)
			continue
		}
		key := cacheKey(id)
		keys = append(keys, key)
		version[key], byKey[key] = versions[i], id
	}
	var mu sync.Mutex // whoever gives up does not wait for the load
	loaded := map[string]*system{}
	var kept []sharedBytes
	err := c.scope.GetMany(ctx, keys, func(ctx context.Context, keys []string, give func(string, []byte)) error {
		ids, versions := make([]string, len(keys)), make([]int64, len(keys))
		for i, key := range keys {
			ids[i], versions[i] = byKey[key], version[key]
		}
		systems, err := e.readStored(ctx, ids, versions)
		if err != nil {
			return err
		}
		for _, key := range keys {
			s := systems[byKey[key]]
			data, err := s.sharedData()
			if err != nil {
				return err
			}
			give(key, data)
		}
		mu.Lock()
		defer mu.Unlock()
		loaded = systems
		return nil
	}, func(key string, data []byte) { kept = append(kept, sharedBytes{key, data}) })
	if err != nil {
		return ids
	}
	mu.Lock()
	defer mu.Unlock()
	list := make([]*system, len(kept))
	eachPart(len(kept), func(i int) {
		key := kept[i].key
		if list[i] = loaded[byKey[key]]; list[i] == nil {
			list[i] = readSharedData(byKey[key], kept[i].data)
		}
	})
	var older []storage.VersionKey
	for i, s := range list {
		key := kept[i].key
		switch {
		case s != nil && s.version == version[key]:
			found[s.id] = s
			continue
		case s == nil || s.version < version[key]:
			older = append(older, systemVersion(byKey[key]))
		}
		others = append(others, byKey[key])
	}
	if len(older) > 0 {
		c.invalidate(older)
	}
	return others
}

type sharedBytes struct {
	key  string
	data []byte
}

// sharedVersion is the first byte of what the shared cache holds. Another one is not read, so the form may change at will.
const sharedVersion = 1

// sharedData is the system as the shared cache holds it, with a checksum at the end.
func (s *system) sharedData() ([]byte, error) {
	data, err := s.data()
	if err != nil {
		return nil, err
	}
	w := writer{append(make([]byte, 0, len(data)+len(s.name)+32), sharedVersion)}
	w.number(uint64(s.version))
	w.text(s.name)
	w.bytes(data)
	return binary.BigEndian.AppendUint32(w.data, crc32.Checksum(w.data, castagnoli)), nil
}

// readSharedData makes a system of what sharedData gave; nil: it cannot be read.
func readSharedData(id string, data []byte) *system {
	end := len(data) - crc32.Size
	if end < 1 || data[0] != sharedVersion || crc32.Checksum(data[:end], castagnoli) != binary.BigEndian.Uint32(data[end:]) {
		return nil
	}
	r := reader{data: data[1:end]}
	s := &system{id: id, version: int64(r.number())}
	s.name = r.text()
	s.remember(r.bytes())
	if s.history == nil || r.failed || len(r.data) > 0 {
		return nil
	}
	s.stored = false // of the store's own cache nothing is known
	return s
}
