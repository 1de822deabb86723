package entity_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// maxArmed is what an armed condition may cost: bytes of memory, what the caller keeps of it aside.
const maxArmed = 400

// armedWorld is a process with n tanks, whose levels fall, all at one speed from one height, to 0 after 100 seconds.
type armedWorld struct {
	tb    testing.TB
	clock *simclock.Clock
	reg   *entity.Registry
	h     *entity.Handle[Tank]
	host  *tanks
}

func newArmedWorld(tb testing.TB, n int) *armedWorld {
	clock := simclock.New(noon)
	w := &armedWorld{tb: tb, clock: clock, host: &tanks{clock: clock, flow: map[string]flow{}}}
	for i := range n {
		w.host.flow[tankID(i)] = flow{noon, 100, 1}
	}
	w.reg = newRegistry(tb, &entity.Options{Clock: clock})
	w.h = define(tb, w.reg, "tank", w.host.read, &entity.KindOptions[Tank]{Forecaster: w.host.forecast})
	clock.Settle = func() { settle(tb, w.reg) }
	start(tb, w.reg)
	return w
}

func tankID(i int) string { return fmt.Sprintf("t%06d", i) }

// arm begins n watches, each of another tank or all of one. Each is due at an instant of its own, or all at one.
func (w *armedWorld) arm(n int, shared bool, at func(i int) float64, fn func(context.Context, entity.Firing) error) {
	w.tb.Helper()
	for i := range n {
		id := tankID(i)
		if shared {
			id = tankID(0)
		}
		_, err := w.reg.Watch(context.Background(), entity.Below(entity.Path("tank", id, "level"), at(i)), fn, nil)
		if err != nil {
			w.tb.Fatal(err)
		}
	}
}

// levels are as many thresholds as there are conditions, each crossed at another instant.
func levels(i int) float64 { return 99 - float64(i%100_000)/1100 }

// heapNow is how much memory is in use.
func heapNow() uint64 {
	var stats runtime.MemStats
	for range 2 { // what finalizers keep goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// bytesOfArmed is what a condition costs while it is armed.
func bytesOfArmed(tb testing.TB, n int, shared bool) float64 {
	w := newArmedWorld(tb, n)
	before := heapNow()
	w.arm(n, shared, levels, ignore)
	settle(tb, w.reg)
	after := heapNow()
	runtime.KeepAlive(w)
	return float64(after-before) / float64(n)
}

func TestArmedConditionsAreSmall(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 5_000
	}
	for name, shared := range map[string]bool{"each of another entity": false, "all of one entity": true} {
		if bytes := bytesOfArmed(t, n, shared); bytes > maxArmed || bytes < 50 {
			t.Errorf("%s: an armed condition takes %.0f bytes, want at most %d, and more than nothing", name, bytes, maxArmed)
		}
	}
}

func BenchmarkArmedConditionBytes(b *testing.B) {
	for name, shared := range map[string]bool{"distinct": false, "shared": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(bytesOfArmed(b, 100_000, shared), "B/condition")
			}
		})
	}
}

// BenchmarkArm begins and ends one watch where n others are armed.
func BenchmarkArm(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newArmedWorld(b, n)
			w.arm(n, false, levels, ignore)
			c := entity.Below(entity.Path("tank", tankID(n/2), "level"), 50)
			b.ReportAllocs()
			for b.Loop() {
				stop, err := w.reg.Watch(context.Background(), c, ignore, nil)
				if err != nil {
					b.Fatal(err)
				}
				stop()
			}
		})
	}
}

// BenchmarkFire fires one watch after another, each at its own instant, where n are armed at first: the time is that of
// one firing, with its forecasts, its read and its call.
func BenchmarkFire(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var w *armedWorld
			left := 0
			for b.Loop() {
				if left == 0 {
					b.StopTimer()
					w, left = newArmedWorld(b, n), n
					w.arm(n, false, levels, ignore)
					b.StartTimer()
				}
				left--
				if err := w.clock.AdvanceTo(crossing(n - 1 - left)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// crossing is when the tanks fall below levels(i).
func crossing(i int) time.Time { return after(100 - levels(i)).Add(time.Microsecond) }

// BenchmarkFireTogether fires n watches at one instant: the time is that of all of them.
func BenchmarkFireTogether(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := newArmedWorld(b, n)
				var fired sync.WaitGroup
				fired.Add(n)
				w.arm(n, false, func(int) float64 { return 50 }, func(context.Context, entity.Firing) error {
					fired.Done()
					return nil
				})
				b.StartTimer()
				w.clock.Advance(time.Minute)
				fired.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/firing")
		})
	}
}
