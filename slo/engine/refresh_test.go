package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// versions are those of the entities of objectives: how many changes of each were published.
func (h *host) versions(t *testing.T, ids []string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for _, id := range ids {
		v, err := h.SLOs().Version(t.Context(), id)
		ok(t, err)
		found[id] = v
	}
	return found
}

func allAt(ids []string, version int64) map[string]int64 {
	want := map[string]int64{}
	for _, id := range ids {
		want[id] = version
	}
	return want
}

// pagedStore has more objectives than are refreshed together, on systems that all depend on one.
func pagedStore(t *testing.T, faults *storagetest.Faults) (h *host, ids []string) {
	t.Helper()
	store := faults.Wrap(memory.New())
	h = hostOn(t, untouched{store}, simclock.New(noon), engine.Options{})
	for n := range 1201 {
		id := fmt.Sprintf("objective-%04d", n)
		ids = append(ids, id)
		ok(t, h.SetUpstreams(t.Context(), id, []string{"db"}, minutes(-1000)))
	}
	var words []slo.Observation
	for _, id := range ids {
		words = append(words, slo.Down(id, minutes(-60)))
	}
	ok(t, h.Observe(t.Context(), words...))
	for _, id := range ids {
		o := simple(id)
		o.DependencyExclusion = slo.SelfOnly
		h.create(t, o)
	}
	ok(t, h.Close())
	return hostOn(t, store, h.clock, engine.Options{Poll: time.Hour}), ids
}

// TestAFailureBetweenPagesLosesNoRefresh has the store fail in the midst of a refresh of 1,201 objectives, which takes
// three transactions, and the Engine closed then: another one goes on.
func TestAFailureBetweenPagesLosesNoRefresh(t *testing.T) {
	var faults storagetest.Faults
	h, ids := pagedStore(t, &faults)
	ctx := t.Context()
	ok(t, h.Settle(ctx))
	equal(t, "changes when all is created", allAt(ids, 1), h.versions(t, ids))
	version := int64(1)
	for _, fault := range []storagetest.Fault{
		{Method: "InTx", N: 1}, {Method: "InTx", N: 2}, {Method: "InTx", N: 4, When: storagetest.AtCommit}, {Method: "Append", N: 2},
		{Method: "Delete", N: 3}, {Method: "InTx", N: 3, When: storagetest.After},
	} {
		word := slo.Down("db", minutes(-60+float64(version)))
		if version%2 == 0 {
			word.Health = slo.Healthy
		}
		version++
		faults.Reset()
		quiet, err := engine.New(untouched{h.store}, &engine.Options{Clock: h.clock}) // it leaves the refresh to others
		ok(t, err)
		ok(t, quiet.Observe(ctx, word))
		ok(t, quiet.Close())
		faults.Fail(fault)
		fails(t, fmt.Sprintf("Settle with %+v", fault), h.Settle(ctx), storagetest.ErrFault)
		faults.Reset()
		ok(t, h.Close())
		h = hostOn(t, h.store, h.clock, engine.Options{})
		ok(t, h.Settle(ctx))
		equal(t, fmt.Sprintf("changes after %+v", fault), allAt(ids, version), h.versions(t, ids))
	}
}

func TestSettleFailsWhileTheStoreDoesAndWorksThen(t *testing.T) {
	f := newFaultyHost(t)
	ctx := t.Context()
	for n, method := range []string{"List", "Get", "Versions", "FactsOf", "InTx", "Lock", "Append", "Delete", "PutHistories"} {
		quiet, err := engine.New(untouched{f.store}, &engine.Options{Clock: f.clock}) // it leaves the refresh to others
		ok(t, err)
		word := slo.Down("db", minutes(-20+float64(n)))
		if n%2 == 1 {
			word.Health = slo.Healthy
		}
		ok(t, quiet.Observe(ctx, word))
		ok(t, quiet.Close())
		f.faults.Fail(storagetest.Fault{Method: method})
		fails(t, "Settle without "+method, f.Settle(ctx), storagetest.ErrFault)
		f.faults.Reset()
		ok(t, f.Settle(ctx))
		checkNothingIsTouched(t, f)
	}
}

func TestSettleWaitsForWhatHandlersWrite(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx := t.Context()
	ok(t, h.Entities().Start(ctx))
	ids := []string{"a", "b", "c", "d"}
	for _, id := range ids {
		h.create(t, simple(id))
	}
	var heard atomic.Int64
	_, err := h.SLOs().OnChange(func(ctx context.Context, c entity.Typed[engine.SLOState]) error {
		heard.Add(1)
		if c.ID != "d" && c.Next.Down { // each pulls down the next
			return h.Observe(ctx, slo.Down(string(rune(c.ID[0]+1)), minutes(-1)))
		}
		return nil
	}, nil)
	ok(t, err)
	ok(t, h.Observe(ctx, slo.Down("a", minutes(-1))))
	ok(t, h.Settle(ctx))
	equal(t, "changes", int64(4), heard.Load())
	equal(t, "versions", allAt(ids, 2), h.versions(t, ids))
	statuses, err := h.Statuses(ctx, ids)
	ok(t, err)
	for _, st := range statuses {
		equal(t, st.ObjectiveID+" is down", true, st.Down)
	}
}

