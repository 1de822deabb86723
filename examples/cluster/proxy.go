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

	mu       sync.Mutex
	conns    map[*proxied]bool
	closed   bool
	refusing time.Time // until when no connection is made
	holding  time.Time // until when nothing is passed on
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
	if p.refuses() {
		return
	}
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		return
	}
	c := &proxied{client, server}
	if !p.add(c) {
		c.cut()
		return
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(held{client, p}, server)
		c.cut()
	})
	_, _ = io.Copy(held{server, p}, client)
	c.cut()
	answers.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *proxy) refuses() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed || time.Now().Before(p.refusing)
}

// add makes a connection one of those that are cut, unless none may be made any more, now that the server has taken it.
func (p *proxy) add(c *proxied) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || time.Now().Before(p.refusing) {
		return false
	}
	p.conns[c] = true
	return true
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

// refuse cuts all connections, and has none made for a while.
func (p *proxy) refuse(long time.Duration) {
	p.mu.Lock()
	p.refusing = time.Now().Add(long)
	p.mu.Unlock()
	p.cut(1)
}

// hold has nothing passed on for a while; then all of it is.
func (p *proxy) hold(long time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holding = time.Now().Add(long)
}

// held waits before it writes, while the proxy holds what is said.
type held struct {
	net.Conn
	proxy *proxy
}

func (c held) Write(b []byte) (int, error) {
	c.proxy.mu.Lock()
	long := time.Until(c.proxy.holding)
	c.proxy.mu.Unlock()
	time.Sleep(long)
	return c.Conn.Write(b)
}

// close cuts all connections, and waits for what passes on between them. Closing twice is closing once.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cut(1)
	p.work.Wait()
}
