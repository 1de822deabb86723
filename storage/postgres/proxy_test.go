package postgres_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// proxy stands between a pool and the server, and cuts connections: all of them, or one at a message of its client.
type proxy struct {
	host string
	port uint16

	mu     sync.Mutex
	conns  map[*proxied]bool
	left   int  // messages that pass until the cut; negative: none is cut
	answer bool // the cut is at the server's answer
	sent   sent // since cutAt
}

// sent is what a client has sent, also of what was cut off.
type sent struct {
	cut, begun, wrote, committed bool
	messages                     string // their types
}

// sending reports whether the client was in the middle of sending what is to be executed.
func (s *sent) sending() bool {
	return strings.Contains(s.messages[strings.LastIndexByte(s.messages, 'S')+1:], "B")
}

// proxied is one connection through a proxy.
type proxied struct {
	client, server *net.TCPConn
	texts          map[string]string // of prepared statements
	bound          string
	cutting        bool // at the next ReadyForQuery
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	config, err := pgconn.ParseConfig(dsn())
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{conns: map[*proxied]bool{}, left: -1}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	p.host, p.port = listen(t, func(conn net.Conn) {
		server, err := new(net.Dialer).DialContext(t.Context(), network, address)
		if err != nil {
			return
		}
		c := &proxied{client: conn.(*net.TCPConn), server: server.(*net.TCPConn), texts: map[string]string{}}
		p.mu.Lock()
		p.conns[c] = true
		p.mu.Unlock()
		var answers sync.WaitGroup
		answers.Go(func() { p.answers(c) })
		p.questions(c)
		_ = c.server.Close()
		answers.Wait()
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	})
	t.Cleanup(p.cutAll)
	return p
}

// cutAll cuts all connections, as a server does that is restarted.
func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.cut()
	}
}

// cutAt has the connection cut that sends the message with the number n from now on, before it is passed on, or when it was
// answered.
func (p *proxy) cutAt(n int, answer bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.answer, p.sent = n, answer, sent{}
}

// since ends what cutAt began, and returns what was sent meanwhile.
func (p *proxy) since() sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = -1
	return p.sent
}

// cut ends both halves. What the client sends is still read.
func (c *proxied) cut() {
	_ = c.client.CloseWrite()
	_ = c.server.Close()
}

// questions passes on what the client sends.
func (p *proxy) questions(c *proxied) {
	r := bufio.NewReaderSize(c.client, 1<<16)
	startup, err := message(r, 0)
	if err == nil {
		_, err = c.server.Write(startup)
	}
	for err == nil {
		var m []byte
		if m, err = message(r, 1); err != nil {
			return
		}
		if p.passes(c, m) {
			_, _ = c.server.Write(m) // where that is closed: what else does the client send?
		}
	}
}

// passes looks at a message, and reports whether it is to be passed on.
func (p *proxy) passes(c *proxied, m []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m[0] == 'X' || bytes.HasPrefix(m[min(5, len(m)):], []byte("-- ping")) { // the end of another, and a pool's affair
		return true
	}
	p.sent.note(c, m)
	if p.sent.cut || p.left < 0 {
		return true
	}
	if p.left--; p.left >= 0 {
		return true
	}
	p.sent.cut = true
	if p.answer && m[0] == 'S' {
		c.cutting = true
		return true
	}
	c.cut()
	return false
}

// note looks what a message does.
func (s *sent) note(c *proxied, m []byte) {
	s.messages += string(m[0])
	switch m[0] {
	case 'P': // Parse: name, text
		name, rest, _ := strings.Cut(string(m[5:]), "\x00")
		c.texts[name], _, _ = strings.Cut(rest, "\x00")
	case 'B': // Bind: portal, statement
		_, rest, _ := strings.Cut(string(m[5:]), "\x00")
		name, _, _ := strings.Cut(rest, "\x00")
		c.bound = c.texts[name]
	case 'E': // Execute
		text := strings.TrimSpace(c.bound)
		s.begun = s.begun || strings.HasPrefix(text, "BEGIN")
		s.committed = s.committed || strings.HasPrefix(text, "COMMIT")
		s.wrote = s.wrote || !strings.HasPrefix(text, "SELECT")
	}
}

// answers passes on what the server sends.
func (p *proxy) answers(c *proxied) {
	defer func() { _ = c.client.CloseWrite() }()
	r := bufio.NewReaderSize(c.server, 1<<16)
	for {
		m, err := message(r, 1)
		if err != nil {
			return
		}
		p.mu.Lock()
		cutting := c.cutting
		p.mu.Unlock()
		switch {
		case !cutting:
			if _, err := c.client.Write(m); err != nil {
				return
			}
		case m[0] == 'Z': // ReadyForQuery
			c.cut()
			return
		}
	}
}

// message reads one message, whose length follows its head.
func message(r *bufio.Reader, head int) ([]byte, error) {
	start, err := r.Peek(head + 4)
	if err != nil {
		return nil, err
	}
	n := head + int(binary.BigEndian.Uint32(start[head:]))
	if n < head+4 || n > 1<<24 {
		return nil, errors.New("a message of " + strconv.Itoa(n) + " bytes")
	}
	m := make([]byte, n)
	_, err = io.ReadFull(r, m)
	return m, err
}
