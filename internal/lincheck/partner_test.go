package lincheck_test

import (
	"errors"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/internal/lincheck"
)

// partnerEnv is set in the other process.
const partnerEnv = "SLOKEEP_LINCHECK_PARTNER"

// Plan is what the other process is to do in a round.
type Plan struct {
	Over bool // no more of it
	Seed uint64
	Server
}

// Report is what one process has seen and done.
type Report struct {
	Touches []lincheck.Touch
	Errors  []string // that nothing explains
	Seen    Seen
}

// A partner is this test binary once more, as another process. Over its standard input and output it asks for what to do,
// for instants, and for the truth, and says at the end of each round what it has seen.
type partner struct {
	judge *Judge
	ended chan struct{} // closed when the process is no more
	err   error         // how it ended
}

// Judge is what a partner can ask.
type Judge struct {
	book    atomic.Pointer[book] // of this round
	plans   chan Plan
	reports chan Report
}

func (j *Judge) Next(_ int, plan *Plan) error {
	*plan = <-j.plans
	return nil
}

func (j *Judge) Look(keys []string, page *Page) error {
	page.Now, page.Versions = j.book.Load().look(keys...)
	return nil
}

func (j *Judge) Write(key string, page *Page) error {
	page.Versions = make([]int64, 1)
	page.Now, page.Versions[0] = j.book.Load().write(key)
	return nil
}

func (j *Judge) Done(r Report, _ *int) error {
	j.reports <- r
	return nil
}

// duplex is one connection of two pipes.
type duplex struct {
	io.Reader
	io.WriteCloser
}

// newPartner starts a process that ends with the test.
func newPartner(t testing.TB) *partner {
	t.Helper()
	p := &partner{judge: &Judge{plans: make(chan Plan), reports: make(chan Report, 1)}, ended: make(chan struct{})}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), partnerEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	server := rpc.NewServer()
	if err := errors.Join(err1, err2, server.Register(p.judge), cmd.Start()); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		server.ServeConn(duplex{out, in})
		p.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		select {
		case p.judge.plans <- Plan{Over: true}:
			<-p.ended
		case <-p.ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			<-p.ended
		}
		if p.err != nil {
			t.Errorf("the other process: %v", p.err)
		}
	})
	return p
}

// begin has the partner do its part of a round, and returns what waits for its report.
func (p *partner) begin(b *book, plan Plan) (wait func() (Report, error)) {
	p.judge.book.Store(b)
	err := errors.New("the other process has ended")
	select {
	case p.judge.plans <- plan:
	case <-p.ended:
		return func() (Report, error) { return Report{}, err }
	}
	return func() (Report, error) {
		select {
		case r := <-p.judge.reports:
			return r, nil
		case <-p.ended:
			return Report{}, err
		}
	}
}

// farClients is the number of the first client of the other process.
const farClients = 100

// runPartner is the other process.
func runPartner() {
	ledger := farLedger{rpc.NewClient(duplex{os.Stdin, os.Stdout})}
	for {
		var plan Plan
		ledger.ask("Next", 0, &plan)
		if plan.Over {
			return
		}
		var nothing int
		ledger.ask("Done", playPart(plan, ledger, farClients), &nothing)
	}
}
