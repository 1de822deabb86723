package natsbus_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
	"github.com/slokeep/slokeep/entity/natsbus"
)

// The two ends have a connection each, as processes have.
func TestBusKeepsTheLaws(t *testing.T) {
	t.Run("on a server", func(t *testing.T) { runBus(t, needServer(t)) })
	t.Run("on one of its own", func(t *testing.T) { runBus(t, startServer(t, nil).ClientURL()) })
}

func runBus(t *testing.T, url string) {
	entitytest.RunBus(t, entitytest.BusHarness{
		Open: func(t testing.TB) (entity.Bus, entity.Bus) {
			subject := newSubject()
			return newBus(t, connect(t, url), subject), newBus(t, connect(t, url), subject)
		},
	})
}

// The ends may share a connection.
func TestBusKeepsTheLawsOnOneConnection(t *testing.T) {
	conn := connect(t, startServer(t, nil).ClientURL())
	entitytest.RunBus(t, entitytest.BusHarness{
		Open: func(t testing.TB) (entity.Bus, entity.Bus) {
			subject := newSubject()
			return newBus(t, conn, subject), newBus(t, conn, subject)
		},
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	conn := connect(t, startServer(t, nil).ClientURL())
	for _, c := range []struct{ name, subject, want string }{
		{"an empty subject", "", `subject "": want 1 to 256 bytes`},
		{"a long one", strings.Repeat("a", 257), `want 1 to 256 bytes`},
		{"no UTF-8", "a\xff", `subject "a\xff": want valid UTF-8`},
		{"a blank", "a b", `subject "a b": want no blanks and no control characters`},
		{"a blank beyond ASCII", "a\u00a0b", "want no blanks"},
		{"a tab", "a\tb", "want no blanks"},
		{"a line's end, which would be another command", "a\r\nPUB b", "want no blanks"},
		{"a NUL", "a\x00", "want no blanks"},
		{"one wildcard", "a.*", `subject "a.*": want no wildcards`},
		{"the other", "a.>", "want no wildcards"},
		{"a wildcard within a token", "a*b", "want no wildcards"},
		{"a subject of the server's", "$JS.API.INFO", "want none of the server's own"},
		{"a dot at the beginning", ".a", "want no empty tokens"},
		{"a dot at the end", "a.", "want no empty tokens"},
		{"two dots", "a..b", `subject "a..b": want no empty tokens`},
	} {
		t.Run(c.name, func(t *testing.T) {
			bus, err := natsbus.New(conn, c.subject)
			if bus != nil || !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("New returned %v, %v: want ErrInvalid with %q", bus, err, c.want)
			}
		})
	}
	t.Run("no connection", func(t *testing.T) {
		if _, err := natsbus.New(nil, "a"); !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), "connection nil") {
			t.Errorf("New returned %v: want ErrInvalid", err)
		}
	})
	t.Run("a connection that does not hear itself", func(t *testing.T) {
		if _, err := natsbus.New(connect(t, conn.ConnectedUrl(), nats.NoEcho()), "a"); !errors.Is(err, entity.ErrInvalid) {
			t.Errorf("New returned %v: want ErrInvalid", err)
		}
	})
	for _, subject := range []string{"a", strings.Repeat("a", 256), "shop.slokeep", "ä.日本", "a-b_c/d:e", "a.$b"} {
		t.Run("it takes "+subject[:min(20, len(subject))], func(t *testing.T) {
			bus := newBus(t, conn, subject)
			l := listen(t, bus)
			if err := bus.Wake(t.Context()); err != nil {
				t.Errorf("Wake returned %v", err)
			}
			l.hears(t, "a wake")
		})
	}
}

func TestContextThatHasEnded(t *testing.T) {
	conn := connect(t, startServer(t, nil).ClientURL())
	bus := newBus(t, conn, newSubject())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := bus.Wake(ctx); err != context.Canceled {
			t.Errorf("Wake returned %v: want context.Canceled", err)
		}
	}
	if err := bus.Listen(ctx, func() { t.Error("wake was called") }); err != nil {
		t.Errorf("Listen returned %v: want nil", err)
	}
	if err := bus.Wake(t.Context()); err != nil { // whose turn comes after theirs
		t.Errorf("Wake returned %v", err)
	}
	if n := conn.Stats().OutMsgs; n != 1 {
		t.Errorf("%d messages were sent: want 1", n)
	}
}

