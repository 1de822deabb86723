package natsbus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/natsbus"
)

// After an outage wake is called without that anybody woke, and the wakes of others are heard as before.
func TestListenGoesOnAfterAnOutage(t *testing.T) {
	s, subject := startServer(t, nil), newSubject()
	p := newProxy(t, s.Addr().String())
	l := listen(t, newBus(t, connect(t, p.url), subject))
	beside := newBus(t, connect(t, s.ClientURL()), subject)
	stays := listen(t, beside)
	for range 5 {
		p.cut()
		if err := beside.Wake(t.Context()); err != nil { // which l does not hear
			t.Fatal(err)
		}
		stays.hears(t, "a wake")
		p.restore()
		l.hears(t, "the end of the outage")
		stays.hears(t, "the end of another's outage")
		settle(t, beside, l, stays)
	}
}

// settle wakes once, waits until all have heard that too, and forgets what they heard.
func settle(t *testing.T, bus *natsbus.Bus, all ...*listener) {
	t.Helper()
	if err := bus.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		l.hears(t, "a wake")
	}
}

// Of the wakes in an outage one is kept, and the others take none of the host's room. An attempt to connect that fails
// halfway, as those of this proxy do, counts as one more.
func TestWakesOfAnOutageAreOne(t *testing.T) {
	s, subject := startServer(t, nil), newSubject()
	p := newProxy(t, s.Addr().String())
	conn := connect(t, p.url)
	bus := newBus(t, conn, subject)
	beside := connect(t, s.ClientURL())
	seen, err := beside.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := beside.Flush(); err != nil {
		t.Fatal(err)
	}
	for outage := range 3 {
		before := conn.Stats().Reconnects
		p.cut()
		eventually(t, "the connection is down", conn.IsReconnecting)
		for range 1000 {
			if err := bus.Wake(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		p.restore()
		if _, err := seen.NextMsg(patience); err != nil {
			t.Fatalf("outage %d: after its end: %v", outage, err)
		}
		if err := errors.Join(conn.Flush(), beside.Flush()); err != nil {
			t.Fatal(err)
		}
		attempts, came := conn.Stats().Reconnects-before, 1
		for pending, _, _ := seen.Pending(); pending > 0; pending-- {
			if _, err := seen.NextMsg(patience); err != nil {
				t.Fatal(err)
			}
			came++
		}
		if came > int(attempts) {
			t.Errorf("outage %d: %d wakes came after %d attempts", outage, came, attempts)
		}
		if outage == 1 {
			continue // with the next one
		}
		if err := bus.Wake(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := seen.NextMsg(patience); err != nil {
			t.Fatalf("outage %d: a wake long after: %v", outage, err)
		}
	}
}

// A connection that keeps nothing says so.
func TestWakeOfAConnectionThatKeepsNothing(t *testing.T) {
	p := newProxy(t, startServer(t, nil).Addr().String())
	conn := connect(t, p.url, nats.ReconnectBufSize(-1))
	bus := newBus(t, conn, newSubject())
	p.cut()
	eventually(t, "it is down", conn.IsReconnecting)
	if err := bus.Wake(t.Context()); !errors.Is(err, natsbus.ErrUnavailable) || !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("Wake returned %v: want ErrUnavailable", err)
	}
	p.restore()
	eventually(t, "it is up", conn.IsConnected)
	if err := bus.Wake(t.Context()); err != nil {
		t.Errorf("Wake returned %v", err)
	}
}

// One that gave up says that, and what was kept for its end is nobody's any more.
func TestConnectionThatGaveUpIsErrClosed(t *testing.T) {
	s := startServer(t, nil)
	conn := connect(t, s.ClientURL(), nats.MaxReconnects(2), nats.ReconnectWait(200*time.Millisecond))
	bus := newBus(t, conn, newSubject())
	l := listen(t, bus)
	stopServer(s)
	eventually(t, "it is down", conn.IsReconnecting)
	if err := bus.Wake(t.Context()); err != nil {
		t.Errorf("Wake returned %v", err)
	}
	if err := l.result(t); !errors.Is(err, entity.ErrClosed) {
		t.Errorf("Listen returned %v: want ErrClosed", err)
	}
	if err := bus.Wake(t.Context()); !errors.Is(err, entity.ErrClosed) {
		t.Errorf("Wake returned %v: want ErrClosed", err)
	}
}

// Who may only listen looks after an outage, too.
func TestListenWithoutTheRightToPublish(t *testing.T) {
	s := startServer(t, secured(&server.Permissions{Publish: &server.SubjectPermission{Deny: []string{">"}}}))
	p := newProxy(t, s.Addr().String())
	l := listen(t, newBus(t, connect(t, p.url, nats.UserInfo("a", "b")), newSubject()))
	p.cut()
	p.restore()
	l.hears(t, "the end of the outage")
}

// A server that comes later than the process is waited for.
func TestListenBeforeThereIsAServer(t *testing.T) {
	s := startServer(t, nil)
	port, subject := portOf(s), newSubject()
	stopServer(s)
	conn := connect(t, s.ClientURL(), nats.RetryOnFailedConnect(true))
	bus := newBus(t, conn, subject)
	begun := time.Now()
	l := begin(t, bus)
	l.hears(t, "its beginning")
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it waited %v for a server that is not there", took)
	}
	if err := bus.Wake(t.Context()); err != nil {
		t.Errorf("Wake returned %v", err)
	}
	startServer(t, &server.Options{Port: port})
	eventually(t, "it is connected", conn.IsConnected)
	settle(t, newBus(t, connect(t, s.ClientURL()), subject), l)
	l.leave()
	if err := l.result(t); err != nil {
		t.Errorf("Listen returned %v", err)
	}
}

// A connection that is stuck keeps nobody who wakes.
func TestWakeOfAStuckConnection(t *testing.T) {
	s := startServer(t, nil)
	p := newProxy(t, s.Addr().String())
	conn := connect(t, p.url)
	bus := newBus(t, conn, newSubject())
	if err := bus.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.freeze()
	var enough atomic.Bool
	stuck := make(chan struct{})
	go func() {
		defer close(stuck)
		for !enough.Load() { // more than the network has room for
			_ = conn.Publish("elsewhere", make([]byte, 1<<16))
		}
	}()
	eventually(t, "it is stuck", func() bool {
		begun := time.Now()
		err := bus.Wake(t.Context())
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("Wake took %v", took)
		}
		return errors.Is(err, natsbus.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := bus.Wake(ctx); err != context.DeadlineExceeded {
		t.Errorf("Wake returned %v: want context.DeadlineExceeded", err)
	}
	enough.Store(true)
	p.thaw()
	<-stuck
	eventually(t, "it takes wakes again", func() bool { return bus.Wake(t.Context()) == nil })
	eventually(t, "no goroutine is left", func() bool { return left() == "" })
}
