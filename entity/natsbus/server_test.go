package natsbus_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/slokeep/slokeep/entity/natsbus"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// address is the server that the tests use beside those that they start themselves.
func address() string {
	if url := os.Getenv("SLOKEEP_NATS_URL"); url != "" {
		return url
	}
	return "nats://127.0.0.1:4222"
}

// needServer returns the address of a server, and skips a test on a machine without one, unless SLOKEEP_REQUIRE_SERVERS
// says that there must be one.
func needServer(t *testing.T) string {
	t.Helper()
	conn, err := nats.Connect(address())
	if err != nil {
		if os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "" {
			t.Fatalf("no NATS: %v", err)
		}
		t.Skip("no NATS at SLOKEEP_NATS_URL, or else 127.0.0.1:4222")
	}
	conn.Close()
	return address()
}

// startServer starts a server in this process, which ends with the test. nil options are a free port and nothing else.
func startServer(t testing.TB, opts *server.Options) *server.Server {
	t.Helper()
	if opts == nil {
		opts = &server.Options{Port: server.RANDOM_PORT}
	}
	opts.Host, opts.NoSigs, opts.NoLog = "127.0.0.1", true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stopServer(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not begin to work")
	}
	return s
}

// secured are options with one user, a with the password b.
func secured(may *server.Permissions) *server.Options {
	return &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		Users: []*server.User{{Username: "a", Password: "b", Permissions: may}},
	}
}

func stopServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// connect makes a connection that tries for ever, and often, complains to nobody, and ends with the test.
func connect(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	opts = append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, opts...)
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

var subjects atomic.Int64

// newSubject is one of the test's own.
func newSubject() string { return fmt.Sprintf("slokeep.test.%d.%d", os.Getpid(), subjects.Add(1)) }

func newBus(t testing.TB, conn *nats.Conn, subject string) *natsbus.Bus {
	t.Helper()
	bus, err := natsbus.New(conn, subject)
	if err != nil {
		t.Fatal(err)
	}
	return bus
}

// listener is a call of Listen that runs.
type listener struct {
	heard chan struct{} // has a token for each call of wake
	ended chan error
	leave context.CancelFunc
}

// listen begins to listen, and waits until that has begun.
func listen(t testing.TB, bus *natsbus.Bus) *listener {
	t.Helper()
	l := begin(t, bus)
	l.hears(t, "its beginning")
	return l
}

// begin begins to listen.
func begin(t testing.TB, bus *natsbus.Bus) *listener {
	ctx, cancel := context.WithCancel(context.Background())
	l := &listener{heard: make(chan struct{}, 1<<20), ended: make(chan error, 1), leave: cancel}
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.ended <- bus.Listen(ctx, func() { l.heard <- struct{}{} })
	}()
	t.Cleanup(func() {
		cancel()
		<-over
	})
	return l
}

// hears waits until wake was called.
func (l *listener) hears(t testing.TB, what string) {
	t.Helper()
	select {
	case <-l.heard:
	case err := <-l.ended:
		t.Fatalf("Listen returned %v before it heard of %s", err, what)
	case <-time.After(patience):
		t.Fatalf("who listens does not hear of %s", what)
	}
}

// result waits for Listen to return.
func (l *listener) result(t testing.TB) error {
	t.Helper()
	select {
	case err := <-l.ended:
		return err
	case <-time.After(patience):
		t.Fatal("Listen does not return")
		return nil
	}
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// left returns the goroutines that are in this package, or in a subscription of nats.go.
func left() string {
	stacks := make([]byte, 1<<20)
	var found []string
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "natsbus.(*Bus)") || strings.Contains(stack, ".waitForMsgs(") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

// proxy stands between connections and a server, as a network does.
type proxy struct {
	url    string
	server string

	mu     sync.Mutex
	down   bool
	frozen chan struct{} // nil: all passes; closed when it does again
	conns  map[net.Conn]bool
}

func newProxy(t testing.TB, server string) *proxy {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{url: "nats://" + l.Addr().String(), server: server, conns: map[net.Conn]bool{}}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		work.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	p.mu.Lock()
	if p.down {
		p.mu.Unlock()
		return
	}
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
	buffer := make([]byte, 4096)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			break
		}
		p.mu.Lock()
		frozen := p.frozen
		p.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			break
		}
	}
	_ = server.Close()
	answers.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

// cut ends all connections, and lets none come until restore.
func (p *proxy) cut() {
	p.thaw()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

// freeze takes nothing from the clients any more.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = make(chan struct{})
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}
