package slo_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

var benchStart = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)

// outageTimes returns n disjoint outages as a busy system has them: some minutes long, some hours apart, spread over the
// given time.
func outageTimes(n int, over time.Duration) []interval {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	each := float64(over) / float64(n)
	list := make([]interval, n)
	at := benchStart
	for i := range list {
		start := at.Add(time.Duration(rng.ExpFloat64() * 0.8 * each)).Truncate(time.Microsecond)
		end := start.Add(time.Duration((0.001 + rng.ExpFloat64()*0.02) * each)).Truncate(time.Microsecond)
		list[i] = interval{start, end}
		at = end.Add(time.Millisecond)
	}
	return list
}

type interval struct{ start, end time.Time }

func feedOf(system string, outages []interval) []slo.Observation {
	observations := make([]slo.Observation, 0, 2*len(outages))
	for _, o := range outages {
		observations = append(observations, slo.Down(system, o.start), slo.Up(system, o.end))
	}
	return observations
}

func mustHistory(tb testing.TB, system string, observations []slo.Observation) *slo.SystemHistory {
	tb.Helper()
	h, err := slo.NewSystemHistory(system, observations, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func benchObjective() slo.Objective {
	return slo.Objective{ID: "checkout", SystemID: "api", Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly}
}

// benchUpstreams returns n upstreams with some outages each, that overlap the system's now and then.
func benchUpstreams(tb testing.TB, n, outages int, over time.Duration) []slo.Upstream {
	var list []slo.Upstream
	for i := range n {
		id := fmt.Sprintf("upstream-%03d", i)
		times := outageTimes(outages, over)
		for j := range times {
			shift := time.Duration(i) * over / time.Duration(7*n*outages)
			times[j].start, times[j].end = times[j].start.Add(shift).Truncate(time.Microsecond), times[j].end.Add(shift).Truncate(time.Microsecond)
		}
		list = append(list, slo.Upstream{ID: id, History: mustHistory(tb, id, feedOf(id, times))})
	}
	return list
}

func benchTimeline(tb testing.TB, outages []interval, upstreams []slo.Upstream) *slo.Timeline {
	tl, err := benchObjective().Timeline(mustHistory(tb, "api", feedOf("api", outages)), upstreams, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return tl
}

const benchSpan = 10 * 365 * 24 * time.Hour

// BenchmarkStatus compares a status with a plain scan of the outages that computes the same figures, and shows how it
// grows with the length of the history and the number of upstreams.
func BenchmarkStatus(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		outages := outageTimes(n, benchSpan)
		tl := benchTimeline(b, outages, nil)
		end := outages[n-1].end.Add(time.Minute)
		b.Run(fmt.Sprintf("outages=%d/at=end", n), func(b *testing.B) { benchStatus(b, tl, []time.Time{end}) })
		b.Run(fmt.Sprintf("outages=%d/at=random", n), func(b *testing.B) { benchStatus(b, tl, randomInstants(end)) })
		if n == 10_000 {
			b.Run("outages=10000/at=end/scan", func(b *testing.B) { benchScan(b, outages, end) })
			with := benchTimeline(b, outages, benchUpstreams(b, 100, 1000, benchSpan))
			b.Run("outages=10000/at=end/upstreams=100", func(b *testing.B) { benchStatus(b, with, []time.Time{end}) })
			b.Run("outages=10000/at=random/upstreams=100", func(b *testing.B) { benchStatus(b, with, randomInstants(end)) })
		}
	}
}

func randomInstants(end time.Time) []time.Time {
	rng := rand.New(rand.NewPCG(2, 3))
	list := make([]time.Time, 1024)
	for i := range list {
		list[i] = benchStart.Add(time.Duration(rng.Int64N(int64(end.Sub(benchStart)))))
	}
	return list
}

func benchStatus(b *testing.B, tl *slo.Timeline, at []time.Time) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		tl.Status(at[i%len(at)])
		i++
	}
}

// scanFigures is what a plain scan computes: what a status tells of an objective without upstreams.
type scanFigures struct {
	consumed, remaining, hour    int64
	availability, percent, burns float64
	firing                       [4]bool
	down                         bool
	covered                      int64
}

type plainOutage struct{ start, end int64 }

func benchScan(b *testing.B, outages []interval, at time.Time) {
	plain := make([]plainOutage, len(outages))
	for i, o := range outages {
		plain[i] = plainOutage{o.start.UnixNano(), o.end.UnixNano()}
	}
	b.ReportAllocs()
	var f scanFigures
	for b.Loop() {
		f = scan(plain, at.UnixNano())
	}
	if f.remaining == 0 {
		b.Fatal("nothing was computed")
	}
}

