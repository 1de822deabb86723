package slo_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// sane reports a figure of a status that no history whatever may lead to.
func sane(s slo.Status) error {
	for _, f := range []struct {
		name     string
		value    float64
		min, max float64
	}{
		{"target", s.Target, 0, 100},
		{"availability", s.Availability, 0, 100},
		{"strict availability", s.StrictAvailability, 0, 100},
		{"coverage", s.Coverage, 0, 1},
		{"burn rate", s.BurnRate, 0, math.MaxFloat64},
		{"remaining percent", s.Budget.RemainingPercent, -math.MaxFloat64, 100},
		{"consumed percent", s.Budget.ConsumedPercent, 0, math.MaxFloat64},
	} {
		if !(f.value >= f.min && f.value <= f.max) { // NaN is neither
			return fmt.Errorf("%s is %v", f.name, f.value)
		}
	}
	b := s.Budget
	elapsed := min(s.To.Sub(s.From), max(s.At.Sub(s.From), 0))
	if b.Total < 0 || b.Total > s.To.Sub(s.From) || b.Consumed < 0 || b.Consumed > b.ConsumedStrict || b.ConsumedStrict > elapsed {
		return fmt.Errorf("budget %+v of [%v, %v) at %v", b, s.From, s.To, s.At)
	}
	if off := b.Total - b.Consumed - b.Remaining; off < 0 || off > 1 {
		return fmt.Errorf("budget %+v does not add up", b)
	}
	sum := time.Duration(0)
	for _, share := range s.Attribution {
		if share.Duration <= 0 {
			return fmt.Errorf("share %+v", share)
		}
		sum += share.Duration
	}
	if sum != b.ConsumedStrict {
		return fmt.Errorf("attribution %+v does not add up to %v", s.Attribution, b.ConsumedStrict)
	}
	return nil
}

