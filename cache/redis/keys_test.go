package rediscache_test

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
	rediscache "github.com/slokeep/slokeep/cache/redis"
)

var invalidations = flag.Int("invalidations", 50_000, "how many keys are invalidated to see that nothing is left of them")

func TestNewRefuses(t *testing.T) {
	client := connect(t, "127.0.0.1:1")
	cluster := func(o redis.ClusterOptions) redis.UniversalClient {
		c := redis.NewClusterClient(&o)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	caching := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Protocol: 3, ClientSideCacheConfig: &redis.ClientSideCacheConfig{}})
	t.Cleanup(func() { _ = caching.Close() })
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": "127.0.0.1:1", "two": "127.0.0.1:2"}})
	t.Cleanup(func() { _ = ring.Close() })
	for _, c := range []struct {
		name   string
		client redis.UniversalClient
		prefix string
	}{
		{"no client", nil, ""},
		{"a nil client", (*redis.Client)(nil), ""},
		{"a nil client of a cluster", (*redis.ClusterClient)(nil), ""},
		{"a client with a cache", caching, ""},
		{"a client that reads from replicas", cluster(redis.ClusterOptions{ReadOnly: true}), ""},
		{"a client that reads from the nearest", cluster(redis.ClusterOptions{RouteByLatency: true}), ""},
		{"a client that reads from any", cluster(redis.ClusterOptions{RouteRandomly: true}), ""},
		{"a client of a ring, which asks another shard where one is down", ring, ""},
		{"a nil client of a ring", (*redis.Ring)(nil), ""},
		{"a prefix with a brace", client, "a{"},
		{"a prefix with another brace", client, "}a"},
		{"a long prefix", client, strings.Repeat("p", rediscache.MaxPrefix+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := rediscache.New(c.client, &rediscache.Options[int]{Prefix: c.prefix})
			if p != nil || !errors.Is(err, cache.ErrInvalid) {
				t.Errorf("got %v, %v: want ErrInvalid", p, err)
			}
		})
	}
	for _, c := range []redis.UniversalClient{client, cluster(redis.ClusterOptions{})} {
		if _, err := rediscache.New[int](c, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryKeyExpires(t *testing.T) {
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		p, prefix := newProvider[string](t, client)
		for i, ttl := range []time.Duration{cache.MaxTTL, time.Millisecond, time.Hour, 1, 11 * time.Minute} {
			s := newScope(t, p, fmt.Sprintf("scope%d:", i), &cache.Options{TTL: ttl, NegativeTTL: ttl})
			for _, key := range []string{"a", "a:b", "a:b:c", "x:y:z:u:v"} {
				if _, err := s.Get(t.Context(), key, load); err != nil {
					t.Fatal(err)
				}
			}
			must(t, s.GetMany(t.Context(), keysOf("a:%d", 20), loadMany, func(string, string) {}))
			must(t, s.Invalidate(t.Context(), "a", "never"))
			must(t, s.InvalidatePrefix(t.Context(), "a:b:"))
			if _, err := s.Get(t.Context(), "a", load); err != nil {
				t.Fatal(err)
			}
			expires(t, client, fmt.Sprintf("%s{scope%d:}", prefix, i))
		}
	})
}

// What is stored with a longer TTL needs its generations for longer than those that made them thought.
func TestNumbersLiveAsLongAsWhatNeedsThem(t *testing.T) {
	server := startPrivate(t)
	client := connect(t, server.addr())
	p := open[string](t, client, "p:")
	short, long := item("a:1", "short"), item("a:2", "long")
	short.TTL, long.TTL = time.Second, 24*time.Hour
	for range 2 {
		must(t, p.Set(t.Context(), scopeName, []cache.Item[string]{long}))
		must(t, p.Set(t.Context(), scopeName, []cache.Item[string]{short}))
	}
	for _, name := range []string{"p:{users:}p:", "p:{users:}p:a:", "p:{users:}m:a:2"} {
		if ttl := client.PTTL(t.Context(), name).Val(); ttl < 24*time.Hour-time.Minute {
			t.Errorf("%s expires in %v: want a day", name, ttl)
		}
	}
	if ttl := client.PTTL(t.Context(), "p:{users:}m:a:1").Val(); ttl > time.Hour {
		t.Errorf("the marker of what is kept for a second expires in %v", ttl)
	}
}

