package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
)

func TestSubscribers(t *testing.T) {
	for _, c := range []struct {
		name  string
		on    store
		share float64
	}{{"on Memory", onMemory, shareOfMemory}, {"on SQLite", onSQLite, shareOfSQLite}} {
		t.Run(c.name, func(t *testing.T) {
			before, ops, attempts := figures.histories.Load(), figures.operations.Load(), figures.attempts.Load()
			for seed := range rounds(t, c.share) {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					if err := subscribers(t, seed, c.on); err != nil {
						t.Errorf("%s", short(err))
					}
				})
			}
			t.Logf("%d histories of %d operations and %d calls of handlers",
				figures.histories.Load()-before, figures.operations.Load()-ops, figures.attempts.Load()-attempts)
		})
	}
}

// audience is all who listen in a world.
type audience struct {
	*world
	work, echo *listener   // groups, with members in all processes
	broadcasts []*listener // of each process
}

// subscribers lets clients write while processes with subscribers come and go, and checks what was delivered.
func subscribers(t testing.TB, seed uint64, on store) error {
	return deliver(t, seed, on, 30*time.Second)
}

// deliver does so, and waits for what does not come as long as its patience lasts.
func deliver(t testing.TB, seed uint64, on store, patience time.Duration) error {
	const clients, steps = 4, 25
	a := &audience{world: newWorld(t, seed, on)}
	cuts := a.ends[0].log.Shared() && a.random.IntN(3) == 0
	if cuts {
		a.ttl = time.Second // which a busy machine must be able to renew in time, most of the time
	}
	a.plant()
	a.work = a.listener(lincheck.Subscriber{Name: "group work", Group: true, Contested: cuts})
	a.echo = a.listener(lincheck.Subscriber{Name: "group echo", Group: true, Contested: cuts})
	a.work.fails, a.echo.fails, a.echo.echo = 20, 5, true
	for range 3 {
		a.join()
	}
	writers := a.processes[:2] // the third leaves, and a fourth comes
	var work sync.WaitGroup
	for i := range clients {
		c := writers[i%len(writers)].client(i)
		work.Go(func() {
			for range steps {
				c.step(false)
			}
		})
	}
	leaver := a.processes[2]
	time.Sleep(time.Duration(a.random.IntN(20)) * time.Millisecond)
	if cuts {
		leaver.cord.cut.Store(true)
	} else {
		leaver.close()
	}
	for _, l := range a.broadcasts[2*2:] {
		l.sub.Closed = true
	}
	a.join()
	work.Wait()
	return errors.Join(a.wait(patience), a.closeAll(), a.judge(), a.check())
}

// join begins a process with subscribers. What it must not miss is what comes after it has started.
func (a *audience) join() {
	p := a.open()
	a.work.on(p, entity.SubscribeOptions{Group: "work", Parallel: 4})
	a.echo.on(p, entity.SubscribeOptions{Group: "echo"})
	one := a.listener(lincheck.Subscriber{Name: fmt.Sprint("broadcast one at a time in process ", p.number), Ordered: true})
	four := a.listener(lincheck.Subscriber{Name: fmt.Sprint("broadcast four at a time in process ", p.number)})
	four.fails = 20
	one.on(p, entity.SubscribeOptions{})
	four.on(p, entity.SubscribeOptions{Parallel: 4})
	p.begin()
	for _, l := range []*listener{one, four} {
		l.since(p)
		a.broadcasts = append(a.broadcasts, l)
	}
}

func (a *audience) all() []*listener { return append([]*listener{a.work, a.echo}, a.broadcasts...) }

// committed is what the writers were told.
func (a *audience) committed() (lincheck.Committed, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return lincheck.NewCommitted(slices.Clone(a.changes))
}

// wait waits until everybody has got everything, those changes too that handlers made meanwhile. It gives up when that
// lasts too long; then the check says what is missing.
func (a *audience) wait(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(a.ctx, patience)
	defer cancel()
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		for _, p := range a.processes {
			if !p.closed && !p.isCut() {
				if err := p.reg.Settle(ctx); err != nil {
					return errors.Join(errNotAll, err)
				}
			}
		}
		committed, err := a.committed()
		if err != nil {
			return nil // the check says it again
		}
		missing := 0
		for _, l := range a.all() {
			if sub := l.record(); !sub.Closed {
				missing += len(committed.Missing(sub))
			}
		}
		if again, err := a.committed(); err == nil && missing == 0 && count(again) == count(committed) {
			return nil
		}
	}
	return errNotAll
}

var errNotAll = errors.New("not everything was delivered in time")

func count(c lincheck.Committed) (n int) {
	for _, list := range c {
		n += len(list)
	}
	return n
}

// check judges what was delivered. All processes are closed.
func (a *audience) check() error {
	committed, err := a.committed()
	errs := []error{err}
	for _, l := range a.all() {
		sub := l.record()
		figures.attempts.Add(int64(len(sub.Attempts)))
		errs = append(errs, committed.Check(sub), lincheck.CheckQueue(a.ops, sub, judging))
	}
	var feed []lincheck.Change
	for c, err := range a.ends[0].log.Changes(a.ctx, 0) {
		change, errDecode := lincheck.DecodeChange(c)
		errs = append(errs, err, errDecode)
		feed = append(feed, change)
	}
	return errors.Join(append(errs, committed.CheckFeed(feed))...)
}
