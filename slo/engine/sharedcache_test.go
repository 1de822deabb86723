package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

func noProvider(testing.TB) cache.Provider[[]byte] { return nil }

func goodProvider(t testing.TB) cache.Provider[[]byte] {
	m, err := cache.NewMemory[[]byte](nil)
	ok(t, err)
	t.Cleanup(func() { ok(t, m.Close()) })
	return m
}

// doubtful is a cache that may do with what it is asked for whatever it likes.
type doubtful struct {
	cache.Provider[[]byte]
	mu      sync.Mutex
	damage  func(data []byte) []byte // of what it gives; nil: nothing
	fails   error                    // of every call
	takes   time.Duration            // to fail
	refuses error                    // of every Set
	hangs   chan struct{}            // where a Delete ends
	asked   int                      // how many Gets there were
	deletes int
}

func (d *doubtful) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[[]byte])) error {
	d.mu.Lock()
	d.asked++
	fails := d.fails
	d.mu.Unlock()
	select {
	case <-time.After(d.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	return errors.Join(fails, d.Provider.Get(ctx, scope, keys, func(i int, e cache.Entry[[]byte]) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if fails != nil {
			return
		}
		if d.damage != nil {
			e.Value = d.damage(append([]byte(nil), e.Value...))
		}
		found(i, e)
	}))
}

func (d *doubtful) Set(ctx context.Context, scope string, items []cache.Item[[]byte]) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := errors.Join(d.fails, d.refuses); err != nil {
		return err
	}
	return d.Provider.Set(ctx, scope, items)
}

