package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fleet is the processes. Each has a number, and when it has died another one takes its place.
type fleet struct {
	options
	servers *servers
	report  *report
	slots   []slot
	work    sync.WaitGroup
	fail    func(error) // hears of processes that did not die by our hand, or had something to say

	mu  sync.RWMutex // who launches a process reads, so that it does not miss it when the time moves
	now time.Time
}

// slot has the process of one number in it, while there is one.
type slot chan *process

// get waits for the process.
func (s slot) get(ctx context.Context) (*process, error) {
	select {
	case p := <-s:
		s <- p
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// process is one that was launched.
type process struct {
	number  int
	cmd     *exec.Cmd
	in      io.Closer
	said    bytes.Buffer // on standard error; read when it has ended
	address string
	killed  atomic.Bool
	over    chan struct{}
}

const maxStale = 100 * time.Millisecond

// exact is how many of the processes answer exactly at any time.
func (f *fleet) exact() int { return max(1, f.processes-1) }

// newFleet keeps processes running until ctx ends; fail hears of what they may not do.
func newFleet(ctx context.Context, o options, s *servers, r *report, fail func(error)) *fleet {
	f := &fleet{options: o, servers: s, report: r, fail: fail, now: dawn}
	for i := range o.processes {
		f.slots = append(f.slots, make(slot, 1))
		f.work.Go(func() {
			for ctx.Err() == nil {
				if err := f.live(ctx, i); err != nil {
					fail(fmt.Errorf("process %d: %w", i, err))
					return
				}
			}
		})
	}
	return f
}

// live launches a process, and waits for its end.
func (f *fleet) live(ctx context.Context, number int) error {
	p, err := f.launch(ctx, number)
	if err != nil {
		return err
	}
	if p.address != "" {
		f.slots[number] <- p
	}
	<-p.over
	if p.address != "" {
		<-f.slots[number]
	}
	state := p.cmd.ProcessState
	switch {
	case p.said.Len() > 0:
		return fmt.Errorf("it said: %s", strings.TrimSpace(p.said.String()))
	case !state.Success() && !p.killed.Load():
		return fmt.Errorf("it ended by itself, or did not serve, or end, within %v: %v", timeout, state)
	}
	return nil
}

// launch starts a process, which ends when ctx does, and waits until it serves. It has no address where it never did.
func (f *fleet) launch(ctx context.Context, number int) (*process, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s := f.servers
	o := order{
		Name: s.name, Process: number, Now: f.now, Postgres: f.postgres, Port: uint16(s.toPostgres.address().Port),
		Redis: s.toRedis.address().String(), NATS: natsAt(f.nats, s.toNATS.address().String()),
	}
	if number >= f.exact() {
		o.MaxStale = maxStale
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{number: number, cmd: exec.Command(binary), over: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
	p.cmd.Stderr = &p.said
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	kill := func() { _ = p.cmd.Process.Kill() }
	context.AfterFunc(ctx, func() {
		_ = p.in.Close()
		time.AfterFunc(timeout, kill)
	})
	late := time.AfterFunc(timeout, kill)
	defer late.Stop()
	lines := bufio.NewReader(out)
	address, _ := lines.ReadString('\n')
	p.address = strings.TrimSpace(address)
	go func() {
		f.count(lines) // which is over with the process
		_ = p.cmd.Wait()
		close(p.over)
	}()
	return p, nil
}

// count reads what a process counts, until it ends.
func (f *fleet) count(lines *bufio.Reader) {
	var before counts
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return // the last line may be half of one
		}
		var now counts
		if _, err := fmt.Sscanln(line, &now.hits, &now.wakes); err != nil {
			f.fail(fmt.Errorf("a process printed %q", line))
			continue
		}
		f.report.counted(counts{now.hits - before.hits, now.wakes - before.wakes})
		before = now
	}
}

// kill kills one of the processes that are there, and returns how many that were.
func (f *fleet) kill() int {
	select {
	case p := <-f.slots[rand.IntN(len(f.slots))]:
		p.killed.Store(true)
		f.slots[p.number] <- p
		_ = p.cmd.Process.Kill()
		return 1
	default:
		return 0 // it is being launched
	}
}

// move moves the time of all processes. Nothing is left to be done for the time before.
func (f *fleet) move(ctx context.Context, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = now
	for _, s := range f.slots {
		select {
		case p := <-s:
			s <- p
			if _, err := call[struct{}](ctx, p, "/time", now); errors.Is(err, errRefused) {
				return err
			} // else it is dead, and the next begins with this time
		default:
		}
	}
	return nil
}

// What a call of a process may come to, beside an answer.
var (
	errRefused = errors.New("refused")  // a fault
	errFailed  = errors.New("failed")   // and changed nothing
	errInDoubt = errors.New("in doubt") // so that nobody knows whether it has changed anything
)

// call asks a process something.
func call[A any](ctx context.Context, p *process, path string, q any) (a A, err error) {
	text, err := json.Marshal(q)
	if err != nil {
		return a, fmt.Errorf("%w: %w", errRefused, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+path, bytes.NewReader(text))
	if err != nil {
		return a, fmt.Errorf("%w: %w", errRefused, err)
	}
	r.GetBody = nil // so that nobody but the driver tells it twice
	answer, err := http.DefaultClient.Do(r)
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return a, fmt.Errorf("%w: %w", errFailed, err)
	}
	if err != nil {
		return a, fmt.Errorf("%w: %w", errInDoubt, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return a, fmt.Errorf("%w: %w", errInDoubt, err)
	}
	said := strings.TrimSpace(string(body))
	switch answer.StatusCode {
	case http.StatusOK:
		if err := json.Unmarshal(body, &a); err != nil {
			return a, fmt.Errorf("%w: an answer that cannot be read: %w", errInDoubt, err)
		}
		return a, nil
	case statusFailed:
		return a, fmt.Errorf("%w: %s", errFailed, said)
	case statusInDoubt:
		return a, fmt.Errorf("%w: %s", errInDoubt, said)
	}
	return a, fmt.Errorf("%w: by process %d: %s", errRefused, p.number, said)
}