func TestSettleEndsWithItsContextAndWithTheEngine(t *testing.T) {
	var faults storagetest.Faults
	store := &stuck{Store: faults.Wrap(memory.New()), began: make(chan struct{}), free: make(chan struct{})}
	h := hostOn(t, store, simclock.New(noon), engine.Options{})
	h.create(t, simple("api"))
	ok(t, h.Settle(t.Context()))
	store.on.Store(true)
	ok(t, h.Observe(t.Context(), slo.Down("api", minutes(-1))))
	<-store.began
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	fails(t, "Settle", h.Settle(ctx), context.Canceled)
	done := make(chan error)
	go func() { done <- h.Settle(t.Context()) }()
	go func() {
		for h.Observe(t.Context()) == nil { // until it is closed
		}
		close(store.free)
	}()
	ok(t, h.Close())
	fails(t, "Settle of an Engine that is closed meanwhile", <-done, engine.ErrClosed)
}

// stuck is a store on which the refresher's transaction waits.
type stuck struct {
	storage.Store
	on          atomic.Bool
	began, free chan struct{}
}

func (s *stuck) Delete(ctx context.Context, keys []storage.Key) error {
	if s.on.CompareAndSwap(true, false) {
		close(s.began)
		<-s.free
	}
	return s.Store.Delete(ctx, keys)
}

// TestTwoEnginesRefreshOneStore has two Engines on one store told of many things at once: what is published is what is so.
func TestTwoEnginesRefreshOneStore(t *testing.T) {
	store, clock := memory.New(), simclock.New(noon)
	a, b := hostOn(t, store, clock, engine.Options{}), hostOn(t, store, clock, engine.Options{})
	ctx := t.Context()
	var ids []string
	for n := range 20 {
		ids = append(ids, fmt.Sprint("o", n))
		a.create(t, slo.Objective{ID: ids[n], SystemID: "api", Target: 99.9, Window: slo.Days(30)})
	}
	for n := range 100 {
		h := []*host{a, b}[n%2]
		word := slo.Down("api", minutes(float64(n-200)))
		if n%4 > 1 {
			word.Health = slo.Healthy
		}
		ok(t, h.Observe(ctx, word))
	}
	ok(t, a.Settle(ctx))
	ok(t, b.Settle(ctx))
	for head, err := range store.Heads(ctx, "slo", ids) {
		ok(t, err)
		published, _ := head.Published.(*engine.SLOState)
		want, err := b.SLOs().Get(ctx, head.ID)
		ok(t, err)
		if published == nil || published.Down != want.Down || published.Page != want.Page || published.Level != want.Level {
			t.Errorf("published of %s: %+v, and it is %+v", head.ID, published, want)
		}
	}
}

// restless is a store on which somebody writes whenever the refresher is about to be done.
type restless struct {
	storage.Store
	write atomic.Pointer[func()]
}

func (s *restless) Delete(ctx context.Context, keys []storage.Key) error {
	if write := s.write.Load(); write != nil {
		(*write)()
	}
	return s.Store.Delete(ctx, keys)
}

func TestTheDailyJobDoesNotWaitForThoseWhoWriteAllTheTime(t *testing.T) {
	store := &restless{Store: memory.New()}
	h := hostOn(t, store, simclock.New(after(2)), engine.Options{})
	h.create(t, veteran("a", "api"))
	ok(t, h.Settle(t.Context()))
	var writes atomic.Int64
	write := func() {
		word := slo.Down("busy", after(0).Add(time.Duration(writes.Add(1))*time.Microsecond))
		if err := h.Observe(context.Background(), word); err != nil && !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
	}
	store.write.Store(&write)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // which it does not need
	defer cancel()
	ok(t, h.Observe(ctx, failing("api", after(1, time.Hour), time.Hour)...))
	ok(t, h.RunDaily(ctx, after(2)))
	store.write.Store(nil)
	equal(t, "days", []string{"2026-06-01 met 1", "2026-06-02 missed 0"}, course(h.days(t, "a")))
}

func TestOneSystemThatIsWrittenToAllTheTimeDoesNotKeepTheRefresherFromOthers(t *testing.T) {
	store := &restless{Store: memory.New()}
	h := hostOn(t, store, simclock.New(noon), engine.Options{})
	h.create(t, simple("z"))
	ok(t, h.Settle(t.Context()))
	const more = 600 // than the refresher takes at once, and before z
	var writes atomic.Int64
	write := func() {
		n := writes.Add(1)
		words := make([]slo.Observation, more)
		for i := range words {
			words[i] = slo.Down(fmt.Sprintf("busy-%03d", i), minutes(-60).Add(time.Duration(n)*time.Microsecond))
		}
		if err := h.Observe(context.Background(), words...); err != nil && !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
	}
	write()
	ok(t, h.Settle(t.Context()))
	store.write.Store(&write)
	write()
	ok(t, h.Observe(t.Context(), slo.Down("z", minutes(-1))))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // which it does not need
	defer cancel()
	ok(t, h.RunDaily(ctx, noon))
	store.write.Store(nil)
}
