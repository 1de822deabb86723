package streak_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/slokeep/slokeep/streak"
)

const day = 24 * time.Hour

func TestAvailabilityAtLeast(t *testing.T) {
	for _, c := range []struct {
		name              string
		elapsed, consumed time.Duration
		percent           float64
		want              bool
	}{
		{"99.99 % of 30 days leaves 4 m 19.2 s", 30 * day, 4*time.Minute + 19_200*time.Millisecond, 99.99, true},
		{"a nanosecond more is less than 99.99 %", 30 * day, 4*time.Minute + 19_200*time.Millisecond + 1, 99.99, false},
		{"a nanosecond less is more than 99.99 %", 30 * day, 4*time.Minute + 19_200*time.Millisecond - 1, 99.99, true},
		{"a nanosecond of ten years is not 100 %", 3650 * day, 1, 100, false},
		{"nor does it take 99.999999 % away", 3650 * day, 1, 99.999999, true},
		{"nothing consumed is 100 %", 30 * day, 0, 100, true},
		{"nothing elapsed is 100 %", 0, 0, 100, true},
		{"no more than 100 % can be", 30 * day, 0, 100.000001, false},
		{"all consumed is 0 %", 30 * day, 30 * day, 0, true},
		{"all consumed is no more than 0 %", 30 * day, 30 * day, 0.000001, false},
		{"64.1 % is what its text says, though a millionth of it is no whole number", 1e9, 359_000_001, 64.1, false},
		{"a percentage is rounded to six decimals", 30 * day, 0, 100.0000001, true},
		{"lengths up to the longest do not overflow", math.MaxInt64, math.MaxInt64 / 2, 50, true},
		{"lengths up to the longest do not overflow the other way", math.MaxInt64, math.MaxInt64/2 + 1, 50, false},
		{"a negative length is read as 0", 30 * day, -time.Hour, 100, true},
		{"NaN is never reached", 30 * day, 0, math.NaN(), false},
		{"infinity is never reached", 30 * day, 0, math.Inf(1), false},
		{"less than nothing is always reached", 30 * day, 30 * day, math.Inf(-1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := streak.Account{Elapsed: c.elapsed, Consumed: c.consumed}
			if got := a.AvailabilityAtLeast(c.percent); got != c.want {
				t.Errorf("%+v: at least %v %% is %t", a, c.percent, got)
			}
		})
	}
}

func TestRemainingAtLeast(t *testing.T) {
	const budget = 43*time.Minute + 12*time.Second // of 99.9 % over 30 days
	for _, c := range []struct {
		name             string
		budget, consumed time.Duration
		percent          float64
		want             bool
	}{
		{"90 % of 43 m 12 s is left after 4 m 19.2 s", budget, budget / 10, 90, true},
		{"a nanosecond more leaves less than 90 %", budget, budget/10 + 1, 90, false},
		{"all consumed leaves 0 %", budget, budget, 0, true},
		{"an overdraft leaves less than 0 %", budget, budget + 1, 0, false},
		{"an overdraft of the whole leaves -100 %", budget, 2 * budget, -100, true},
		{"an overdraft of more leaves less than -100 %", budget, 2*budget + 1, -100, false},
		{"nothing consumed leaves 100 %", budget, 0, 100, true},
		{"nothing consumed leaves no more than 100 %", budget, 0, 101, false},
		{"of no budget nothing consumed leaves 100 %", 0, 0, 100, true},
		{"of no budget something consumed leaves 0 %", 0, 1, 0, true},
		{"of no budget something consumed leaves no more than 0 %", 0, 1, 0.000001, false},
		{"a percentage is rounded to six decimals", 0, 1, 0.0000001, true},
		{"NaN is never reached", budget, 0, math.NaN(), false},
		{"NaN is never reached without a budget", 0, 1, math.NaN(), false},
		{"the longest overdraft is one", 1, math.MaxInt64, -1e12, false},
		{"a percent below -1e12 is read as that", 1, 50_000_000_000, -1e13, false},
		{"less than any overdraft of a budget is reached", budget, math.MaxInt64, math.Inf(-1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := streak.Account{Elapsed: 30 * day, Budget: c.budget, Consumed: c.consumed}
			if got := a.RemainingAtLeast(c.percent); got != c.want {
				t.Errorf("%+v: at least %v %% is %t", a, c.percent, got)
			}
		})
	}
}

// A budget of 1/8 ns more than its Budget says is what a caller knows and Account does not: where 100 / (100 - percent) is a
// whole number, the answer must be that of the exact budget.
func TestARoundedBudgetDecidesAsTheExactOne(t *testing.T) {
	for budget := time.Duration(1); budget < 200; budget++ {
		for consumed := range budget + 2 {
			for _, percent := range []int64{90, 75, 50, 80, 0, 99, 98} {
				a := streak.Account{Elapsed: day, Budget: budget, Consumed: consumed}
				for eighths := range int64(8) {
					exact := 8*int64(budget) + eighths
					want := (exact-8*int64(consumed))*100 >= exact*percent
					if got := a.RemainingAtLeast(float64(percent)); got != want {
						t.Fatalf("%d consumed of %d and %d/8 ns: at least %d %% is %t", consumed, budget, eighths, percent, got)
					}
				}
			}
		}
	}
}

// FuzzAccount compares shares with percentages as rational numbers of any size.
func FuzzAccount(f *testing.F) {
	f.Add(int64(30*day), int64(4*time.Minute+19_200*time.Millisecond), int64(99_990_000))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(-1e18))
	f.Add(int64(1), int64(math.MaxInt64), int64(-1e18))
	f.Add(int64(0), int64(0), int64(100_000_000))
	f.Add(int64(0), int64(5), int64(0))
	f.Add(int64(7), int64(7), int64(1))
	f.Fuzz(func(t *testing.T, whole, part, millionths int64) {
		const exact = 1 << 40 // a float64 holds the millionths that it was made from up to here
		if whole < 0 || part < 0 || millionths > exact || millionths < -exact && millionths != -1e18 {
			return
		}
		percent := float64(millionths) / 1e6
		reached := func(zero int64) bool { // zero is the share in percent of a whole of nothing
			share := big.NewRat(zero, 1)
			if whole > 0 {
				left := new(big.Int).Sub(big.NewInt(whole), big.NewInt(part))
				share.SetFrac(left.Mul(left, big.NewInt(100)), big.NewInt(whole))
			}
			return share.Cmp(big.NewRat(millionths, 1_000_000)) >= 0
		}
		nothing := int64(100)
		if part > 0 {
			nothing = 0
		}
		r := streak.Account{Budget: time.Duration(whole), Consumed: time.Duration(part)}
		if got, want := r.RemainingAtLeast(percent), reached(nothing); got != want {
			t.Errorf("%d of %d consumed: %v %% remaining is %t", part, whole, percent, got)
		}
		a := streak.Account{Elapsed: time.Duration(whole), Consumed: time.Duration(part)}
		if got, want := a.AvailabilityAtLeast(percent), reached(nothing); got != want {
			t.Errorf("%d of %d consumed: %v %% available is %t", part, whole, percent, got)
		}
	})
}
