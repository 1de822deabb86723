package slo_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The figures here are those of chapter 5 of the SRE workbook, "Alerting on SLOs", recomputed exactly; where its text
// rounds or errs, a comment says so.

// outageOf returns the timeline of an objective whose system is quiet until now and then down: for ever, or for a while.
func outageOf(t *testing.T, target float64, window slo.Window, impact float64, lasts time.Duration) *slo.Timeline {
	t.Helper()
	w := monthly()
	w.objective.Target, w.objective.Window = target, window
	o := out(now, time.Time{})
	o.Impact = impact
	if lasts > 0 {
		o.End = now.Add(lasts)
	}
	w.say(o)
	return w.timeline(t)
}

// after returns how long after now, or zero if never, a crossing comes.
func after(t *testing.T, tl *slo.Timeline, at time.Time, c slo.Crossing) time.Duration {
	t.Helper()
	found, err := tl.NextCrossing(at, c)
	if err != nil {
		t.Fatal(err)
	}
	if found.IsZero() {
		return 0
	}
	return found.Sub(now)
}

func firing(r slo.BurnRule) slo.Crossing {
	return slo.Crossing{Metric: slo.MetricFiring, Comparison: slo.AtOrAbove, Rule: r}
}

func TestATotalOutageFromQuietFiresEachRuleOfTheWorkbookExactly(t *testing.T) {
	ms := time.Millisecond
	for _, test := range []struct {
		target    float64
		window    slo.Window
		fires     []time.Duration // by long window
		exhausted time.Duration
	}{
		// Over 30 days the factors are 14.4, 6, 3 and 1.
		{99.9, slo.Days(30), []time.Duration{51_840 * ms, 129_600 * ms, 259_200 * ms, 259_200 * ms}, 2592 * time.Second},
		{99, slo.Days(30), []time.Duration{518_400 * ms, 1_296_000 * ms, 2_592_000 * ms, 2_592_000 * ms}, 25_920 * time.Second},
		{95, slo.Days(30), []time.Duration{2_592_000 * ms, 6_480_000 * ms, 12_960_000 * ms, 12_960_000 * ms}, 36 * time.Hour},
		// At 90 % the burn rate is at most 10: the rule of 14.4 can never fire, and is left out.
		{90, slo.Days(30), []time.Duration{12_960_000 * ms, 25_920_000 * ms, 25_920_000 * ms}, 72 * time.Hour},
		// 13.44, 5.6, 2.8 and 14/15, which no decimal is equal to.
		{99.9, slo.Days(28), []time.Duration{48_384 * ms, 120_960 * ms, 241_920 * ms, 241_920 * ms}, 2_419_200 * ms},
		// 3.36, 1.4, 0.7 and 7/30.
		{99.9, slo.Days(7), []time.Duration{12_096 * ms, 30_240 * ms, 60_480 * ms, 60_480 * ms}, 604_800 * ms},
		// A quarter counts as 90 days, whatever its length: 43.2, 18, 9 and 3.
		{99.9, slo.Calendar(slo.Quarter, nil), []time.Duration{155_520 * ms, 388_800 * ms, 777_600 * ms, 777_600 * ms}, 7_862_400 * ms},
		{99.999, slo.Days(30), []time.Duration{518_400 * time.Microsecond, 1_296 * ms, 2_592 * ms, 2_592 * ms}, 25_920 * ms},
	} {
		t.Run(fmt.Sprintf("%v %% of %v", test.target, test.window), func(t *testing.T) {
			tl := outageOf(t, test.target, test.window, 1, 0)
			policy := slo.DefaultAlertPolicy(test.window, test.target)
			var fires []time.Duration
			for _, r := range policy.Rules {
				fires = append(fires, after(t, tl, now.Add(-time.Hour), firing(r)))
			}
			if !slices.Equal(fires, test.fires) {
				t.Errorf("fire after %v, want %v", fires, test.fires)
			}
			if got := tl.Forecast(now).ExhaustsAt.Sub(now); got != test.exhausted {
				t.Errorf("exhausted after %v, want %v", got, test.exhausted)
			}
			backtested(t, tl, policy, test.fires)
		})
	}
}

