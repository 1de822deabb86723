package benchmarks

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jellydator/ttlcache/v3"
	"github.com/maypok86/otter/v2"
	"github.com/viccon/sturdyc"
	"golang.org/x/sync/singleflight"

	"github.com/slokeep/slokeep/cache"
)

// user is what is kept: a small value.
type user struct {
	name string
	age  int
}

type loadUser func(ctx context.Context, key string) (user, error)

// A reader is a cache that reads through. each and many loop inside, so that no call through an interface is measured. many
// takes what is found as the library gives it: ours calls a function, which only counts here, and otter and sturdyc make a
// map. mapped is many that ends with a map of all, whoever fills it.
type reader interface {
	get(ctx context.Context, key string) (user, error)
	each(ctx context.Context, keys []string) error // one by one
	many(ctx context.Context, keys []string) error // in one call, where the library has one; all keys are there
	mapped(ctx context.Context, keys []string) (map[string]user, error)
	remove(ctx context.Context, key string) error
	close()
}

// setUp is what all are opened with. Entries are given for an hour after they were loaded, and nothing is refreshed ahead.
type setUp struct {
	capacity int // in entries
	load     loadUser

	// storing is called while a value is being stored, by a library that calls some function of the host's then. It is only
	// for the probes: a benchmark leaves it nil, and then no such function is set.
	storing func()
}

const ttl = time.Hour

// library is a way to read through.
type library struct {
	name  string
	open  func(tb testing.TB, s setUp) reader
	hooks bool // whether there is a function of the host's that is called while a value is being stored
}

var libraries = []library{
	{"slokeep", openSlokeep, true},
	{"otter", openOtter(false), true},
	{"sturdyc", openSturdyc, true},
	{"ttlcache", openTTLCache(true), true},
	{"map", openMap, false},
}

// otterCoarse is otter with a clock that moves every 20 ms, as ours does, in place of one that is read at each call.
var otterCoarse = library{"otter-coarse", openOtter(true), true}

// ttlcachePlain is ttlcache with a loader that it does not suppress: each caller who misses loads.
var ttlcachePlain = library{"ttlcache-plain", openTTLCache(false), true}

// slokeepCache has a Memory of its own, and counts, which cannot be turned off.
type slokeepCache struct {
	memory *cache.Memory[user]
	scope  *cache.Scope[user]
	load   cache.Loader[user]
}

func openSlokeep(tb testing.TB, s setUp) reader {
	opts := &cache.MemoryOptions[user]{MaxEntries: s.capacity}
	if s.storing != nil {
		opts = &cache.MemoryOptions[user]{MaxCost: int64(s.capacity), Cost: func(string, user) int64 { s.storing(); return 1 }}
	}
	memory, err := cache.NewMemory(opts)
	if err != nil {
		tb.Fatal(err)
	}
	scope, err := cache.NewScope(memory, "users:", &cache.Options{TTL: ttl})
	if err != nil {
		tb.Fatal(err)
	}
	return &slokeepCache{memory, scope, cache.Loader[user](s.load)}
}

func (c *slokeepCache) get(ctx context.Context, key string) (user, error) {
	return c.scope.Get(ctx, key, c.load)
}

func (c *slokeepCache) each(ctx context.Context, keys []string) error {
	for _, key := range keys {
		if _, err := c.scope.Get(ctx, key, c.load); err != nil {
			return err
		}
	}
	return nil
}

func (c *slokeepCache) many(ctx context.Context, keys []string) error {
	n := 0
	err := c.scope.GetMany(ctx, keys, func(context.Context, []string, func(string, user)) error { return errMiss },
		func(string, user) { n++ })
	return short(n, keys, err)
}

func (c *slokeepCache) mapped(ctx context.Context, keys []string) (map[string]user, error) {
	found := make(map[string]user, len(keys))
	err := c.scope.GetMany(ctx, keys, func(context.Context, []string, func(string, user)) error { return errMiss },
		func(key string, u user) { found[key] = u })
	return found, err
}

func (c *slokeepCache) remove(ctx context.Context, key string) error {
	return c.scope.Invalidate(ctx, key)
}
func (c *slokeepCache) close() { _ = c.memory.Close() }

// otterCache is bounded as in its README. Entries expire after they were written, as ours do; its README's own example
// is after the last access. No statistics and no refresh, as by default.
type otterCache struct {
	cache *otter.Cache[string, user]
	load  otter.Loader[string, user]
	bulk  otter.BulkLoader[string, user]
	stop  func() // stops its clock
}

