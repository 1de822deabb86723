package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
	rediscache "github.com/slokeep/slokeep/cache/redis"
)

// address is the server that the tests use beside those that they start themselves.
func address() string {
	if addr := os.Getenv("SLOKEEP_REDIS_ADDR"); addr != "" {
		return addr
	}
	return "127.0.0.1:6379"
}

// needServer returns a client of a server that others may use, too, and skips a test on a machine without one, unless
// SLOKEEP_REQUIRE_SERVERS says that there must be one.
func needServer(t testing.TB) *redis.Client {
	t.Helper()
	client := connect(t, address())
	if err := client.Ping(t.Context()).Err(); err != nil {
		if os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "" {
			t.Fatalf("no Redis: %v", err)
		}
		t.Skip("no Redis at SLOKEEP_REDIS_ADDR, or else 127.0.0.1:6379")
	}
	return client
}

// connect makes a client that ends with the test.
func connect(t testing.TB, addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// onEachServer runs a test on Redis and on miniredis.
func onEachServer(t *testing.T, test func(t *testing.T, client *redis.Client)) {
	t.Run("on Redis", func(t *testing.T) { test(t, needServer(t)) })
	t.Run("on miniredis", func(t *testing.T) { test(t, connect(t, startMini(t))) })
}

// startMini starts a miniredis and returns its address. Nothing expires in it.
func startMini(t testing.TB) string { return miniredis.RunT(t).Addr() }

// startMiniWithClock starts one in which keys expire.
func startMiniWithClock(t testing.TB) string {
	server, ticker := miniredis.RunT(t), time.NewTicker(5*time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	var clock sync.WaitGroup
	clock.Go(func() {
		for last := time.Now(); ; {
			select {
			case now := <-ticker.C:
				server.FastForward(now.Sub(last))
				last = now
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		ticker.Stop()
		cancel()
		clock.Wait()
	})
	return server.Addr()
}

// A private server is a process of the test's own, that keeps nothing on disk.
type private struct {
	port    string
	args    []string
	process *exec.Cmd
}

// startPrivate starts a server that ends with the test. It is skipped like needServer.
func startPrivate(t testing.TB, args ...string) *private {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "" {
			t.Fatal(err)
		}
		t.Skip("no redis-server to be started")
	}
	s := &private{port: freePort(t), args: args, process: exec.Command(binary)}
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

func (s *private) addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// start starts the server, anew after stop, and waits until it answers.
func (s *private) start(t testing.TB) {
	t.Helper()
	args := []string{"--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}
	s.process = exec.Command(s.process.Path, append(args, s.args...)...)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.addr(), MaxRetries: -1})
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for client.Ping(ctx).Err() != nil {
		if ctx.Err() != nil {
			t.Fatal("the server does not begin to work")
		}
		time.Sleep(time.Millisecond)
	}
}

// stop kills the server: what it has is lost.
func (s *private) stop() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

var prefixes atomic.Int64

// newPrefix is one of the test's own. What is under it goes with the test.
func newPrefix(t testing.TB, client *redis.Client) string {
	prefix := fmt.Sprintf("slokeep:test:%d:%d:", os.Getpid(), prefixes.Add(1))
	t.Cleanup(func() { forget(t, client, prefix) })
	return prefix
}

// names returns the names of all keys that begin with prefix.
func names(t testing.TB, client *redis.Client, prefix string) (names []string) {
	t.Helper()
	for iter := client.Scan(context.Background(), 0, prefix+"*", 1000).Iterator(); ; names = append(names, iter.Val()) {
		if !iter.Next(context.Background()) {
			if err := iter.Err(); err != nil {
				t.Fatal(err)
			}
			return names
		}
	}
}

// forget removes all keys that begin with prefix.
func forget(t testing.TB, client *redis.Client, prefix string) {
	t.Helper()
	if all := names(t, client, prefix); len(all) > 0 {
		if err := client.Del(context.Background(), all...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// newProvider makes a Provider with a prefix of its own.
func newProvider[V any](t testing.TB, client *redis.Client) (p *rediscache.Provider[V], prefix string) {
	t.Helper()
	prefix = newPrefix(t, client)
	return open[V](t, client, prefix), prefix
}

func open[V any](t testing.TB, client redis.UniversalClient, prefix string) *rediscache.Provider[V] {
	t.Helper()
	p, err := rediscache.New(client, &rediscache.Options[V]{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newScope[V any](t testing.TB, p cache.Provider[V], name string, opts *cache.Options) *cache.Scope[V] {
	t.Helper()
	s, err := cache.NewScope(p, name, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must ends a test that an error makes pointless.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A line is a client's way to a server, which can be cut.
type line struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

var errCut = errors.New("the line is cut")

// client makes a client on the line that ends with the test.
func (l *line) client(t testing.TB, addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1, Dialer: l.dial})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (l *line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errCut
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err == nil {
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

// cutOff ends all connections, and lets none be made until mend is called.
func (l *line) cutOff() (mend func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	l.conns = nil
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cut = false
	}
}
