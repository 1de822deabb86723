package rediscache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
)

func TestWithoutAServerTheLoaderAnswers(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + freePort(t), MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	var heard []error
	s := newScope(t, open[string](t, client, "p:"), scopeName, &cache.Options{OnError: func(err error) { heard = append(heard, err) }})
	for i := range 3 {
		v, err := s.Get(t.Context(), "a", load)
		if v != "v a" || err != nil {
			t.Errorf("Get: %q, %v", v, err)
		}
		if len(heard) != i+1 {
			t.Errorf("after %d reads OnError has heard %v", i+1, heard)
		}
	}
	found := map[string]string{}
	must(t, s.GetMany(t.Context(), []string{"a", "b"}, loadMany, func(key, v string) { found[key] = v }))
	if found["a"] != "v a" || found["b"] != "v b" {
		t.Errorf("GetMany: %v", found)
	}
	if err := s.Invalidate(t.Context(), "a"); err == nil {
		t.Error("Invalidate: no error")
	}
	if err := s.InvalidatePrefix(t.Context(), ""); err == nil {
		t.Error("InvalidatePrefix: no error")
	}
}

func TestWhoseContextHasEndedAsksNoServer(t *testing.T) {
	client := connect(t, startMini(t))
	p := open[string](t, client, "p:")
	c := &counter{}
	client.AddHook(c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	it := item("a", "v")
	it.Token = "1.2"
	_, setIf := p.SetIf(ctx, scopeName, []cache.Item[string]{it})
	for what, err := range map[string]error{
		"Get": p.Get(ctx, scopeName, []string{"a"}, func(int, cache.Entry[string]) { t.Error("found") }),
		"GetFenced": p.GetFenced(ctx, scopeName, []string{"a"},
			func(int, cache.Entry[string]) { t.Error("found") }, func(int, cache.Token) { t.Error("missed") }),
		"Set":          p.Set(ctx, scopeName, []cache.Item[string]{it}),
		"SetIf":        setIf,
		"Delete":       p.Delete(ctx, scopeName, []string{"a"}),
		"DeletePrefix": p.DeletePrefix(ctx, scopeName, ""),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want that the context was canceled", what, err)
		}
	}
	if n := c.trips.Load(); n > 0 {
		t.Errorf("%d round trips", n)
	}
}