var (
	firstInstant = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// many is how many outages the tests here are about.
func many() int {
	if testing.Short() {
		return 5_000
	}
	return 100_000
}

// crowds are histories of many outages, with what a plain sum says is down in [from, to) in nanoseconds.
var crowds = []struct {
	name  string
	facts func(n int) facts
	down  func(n int, from, to time.Time) *big.Int
}{
	{
		name: "one after the other, with pauses",
		facts: func(n int) facts {
			f := facts{system: ownSystem}
			for i := range n {
				at, step := crowdStart(i, n)
				f.observations = append(f.observations, slo.Down(ownSystem, at), slo.Up(ownSystem, at.Add(step/3)))
			}
			return f
		},
		down: func(n int, from, to time.Time) *big.Int {
			sum := new(big.Int)
			for i := range n {
				at, step := crowdStart(i, n)
				sum.Add(sum, overlap(at, at.Add(step/3), from, to))
			}
			return sum
		},
	},
	{
		name: "all overlapping, each of a source of its own",
		facts: func(n int) facts {
			f := facts{system: ownSystem}
			for i := range n {
				at, _ := crowdStart(i, n)
				f.statements = append(f.statements, slo.Statement{Source: fmt.Sprint("source ", i), Outages: []slo.Outage{
					{SystemID: ownSystem, Start: at, End: lastInstant.Add(at.Sub(lastInstant) / 2), Impact: float64(1+i%1000) / 1000},
				}})
			}
			// one that is total from the first to the last, so that the sum is plain
			first, _ := crowdStart(0, n)
			f.statements = append(f.statements, slo.Statement{Source: "total", Outages: []slo.Outage{{SystemID: ownSystem, Start: first}}})
			return f
		},
		down: func(n int, from, to time.Time) *big.Int {
			first, _ := crowdStart(0, n)
			return overlap(first, lastInstant, from, to)
		},
	},
	{
		name: "one inside the other in one statement, the inner the worse",
		facts: func(n int) facts {
			f := facts{system: ownSystem}
			middle := firstInstant.Add(lastInstant.Sub(firstInstant) / 2)
			var s slo.Statement
			s.Source = "import"
			for i := range min(n, 1000) {
				half := crowdHalf(i)
				s.Outages = append(s.Outages, slo.Outage{SystemID: ownSystem, Start: middle.Add(-half), End: middle.Add(half), Impact: float64(i+1) / 1000})
			}
			f.statements = []slo.Statement{s}
			return f
		},
		down: func(n int, from, to time.Time) *big.Int {
			middle := firstInstant.Add(lastInstant.Sub(firstInstant) / 2)
			sum := new(big.Int)
			for i := range min(n, 1000) { // each is a thousandth worse than the one around it
				half := crowdHalf(i)
				sum.Add(sum, overlap(middle.Add(-half), middle.Add(half), from, to))
			}
			return sum.Div(sum, big.NewInt(1000))
		},
	},
}

// crowdStart spreads n outages over all that there is from 2190 on, ten years.
func crowdStart(i, n int) (at time.Time, step time.Duration) {
	step = (3652 * day / time.Duration(n)).Truncate(3 * time.Microsecond)
	return lastInstant.Add(-3652 * day).Add(time.Duration(i) * step), step
}

func crowdHalf(i int) time.Duration { return time.Duration(1001-i) * 24 * time.Hour }

// overlap returns the nanoseconds that [a, b) and [from, to) share.
func overlap(a, b, from, to time.Time) *big.Int {
	if a.Before(from) {
		a = from
	}
	if b.After(to) {
		b = to
	}
	if !a.Before(b) {
		return new(big.Int)
	}
	micros := big.NewInt(b.UnixMicro() - a.UnixMicro())
	return micros.Mul(micros, big.NewInt(1000))
}

func TestALongWindowOfManyOutagesIsExact(t *testing.T) {
	for _, crowd := range crowds {
		t.Run(crowd.name, func(t *testing.T) {
			t.Parallel()
			n := many()
			h, err := crowd.facts(n).history()
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range []float64{0, 99.999999, 100} {
				o := slo.Objective{ID: "o", SystemID: ownSystem, Target: target, Window: slo.Days(3650)}
				tl, err := o.Timeline(h, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(1, 1))
				for i := range 12 {
					at := truncated(lastInstant.Add(-time.Duration(rng.Int64N(int64(3652 * day)))))
					switch i {
					case 0:
						at = lastInstant
					case 1:
						at = firstInstant.Add(lastInstant.Sub(firstInstant) / 2)
					}
					s := tl.Status(at)
					if err := sane(s); err != nil {
						t.Fatalf("target %v at %v: %v", target, at, err)
					}
					down := crowd.down(n, s.From, s.At)
					if big.NewInt(int64(s.Budget.Consumed)).Cmp(down) != 0 {
						t.Fatalf("target %v at %v: consumed %d, want %v", target, at, s.Budget.Consumed, down)
					}
					bad := new(big.Rat).Quo(new(big.Rat).Sub(big.NewRat(100, 1), exact(target)), big.NewRat(100, 1))
					total := bad.Mul(bad, big.NewRat(int64(3650*day), 1))
					consumed := new(big.Rat).SetInt(down)
					if s.Budget.Total != floor(total) || s.Breaching != (consumed.Cmp(total) > 0) {
						t.Fatalf("target %v at %v: %+v, want a budget of %v", target, at, s.Budget, total)
					}
					if total.Sign() > 0 {
						if err := compareFloat(s.Budget.ConsumedPercent, percentOf(consumed, total)); err != nil {
							t.Fatalf("target %v at %v: consumed percent is %v", target, at, err)
						}
					}
				}
			}
		})
	}
}

func TestHundredsOfUpstreamsAreTold(t *testing.T) {
	const n = 300
	w := monthly()
	w.word("", before(day), slo.Unhealthy)
	for i := range n {
		d := dependency{facts: facts{system: fmt.Sprintf("upstream %03d", i)}}
		d.word("", before(day-time.Duration(i)*time.Minute), slo.Unhealthy)
		d.word("", before(day-time.Duration(i+1)*time.Minute), slo.Healthy)
		w.upstreams = append(w.upstreams, d)
		w.statements = append(w.statements, slo.Statement{Source: fmt.Sprint("source ", i), Outages: []slo.Outage{
			by(fmt.Sprintf("named %03d", i), before(20*day-time.Duration(2*i)*time.Minute), before(20*day-time.Duration(2*i+1)*time.Minute)),
		}})
	}
	tl, o := w.timeline(t), newOracle(w)
	for _, at := range []time.Time{now, before(day - 150*time.Minute), before(20 * day), before(19 * day)} {
		s := tl.Status(at)
		if err := compareStatus(s, o.status(at)); err != nil {
			t.Errorf("at %v: %v", at, err)
		}
	}
	if s := tl.Status(now); len(s.Attribution) != 2*n+1 {
		t.Errorf("%d shares, want %d", len(s.Attribution), 2*n+1)
	}
}

// TestInstantsAtTheEndsOfTimeAreSane asks at the first and the last instants that there are, and beyond.
func TestInstantsAtTheEndsOfTimeAreSane(t *testing.T) {
	outages := map[string]facts{
		"nothing is known": {},
		"an outage from the first instant on": {statements: []slo.Statement{
			{Source: "s", Outages: []slo.Outage{{SystemID: ownSystem, Start: firstInstant}}},
		}},
		"an outage from the first instant to the last": {statements: []slo.Statement{
			{Source: "s", Outages: []slo.Outage{{SystemID: ownSystem, Start: firstInstant, End: lastInstant, Impact: 0.001}}},
		}},
		"an outage of the last instant": {statements: []slo.Statement{
			{Source: "s", Outages: []slo.Outage{{SystemID: ownSystem, Start: lastInstant}}},
		}},
		"words at both ends": {observations: []slo.Observation{
			{SystemID: ownSystem, At: firstInstant, Seq: math.MinInt64, Health: slo.Unhealthy},
			{SystemID: ownSystem, At: lastInstant, Seq: math.MaxInt64, Health: slo.Healthy},
		}},
		"a correction of all there is": {corrections: []slo.Correction{
			{ID: "c", SystemID: ownSystem, From: firstInstant, Until: lastInstant, Health: slo.Unhealthy},
		}},
	}
	windows := []slo.Window{
		slo.Rolling(time.Microsecond), slo.Days(30), slo.Days(3650), slo.Calendar(slo.Day, berlin), slo.Calendar(slo.Year, time.UTC),
	}
	instants := []time.Time{
		{}, firstInstant, firstInstant.Add(time.Microsecond), firstInstant.Add(-1), firstInstant.Add(10 * 365 * day),
		lastInstant, lastInstant.Add(-time.Microsecond), lastInstant.Add(1), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Unix(1<<62, 0), time.Unix(-1<<62, 0),
	}
	for name, f := range outages {
		t.Run(name, func(t *testing.T) {
			for _, window := range windows {
				for _, target := range []float64{0, 99.9, 99.999999, 100} {
					w := &world{objective: slo.Objective{ID: "o", Name: "an objective", SystemID: ownSystem, Target: target, Window: window}, facts: f}
					w.system = ownSystem
					tl := w.timeline(t)
					o := newOracle(w)
					for _, at := range instants {
						s := tl.Status(at)
						if err := sane(s); err != nil {
							t.Fatalf("%v %% of %v at %v: %v", target, window, at, err)
						}
						if err := compareStatus(s, o.status(at)); err != nil {
							t.Fatalf("%v %% of %v at %v: %v", target, window, at, err)
						}
						for d := range tl.Downtimes(at) {
							if !d.End.IsZero() && !d.Start.Before(d.End) {
								t.Fatalf("downtime %+v", d)
							}
						}
						e, err := tl.Explain(s.From, s.To, s.At)
						if err != nil {
							t.Fatal(err)
						}
						if err := o.checkExplanation(e, s.From, s.To, s.At); err != nil {
							t.Fatalf("%v %% of %v at %v: explanation: %v", target, window, at, err)
						}
						again, err := tl.StatusIn(s.From, s.To, s.At)
						if err != nil || !reflect.DeepEqual(again, s) {
							t.Fatalf("%v %% of %v at %v: %+v, asked about its own period %+v, %v", target, window, at, s, again, err)
						}
						if rate, err := tl.BurnRate(at, 3650*day); err != nil || compareFloat(rate, o.burnRate(asked(at), 3650*day)) != nil {
							t.Fatalf("burn rate over ten years at %v: %v, %v", at, rate, err)
						}
					}
				}
			}
		})
	}
}

func TestPeriodsOutOfBoundsAreInvalid(t *testing.T) {
	w := monthly()
	w.say(out(firstInstant, time.Time{}))
	tl := w.timeline(t)
	for _, test := range []struct {
		name         string
		from, to, at time.Time
	}{
		{"from at to", before(day), before(day), now},
		{"from after to", before(day), before(2 * day), now},
		{"at before from", before(day), now, before(day + time.Microsecond)},
		{"zero times", time.Time{}, time.Time{}, time.Time{}},
		{"from further before 1970 than a window reaches", firstInstant.Add(-3650*day - time.Microsecond), firstInstant, firstInstant},
		{"to further after 2200 than a window reaches", lastInstant, lastInstant.Add(3650*day + time.Microsecond), lastInstant},
		{"at before 1970", firstInstant.Add(-day), firstInstant.Add(day), firstInstant.Add(-time.Microsecond)},
		{"at after 2200", lastInstant.Add(-day), lastInstant, lastInstant.Add(time.Microsecond)},
		{"more than 3650 days", before(3650 * day), now.Add(time.Microsecond), now},
		{"years that overflow a count of nanoseconds", time.Unix(-1<<62, 0), time.Unix(1<<62, 0), now},
	} {
		t.Run(test.name, func(t *testing.T) {
			if s, err := tl.StatusIn(test.from, test.to, test.at); !errors.Is(err, slo.ErrInvalid) {
				t.Errorf("status %+v, error %v, want ErrInvalid", s, err)
			}
			if e, err := tl.Explain(test.from, test.to, test.at); !errors.Is(err, slo.ErrInvalid) {
				t.Errorf("explanation %+v, error %v, want ErrInvalid", e, err)
			}
		})
	}
	for _, lookback := range []time.Duration{0, -time.Hour, 3650*day + time.Microsecond, time.Nanosecond, math.MinInt64, math.MaxInt64} {
		if rate, err := tl.BurnRate(now, lookback); !errors.Is(err, slo.ErrInvalid) {
			t.Errorf("burn rate over %v is %v, error %v, want ErrInvalid", lookback, rate, err)
		}
	}
	if s, err := tl.StatusIn(before(3650*day), now, now); err != nil || s.Budget.Consumed != 3650*day {
		t.Errorf("3650 days: consumed %v, error %v", s.Budget.Consumed, err)
	}
}