// backtested checks that a backtest starts the firings where the crossings are.
func backtested(t *testing.T, tl *slo.Timeline, policy slo.AlertPolicy, fires []time.Duration) {
	t.Helper()
	end := now.Add(8 * time.Hour)
	b, err := tl.Backtest(now.Add(-time.Hour), end)
	if err != nil {
		t.Fatal(err)
	}
	var want []slo.FiringInterval
	for i, r := range policy.Rules {
		if start := now.Add(fires[i]); start.Before(end) {
			want = append(want, slo.FiringInterval{Severity: r.Severity, Long: r.Long, Short: r.Short, Start: start, End: end})
		}
	}
	if !slices.Equal(b.Intervals, want) {
		t.Errorf("backtest\n%v, want\n%v", b.Intervals, want)
	}
}

func TestTheDefaultPolicyAsksForTheWorkbooksShares(t *testing.T) {
	all := []slo.BurnRule{
		{Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Share: 2},
		{Severity: slo.Page, Long: 6 * time.Hour, Short: 30 * time.Minute, Share: 5},
		{Severity: slo.Ticket, Long: 24 * time.Hour, Short: 2 * time.Hour, Share: 10},
		{Severity: slo.Ticket, Long: 72 * time.Hour, Short: 6 * time.Hour, Share: 10},
	}
	for _, test := range []struct {
		name   string
		window slo.Window
		target float64
		want   []slo.BurnRule
	}{
		{"30 days", slo.Days(30), 99.9, all},
		{"the highest target that leaves a budget", slo.Days(30), 99.999999, all},
		{"no budget, any downtime burns it", slo.Days(30), 100, all},
		{"a month counts as 30 days", slo.Calendar(slo.Month, nil), 99.9, all},
		{"a burn rate of 14.4 is within reach", slo.Days(30), 93.055556, all},
		{"a burn rate of 14.4 is out of reach by a hair", slo.Days(30), 93.055555, all[1:]},
		{"a target of nothing leaves the rule of 1, which a total outage reaches just so", slo.Days(30), 0, all[3:]},
		{"windows longer than the objective's are left out", slo.Days(1), 99.9, all[:3]},
		{"one that is as long as the objective's is not", slo.Days(3), 99.9, all},
		{"a calendar day counts as 24 hours", slo.Calendar(slo.Day, nil), 99.9, all[:3]},
		{"six hours", slo.Rolling(6 * time.Hour), 99.9, all[:2]},
		{"an hour", slo.Rolling(time.Hour), 99.9, all[:1]},
		{"less than an hour has no rule", slo.Rolling(time.Hour - time.Microsecond), 99.9, nil},
		{"no window", slo.Window{}, 99.9, nil},
		{"a window that is not valid", slo.Rolling(0), 99.9, nil},
		{"a target that is not valid", slo.Days(30), 100.5, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := slo.DefaultAlertPolicy(test.window, test.target)
			if !slices.Equal(got.Rules, test.want) || got.Off != (test.want == nil) {
				t.Errorf("policy %+v, want the rules %+v", got, test.want)
			}
		})
	}
}

func TestTheRuleOfFourteenCanNeverFireAtNinetyPercent(t *testing.T) {
	rule := slo.BurnRule{Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute, Factor: 14.4}
	o := monthly().objective
	o.Target, o.Policy = 90, slo.AlertPolicy{Rules: []slo.BurnRule{rule}}
	if err := o.Validate(); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("a policy with it: error %v, want ErrInvalid", err)
	}
	if _, err := outageOf(t, 90, slo.Days(30), 1, 0).NextCrossing(now, firing(rule)); !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("a crossing with it: error %v, want ErrInvalid", err)
	}
	for _, r := range slo.DefaultAlertPolicy(o.Window, o.Target).Rules {
		if r.Long == time.Hour {
			t.Errorf("the default policy has it: %+v", r)
		}
	}
	// What a total outage reaches just so can fire, at the window's end.
	rule.Factor = 10
	if got := after(t, outageOf(t, 90, slo.Days(30), 1, 0), now, firing(rule)); got != time.Hour {
		t.Errorf("a rule of 10 fires after %v, want 1h", got)
	}
}