func scan(outages []plainOutage, now int64) scanFigures {
	const (
		window = int64(30 * 24 * time.Hour)
		budget = window / 1000
	)
	lookbacks := [...]int64{
		window, int64(time.Hour), int64(5 * time.Minute), int64(6 * time.Hour), int64(30 * time.Minute),
		int64(24 * time.Hour), int64(2 * time.Hour), int64(72 * time.Hour), int64(6 * time.Hour),
	}
	var bad [len(lookbacks)]int64
	var f scanFigures
	for _, o := range outages {
		f.down = f.down || o.start <= now && now < o.end
		for i, lookback := range lookbacks {
			if start, end := max(o.start, now-lookback), min(o.end, now); start < end {
				bad[i] += end - start
			}
		}
	}
	f.consumed, f.remaining, f.hour = bad[0], budget-bad[0], bad[1]
	f.availability = 100 * float64(window-bad[0]) / float64(window)
	f.percent = 100 * float64(f.remaining) / float64(budget)
	f.burns = float64(bad[1]) * 1000 / float64(lookbacks[1])
	factors := [...]int64{144, 60, 30, 10}
	for i, factor := range factors {
		long, short := 1+2*i, 2+2*i
		f.firing[i] = bad[long] > 0 && bad[short] > 0 && bad[long]*10_000 >= factor*lookbacks[long] && bad[short]*10_000 >= factor*lookbacks[short]
	}
	f.covered = min(window, now-outages[0].start)
	return f
}

// BenchmarkBuild shows what an observation costs when a history, and a timeline, is put together, and when one comes at
// the end of a long one.
func BenchmarkBuild(b *testing.B) {
	const n = 100_000
	observations := feedOf("api", outageTimes(n/2, benchSpan))
	h := mustHistory(b, "api", observations)
	perObservation := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/observation")
	}
	b.Run("history", func(b *testing.B) {
		for b.Loop() {
			mustHistory(b, "api", observations)
		}
		perObservation(b)
	})
	b.Run("timeline", func(b *testing.B) {
		for b.Loop() {
			if _, err := benchObjective().Timeline(h, nil, nil); err != nil {
				b.Fatal(err)
			}
		}
		perObservation(b)
	})
	b.Run("timeline/upstreams=5", func(b *testing.B) {
		upstreams := benchUpstreams(b, 5, n/10, benchSpan)
		for b.Loop() {
			if _, err := benchObjective().Timeline(h, upstreams, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2*n), "ns/observation")
	})
	for _, size := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("extend/observations=%d", size), func(b *testing.B) { benchExtend(b, observations[:size], nil) })
	}
	b.Run("extend/observations=1000/upstreams=5", func(b *testing.B) {
		benchExtend(b, observations[:1000], benchUpstreams(b, 5, 100, 24*time.Hour))
	})
	for _, outages := range []int{20, 100} { // most objectives have few, so that what each costs by itself counts
		feed := feedOf("api", outageTimes(outages, 365*24*time.Hour))
		b.Run(fmt.Sprintf("small/outages=%d", outages), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustTimeline(b, mustHistory(b, "api", feed), nil)
			}
		})
	}
}