func openOtter(coarse bool) func(testing.TB, setUp) reader {
	return func(tb testing.TB, s setUp) reader {
		opts := &otter.Options[string, user]{MaximumSize: s.capacity, ExpiryCalculator: otter.ExpiryWriting[string, user](ttl)}
		if s.storing != nil {
			opts.MaximumSize, opts.MaximumWeight = 0, uint64(s.capacity)
			opts.Weigher = func(string, user) uint32 { s.storing(); return 1 }
		}
		stop := func() {}
		if coarse {
			clock := otter.NewCoarseClock(20 * time.Millisecond)
			opts.Clock, stop = clock, clock.Stop
		}
		c, err := otter.New(opts)
		if err != nil {
			tb.Fatal(err)
		}
		none := func(context.Context, []string) (map[string]user, error) { return nil, errMiss }
		return &otterCache{c, otter.LoaderFunc[string, user](s.load), otter.BulkLoaderFunc[string, user](none), stop}
	}
}

func (c *otterCache) get(ctx context.Context, key string) (user, error) {
	return c.cache.Get(ctx, key, c.load)
}

func (c *otterCache) each(ctx context.Context, keys []string) error {
	for _, key := range keys {
		if _, err := c.cache.Get(ctx, key, c.load); err != nil {
			return err
		}
	}
	return nil
}

func (c *otterCache) many(ctx context.Context, keys []string) error {
	found, err := c.mapped(ctx, keys)
	return short(len(found), keys, err)
}

func (c *otterCache) mapped(ctx context.Context, keys []string) (map[string]user, error) {
	return c.cache.BulkGet(ctx, keys, c.bulk)
}

func (c *otterCache) remove(_ context.Context, key string) error {
	c.cache.Invalidate(key)
	return nil
}

func (c *otterCache) close() {
	c.cache.StopAllGoroutines()
	c.stop()
}

// sturdycCache has 10 shards and evicts 10 percent of a full one, as in its README. The sweep of what has expired is off: it
// cannot be stopped, and its README says that it is faster without. What is to be fetched is a closure over the key, as
// there. No metrics, no early refreshes and no missing records, as by default.
type sturdycCache struct {
	client *sturdyc.Client[user]
	load   loadUser
}

func openSturdyc(_ testing.TB, s setUp) reader {
	opts := []sturdyc.Option{sturdyc.WithNoContinuousEvictions()}
	if s.storing != nil {
		opts = append(opts, sturdyc.WithClock(&storingClock{sturdyc.NewClock(), s.storing}))
	}
	return &sturdycCache{sturdyc.New[user](s.capacity, 10, ttl, 10, opts...), s.load}
}

// storingClock is asked for the time while a value is being stored, and when one is found.
type storingClock struct {
	*sturdyc.RealClock
	storing func()
}

func (c *storingClock) Now() time.Time {
	c.storing()
	return c.RealClock.Now()
}

func (c *sturdycCache) get(ctx context.Context, key string) (user, error) {
	return c.client.GetOrFetch(ctx, key, func(ctx context.Context) (user, error) { return c.load(ctx, key) })
}