// What was woken after Listen has begun is heard, without that it is repeated.
func TestEachWakeIsHeard(t *testing.T) {
	url, subject := startServer(t, nil).ClientURL(), newSubject()
	here, there := newBus(t, connect(t, url), subject), newBus(t, connect(t, url), subject)
	for range 100 {
		l := listen(t, there)
		for range 3 {
			if err := here.Wake(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.hears(t, "a wake")
		}
		l.leave()
		if err := l.result(t); err != nil {
			t.Fatal(err)
		}
	}
}

// A connection that ends for good ends Listen.
func TestClosedConnectionIsErrClosed(t *testing.T) {
	for name, end := range map[string]func(*nats.Conn) error{
		"closed":  func(c *nats.Conn) error { c.Close(); return nil },
		"drained": (*nats.Conn).Drain,
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, startServer(t, nil).ClientURL())
			bus := newBus(t, conn, newSubject())
			l := listen(t, bus)
			if err := end(conn); err != nil {
				t.Fatal(err)
			}
			if err := l.result(t); !errors.Is(err, entity.ErrClosed) {
				t.Errorf("Listen returned %v: want ErrClosed", err)
			}
			if err := bus.Listen(t.Context(), func() { t.Error("wake was called") }); !errors.Is(err, entity.ErrClosed) {
				t.Errorf("the next Listen returned %v: want ErrClosed", err)
			}
			eventually(t, "Wake returns ErrClosed", func() bool { return errors.Is(bus.Wake(t.Context()), entity.ErrClosed) })
		})
	}
}

// What a server denies Listen says, each time that it is asked, and as long as it does.
func TestListenSaysThatItIsDenied(t *testing.T) {
	denied := &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"denied.>"}}}
	s := startServer(t, secured(denied))
	conn := connect(t, s.ClientURL(), nats.UserInfo("a", "b"))
	bus := newBus(t, conn, "denied.x")
	for range 3 {
		err := bus.Listen(t.Context(), func() { t.Error("wake was called") })
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), "denied.x") {
			t.Errorf("Listen returned %v: want nats.ErrPermissionViolation", err)
		}
	}
	listen(t, newBus(t, conn, "allowed"))
	if n := conn.NumSubscriptions(); n != 1 {
		t.Errorf("%d subscriptions are left: want 1", n)
	}
	granted := secured(nil)
	granted.Port = portOf(s)
	if err := s.ReloadOptions(granted); err != nil {
		t.Fatal(err)
	}
	l := listen(t, bus) // on the same connection, whose last error is still there
	if err := bus.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.hears(t, "a wake")
	if conn.LastError() == nil || conn.Stats().Reconnects > 0 {
		t.Error("the connection is another one, so that this test says nothing")
	}
}

// A function that does not return meanwhile is called once for any number of wakes, and nobody calls anybody slow.
func TestSlowWakeIsNoSlowConsumer(t *testing.T) {
	url, subject := startServer(t, nil).ClientURL(), newSubject()
	var complaints atomic.Value
	conn := connect(t, url, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { complaints.Store(err) }))
	bus := newBus(t, conn, subject)
	gate, calls := make(chan struct{}), make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- bus.Listen(ctx, func() {
			calls <- struct{}{}
			<-gate
		})
	}()
	<-calls                                // and stays there
	stranger, n := connect(t, url), 80_000 // more than a subscription has room for
	for i := range n {
		if err := stranger.Publish(subject, []byte("with some text that says nothing to anybody")); err != nil {
			t.Fatal(err)
		}
		if i%10_000 == 0 {
			if err := stranger.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "all has come", func() bool { return conn.Stats().InMsgs >= uint64(n) })
	if err := complaints.Load(); err != nil {
		t.Errorf("the connection's error handler heard %v", err)
	}
	if conn.Stats().Reconnects > 0 {
		t.Error("the server has ended the connection")
	}
	close(gate)
	<-calls // once for all of them
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Listen returned %v", err)
	}
	if len(calls) > 1 { // one more may have come between the two
		t.Errorf("wake was called %d times more", len(calls))
	}
}

// Nothing of a Listen stays, however it ends.
func TestListenLeavesNothingBehind(t *testing.T) {
	url, subject := startServer(t, nil).ClientURL(), newSubject()
	conn := connect(t, url)
	bus, other := newBus(t, conn, subject), newBus(t, connect(t, url), subject)
	for _, end := range []struct {
		name string
		do   func(l *listener)
	}{
		{"its ctx", func(l *listener) { l.leave() }},
		{"a drained connection", func(*listener) { _ = conn.Drain() }},
	} {
		var all []*listener
		for range 20 {
			all = append(all, listen(t, bus))
		}
		if err := other.Wake(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left() == "" {
			t.Fatal("no goroutine is seen while Listen runs")
		}
		for _, l := range all {
			end.do(l)
		}
		for _, l := range all {
			_ = l.result(t)
		}
		eventually(t, "no goroutine is left after "+end.name, func() bool { return left() == "" })
		if n := conn.NumSubscriptions(); n > 0 {
			t.Errorf("%d subscriptions are left after %s", n, end.name)
		}
	}
}

// Strangers may publish anything.
func TestStrangersOnTheSubject(t *testing.T) {
	url, subject := startServer(t, nil).ClientURL(), newSubject()
	l := listen(t, newBus(t, connect(t, url), subject))
	stranger := connect(t, url)
	for _, m := range []*nats.Msg{
		{Subject: subject, Data: make([]byte, 1<<20)},
		{Subject: subject, Reply: "somebody", Header: nats.Header{"Status": {"503"}}},
	} {
		if err := stranger.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
		l.hears(t, "a stranger")
	}
	// One who asks who listens gets no answer.
	if _, err := stranger.Request(subject, nil, 50*time.Millisecond); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("Request returned %v: want a timeout", err)
	}
}
