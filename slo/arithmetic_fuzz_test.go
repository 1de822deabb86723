package slo

import (
	"math"
	"math/big"
	"testing"
	"time"
)

// The arithmetic below the figures has no face of its own, so these targets, unlike the others, look from inside.

func bigOf(a uint128) *big.Int {
	n := new(big.Int).SetUint64(a.hi)
	return n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(a.lo))
}

func bigOf192(a uint192) *big.Int {
	n := bigOf(uint128{a.hi, a.mid})
	return n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(a.lo))
}

func FuzzUint128(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0), uint64(1))
	f.Add(uint64(1), uint64(math.MaxUint64), uint64(3), uint64(math.MaxUint64))
	f.Add(uint64(1<<20), uint64(1), uint64(1<<11), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, ah, al, bh, bl uint64) {
		// No budget has more than 85 bits, and no factor more than 102.
		a, b := uint128{ah % (1 << 21), al}, uint128{bh % (1 << 38), bl}
		x, y := bigOf(a), bigOf(b)
		if got, want := a.cmp(b), x.Cmp(y); got != want {
			t.Errorf("%v compared with %v is %d, want %d", x, y, got, want)
		}
		if got, want := bigOf(a.add(b)), new(big.Int).Add(x, y); got.Cmp(want) != 0 {
			t.Errorf("%v + %v is %v, want %v", x, y, got, want)
		}
		if got, want := bigOf192(a.times(b)), new(big.Int).Mul(x, y); got.Cmp(want) != 0 {
			t.Errorf("%v x %v is %v, want %v", x, y, got, want)
		}
		greater, less := maxOf(a, b)
		if got, want := bigOf(greater.sub(less)), new(big.Int).Sub(bigOf(greater), bigOf(less)); got.Cmp(want) != 0 {
			t.Errorf("%v - %v is %v, want %v", bigOf(greater), bigOf(less), got, want)
		}
		if high, low := a.split(); new(big.Float).SetPrec(256).Add(big.NewFloat(high), big.NewFloat(low)).Cmp(new(big.Float).SetInt(x)) != 0 {
			t.Errorf("%v is split into %v and %v", x, high, low)
		}
		if b.lo > a.hi {
			if got, want := a.quo(b.lo), new(big.Int).Div(x, new(big.Int).SetUint64(b.lo)); new(big.Int).SetUint64(got).Cmp(want) != 0 {
				t.Errorf("%v / %d is %d, want %v", x, b.lo, got, want)
			}
		}
	})
}

func maxOf(a, b uint128) (greater, less uint128) {
	if a.cmp(b) < 0 {
		return b, a
	}
	return a, b
}

// FuzzPercent holds a percentage against the exact one: it is the nearest float, or one beside it, and lies on the side
// of every threshold on which the exact one does.
func FuzzPercent(f *testing.F) {
	f.Add(uint64(600e9), uint64(2592e9), uint64(1e8))
	f.Add(uint64(1), uint64(3), uint64(1))
	f.Add(uint64(299_999_999_999_999_999), uint64(300_000_000_000_000_000), uint64(1e8))
	f.Fuzz(func(t *testing.T, n, d, scale uint64) {
		n, d, scale = n%(1<<58), d%(1<<58)+1, scale%wholeBudget+1
		num, den := mul64(n, wholeBudget), mul64(d, scale)
		got := percent(num, den)
		if math.IsNaN(got) || math.IsInf(got, 0) || got < 0 {
			t.Fatalf("100 x %d / %d x 1e8 / %d is %v", n, d, scale, got)
		}
		exact := new(big.Rat).SetFrac(bigOf(num.scale(100)), bigOf(den))
		near, _ := exact.Float64()
		if got != near && got != math.Nextafter(near, math.Inf(1)) && got != math.Nextafter(near, math.Inf(-1)) {
			t.Fatalf("%v is shown as %v, want %v or a neighbour", exact, got, near)
		}
		if got > 1<<32 {
			return // floats are no denser than thresholds are
		}
		for k := math.Floor(got*perUnit) - 2; k <= math.Floor(got*perUnit)+2; k++ {
			threshold := big.NewRat(int64(k), perUnit)
			if want, shown := exact.Cmp(threshold), compareFloats(got, k/perUnit); want != shown {
				t.Fatalf("%v is shown as %v, which compares with %v as %d, want %d", exact, got, threshold, shown, want)
			}
		}
	})
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// FuzzThresholdLimit holds the limit of a threshold against the threshold itself, on both of its sides.
func FuzzThresholdLimit(f *testing.F) {
	f.Add(uint8(0), uint8(0), int64(20e6), uint64(2592e9), uint64(1e8))
	f.Add(uint8(2), uint8(3), int64(100e6), uint64(0), uint64(0))
	f.Add(uint8(4), uint8(3), int64(14.4e6), uint64(3600e9), uint64(1e5))
	f.Fuzz(func(t *testing.T, metric, comparison uint8, value int64, length, bad uint64) {
		c := Crossing{Metric: Metric(metric % 5), Comparison: Comparison(comparison % 4), Value: float64(value%(1e12)) / perUnit}
		if c.Metric == MetricRemaining {
			c.Duration, c.Value = time.Duration(value), 0
		}
		if c.check(&terms{}) != nil {
			return
		}
		th := newThreshold(&c)
		const most = mostCounted
		against := mul64(length%most, bad%(wholeBudget+1))
		if th.ofElapsed() {
			against = u128(length % maxMicros)
		}
		limit := th.limit(against, most)
		if limit < -1 || limit > most+1 {
			t.Fatalf("limit %d", limit)
		}
		for _, consumed := range []int64{limit - 1, limit, limit + 1, 0, most} {
			if consumed < 0 || consumed > most || th.ofElapsed() && uint64(consumed) > against.lo*whole {
				continue
			}
			if got, want := th.holds(consumed, against), (consumed >= limit) == th.byMore || consumed == limit; got != want {
				t.Errorf("%+v holds for %d of %v: %t, want %t (limit %d)", c, consumed, bigOf(against), got, want, limit)
			}
		}
	})
}