func (c *sturdycCache) each(ctx context.Context, keys []string) error {
	for _, key := range keys {
		_, err := c.client.GetOrFetch(ctx, key, func(ctx context.Context) (user, error) { return c.load(ctx, key) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *sturdycCache) many(ctx context.Context, keys []string) error {
	found, err := c.mapped(ctx, keys)
	return short(len(found), keys, err)
}

// mapped is asked with the keys as they are: to make them from ids, as its README does, would only cost more.
func (c *sturdycCache) mapped(ctx context.Context, keys []string) (map[string]user, error) {
	return c.client.GetOrFetchBatch(ctx, keys, func(id string) string { return id },
		func(context.Context, []string) (map[string]user, error) { return nil, errMiss })
}

func (c *sturdycCache) remove(_ context.Context, key string) error {
	c.client.Delete(key)
	return nil
}

func (c *sturdycCache) close() {}

// ttlCache has the loader as an option, and its cleaning goroutine, as in its README. Reads do not prolong an entry's time,
// so that entries expire after they were written, as ours do; it is the faster way, too. Its loader stores by itself, and
// has neither a context nor an error. It counts, which cannot be turned off.
type ttlCache struct{ cache *ttlcache.Cache[string, user] }

func openTTLCache(suppressed bool) func(testing.TB, setUp) reader {
	return func(_ testing.TB, s setUp) reader {
		var loader ttlcache.Loader[string, user] = ttlcache.LoaderFunc[string, user](
			func(c *ttlcache.Cache[string, user], key string) *ttlcache.Item[string, user] {
				u, err := s.load(context.Background(), key)
				if err != nil {
					return nil
				}
				return c.Set(key, u, ttlcache.DefaultTTL)
			})
		if suppressed {
			loader = ttlcache.NewSuppressedLoader(loader, nil)
		}
		opts := []ttlcache.Option[string, user]{
			ttlcache.WithTTL[string, user](ttl), ttlcache.WithLoader(loader), ttlcache.WithDisableTouchOnHit[string, user](),
		}
		if s.storing != nil {
			cost := func(ttlcache.CostItem[string, user]) uint64 { s.storing(); return 1 }
			opts = append(opts, ttlcache.WithMaxCost(uint64(s.capacity), cost))
		} else {
			opts = append(opts, ttlcache.WithCapacity[string, user](uint64(s.capacity)))
		}
		c := ttlcache.New(opts...)
		go c.Start()
		return &ttlCache{c}
	}
}

func (c *ttlCache) get(_ context.Context, key string) (user, error) {
	item := c.cache.Get(key)
	if item == nil {
		return user{}, errMiss
	}
	return item.Value(), nil
}

func (c *ttlCache) each(_ context.Context, keys []string) error {
	for _, key := range keys {
		item := c.cache.Get(key)
		if item == nil {
			return errMiss
		}
		_ = item.Value()
	}
	return nil
}

func (c *ttlCache) many(ctx context.Context, keys []string) error { return c.each(ctx, keys) }

func (c *ttlCache) mapped(_ context.Context, keys []string) (map[string]user, error) {
	found := make(map[string]user, len(keys))
	for _, key := range keys {
		item := c.cache.Get(key)
		if item == nil {
			return nil, errMiss
		}
		found[key] = item.Value()
	}
	return found, nil
}

func (c *ttlCache) remove(_ context.Context, key string) error {
	c.cache.Delete(key)
	return nil
}

func (c *ttlCache) close() { c.cache.Stop() }

// mapCache is the floor: what one writes without a library. Nothing expires, and when it is full, any entry goes.
type mapCache struct {
	capacity int
	load     loadUser
	loads    singleflight.Group

	mu    sync.Mutex
	users map[string]user
}

func openMap(_ testing.TB, s setUp) reader {
	return &mapCache{capacity: s.capacity, load: s.load, users: map[string]user{}}
}

func (c *mapCache) get(ctx context.Context, key string) (user, error) {
	c.mu.Lock()
	u, ok := c.users[key]
	c.mu.Unlock()
	if ok {
		return u, nil
	}
	v, err, _ := c.loads.Do(key, func() (any, error) {
		u, err := c.load(ctx, key)
		if err == nil {
			c.put(key, u)
		}
		return u, err
	})
	u, _ = v.(user)
	return u, err
}

func (c *mapCache) put(key string, u user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.users[key]; !known && len(c.users) >= c.capacity {
		for some := range c.users {
			delete(c.users, some)
			break
		}
	}
	c.users[key] = u
}

func (c *mapCache) each(ctx context.Context, keys []string) error {
	for _, key := range keys {
		if _, err := c.get(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (c *mapCache) many(ctx context.Context, keys []string) error { return c.each(ctx, keys) }

func (c *mapCache) mapped(ctx context.Context, keys []string) (map[string]user, error) {
	found := make(map[string]user, len(keys))
	for _, key := range keys {
		u, err := c.get(ctx, key)
		if err != nil {
			return nil, err
		}
		found[key] = u
	}
	return found, nil
}

func (c *mapCache) remove(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.users, key)
	return nil
}

func (c *mapCache) close() {}

// errMiss says that a cache had not got what it must have, or that a ttlcache has nothing to say why it has nothing.
var errMiss = errors.New("nothing there")

// short is err, or errMiss where fewer were found than there are keys.
func short(found int, keys []string, err error) error {
	if err == nil && found != len(keys) {
		err = errMiss
	}
	return err
}
