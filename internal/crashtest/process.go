package crashtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// entry is an operation that was tried, as far as the test knows.
type entry struct {
	op
	outcome *outcome // nil: in doubt
}

func (e *entry) acknowledged() bool { return e.outcome != nil && e.outcome.Error == "" }

// process is a worker that was launched.
type process struct {
	order
	glanced int // how many of its operations were looked at
	in      io.WriteCloser
	end     func()        // kills it
	ready   chan struct{} // closed when it works
	more    chan struct{} // has a token when it has printed something
	over    chan struct{} // closed when it is gone and all that it printed is read

	mu        sync.Mutex
	tried     []*entry
	acks      int
	failed    []failure // in the background
	conflicts int       // there, too
	waits     *waits
	answers   answers
	ended     error
}

// launch starts a worker.
func (r *run) launch(t testing.TB, worker int) *process {
	t.Helper()
	p := &process{
		order: order{Target: r.Target, Worker: worker, Launch: r.launched, Seed: r.Seed, Began: r.clock.began, Patience: r.Patience, LeaseTTL: r.leaseTTL},
		ready: make(chan struct{}), more: make(chan struct{}, 1), over: make(chan struct{}),
	}
	r.launched++
	out, wait, err := p.start(r.InProcess, r.InOrder)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.over)
		p.listen(out)
		err := wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended = err
	}()
	r.processes = append(r.processes, p)
	t.Cleanup(p.kill)
	return p
}

// start starts the worker: this binary again, or, with an open, a goroutine.
func (p *process) start(open Open, inOrder func(error) bool) (out io.Reader, wait func() error, err error) {
	if open != nil {
		out, wait = p.startInside(open, inOrder)
		return out, wait, nil
	}
	text, err := json.Marshal(p.order)
	if err != nil {
		return nil, nil, err
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	if out, err = cmd.StdoutPipe(); err != nil {
		return nil, nil, err
	}
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	p.end = func() { _ = cmd.Process.Kill() }
	return out, cmd.Wait, cmd.Start()
}

// startInside starts a worker in this process. When it is killed, its store does nothing any more.
func (p *process) startInside(open Open, inOrder func(error) bool) (out io.Reader, wait func() error) {
	in, orders := io.Pipe()
	lines, printed := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	alive := &life{}
	p.in = orders
	p.end = func() {
		_ = lines.CloseWithError(errKilled) // what it says after that, nobody hears
		alive.over.Store(true)
		cancel()
	}
	ended := make(chan error, 1)
	go func() {
		err := work(ctx, p.order, alive.open(open), inOrder, in, printed)
		_ = printed.Close()
		_ = in.Close()
		ended <- err
	}()
	return lines, func() error { return <-ended }
}

// listen reads what the worker prints, until it is gone.
func (p *process) listen(out io.Reader) {
	for lines := bufio.NewReader(out); ; {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			return // a line that was not ended says nothing
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			p.mu.Lock()
			p.failed = append(p.failed, failure{Error: fmt.Sprintf("it printed %q", text)})
			p.mu.Unlock()
			continue
		}
		p.hear(&l)
	}
}

func (p *process) hear(l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case l.Ready:
		close(p.ready)
	case l.Try != nil:
		p.tried = append(p.tried, &entry{op: *l.Try})
	case l.Done != nil:
		p.tried[len(p.tried)-1].outcome = l.Done
		if l.Done.Error == "" {
			p.acks++
		}
	case l.Failed != nil && l.Failed.Conflict:
		p.conflicts++
	case l.Failed != nil:
		p.failed = append(p.failed, *l.Failed)
	case l.Waits != nil:
		p.waits = l.Waits
	case l.Answers != nil:
		p.answers = l.Answers
	}
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// kill ends the process at once, and waits until it is gone.
func (p *process) kill() {
	p.end()
	<-p.over
}

// entries are the operations that were tried so far.
func (p *process) entries() []entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]entry, len(p.tried))
	for i, e := range p.tried {
		list[i] = *e
	}
	return list
}

func (p *process) acknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acks
}

// await waits until the worker has said something. It must not end before.
func (p *process) await(t testing.TB, what string, said func() bool) {
	t.Helper()
	timer := time.NewTimer(p.Patience)
	defer timer.Stop()
	for {
		p.mu.Lock()
		ok := said()
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-p.more:
		case <-p.over:
			p.mu.Lock()
			ok, err := said(), p.ended
			p.mu.Unlock()
			if !ok {
				t.Fatalf("worker %d-%d ended before %s: %v", p.Worker, p.Launch, what, err)
			}
			return
		case <-timer.C:
			t.Fatalf("worker %d-%d: not %s within %v; it is at %s", p.Worker, p.Launch, what, p.Patience, p.at())
		}
	}
}

// at says what the worker is doing.
func (p *process) at() string {
	list := p.entries()
	if len(list) == 0 {
		return "its beginning"
	}
	last := list[len(list)-1]
	return fmt.Sprintf("%s, which %s (over: %t)", last.ID, last.Do, last.outcome != nil)
}

func (p *process) awaitReady(t testing.TB) {
	t.Helper()
	select {
	case <-p.ready:
	case <-p.over:
		p.mu.Lock()
		defer p.mu.Unlock()
		t.Fatalf("worker %d-%d ended before it worked: %v", p.Worker, p.Launch, p.ended)
	case <-time.After(p.Patience):
		t.Fatalf("worker %d-%d does not begin to work within %v", p.Worker, p.Launch, p.Patience)
	}
}

// awaitWork waits until the worker has done something more.
func (p *process) awaitWork(t testing.TB, operations int) {
	t.Helper()
	want := p.acknowledged() + operations
	p.await(t, "it had done some more", func() bool { return p.acks >= want })
}

// ask asks a worker that has stopped how all stood at an instant.
func (p *process) ask(t testing.TB, at time.Time) answers {
	t.Helper()
	p.say(orderAsk + at.Format(time.RFC3339Nano))
	p.await(t, "it had answered", func() bool { return p.answers != nil })
	return p.answers
}

// say tells the worker something. That it is gone, who waits for the answer will notice.
func (p *process) say(text string) {
	_, _ = io.WriteString(p.in, text+"\n")
}

// close lets a worker that has stopped end in order.
func (p *process) close(t testing.TB) {
	t.Helper()
	_ = p.in.Close()
	select {
	case <-p.over:
		if p.ended != nil {
			t.Errorf("worker %d-%d ended with an error: %v", p.Worker, p.Launch, p.ended)
		}
	case <-time.After(p.Patience):
		t.Fatalf("worker %d-%d does not end within %v", p.Worker, p.Launch, p.Patience)
	}
}