func TestShareOfTheBudgetThatATotalOutageBurns(t *testing.T) {
	for _, test := range []struct {
		target          float64
		window          slo.Window
		lasts           time.Duration
		consumed, total time.Duration
	}{
		{99.9, slo.Days(30), 10 * time.Minute, 600 * time.Second, 2592 * time.Second}, // 23.148148... %
		{99.9, slo.Days(30), time.Hour, 3600 * time.Second, 2592 * time.Second},       // 138.888... %
		{90, slo.Days(30), time.Hour, time.Hour, 72 * time.Hour},                      // 1.3888... %
		{99.99, slo.Calendar(slo.Month, nil), time.Minute, time.Minute, 259_200 * time.Millisecond},
		{99.999, slo.Days(30), time.Second, time.Second, 25_920 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%v at %v %% of %v", test.lasts, test.target, test.window), func(t *testing.T) {
			b := outageOf(t, test.target, test.window, 1, test.lasts).Status(now.Add(2 * time.Hour)).Budget
			if b.Consumed != test.consumed || b.Total != test.total {
				t.Errorf("consumed %v of %v, want %v of %v", b.Consumed, b.Total, test.consumed, test.total)
			}
			want, _ := big.NewRat(100*int64(test.consumed), int64(test.total)).Float64()
			if b.ConsumedPercent != want {
				t.Errorf("consumed %v %%, want %v", b.ConsumedPercent, want)
			}
		})
	}
}

// Figure 5-6: 15 % of the requests fail for ten minutes. The text says that the short window is over the threshold
// "immediately", the long one "after 5 minutes", and that they fall below it 5 and 60 minutes after the end.
func TestFifteenPercentOfErrorsForTenMinutes(t *testing.T) {
	tl := outageOf(t, 99.9, slo.Days(30), 0.15, 10*time.Minute)
	rule := slo.DefaultAlertPolicy(slo.Days(30), 99.9).Rules[0]
	end := now.Add(10 * time.Minute)
	over := func(lookback time.Duration, comparison slo.Comparison) slo.Crossing {
		return slo.Crossing{Metric: slo.MetricBurnRate, Comparison: comparison, Value: 14.4, Lookback: lookback}
	}
	quiet := firing(rule)
	quiet.Comparison = slo.Below
	for _, test := range []struct {
		name     string
		at       time.Time
		crossing slo.Crossing
		want     time.Duration // after the outage's start
	}{
		{"the short window is at 14.4 from 28.8 s on", now, over(5*time.Minute, slo.AtOrAbove), 28_800 * time.Millisecond},
		{"and above it a microsecond later", now, over(5*time.Minute, slo.Above), 28_800_001 * time.Microsecond},
		{"the long window is at 14.4 from 345.6 s on", now, over(time.Hour, slo.AtOrAbove), 345_600 * time.Millisecond},
		{"and the rule begins to fire", now, firing(rule), 345_600 * time.Millisecond},
		{"the short window is down at 14.4 271.2 s after the end", end, over(5*time.Minute, slo.AtOrBelow), 871_200 * time.Millisecond},
		{"and below it a microsecond later", end, over(5*time.Minute, slo.Below), 871_200_001 * time.Microsecond},
		{"when the rule no longer fires", end, quiet, 871_200_001 * time.Microsecond},
		{"the long window is down at 14.4 54 m 14.4 s after the end", end, over(0, slo.AtOrBelow), 3_854_400 * time.Millisecond},
		{"and below it a microsecond later", end, over(0, slo.Below), 3_854_400_001 * time.Microsecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := after(t, tl, test.at, test.crossing); got != test.want {
				t.Errorf("after %v, want %v", got, test.want)
			}
		})
	}
	t.Run("a backtest says the same", func(t *testing.T) {
		b, err := tl.Backtest(now.Add(-time.Hour), now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want := slo.FiringInterval{
			Severity: slo.Page, Long: time.Hour, Short: 5 * time.Minute,
			Start: now.Add(345_600 * time.Millisecond), End: now.Add(871_200_001 * time.Microsecond),
		}
		if !slices.Contains(b.Intervals, want) {
			t.Errorf("intervals %v, want one of them %v", b.Intervals, want)
		}
	})
}