func TestADeadlineEndsAReadOfASilentServer(t *testing.T) {
	server := startPrivate(t)
	client := redis.NewClient(&redis.Options{Addr: server.addr(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	s := newScope(t, open[string](t, client, "p:"), scopeName, nil)
	if _, err := s.Get(t.Context(), "a", load); err != nil {
		t.Fatal(err)
	}
	must(t, client.Do(t.Context(), "client", "pause", 60_000, "all").Err())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if v, err := s.Get(ctx, "a", load); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %q, %v: want that the deadline was exceeded", v, err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestNothingToDoAsksNoServer(t *testing.T) {
	client := connect(t, startMini(t))
	p := open[string](t, client, "p:")
	c := &counter{}
	client.AddHook(c)
	must(t, p.Get(t.Context(), scopeName, nil, nil))
	must(t, p.GetFenced(t.Context(), scopeName, nil, nil, nil))
	must(t, p.Set(t.Context(), scopeName, nil))
	must(t, p.Delete(t.Context(), scopeName, nil))
	if stored, err := p.SetIf(t.Context(), scopeName, nil); stored != 0 || err != nil {
		t.Errorf("SetIf of nothing: %d, %v", stored, err)
	}
	if n := c.trips.Load(); n > 0 {
		t.Errorf("%d round trips", n)
	}
}

// A server forgets its scripts when it is restarted, and when somebody says so.
func TestAServerThatForgetsItsScriptsLearnsThemAgain(t *testing.T) {
	server := startPrivate(t)
	client := connect(t, server.addr())
	p := open[string](t, client, "p:")
	s := newScope(t, p, scopeName, &cache.Options{OnError: func(err error) { t.Error(err) }})
	forgets := map[string]func(){
		"a flush of the scripts": func() { must(t, client.ScriptFlush(t.Context()).Err()) },
		"a flush of everything": func() {
			must(t, client.FlushAll(t.Context()).Err())
			must(t, client.ScriptFlush(t.Context()).Err())
		},
		"a restart": func() {
			server.stop()
			server.start(t)
		},
	}
	for what, forget := range forgets {
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"GetMany", func() error {
				return s.GetMany(t.Context(), keysOf("a:%d", 300), loadMany, func(string, string) {})
			}},
			{"Invalidate", func() error { return s.Invalidate(t.Context(), keysOf("a:%d", 600)...) }},
			{"InvalidatePrefix", func() error { return s.InvalidatePrefix(t.Context(), "a:") }},
			{"Set", func() error { return p.Set(t.Context(), scopeName, []cache.Item[string]{item("a:1", "v")}) }},
		} {
			t.Run(step.name+" after "+what, func(t *testing.T) {
				forget()
				must(t, step.do())
			})
		}
	}
}

// A server that has no room takes no writes, but for those that remove something.
func TestAServerThatIsFullInvalidatesAllTheSame(t *testing.T) {
	server := startPrivate(t)
	client := connect(t, server.addr())
	p := open[string](t, client, "p:")
	var heard atomic.Int64
	s := newScope(t, p, scopeName, &cache.Options{OnError: func(error) { heard.Add(1) }})
	kept := keysOf("eu:%d", 10)
	must(t, s.GetMany(t.Context(), kept, loadMany, func(string, string) {}))
	_, old, err := look(t, p, "us:1")
	must(t, err)
	must(t, client.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err())
	must(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err())

	again := func(want string, keys ...string) {
		t.Helper()
		for _, key := range keys {
			v, err := s.Get(t.Context(), key, func(context.Context, string) (string, error) { return "new", nil })
			if v != want || err != nil {
				t.Errorf("under %s there is %q, %v: want %q", key, v, err, want)
			}
		}
	}
	again("v eu:1", "eu:1")
	must(t, s.Invalidate(t.Context(), "eu:1", "us:1"))
	again("new", "eu:1", "us:1")
	must(t, s.InvalidatePrefix(t.Context(), "eu:"))
	again("new", kept...)
	await(t, "OnError hears of it", func() bool { return heard.Load() > 0 })

	must(t, client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	it := item("us:1", "old")
	it.Token = old
	if stored, err := p.SetIf(t.Context(), scopeName, []cache.Item[string]{it}); stored != 0 || err != nil {
		t.Errorf("a token from before: stored %d, %v", stored, err)
	}
	again("new", kept...)
}

// Whatever keys a server drops when it is short of memory: what was invalidated stays out.
func TestAServerThatDropsKeysLetsNothingStaleIn(t *testing.T) {
	client := needServer(t)
	p, prefix := newProvider[string](t, client)
	const key = "eu:7"
	all := []string{"v:" + key, "m:" + key, "p:", "p:eu:"}
	for dropped := range 1 << len(all) {
		for _, invalidate := range []func() error{
			func() error { return p.Delete(t.Context(), scopeName, []string{key}) },
			func() error { return p.DeletePrefix(t.Context(), scopeName, "eu:") },
			func() error { return p.DeletePrefix(t.Context(), scopeName, "") },
		} {
			_, token, err := look(t, p, key)
			must(t, err)
			old := item(key, "old")
			old.Token = token
			if stored, err := p.SetIf(t.Context(), scopeName, []cache.Item[string]{old}); stored != 1 || err != nil {
				t.Fatalf("stored %d, %v", stored, err)
			}
			drop := func() {
				for i, name := range all {
					if dropped&(1<<i) != 0 {
						must(t, client.Del(t.Context(), prefix+"{users:}"+name).Err())
					}
				}
			}
			drop()
			must(t, invalidate())
			drop()
			for range 2 {
				stored, err := p.SetIf(t.Context(), scopeName, []cache.Item[string]{old})
				v, _, lookErr := look(t, p, key)
				if stored != 0 || err != nil || v != nil || lookErr != nil {
					t.Fatalf("with keys %b dropped: stored %d, %v; found %v, %v", dropped, stored, err, v, lookErr)
				}
			}
		}
	}
}
