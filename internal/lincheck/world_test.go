package lincheck_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
)

const kind = "thing"

// judging is how long a history may take to be judged. It takes milliseconds.
const judging = 30 * time.Second

// world is some processes on one Log, and all that happened.
type world struct {
	t         testing.TB
	ctx       context.Context
	seed      uint64
	random    *rand.Rand
	ids       []string
	masked    bool // the kind has a Redactor
	bus       entity.Bus
	ttl       time.Duration // of leases; 0: the default
	ends      []end
	processes []*process

	start   time.Time
	mu      sync.Mutex
	ops     []porcupine.Operation
	changes []lincheck.Change
	errs    []error // that nothing explains
}

func newWorld(t testing.TB, seed uint64, on store) *world {
	w := &world{t: t, ctx: t.Context(), seed: seed, random: rand.New(rand.NewPCG(seed, 0)), ends: on(t), start: time.Now()}
	w.ids = []string{"a", "b", "c", "d"}[:2+w.random.IntN(3)]
	w.masked = w.random.IntN(3) == 0
	if w.random.IntN(2) == 0 {
		w.bus = new(entity.LocalBus)
	}
	return w
}

// now is the clock of the history.
func (w *world) now() int64 { return time.Since(w.start).Nanoseconds() }

// wrong notes what must not happen.
func (w *world) wrong(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// note writes down an operation, and the change that it published.
func (w *world) note(client int, call int64, in lincheck.Input, out lincheck.Output) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ops = append(w.ops, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: w.now()})
	if in.Verb < lincheck.Get && !out.Failed && out.Change.Version > 0 {
		w.changes = append(w.changes, out.Change)
	}
}

// plant writes rows of some entities, past the framework.
func (w *world) plant() {
	for _, id := range w.ids {
		if w.random.IntN(3) > 0 {
			continue
		}
		in := lincheck.Input{ID: id, Verb: lincheck.Plant, Name: "old"}
		call, at := w.now(), w.ends[0]
		err := at.log.InTx(at.table.begin(w.ctx), func(ctx context.Context) error {
			return at.table.put(ctx, id, &lincheck.State{Name: in.Name})
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.note(0, call, in, lincheck.Output{})
	}
}

// process is a Registry of its own on the world's Log.
type process struct {
	w      *world
	number int
	cord   *cord
	table  table
	reg    *entity.Registry
	things *entity.Handle[lincheck.State]
	closed bool
}

// open makes a process, which is not started yet.
func (w *world) open() *process {
	p := &process{w: w, number: len(w.processes)}
	at := w.ends[p.number%len(w.ends)]
	p.table = at.table
	log := at.log
	if log.Shared() {
		p.cord = &cord{Log: log}
		log = p.cord
	}
	reg, err := entity.NewRegistry(&entity.Options{
		Log: log, Bus: w.bus, Poll: 2 * time.Millisecond, LeaseTTL: w.ttl, OnError: p.onError,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	p.reg = reg
	w.t.Cleanup(func() { _ = reg.Close() })
	opts := &entity.KindOptions[lincheck.State]{}
	if w.masked {
		opts.Redact = func(_ context.Context, s *lincheck.State) error {
			*s = *lincheck.Mask(s)
			return nil
		}
	}
	if p.things, err = entity.Define(reg, kind, at.table.read, opts); err != nil {
		w.t.Fatal(err)
	}
	w.processes = append(w.processes, p)
	return p
}

func (p *process) onError(err error) {
	if !p.isCut() {
		p.w.wrong(err)
	}
}

func (p *process) isCut() bool { return p.cord != nil && p.cord.cut.Load() }

func (p *process) begin() {
	if err := p.reg.Start(p.w.ctx); err != nil {
		p.w.t.Fatal(err)
	}
}

func (p *process) close() {
	if p.closed {
		return
	}
	p.closed = true
	if err := p.reg.Close(); err != nil && !p.isCut() {
		p.w.wrong(err)
	}
}

// closeAll ends all processes, so that nothing is under way any longer, and gives what nobody could explain.
func (w *world) closeAll() error {
	for _, p := range w.processes {
		p.close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.errs...)
}

// judge checks the history of the writers and readers. All processes are closed.
func (w *world) judge() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	figures.histories.Add(1)
	figures.operations.Add(int64(len(w.ops)))
	return lincheck.CheckRegisters(w.ops, w.masked, judging)
}

// figures are what the tests of this run looked at.
var figures struct{ histories, operations, attempts, steps atomic.Int64 }

// short cuts what a failure has to say.
func short(err error) string {
	const limit = 12 << 10
	text := err.Error()
	if len(text) > limit {
		return text[:limit] + "\n..."
	}
	return text
}