func (d *doubtful) Delete(ctx context.Context, scope string, keys []string) error {
	if d.hangs != nil {
		<-d.hangs
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deletes++
	if d.fails != nil {
		return d.fails
	}
	return d.Provider.Delete(ctx, scope, keys)
}

// fickleProvider damages what it gives, at random.
func fickleProvider(t testing.TB) cache.Provider[[]byte] {
	rng := rand.New(rand.NewPCG(5, 5))
	return &doubtful{Provider: goodProvider(t), damage: func(data []byte) []byte {
		n := rng.IntN(len(data))
		switch rng.IntN(8) {
		case 0:
			return nil
		case 1:
			return data[:n]
		case 2:
			data[n] ^= 1 << rng.IntN(8)
		case 3:
			return append(data, data[:n]...)
		}
		return data
	}}
}

// knowingHost has facts of all kinds on a system with an upstream.
func knowingHost(t testing.TB, store storage.Store) *host {
	t.Helper()
	h := hostOn(t, store, simclock.New(noon), engine.Options{})
	o := simple("api")
	o.DependencyExclusion, o.ExcludeMaintenance = slo.SelfOnly, true
	h.create(t, o)
	for _, c := range []call{
		needs("api", -5000, "arn:aws:rds:eu-1:7:db"), outage("arn:aws:rds:eu-1:7:db", -60, -30), outage("api", -58, -28), outageOpen("api", -9),
		naming("arn:aws:rds:eu-1:7:db", "Orders"), stated("incident", 1, incident("api", -100, -90)),
		maintaining(slo.Maintenance{ID: "m", SystemID: "api", Start: minutes(-5), End: minutes(-4)}),
	} {
		ok(t, c.do(t.Context(), h.Engine))
	}
	ok(t, h.Settle(t.Context()))
	return h
}

// another is a process that has kept nothing, on the store of others.
func another(t testing.TB, h *host, shared cache.Provider[[]byte]) *host {
	t.Helper()
	e := hostOn(t, h.store, h.clock, engine.Options{KeepTimelines: -1, Cache: shared})
	if shared != nil {
		identified(t, h.store)
	}
	return e
}

// identified waits until a store has what tells it from others.
func identified(t testing.TB, store storage.Store) {
	t.Helper()
	within(t, "the store is identified", func() bool {
		for _, err := range store.Get(t.Context(), []storage.Key{{Kind: "store", ID: "identity"}}) {
			ok(t, err)
			return true
		}
		return false
	})
}

func TestWhatOneProcessHasReadTheOthersFindInTheSharedCache(t *testing.T) {
	faults := &storagetest.Faults{}
	h := knowingHost(t, faults.Wrap(memory.New()))
	shared := goodProvider(t)
	want := ask(t, another(t, h, nil), []string{"api"})
	equal(t, "answers of who has to read", want, ask(t, another(t, h, shared), []string{"api"}))
	faults.Reset()
	b := another(t, h, shared)
	equal(t, "answers of who has not", want, ask(t, b, []string{"api"}))
	equal(t, "calls for facts", 0, faults.Calls()["FactsOf"])
	if want["api"].Downtimes[0].UpstreamName == "" && want["api"].Downtimes[1].UpstreamName == "" {
		t.Error("no downtime has the name of its upstream")
	}

	// Whoever writes without the cache tells nobody.
	ok(t, h.Observe(t.Context(), slo.Up("api", minutes(-3))))
	ok(t, h.SetSystemName(t.Context(), "arn:aws:rds:eu-1:7:db", "Ordering"))
	want = ask(t, another(t, h, nil), []string{"api"})
	equal(t, "answers after a write that the cache has not heard of", want, ask(t, b, []string{"api"}))
	within(t, "the cache has what is new", func() bool {
		faults.Reset()
		got := ask(t, another(t, h, shared), []string{"api"})
		equal(t, "answers", want, got)
		return faults.Calls()["FactsOf"] == 0
	})
}

// within tries until it is true.
func within(t testing.TB, what string, try func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !try(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func TestDamagedBytesOfTheSharedCacheAreReadFromFacts(t *testing.T) {
	h := knowingHost(t, memory.New())
	want := h.status(t, "api")
	for n := range 400 {
		shared := &doubtful{Provider: goodProvider(t)}
		ok(t, second(another(t, h, shared).Status(t.Context(), "api")))
		size := 0
		shared.damage = func(data []byte) []byte {
			size = max(size, len(data))
			if n%2 == 0 {
				return data[:min(n/2, len(data)-1)]
			}
			data[n/2%len(data)] ^= byte(1 << (n % 8))
			return data
		}
		equal(t, fmt.Sprint("status with damage ", n), want, another(t, h, shared).status(t, "api"))
		if size == 0 {
			t.Fatal("nothing was read from the cache")
		}
	}
}

func TestAnswersAreRightWithTheSharedCacheGone(t *testing.T) {
	h := knowingHost(t, memory.New())
	var log synced
	gone := &doubtful{Provider: goodProvider(t), fails: errors.New("connection refused")}
	e := hostOn(t, h.store, h.clock, engine.Options{KeepTimelines: -1, Cache: gone, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	identified(t, h.store)
	heard := func(text string) {
		t.Helper()
		within(t, "the log says "+text, func() bool { return strings.Contains(log.String(), text) })
	}
	ok(t, e.Observe(t.Context(), slo.Up("api", minutes(-3))))
	heard("invalidate histories") // which is not tried once it is known
	equal(t, "answers", ask(t, h, []string{"api"}), ask(t, e, []string{"api"}))
	heard("read in scope")
	heard("connection refused")
	ok(t, e.Observe(t.Context(), slo.Down("api", minutes(-2))))
	equal(t, "answers after a write", ask(t, h, []string{"api"}), ask(t, e, []string{"api"}))
}

// What fails is left alone for a while, and then found again.
func TestASharedCacheThatFailsIsAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := knowingHost(t, memory.New())
		gone := &doubtful{Provider: goodProvider(t), fails: errors.New("connection refused")}
		e := another(t, h, gone)
		asked := func() int { // in ten seconds
			before := gone.asked
			for range 100 {
				time.Sleep(100 * time.Millisecond)
				ok(t, second(e.Status(t.Context(), "api")))
			}
			return gone.asked - before
		}
		if n := asked(); n < 8 || n > 12 {
			t.Errorf("a cache that fails was read %d times in ten seconds", n)
		}
		gone.mu.Lock()
		gone.fails = nil
		gone.mu.Unlock()
		if n := asked(); n < 180 { // api, and what it depends on
			t.Errorf("a cache that works was read %d times in ten seconds", n)
		}
		ok(t, e.Close())
		ok(t, h.Close())
	})
}

// Where it takes long to fail, one question waits for that, and the others do not.
func TestOneQuestionWaitsForASharedCacheThatFailsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := knowingHost(t, memory.New())
		e := another(t, h, &doubtful{Provider: goodProvider(t), fails: errors.New("timeout"), takes: 3 * time.Second})
		ok(t, second(e.Status(t.Context(), "api"))) // the first finds out
		var slow, all atomic.Int64
		var asking sync.WaitGroup
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			asking.Go(func() {
				start := time.Now()
				ok(t, second(e.Status(t.Context(), "api")))
				if all.Add(1); time.Since(start) > time.Second {
					slow.Add(1)
				}
			})
		}
		asking.Wait()
		if n := slow.Load(); n < 2 || n > 10 {
			t.Errorf("%d of %d questions waited: want one in a second at most", n, all.Load())
		}
		ok(t, e.Close())
		ok(t, h.Close())
	})
}

