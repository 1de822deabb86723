package engine_test

import (
	"context"
	"fmt"
	"runtime"
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

// fleet is many objectives, each on a system of its own that had as many outages of five minutes, the last of them a day
// ago, and some upstreams of all.
type fleet struct {
	clock *simclock.Clock
	*engine.Engine
	ids []string
}

func newFleet(b *testing.B, objectives, outages, upstreams int, opts engine.Options) *fleet {
	b.Helper()
	return newFleetOn(b, memory.New(), objectives, outages, upstreams, opts)
}

func newFleetOn(b *testing.B, store storage.Store, objectives, outages, upstreams int, opts engine.Options) *fleet {
	b.Helper()
	clock := simclock.New(noon)
	opts.Clock = clock
	e, err := engine.New(store, &opts)
	ok(b, err)
	f := &fleet{clock: clock, Engine: e}
	var others []string
	for n := range upstreams {
		others = append(others, fmt.Sprintf("upstream-%d", n))
		f.fail(b, others[n], outages)
	}
	for n := range objectives {
		id := fmt.Sprintf("objective-%06d", n)
		f.ids = append(f.ids, id)
		f.fail(b, id, outages)
		if upstreams > 0 {
			ok(b, e.SetUpstreams(b.Context(), id, others, noon.AddDate(-1, 0, 0)))
		}
		_, err := e.Create(b.Context(), slo.Objective{
			ID: id, SystemID: id, Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly, CreatedAt: noon.AddDate(0, 0, -1),
		})
		ok(b, err)
	}
	ok(b, e.Settle(b.Context()))
	ok(b, e.Close()) // the one that is measured has kept nothing
	f.Engine, err = engine.New(store, &opts)
	ok(b, err)
	b.Cleanup(func() { ok(b, f.Close()) })
	runtime.GC()
	return f
}

func (f *fleet) fail(b *testing.B, system string, outages int) {
	var words []slo.Observation
	for n := range outages {
		up := noon.AddDate(0, 0, -1).Add(time.Duration(n-outages) * 5 * time.Hour)
		words = append(words, slo.Down(system, up.Add(-5*time.Minute)), slo.Up(system, up))
	}
	ok(b, f.Observe(b.Context(), words...))
}

func BenchmarkStatus(b *testing.B) {
	f := newFleet(b, 1, 100, 0, engine.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Status(b.Context(), f.ids[0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStatuses(b *testing.B) {
	const objectives = 10_000
	for _, kept := range []struct {
		name  string
		store storage.Store
		bytes int
	}{
		{"warm", memory.New(), 1 << 30}, {"cold", memory.New(), -1}, {"cold, with a cache", storagetest.WithHistories(memory.New()), -1},
	} {
		b.Run(kept.name, func(b *testing.B) {
			f := newFleetOn(b, kept.store, objectives, 100, 0, engine.Options{KeepTimelines: kept.bytes})
			ok(b, f.RunDaily(b.Context(), noon)) // which fills the cache
			if _, err := f.Statuses(b.Context(), f.ids); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Statuses(b.Context(), f.ids); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkObserve(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		f := newFleet(b, 1, 100, 0, engine.Options{})
		at := noon.AddDate(0, 0, -1)
		b.ReportAllocs()
		for b.Loop() {
			at = at.Add(time.Microsecond)
			ok(b, f.Observe(b.Context(), slo.Up("another", at)))
		}
	})
	for _, late := range []bool{false, true} {
		name := "refreshed/newest"
		if late {
			name = "refreshed/late"
		}
		b.Run(name, func(b *testing.B) { benchmarkRefresh(b, late) })
	}
}

// benchmarkRefresh observes a system of ten objectives, until the changes of all ten are delivered. It takes one system
// after the other, so that their histories stay about as long as they are.
func benchmarkRefresh(b *testing.B, late bool) {
	const systems, objectives = 200, 10
	f := newFleet(b, systems, 100, 0, engine.Options{})
	for _, system := range f.ids {
		for n := range objectives - 1 {
			_, err := f.Create(b.Context(), slo.Objective{
				ID: fmt.Sprintf("%s-also-%d", system, n), SystemID: system, Target: 99.9, Window: slo.Days(30), CreatedAt: noon.AddDate(0, 0, -1),
			})
			ok(b, err)
		}
		ok(b, f.Observe(b.Context(), slo.Up(system, noon.Add(-23*time.Hour-30*time.Minute))))
	}
	delivered := make(chan struct{}, objectives)
	_, err := f.SLOs().OnChange(func(context.Context, entity.Typed[engine.SLOState]) error {
		delivered <- struct{}{}
		return nil
	}, nil)
	ok(b, err)
	ok(b, f.Entities().Start(b.Context()))
	ok(b, f.Settle(b.Context()))
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		system, round := f.ids[n%systems], time.Duration(n/systems)
		word := slo.Down(system, noon.Add(round*6*time.Minute-23*time.Hour))
		if round%2 == 1 {
			word.Health = slo.Healthy
		}
		if late { // besides, something has been heard of what was long ago
			ok(b, f.Observe(b.Context(), word, slo.Up(system, noon.AddDate(0, 0, -20).Add(round*time.Microsecond))))
		} else {
			ok(b, f.Observe(b.Context(), word))
		}
		for range objectives {
			<-delivered
		}
		n++
	}
}

func BenchmarkRunDaily(b *testing.B) {
	for _, days := range []int{1, 30} {
		b.Run(fmt.Sprintf("days=%d", days), func(b *testing.B) {
			f := newFleet(b, 100_000, 20, 0, engine.Options{})
			ok(b, f.RunDaily(b.Context(), f.clock.Now()))
			b.ReportAllocs()
			for b.Loop() {
				f.clock.Advance(time.Duration(days) * 24 * time.Hour)
				ok(b, f.RunDaily(b.Context(), f.clock.Now()))
			}
		})
	}
}

func BenchmarkTimelineMemory(b *testing.B) {
	const objectives = 1000
	f := newFleet(b, objectives, 100, 5, engine.Options{KeepTimelines: 1 << 30})
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for b.Loop() {
		if _, err := f.Statuses(b.Context(), f.ids); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/objectives, "B/timeline")
}
