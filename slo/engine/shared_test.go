package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

// sharedStore is a store that several processes use, each with an Engine of its own.
type sharedStore struct {
	storage.Store
	dead *atomic.Bool // that process no longer reaches it
}

func (s sharedStore) Shared() bool { return true }

func (s sharedStore) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.dead.Load() {
		return errDead
	}
	return s.Store.InTx(ctx, fn)
}

func (s sharedStore) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	if s.dead.Load() {
		return nil, errDead
	}
	return s.Store.Lease(ctx, names, holder, ttl)
}

var errDead = errors.New("no route to the store")

// process is an Engine on a shared store, in a bubble.
type process struct {
	*engine.Engine
	dead *atomic.Bool
}

func newProcess(t *testing.T, store storage.Store, opts engine.Options) *process {
	t.Helper()
	p := &process{dead: &atomic.Bool{}}
	var err error
	p.Engine, err = engine.New(sharedStore{store, p.dead}, &opts)
	ok(t, err)
	return p
}

// touched says whether there is something that nobody has refreshed yet.
func touched(t *testing.T, store storage.Store) bool {
	t.Helper()
	for _, err := range store.List(t.Context(), storage.Range{Kind: "touched"}) {
		ok(t, err)
		return true
	}
	return false
}

// TestOneProcessRefreshesAndAnotherTakesOver has the refreshing process end, and one die, which does not even give up its
// lease.
func TestOneProcessRefreshesAndAnotherTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		processes := []*process{newProcess(t, store, engine.Options{})}
		synctest.Wait() // it has the lease
		for range 2 {
			processes = append(processes, newProcess(t, store, engine.Options{}))
			time.Sleep(10 * time.Millisecond)
		}
		ctx := t.Context()
		_, err := processes[0].Create(ctx, simple("api"))
		ok(t, err)
		word := slo.Down("api", time.Now())
		tell := func(by *process) {
			t.Helper()
			word.At = word.At.Add(time.Millisecond)
			ok(t, by.Observe(ctx, word))
			synctest.Wait()
		}
		tell(processes[0])
		equal(t, "touched after the holder was told", false, touched(t, store))
		tell(processes[2])
		equal(t, "touched after another was told", true, touched(t, store))
		time.Sleep(time.Second)
		synctest.Wait()
		equal(t, "touched when the holder has polled", false, touched(t, store))
		tell(processes[1])
		ok(t, processes[1].Settle(ctx))
		equal(t, "touched when another has settled", false, touched(t, store))

		ok(t, processes[0].Close())
		tell(processes[2])
		time.Sleep(time.Second)
		synctest.Wait()
		equal(t, "touched a second after the holder ended", false, touched(t, store))

		holder, other := processes[1], processes[2]
		tell(other)
		if !touched(t, store) {
			holder, other = other, holder
		}
		time.Sleep(time.Second)
		holder.dead.Store(true)
		tell(other)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		equal(t, "touched while the dead one's lease runs", true, touched(t, store))
		time.Sleep(9 * time.Second)
		synctest.Wait()
		equal(t, "touched when it has run out", false, touched(t, store))
		ok(t, other.Close())
		ok(t, holder.Close())
	})
}

// TestAnAnswerIsAsOldAsItMayBe has another process write what this one may not know yet.
func TestAnAnswerIsAsOldAsItMayBe(t *testing.T) {
	for _, tt := range []struct {
		name    string
		stale   time.Duration
		bus     bool
		after   time.Duration
		visible bool
	}{
		{"each question asks the store", 0, false, 0, true},
		{"nobody wakes it", time.Minute, false, time.Minute - time.Second, false},
		{"nobody wakes it, and it is too old", time.Minute, false, time.Minute + time.Second, true},
		{"it is woken", time.Minute, true, time.Millisecond, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, ctx := memory.New(), t.Context()
				opts := engine.Options{MaxStale: tt.stale, Poll: time.Hour}
				if tt.bus {
					opts.Bus = &entity.LocalBus{}
				}
				reader, writer := newProcess(t, store, opts), newProcess(t, store, opts)
				defer reader.Close()
				defer writer.Close()
				_, err := reader.Create(ctx, simple("api"))
				ok(t, err)
				synctest.Wait()
				st, err := reader.Status(ctx, "api")
				ok(t, err)
				equal(t, "down before", false, st.Down)
				ok(t, writer.Observe(ctx, slo.Down("api", time.Now())))
				time.Sleep(tt.after)
				synctest.Wait()
				for _, ask := range []func() (slo.Status, error){
					func() (slo.Status, error) { return reader.Status(ctx, "api") },
					func() (slo.Status, error) {
						list, err := reader.Statuses(ctx, []string{"api"})
						return append(list, slo.Status{})[0], err
					},
				} {
					st, err = ask()
					ok(t, err)
					equal(t, "down after", tt.visible, st.Down)
				}
				st, err = writer.Status(ctx, "api")
				ok(t, err)
				equal(t, "down for who wrote it", true, st.Down)
				ok(t, reader.Observe(ctx, slo.Up("another", time.Now())))
				st, err = reader.Status(ctx, "api")
				ok(t, err)
				equal(t, "down after a write of its own", true, st.Down)
			})
		})
	}
}