// Of a server that is silent for longer than callers wait nobody ever hears an error.
func TestQuestionsWithADeadlineGetPastASilentSharedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := knowingHost(t, memory.New())
		e := another(t, h, &doubtful{Provider: goodProvider(t), takes: time.Hour})
		missed := 0
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			if _, err := e.Status(ctx, "api"); err != nil {
				fails(t, "Status", err, context.DeadlineExceeded)
				missed++
			}
			cancel()
			time.Sleep(100 * time.Millisecond)
		}
		if missed < 1 || missed > 8 { // in some six seconds
			t.Errorf("%d of 50 questions got no answer: want one in a second at most", missed)
		}
		ok(t, e.Close())
		ok(t, h.Close())
	})
}

// What one value does to the cache is no reason to leave it alone.
func TestAValueThatCannotBeStoredDoesNotTurnOffTheSharedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := knowingHost(t, memory.New())
		full := &doubtful{Provider: goodProvider(t), refuses: errors.New("too large")}
		e := another(t, h, full)
		for range 5 {
			ok(t, second(e.Status(t.Context(), "api")))
		}
		equal(t, "reads of the cache", 10, full.asked) // each time for api, and for what it depends on
		ok(t, e.Close())
		ok(t, h.Close())
	})
}

// Two stores may share a cache: they count versions from 1, both of them.
func TestTwoStoresShareNothingButTheCache(t *testing.T) {
	shared := goodProvider(t)
	for _, down := range []float64{10, 30} {
		h := hostOn(t, memory.New(), simclock.New(noon), engine.Options{})
		h.create(t, simple("api"))
		ok(t, h.Observe(t.Context(), slo.Down("api", minutes(-60)), slo.Up("api", minutes(-60+down))))
		for range 2 {
			got := another(t, h, shared).status(t, "api").Budget.Consumed
			equal(t, "consumed", time.Duration(down)*time.Minute, got)
		}
	}
}

// A bus that does not answer holds up nobody who writes, either.
func TestNobodyWhoWritesWaitsForTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := stuckBus{make(chan struct{})}
		p := newProcess(t, memory.New(), engine.Options{Bus: stuck})
		for n := range 100 {
			ok(t, p.Observe(t.Context(), slo.Down("api", time.Now().Add(time.Duration(n-200)*time.Second))))
		}
		close(stuck.wakes)
		ok(t, p.Close())
	})
}

type stuckBus struct{ wakes chan struct{} }

func (b stuckBus) Wake(context.Context) error {
	<-b.wakes
	return nil
}

