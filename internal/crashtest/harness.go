package crashtest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/storage"
)

// Harness says what is proved, and how.
type Harness struct {
	// Target is the database, which is empty: whatever Open makes of it.
	Target string

	// Open opens the store of a Target, in the test and in its workers.
	Open Open

	// Kills is how often [Kill] kills, or cuts. [Crowd] does neither.
	Kills int

	// Seed is that of all random choices.
	Seed uint64

	// Cut is called at a random instant of the worker's work in place of killing it: it may end the worker's connections, and
	// whatever else the worker must get over. Then workers may see the errors that are in order; see [Work]. nil: the process
	// is killed with SIGKILL, and no error but entity.ErrConflict is in order.
	Cut func(t testing.TB)

	// Patience is how long a call of a worker may take, and how long there may be no progress. 0: a minute.
	Patience time.Duration

	// InProcess has the workers run as goroutines of the test, on what it opens for them: when one is killed, its store
	// commits nothing more. So the harness itself is tested, and stores in memory are. nil: workers are processes.
	InProcess Open

	// InOrder is what [Work] gets in a process, for workers InProcess.
	InOrder func(err error) bool
}

// Result is what was looked at.
type Result struct {
	Tried, Acknowledged int // operations
	InDoubt, Came       int // those of which nobody knew, and those of them that had happened
	Conflicts           int // calls that got entity.ErrConflict, those in the background too
	Failed              int // those in doubt that failed with another error that is in order
	Facts, Changes      int
	Handled             int // by the workers, before the test itself handled the rest
	Days                int // rows
	Simulated           time.Duration

	Lock  Waits // how long the calls of Lock took; those of each kind are logged
	Begin Waits // how long transactions took to begin
}

// String is Result without the waits, in a line.
func (r Result) String() string {
	return fmt.Sprintf("%d operations, %d acknowledged, %d conflicts, %d in doubt (%d had happened, %d failed); "+
		"%d facts, %d changes, %d handled by workers, %d days in %v",
		r.Tried, r.Acknowledged, r.Conflicts, r.InDoubt, r.Came, r.Failed, r.Facts, r.Changes, r.Handled, r.Days, r.Simulated.Round(time.Hour))
}

// run is one test.
type run struct {
	Harness
	clock     clock
	launched  int
	processes []*process
	keys      *keys
	leaseTTL  time.Duration
}

// begin makes what is there before anybody works.
func begin(t testing.TB, h Harness, ttl time.Duration) *run {
	t.Helper()
	if h.Patience == 0 {
		h.Patience = time.Minute
	}
	r := &run{Harness: h, clock: clock{time.Now().Round(0)}, keys: newKeys(t), leaseTTL: ttl}
	store := r.open(t)
	joined, err := join(t.Context(), store, simclock.New(dawn), ttl, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := joined.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, o := range objectives() {
		if _, err := joined.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// open opens the store for the rest of the test.
func (r *run) open(t testing.TB) storage.Store {
	t.Helper()
	store, closeStore, err := r.Open(t.Context(), r.Target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeStore(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return store
}

// Kill has a process work, kills it at a random instant, and launches another one, again and again. After each time it
// looks for what was acknowledged, and in the end at everything.
func Kill(t testing.TB, h Harness) Result {
	t.Helper()
	r := begin(t, h, 100*time.Millisecond) // what one was at when it was killed, the next takes over before it is killed
	store := r.open(t)
	random := rand.New(rand.NewPCG(h.Seed, 1))
	p := r.launch(t, 0)
	for range h.Kills {
		p.awaitReady(t)
		if h.Cut != nil {
			p.awaitWork(t, 1)
		}
		time.Sleep(time.Duration(random.IntN(150_000)) * time.Microsecond) // the instant is the experiment
		if h.Cut != nil {
			h.Cut(t)
		} else {
			p.kill()
		}
		r.glance(t, store, p)
		if h.Cut == nil {
			p = r.launch(t, 0)
		}
		if t.Failed() {
			return Result{}
		}
	}
	p.awaitReady(t)
	p.awaitWork(t, 50)
	return r.finish(t, store, []*process{p})
}

// Crowd has as many processes work at once for a while, and looks at everything when they have ended in order. Then none
// may have seen an error other than entity.ErrConflict.
func Crowd(t testing.TB, h Harness, processes int, long time.Duration) Result {
	t.Helper()
	r := begin(t, h, time.Second)
	var all []*process
	for i := range processes {
		all = append(all, r.launch(t, i))
	}
	for _, p := range all {
		p.awaitReady(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	<-ctx.Done()
	return r.finish(t, r.open(t), all)
}

// finish ends the workers in order, and checks everything.
func (r *run) finish(t testing.TB, store storage.Store, working []*process) Result {
	t.Helper()
	var said []answers
	for _, p := range working {
		p.say(orderStop)
	}
	for _, p := range working {
		p.await(t, "it had stopped", func() bool { return p.waits != nil })
	}
	asked := r.clock.Now()
	for _, p := range working {
		said = append(said, p.ask(t, asked))
	}
	for _, p := range working {
		p.close(t)
	}
	j := r.judge(t, store, r.clock.Now()) // which no change comes after
	defer j.close()
	j.everything(asked, said)
	return j.result()
}
