package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// proxy stands between the processes and a server, and cuts their connections.
type proxy struct {
	network, server string
	listener        net.Listener
	work            sync.WaitGroup

	mu    sync.Mutex
	conns map[*proxied]bool
	away  time.Time // no connection is made before
	still time.Time // nothing is passed on before
}

// proxied is one connection, of two halves.
type proxied struct{ client, server net.Conn }

func (c *proxied) cut() {
	_ = c.client.Close()
	_ = c.server.Close()
}

func newProxy(network, server string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a proxy before %s: %w", server, err)
	}
	p := &proxy{network: network, server: server, listener: listener, conns: map[*proxied]bool{}}
	p.work.Go(p.accept)
	return p, nil
}

func (p *proxy) address() *net.TCPAddr { return p.listener.Addr().(*net.TCPAddr) }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // it is closed
		}
		p.work.Go(func() { p.pass(client) })
	}
}

// pass passes on what both sides say, until one of them ends or it is cut.
func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	away := time.Now().Before(p.away)
	p.mu.Unlock()
	if away {
		return
	}
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return
	}
	c := &proxied{client, server}
	p.mu.Lock()
	p.conns[c] = true
	p.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(patient{client, p}, server)
		c.cut()
	})
	_, _ = io.Copy(patient{server, p}, client)
	c.cut()
	answers.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// cut cuts about a share of the connections, and returns how many that were.
func (p *proxy) cut(share float64) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if rand.Float64() < share {
			c.cut()
			n++
		}
	}
	return n
}

// leave cuts all connections, and has none made for a while.
func (p *proxy) leave(long time.Duration) (n int) {
	p.mu.Lock()
	p.away = time.Now().Add(long)
	p.mu.Unlock()
	return p.cut(1)
}

// stand has nothing passed on for a while; then all of it is.
func (p *proxy) stand(long time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.still = time.Now().Add(long)
}

// patient waits before it writes, while the proxy stands still.
type patient struct {
	net.Conn
	proxy *proxy
}

func (c patient) Write(b []byte) (int, error) {
	c.proxy.mu.Lock()
	still := time.Until(c.proxy.still)
	c.proxy.mu.Unlock()
	time.Sleep(still)
	return c.Conn.Write(b)
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.leave(time.Minute)
	p.work.Wait()
}