func (b stuckBus) Listen(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// Closing waits for the one call that is under way, and begins no other.
func TestCloseBeginsNoCallOfTheSharedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &doubtful{Provider: goodProvider(t), hangs: make(chan struct{})}
		h := hostOn(t, memory.New(), simclock.New(noon), engine.Options{Cache: shared})
		synctest.Wait()
		h.create(t, simple("api"))
		ok(t, h.Observe(t.Context(), slo.Down("api", minutes(-2))))
		synctest.Wait() // it hangs
		ok(t, h.Observe(t.Context(), slo.Up("api", minutes(-1))))
		var closing sync.WaitGroup
		closing.Go(func() { ok(t, h.Close()) })
		synctest.Wait()
		close(shared.hangs)
		closing.Wait()
		equal(t, "deletes", 1, shared.deletes)
	})
}

// A server that does not answer holds up nobody who writes.
func TestNobodyWhoWritesWaitsForTheSharedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &doubtful{Provider: goodProvider(t), hangs: make(chan struct{})}
		h := hostOn(t, memory.New(), simclock.New(noon), engine.Options{Cache: shared})
		h.create(t, simple("api"))
		for n := range 100 {
			ok(t, h.Observe(t.Context(), slo.Down("api", minutes(float64(-200+2*n))), slo.Up("api", minutes(float64(-199+2*n)))))
		}
		synctest.Wait() // nobody who waits for hangs can go on
		equal(t, "consumed", 100*time.Minute, h.status(t, "api").Budget.Consumed)
		close(shared.hangs)
		ok(t, h.Close())
	})
}

// TestWhatIsNeverCommittedReachesNoSharedCache reads in transactions that come to nothing. The next fact gets the version
// that theirs had.
func TestWhatIsNeverCommittedReachesNoSharedCache(t *testing.T) {
	h := knowingHost(t, memory.New())
	shared := goodProvider(t)
	a, b := another(t, h, shared), another(t, h, shared)
	for range 3 {
		came(t, a, observing(slo.Down("api", minutes(-8))), func(in context.Context) {
			ok(t, second(a.Status(in, "api")))
			ok(t, second(b.Status(in, "api")))
		})
		ok(t, h.Observe(t.Context(), slo.Up("arn:aws:rds:eu-1:7:db", minutes(-7))))
		ok(t, h.Observe(t.Context(), slo.Up("api", minutes(-7))))
		want := ask(t, another(t, h, nil), []string{"api"})
		equal(t, "answers of one process", want, ask(t, a, []string{"api"}))
		equal(t, "answers of the other", want, ask(t, b, []string{"api"}))
	}
}

// IDs may be anything, and are keys of the cache all the same.
func TestOddSystemsAreSharedToo(t *testing.T) {
	faults := &storagetest.Faults{}
	h := hostOn(t, faults.Wrap(memory.New()), simclock.New(noon), engine.Options{})
	ids := []string{strings.Repeat(":", 256), "%3A", ":", "%", "a:b:c:d:e:f", "a%3Ab%3Ac%3Ad%3Ae%3Af"}
	for i, id := range ids {
		h.create(t, simple(id))
		ok(t, h.Observe(t.Context(), slo.Down(id, minutes(float64(-60-i))), slo.Up(id, minutes(-50))))
	}
	ok(t, h.Settle(t.Context()))
	shared := goodProvider(t)
	want := ask(t, another(t, h, nil), ids)
	equal(t, "answers of who has to read", want, ask(t, another(t, h, shared), ids))
	faults.Reset()
	equal(t, "answers of who has not", want, ask(t, another(t, h, shared), ids))
	equal(t, "calls for facts", 0, faults.Calls()["FactsOf"])
}

// The jobs over everything leave the cache to who asks.
func TestTheDailyJobLeavesTheSharedCacheAlone(t *testing.T) {
	h := knowingHost(t, memory.New())
	h.clock.Advance(24 * time.Hour)
	memory, err := cache.NewMemory[[]byte](nil)
	ok(t, err)
	defer memory.Close()
	e := another(t, h, memory)
	ok(t, e.RunDaily(t.Context(), h.clock.Now()))
	equal(t, "entries after the job", int64(0), memory.Stats().Entries)
	ok(t, second(e.Status(t.Context(), "api")))
	equal(t, "entries after a question", int64(2), memory.Stats().Entries)
}