func TestATokenIsACounterThatBeginsAnywhere(t *testing.T) {
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		p, prefix := newProvider[string](t, client)
		number := func(name string) uint64 {
			t.Helper()
			n, err := strconv.ParseUint(client.Get(t.Context(), prefix+"{users:}"+name).Val(), 10, 64)
			must(t, err)
			return n
		}
		var begins []uint64
		for _, key := range keysOf("eu:%d", 100) {
			if _, _, err := look(t, p, key); err != nil {
				t.Fatal(err)
			}
			begin := number("m:" + key)
			begins = append(begins, begin)
			for i := range uint64(3) {
				must(t, p.Delete(t.Context(), scopeName, []string{key}))
				if got := number("m:" + key); got != begin+i+1 {
					t.Fatalf("after %d Deletes the marker is %d, and was %d", i+1, got, begin)
				}
			}
		}
		slices.Sort(begins)
		if len(slices.Compact(slices.Clone(begins))) < 100 || begins[99] >= 1<<62 || begins[99] < 1<<61 || begins[0] > 1<<60 {
			t.Errorf("100 markers begin between %d and %d: want different ones, anywhere below %d", begins[0], begins[99], uint64(1)<<62)
		}
		for name, prefix := range map[string]string{"p:": "", "p:eu:": "eu:"} {
			before := number(name)
			must(t, p.DeletePrefix(t.Context(), scopeName, prefix))
			if got := number(name); got != before+1 {
				t.Errorf("after a DeletePrefix of %q its generation is %d, and was %d", prefix, got, before)
			}
		}
	})
}

func TestManyInvalidationsLeaveNothingBehind(t *testing.T) {
	client := needServer(t)
	p, prefix := newProvider[string](t, client)
	s := newScope(t, p, scopeName, nil)
	invalidate := func(from, until int) {
		t.Helper()
		for ; from < until; from += 1000 {
			keys := make([]string, min(1000, until-from))
			for i := range keys {
				keys[i] = fmt.Sprintf("eu:%d", from+i)
			}
			must(t, s.Invalidate(t.Context(), keys...))
		}
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	invalidate(0, 1000)
	before := heap()
	invalidate(1000, *invalidations)
	for i := range 100 {
		must(t, s.InvalidatePrefix(t.Context(), fmt.Sprintf("eu%d:", i)))
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d invalidations left %d bytes in this process", *invalidations, grown)
	}
	if left := names(t, client, prefix); len(left) > 0 {
		t.Errorf("%d keys are left on the server, such as %s", len(left), left[0])
	}
	runtime.KeepAlive(s)
}

// The names of keys are public: whoever looks at a server finds his way by them.
func TestScopesAndPrefixesDoNotMeet(t *testing.T) {
	client := connect(t, startMini(t))
	type place struct{ prefix, scope, key string }
	var places []place
	for _, prefix := range []string{"p:", "p:%7B", "p"} {
		for _, scope := range []string{"a:", "a:b:", "{a:", "{a}:", "}:", "{}:", "%7Ba:", "%:", "%25:", "v:", "a:}v:"} {
			for _, key := range []string{"b", "v:b", "}v:b", "m:b", "b:", ":"} {
				places = append(places, place{prefix, scope, key})
			}
		}
	}
	at := map[string]*rediscache.Provider[string]{}
	for _, pl := range places {
		if at[pl.prefix] == nil {
			at[pl.prefix] = open[string](t, client, pl.prefix)
		}
		must(t, at[pl.prefix].Set(t.Context(), pl.scope, []cache.Item[string]{item(pl.key, fmt.Sprint(pl))}))
	}
	for _, pl := range places {
		var got string
		must(t, at[pl.prefix].Get(t.Context(), pl.scope, []string{pl.key}, func(_ int, e cache.Entry[string]) { got = e.Value }))
		if got != fmt.Sprint(pl) {
			t.Errorf("at %q there is %s", pl, got)
		}
	}
	if n := len(names(t, client, "p")); n < 2*len(places) {
		t.Errorf("%d entries have %d keys: want an entry and a marker for each", len(places), n)
	}
}