// TestCloseLeavesNoGoroutine works in a bubble, which fails where a goroutine is left in it, and on the bubble's clock.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	for name, open := range map[string]func() storage.Store{
		"one process": func() storage.Store { return memory.New() },
		"several":     func() storage.Store { return sharedStore{memory.New(), &atomic.Bool{}} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				health := hostHealth{}
				e, err := engine.New(open(), &engine.Options{Health: health.ask, Bus: &entity.LocalBus{}})
				ok(t, err)
				ctx := t.Context()
				if name == "one process" { // a store in memory relays nothing
					ok(t, e.Entities().Start(ctx))
				}
				running := make(chan error)
				go func() { running <- e.Run(ctx) }()
				ok(t, second(e.Create(ctx, simple("api"))))
				var fired []time.Duration
				began := time.Now()
				_, err = e.Entities().Watch(ctx, entity.Is(entity.Path("slo", "api", "page"), true), func(_ context.Context, f entity.Firing) error {
					fired = append(fired, f.At.Sub(began))
					return nil
				}, nil)
				ok(t, err)
				ok(t, e.Observe(ctx, slo.Down("api", began)))
				time.Sleep(time.Hour)
				if name == "one process" {
					equal(t, "fired", []time.Duration{51840 * time.Millisecond}, fired)
				}
				st, err := e.Status(ctx, "api")
				ok(t, err)
				equal(t, "consumed", time.Hour, st.Budget.Consumed)
				var others sync.WaitGroup // some calls are under way when it is closed
				for range 3 {
					others.Go(func() {
						for e.Observe(ctx, slo.Down("api", time.Now())) == nil {
							time.Sleep(time.Microsecond)
						}
					})
					others.Go(func() { _ = e.Settle(ctx) })
				}
				time.Sleep(time.Millisecond)
				ok(t, e.Close())
				fails(t, "Run", <-running, engine.ErrClosed)
				others.Wait()
			})
		})
	}
}

// deaf is a Bus that cannot listen at first.
type deaf struct {
	entity.LocalBus
	failed atomic.Int64
}

func (b *deaf) Listen(ctx context.Context, wake func()) error {
	if b.failed.Add(1) <= 2 { // the Engine, and its Registry
		return errors.New("the connection is lost")
	}
	return b.LocalBus.Listen(ctx, wake)
}

func TestABusThatFailedIsListenedToAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, bus := memory.New(), &deaf{}
		p := newProcess(t, store, engine.Options{Bus: bus, MaxStale: time.Hour})
		ok(t, p.Entities().Start(t.Context()))
		ctx := t.Context()
		_, err := p.Create(ctx, simple("api"))
		ok(t, err)
		st, err := p.Status(ctx, "api")
		ok(t, err)
		equal(t, "down", false, st.Down)
		time.Sleep(2 * time.Second)
		other := newProcess(t, store, engine.Options{Bus: bus})
		ok(t, other.Observe(ctx, slo.Down("api", time.Now())))
		st, err = p.Status(ctx, "api")
		ok(t, err)
		equal(t, "down", true, st.Down)
		ok(t, p.Close())
		ok(t, other.Close())
	})
}

// behindOther is a process that has just looked, and may be an hour behind, and another, which refreshes and has written
// since.
func behindOther(t *testing.T, store storage.Store, o slo.Objective, words ...slo.Observation) *process {
	t.Helper()
	other := newProcess(t, store, engine.Options{})
	t.Cleanup(func() { ok(t, other.Close()) })
	synctest.Wait() // it has the lease
	p := newProcess(t, store, engine.Options{MaxStale: time.Hour})
	t.Cleanup(func() { ok(t, p.Close()) })
	ok(t, p.Entities().Start(t.Context()))
	_, err := other.Create(t.Context(), o)
	ok(t, err)
	time.Sleep(2 * time.Second)
	_, err = p.Status(t.Context(), o.ID)
	ok(t, err)
	ok(t, other.Observe(t.Context(), words...))
	ok(t, other.Settle(t.Context()))
	return p
}

func TestWhatIsRecordedIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, ctx := memory.New(), t.Context()
		today := time.Now().Truncate(24 * time.Hour)
		o := simple("api")
		o.CreatedAt = today.Add(-48 * time.Hour)
		p := behindOther(t, store, o, failing("api", today.Add(-40*time.Hour), time.Hour)...)
		st, err := p.Status(ctx, "api")
		ok(t, err)
		equal(t, "consumed, in a stale answer", time.Duration(0), st.Budget.Consumed)
		ok(t, p.RunDaily(ctx, time.Now()))
		first, err := streak.DateOf(o.CreatedAt)
		ok(t, err)
		last, err := first.Add(1)
		ok(t, err)
		days, err := p.Days(ctx, "api", first, last)
		ok(t, err)
		equal(t, "days", []string{"1999-12-30 missed 0", "1999-12-31 missed 0"}, course(days))
	})
}

func TestADigestIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		o := simple("api")
		o.CreatedAt = now.Add(-48 * time.Hour)
		p := behindOther(t, memory.New(), o, failing("api", now.Add(-40*time.Hour), time.Hour)...)
		d, err := p.Digest(t.Context(), time.Now())
		ok(t, err)
		equal(t, "breaching", 1, d.Breaching)
	})
}

func TestAForecastIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, ctx := memory.New(), t.Context()
		p := behindOther(t, store, simple("api"))
		var fired []time.Time
		half := entity.Below(entity.Path("slo", "api", "budgetRemainingPercent"), 50)
		stop, err := p.Entities().Watch(ctx, half, func(_ context.Context, f entity.Firing) error {
			fired = append(fired, f.At)
			return nil
		}, nil)
		ok(t, err)
		defer stop()
		ok(t, second(p.Status(ctx, "api")))
		other := newProcess(t, store, engine.Options{})
		defer other.Close()
		began := time.Now()
		ok(t, other.Observe(ctx, slo.Down("api", began)))
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if len(fired) != 1 || fired[0].Sub(began).Round(time.Second) != 21*time.Minute+36*time.Second {
			t.Errorf("it fired at %v, want 21m36s after %v", fired, began)
		}
	})
}
