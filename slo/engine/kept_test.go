package engine_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

// What an Engine keeps in process stays within its bound, also where all systems were heard of lately, so that timelines hold
// the histories that they grow from.
func TestWhatIsKeptStaysWithinItsBound(t *testing.T) {
	systems, bound := inShort(300, 80), inShort(1<<20, 1<<18)
	store, clock, ctx := memory.New(), simclock.New(noon), t.Context()
	h := hostOn(t, store, clock, engine.Options{KeepTimelines: -1})
	var ids []string
	for n := range systems {
		id := fmt.Sprintf("system-%03d", n)
		ids = append(ids, id)
		var words []slo.Observation
		for n := range 100 {
			down := noon.Add(time.Duration(n-100) * time.Hour)
			words = append(words, slo.Down(id, down), slo.Up(id, down.Add(5*time.Minute)))
		}
		ok(t, h.Observe(ctx, words...))
		if n > 5 {
			ok(t, h.SetUpstreams(ctx, id, ids[:5], noon.AddDate(0, 0, -10)))
		}
		h.create(t, slo.Objective{ID: id, SystemID: id, Target: 99.9, Window: slo.Days(30)})
	}
	ok(t, h.Settle(ctx))
	ok(t, h.Close())

	for _, bytes := range []int{bound, 8 * bound} {
		clock.Advance(time.Hour)
		e, err := engine.New(store, &engine.Options{Clock: clock, KeepTimelines: bytes})
		ok(t, err)
		for _, id := range ids {
			ok(t, e.Observe(ctx, slo.Up(id, clock.Now())))
		}
		ok(t, e.Settle(ctx))
		_, err = e.Statuses(ctx, ids)
		ok(t, err)
		full := heap()
		ok(t, e.Close())
		runtime.KeepAlive(e)
		e = nil
		if kept := full - heap(); kept > int64(bytes)*5/4+1<<18 {
			t.Errorf("%d bytes are kept, want at most %d", kept, bytes)
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