// Chapter 5 says that with 99.9 % and ten requests an hour one failure is a burn rate of 1,000. One request in ten is
// 10 % of errors against 0.1 %: 100.
func TestOneFailureInTenIsABurnRateOfAHundred(t *testing.T) {
	for _, test := range []struct {
		impact float64
		want   float64
	}{{0.1, 100}, {1, 1000}, {0.001, 1}, {0.035, 35}} {
		t.Run(fmt.Sprintf("impact %v", test.impact), func(t *testing.T) {
			if got := outageOf(t, 99.9, slo.Days(30), test.impact, 0).Status(now.Add(time.Hour)).BurnRate; got != test.want {
				t.Errorf("burn rate %v, want %v", got, test.want)
			}
		})
	}
}

// Table 5-1 and what is said of it: how long a budget lasts at a burn rate.
func TestTimeToExhaustionAtABurnRate(t *testing.T) {
	for _, test := range []struct {
		impact float64 // at 99.9 %, a thousandth is a burn rate of 1
		want   time.Duration
	}{
		{0.001, 30 * day},
		{0.002, 15 * day},
		{0.01, 3 * day},
		{1, 43*time.Minute + 12*time.Second},
		{0.035, 74_057_142_858 * time.Microsecond}, // 20.57 h: the first microsecond after 74057.142857142... s
	} {
		t.Run(fmt.Sprintf("burn rate %v", test.impact*1000), func(t *testing.T) {
			if got := outageOf(t, 99.9, slo.Days(30), test.impact, 0).Forecast(now).ExhaustsAt.Sub(now); got != test.want {
				t.Errorf("exhausted after %v, want %v", got, test.want)
			}
		})
	}
}

// Sections 1, 2 and 4 of the chapter: single windows. A rule of ours has two, which may be the same.
func TestSingleWindowsOfTheWorkbook(t *testing.T) {
	for _, test := range []struct {
		name string
		long time.Duration
		rate float64
		want time.Duration
	}{
		{"10 minutes at the target's rate", 10 * time.Minute, 1, 600 * time.Millisecond},
		{"36 hours at the target's rate", 36 * time.Hour, 1, 129_600 * time.Millisecond},
		{"an hour at 36 times that", time.Hour, 36, 129_600 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			rule := slo.BurnRule{Severity: slo.Page, Long: test.long, Short: test.long, Factor: test.rate}
			if got := after(t, outageOf(t, 99.9, slo.Days(30), 1, 0), now, firing(rule)); got != test.want {
				t.Errorf("fires after %v, want %v", got, test.want)
			}
		})
	}
}

func TestBudgetsToTheNanosecond(t *testing.T) {
	newYork := mustLoad("America/New_York")
	at := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 12, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		target float64
		window slo.Window
		at     time.Time
		want   time.Duration
	}{
		{99.9, slo.Days(30), at(2026, 3, 15), 43*time.Minute + 12*time.Second},
		{99.99, slo.Calendar(slo.Month, nil), at(2026, 3, 15), 4*time.Minute + 27_840*time.Millisecond},
		{99.9, slo.Calendar(slo.Month, newYork), at(2026, 3, 15), 44*time.Minute + 34_800*time.Millisecond}, // 743 hours
		{99.9, slo.Calendar(slo.Month, newYork), at(2026, 11, 15), 43*time.Minute + 15_600*time.Millisecond},
		{99.999999, slo.Days(30), at(2026, 3, 15), 25_920 * time.Microsecond},
		{33.333333, slo.Rolling(time.Microsecond), at(2026, 3, 15), 666}, // 666.66667 ns
	} {
		t.Run(fmt.Sprintf("%v %% of %v", test.target, test.window), func(t *testing.T) {
			w := monthly()
			w.objective.Target, w.objective.Window = test.target, test.window
			if got := w.timeline(t).Status(test.at).Budget.Total; got != test.want {
				t.Errorf("budget %v, want %v", got, test.want)
			}
		})
	}
}
