package engine

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
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
// the system has, so that no answer depends on what becomes of an invalidation. Versions are each store's own: the keys
// begin with what tells the store from others.

const (
	// sharedTTL is for how long the cache may keep a system that nobody writes about.
	sharedTTL = 5 * time.Minute

	// respite is for how long the cache is left alone when it could not be read; then one question tries again.
	respite = time.Second
)

// sharedCache is what an Engine has of Options.Cache; nil: there is none.
type sharedCache struct {
	scope    *cache.Scope[[]byte]
	identity atomic.Pointer[string] // of the store; nil: not known yet
	made     time.Time
	failures atomic.Int64 // of reads
	away     atomic.Int64 // since made, until when it is left alone; 0: it is not

	mu      sync.Mutex
	written map[string]struct{} // systems that are to be invalidated
	wake    chan struct{}
}

func newSharedCache(provider cache.Provider[[]byte], failed func(doing string, err error)) (*sharedCache, error) {
	if provider == nil {
		return nil, nil
	}
	c := &sharedCache{made: time.Now(), written: map[string]struct{}{}, wake: make(chan struct{}, 1)}
	var err error
	c.scope, err = cache.NewScope(provider, "slo:history:", &cache.Options{TTL: sharedTTL, OnError: func(err error) {
		if op, ok := errors.AsType[*cache.OpError](err); ok && op.Op == "read" && !errors.Is(err, cache.ErrUnreadable) {
			c.leaveAlone()
		}
		failed("shared cache", err)
	}})
	return c, err
}

func (c *sharedCache) leaveAlone() {
	c.failures.Add(1)
	c.away.Store(int64(time.Since(c.made) + respite))
}

// try reports whether it may be read, and what to call afterwards. Of those who come when it has been left alone one may.
func (c *sharedCache) try() (tried func(), may bool) {
	until, failures := c.away.Load(), c.failures.Load()
	if until == 0 {
		return func() {}, true
	}
	now := int64(time.Since(c.made))
	if now < until || !c.away.CompareAndSwap(until, now+int64(respite)) {
		return nil, false
	}
	return func() {
		if c.failures.Load() == failures {
			c.away.Store(0)
		}
	}, true
}

// key is a system's ID, without a separator, of which an ID may have any number, behind the store's identity.
func (c *sharedCache) key(identity, id string) string {
	return identity + cache.Separator + strings.ReplaceAll(strings.ReplaceAll(id, "%", "%25"), cache.Separator, "%3A")
}

// invalidate has systems invalidated that were written. Nobody waits for it: a server that does not answer must not hold up
// those who write, and who reads looks at the version.
func (c *sharedCache) invalidate(keys []storage.VersionKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if key.Kind == versionSystem {
			c.written[key.ID] = struct{}{}
		}
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// runShared gives the store an identity, and then invalidates until the Engine is closed.
func (e *Engine) runShared() {
	c := e.shared
	for pause := e.poll; c.identity.Load() == nil; pause = min(2*pause, time.Hour) { // a store may refuse all writes
		err := e.makeIdentity(e.ctx)
		if err == nil {
			continue
		}
		e.failed("identify the store", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
	}
	for {
		select {
		case <-e.ctx.Done():
		case <-c.wake:
		}
		if e.ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		written := c.written
		c.written = map[string]struct{}{}
		c.mu.Unlock()
		if c.away.Load() != 0 {
			continue
		}
		keys := make([]string, 0, len(written))
		for id := range written {
			keys = append(keys, c.key(*c.identity.Load(), id))
		}
		e.failed("invalidate histories", c.scope.Invalidate(e.ctx, keys...))
	}
}

var identityKey = storage.Key{Kind: recordStore, ID: "identity"}

// makeIdentity finds out what tells the store from others, or decides it.
func (e *Engine) makeIdentity(ctx context.Context) error {
	err := e.store.InTx(ctx, func(ctx context.Context) error {
		_, err := e.store.Add(ctx, []storage.Record{{Key: identityKey, Data: []byte(rand.Text())}})
		return err
	})
	if err != nil {
		return err
	}
	return e.readIdentity(ctx)
}

func (e *Engine) readIdentity(ctx context.Context) error {
	for record, err := range e.store.Get(ctx, []storage.Key{identityKey}) {
		if err != nil {
			return err
		}
		identity := string(record.Data)
		e.shared.identity.Store(&identity)
	}
	return nil
}

// readShared reads systems through the shared cache, each at its version, into found, and returns the others: those whose
// bytes are of another version, or cannot be read. An error is none of it.
func (e *Engine) readShared(ctx context.Context, ids []string, versions []int64, found map[string]*system) (others []string) {
	c := e.shared
	if c.identity.Load() == nil {
		if err := e.readIdentity(ctx); err != nil || c.identity.Load() == nil {
			return ids
		}
	}
	identity := *c.identity.Load()
	version := make(map[string]int64, len(ids)) // by key, as all of these
	byKey := make(map[string]string, len(ids))
	keys := make([]string, 0, len(ids))
	for i, id := range ids {
		if versions[i] == 0 { // there is not a fact
			continue
		}
		key := c.key(identity, id)
		keys = append(keys, key)
		version[key], byKey[key] = versions[i], id
	}
	if len(keys) == 0 {
		return ids
	}
	tried, may := c.try()
	if !may {
		return ids
	}
	var mu sync.Mutex // whoever gives up does not wait for the load
	loaded := map[string]*system{}
	var kept []sharedBytes
	// Of an error the store will be asked again, in the end by who asks here.
	_ = c.scope.GetMany(ctx, keys, func(ctx context.Context, keys []string, give func(string, []byte)) error {
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
	if errors.Is(ctx.Err(), context.DeadlineExceeded) { // which may be all that is ever heard of a silent server
		c.leaveAlone()
	}
	tried()
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
		case s == nil || s.version < version[key]:
			older = append(older, systemVersion(byKey[key]))
		}
	}
	if len(older) > 0 {
		c.invalidate(older)
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return found[id] != nil })
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