// benchExtend adds one observation after the other at the end.
func benchExtend(b *testing.B, observations []slo.Observation, upstreams []slo.Upstream) {
	h := mustHistory(b, "api", observations)
	tl, err := benchObjective().Timeline(h, upstreams, nil)
	if err != nil {
		b.Fatal(err)
	}
	at := observations[len(observations)-1].At
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at = at.Add(time.Minute)
		o := slo.Up("api", at)
		if i%2 == 0 {
			o = slo.Down("api", at)
		}
		if h, err = h.Add(o); err != nil {
			b.Fatal(err)
		}
		if tl, err = tl.Extend(h, upstreams, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNextCrossing asks for the instant of a crossing, on outages as they come and on ones made to mislead it.
// BenchmarkStatus on the same history is what to hold it against.
func BenchmarkNextCrossing(b *testing.B) {
	const n = 10_000
	outages := outageTimes(n, benchSpan)
	quiet := outages[n-1].end.Add(time.Minute)
	failing := append(feedOf("api", outages), slo.Down("api", quiet))
	partial := append(feedOf("api", outages), slo.Observation{SystemID: "api", At: quiet, Health: slo.Unhealthy, Impact: 0.1})
	below := slo.Crossing{Metric: slo.MetricRemainingPercent, Comparison: slo.Below, Value: -90_000}
	above := slo.Crossing{Metric: slo.MetricRemainingPercent, Comparison: slo.Above, Value: 20}
	rule := slo.Crossing{Metric: slo.MetricFiring, Comparison: slo.AtOrAbove, Rule: slo.BurnRule{Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Factor: 14.4}}
	for _, c := range []struct {
		name         string
		observations []slo.Observation
		crossing     slo.Crossing
	}{
		{"real/quiet/above", feedOf("api", outages), above},
		{"real/failing/below", failing, below},
		{"real/failing/page", failing, rule},
		{"real/partial/below", partial, below},
		{"adversarial", adversary(n), slo.Crossing{Metric: slo.MetricConsumedPercent, Comparison: slo.Above, Value: 100.000001}},
	} {
		objective := benchObjective()
		if c.name == "adversarial" {
			objective.Target, objective.Window, objective.Policy = 90, slo.Days(n/24), slo.NoAlerts()
		}
		tl, err := objective.Timeline(mustHistory(b, "api", c.observations), nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		at := c.observations[len(c.observations)-1].At.Add(time.Second)
		b.Run(c.name+"/crossing", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tl.NextCrossing(at, c.crossing); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/status", func(b *testing.B) { benchStatus(b, tl, []time.Time{at}) })
	}
}

// BenchmarkNextChange asks when an objective next stands otherwise: while it is down, just after, and when all is over.
func BenchmarkNextChange(b *testing.B) {
	outages := outageTimes(100, 365*24*time.Hour)
	feed := feedOf("api", outages)
	last := outages[len(outages)-1]
	over, down := mustTimeline(b, mustHistory(b, "api", feed), nil), mustTimeline(b, mustHistory(b, "api", feed[:len(feed)-1]), nil)
	for _, c := range []struct {
		name string
		tl   *slo.Timeline
		at   time.Time
	}{{"down", down, last.start.Add(time.Second)}, {"after", over, last.end.Add(time.Second)}, {"quiet", over, last.end.AddDate(0, 0, 90)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.tl.NextChange(c.at)
			}
		})
	}
}

// adversary is down for six minutes of every hour, wholly, and then for good by a tenth: what enters a window is what
// leaves it, and a threshold may lie just out of reach for as long as the window is.
func adversary(n int) []slo.Observation {
	var list []slo.Observation
	at := benchStart
	for range n {
		list = append(list, slo.Down("api", at), slo.Up("api", at.Add(6*time.Minute)))
		at = at.Add(time.Hour)
	}
	return append(list, slo.Observation{SystemID: "api", At: at, Health: slo.Unhealthy, Impact: 0.1})
}

// BenchmarkBacktest runs the default policy over a year of 1,000 outages.
func BenchmarkBacktest(b *testing.B) {
	outages := outageTimes(1000, 365*24*time.Hour)
	tl := benchTimeline(b, outages, nil)
	end := outages[len(outages)-1].end
	b.Run("year", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := tl.Backtest(benchStart, end); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("status", func(b *testing.B) { benchStatus(b, tl, []time.Time{end}) })
}

// BenchmarkTimelineMemory shows what a timeline of 100 outages and 5 upstreams keeps, and what a piece of a long one does.
func BenchmarkTimelineMemory(b *testing.B) {
	small, large := outageTimes(100, 365*24*time.Hour), outageTimes(100_000, benchSpan)
	upstreams := benchUpstreams(b, 5, 20, 365*24*time.Hour)
	b.Run("small", func(b *testing.B) {
		h := mustHistory(b, "api", feedOf("api", small))
		bytes := kept(1000, func() any { return mustTimeline(b, h, upstreams) })
		compact := kept(1000, func() any { return mustTimeline(b, h, upstreams).Compact() })
		for b.Loop() {
			mustTimeline(b, h, upstreams)
		}
		b.ReportMetric(bytes, "B/timeline")
		b.ReportMetric(compact, "B/compact")
	})
	for _, n := range []int{0, 100} {
		b.Run(fmt.Sprintf("large/upstreams=%d", n), func(b *testing.B) {
			h := mustHistory(b, "api", feedOf("api", large))
			up := benchUpstreams(b, n, 100, benchSpan)
			bytes := kept(4, func() any { return mustTimeline(b, h, up) })
			for b.Loop() {
				mustTimeline(b, h, up)
			}
			b.ReportMetric(bytes/100_000, "B/piece")
		})
	}
}

func mustTimeline(tb testing.TB, h *slo.SystemHistory, upstreams []slo.Upstream) *slo.Timeline {
	tl, err := benchObjective().Timeline(h, upstreams, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return tl
}

// kept returns how many bytes stay in use for each of n values.
func kept(n int, value func() any) float64 {
	values := make([]any, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range values {
		values[i] = value()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(values)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
}
