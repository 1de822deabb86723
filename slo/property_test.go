package slo_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestStatusEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 1000, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 30) {
			if err := compareStatus(tl.Status(at), o.status(at)); err != nil {
				return fmt.Errorf("status at %s: %w", show(at), err)
			}
		}
		return nil
	})
}

func TestStatusOfFewFactsEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 1000, worldOptions{facts: 5}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 20) {
			if err := compareStatus(tl.Status(at), o.status(at)); err != nil {
				return fmt.Errorf("status at %s: %w", show(at), err)
			}
		}
		return nil
	})
}

func TestStatusOfManyFactsEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 40, worldOptions{facts: 250, instants: 250}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 60) {
			if err := compareStatus(tl.Status(at), o.status(at)); err != nil {
				return fmt.Errorf("status at %s: %w", show(at), err)
			}
		}
		return nil
	})
}

func TestStatusInEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for range 20 {
			from, to, at := periodOf(rng, w)
			got, err := tl.StatusIn(from, to, at)
			if !from.Before(to) || at.Before(from) {
				if !errors.Is(err, slo.ErrInvalid) {
					return fmt.Errorf("status in [%s, %s) at %s: error %v, want ErrInvalid", show(from), show(to), show(at), err)
				}
				continue
			}
			if err != nil {
				return err
			}
			if err := compareStatus(got, o.statusIn(from, to, at)); err != nil {
				return fmt.Errorf("status in [%s, %s) at %s: %w", show(from), show(to), show(at), err)
			}
		}
		return nil
	})
}

// periodOf draws a period and an instant to ask at; some are in the wrong order.
func periodOf(rng *rand.Rand, w *world) (from, to, at time.Time) {
	drawn := moments(rng, w, 3)
	if chance(rng, 90) {
		slices.SortFunc(drawn, time.Time.Compare)
	}
	from, to, at = truncated(drawn[0]), truncated(drawn[1]), truncated(drawn[2])
	if chance(rng, 30) {
		to, at = at, to
	}
	return from, to, at
}

func TestBurnRatesEqualTheOracles(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		o := newOracle(w)
		for _, at := range moments(rng, w, 20) {
			lookback := pick(rng, lengths)
			if chance(rng, 20) {
				lookback = time.Duration(1+rng.Int64N(int64(100*time.Hour/time.Microsecond))) * time.Microsecond
			}
			got, err := tl.BurnRate(at, lookback)
			if err != nil {
				return err
			}
			if err := compareFloat(got, o.burnRate(at, lookback)); err != nil {
				return fmt.Errorf("burn rate over %v at %s: %w", lookback, show(at), err)
			}
		}
		return nil
	})
}

// compareStatus compares every figure of a status with the oracle's.
func compareStatus(got slo.Status, want oracleStatus) error {
	var wrong []error
	differ := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			wrong = append(wrong, fmt.Errorf("%s is %v, want %v", what, got, want))
		}
	}
	near := func(what string, got float64, want *big.Rat) {
		if err := compareFloat(got, want); err != nil {
			wrong = append(wrong, fmt.Errorf("%s is %w", what, err))
		}
	}
	differ("objective", got.ObjectiveID, "o")
	differ("name", got.Name, "an objective")
	differ("system", got.SystemID, ownSystem)
	differ("target", got.Target, want.target)
	differ("at", got.At, want.at)
	differ("from", got.From, want.from)
	differ("to", got.To, want.to)
	differ("budget", got.Budget.Total, floor(want.total))
	differ("consumed", int64(got.Budget.Consumed), want.consumed.Int64())
	differ("consumed strictly", int64(got.Budget.ConsumedStrict), want.strict.Int64())
	differ("remaining", got.Budget.Remaining, floor(want.remaining))
	near("remaining percent", got.Budget.RemainingPercent, want.remainingPercent)
	near("consumed percent", got.Budget.ConsumedPercent, want.consumedPercent)
	near("availability", got.Availability, want.availability)
	near("strict availability", got.StrictAvailability, want.strictAvailability)
	near("burn rate", got.BurnRate, want.burnRate)
	near("coverage", got.Coverage, want.coverage)
	differ("breaching", got.Breaching, want.breaching)
	differ("exhausted", got.Exhausted, want.exhausted)
	differ("down", got.Down, want.down)
	differ("level", got.Level, want.level)
	differ("live", got.Live, false)
	if !slices.Equal(got.Firing, want.firing) {
		wrong = append(wrong, fmt.Errorf("firing is %v, want %v", got.Firing, want.firing))
	}
	if !slices.Equal(got.Attribution, want.attribution) {
		wrong = append(wrong, fmt.Errorf("attribution is %v, want %v", got.Attribution, want.attribution))
	}
	var sum time.Duration
	for _, share := range got.Attribution {
		sum += share.Duration
	}
	differ("the sum of the attribution", sum, got.Budget.ConsumedStrict)
	return errors.Join(wrong...)
}

// floor rounds nanoseconds down.
func floor(r *big.Rat) time.Duration {
	q := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: the denominator is positive, so this rounds down
	return time.Duration(q.Int64())
}

// compareFloat reports a float that is not the exact value to within two units in the last place, or that compares
// otherwise than the exact value with a threshold of at most six decimals.
func compareFloat(got float64, want *big.Rat) error {
	show, _ := want.Float64()
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return fmt.Errorf("%v, want %v", got, show)
	}
	size := max(math.Abs(got), math.Abs(show))
	tolerance := new(big.Rat).SetFloat64(2 * (math.Nextafter(size, math.Inf(1)) - size))
	off := new(big.Rat).SetFloat64(got)
	if off.Sub(off, want); off.Abs(off).Cmp(tolerance) > 0 {
		return fmt.Errorf("%v, want %v", got, show)
	}
	millionths := new(big.Rat).Mul(want, big.NewRat(1e6, 1))
	nearest := new(big.Int).Div(millionths.Num(), millionths.Denom())
	if nearest.CmpAbs(big.NewInt(1<<32*1e6)) > 0 {
		return nil // there is not always a float between two thresholds
	}
	for k := nearest.Int64() - 1; k <= nearest.Int64()+2; k++ {
		if exactly, shown := want.Cmp(big.NewRat(k, 1e6)), cmp.Compare(got, float64(k)/1e6); exactly != shown {
			return fmt.Errorf("%v for %s, which compares with %v as %d, want %d", got, want.FloatString(20), float64(k)/1e6, shown, exactly)
		}
	}
	return nil
}

func TestManyMayAskATimelineAtOnce(t *testing.T) {
	for seed := range uint64(5) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 1)), worldOptions{facts: 200, instants: 200})
		at := moments(rand.New(rand.NewPCG(seed, 2)), w, 10)
		tl, alone := w.timeline(t), w.timeline(t)
		fell := slo.Crossing{Metric: slo.MetricRemainingPercent, Comparison: slo.Below, Value: 20}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := sameAnswers(tl, alone, at); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				for _, now := range at {
					a, err := tl.NextCrossing(now, fell)
					b, err2 := alone.NextCrossing(now, fell)
					if err != nil || err2 != nil || !a.Equal(b) || tl.Forecast(now) != alone.Forecast(now) {
						t.Errorf("seed %d: crossing %v (%v), want %v (%v)", seed, a, err, b, err2)
					}
				}
			})
		}
		all.Wait()
	}
}

func TestNothingThatWasPassedInOrGivenOutIsShared(t *testing.T) {
	inEveryWorld(t, 150, worldOptions{}, func(w *world, rng *rand.Rand) error {
		want, err := w.build()
		if err != nil {
			return err
		}
		passed := w.clone()
		h, err := passed.history()
		if err != nil {
			return err
		}
		upstreams, err := passed.edgesOf()
		if err != nil {
			return err
		}
		got, err := passed.objective.Timeline(h, upstreams, passed.maintenance)
		if err != nil {
			return err
		}
		passed.spoil()
		clear(upstreams)
		at := moments(rng, w, 10)
		spoilObjective(new(got.Objective()))
		for _, now := range at {
			s := got.Status(now)
			clear(s.Attribution)
			_ = append(s.Firing, slo.Firing{}) // which may be shared, so that it is not to be changed
			if e, err := got.Explain(now.Add(-100*time.Hour), now, now); err == nil {
				for _, c := range e.Downtime {
					clear(c.Sources)
				}
				clear(e.Downtime)
				clear(e.Budget)
				clear(e.Unobserved)
			}
		}
		if data, err := h.MarshalBinary(); err != nil {
			return err
		} else {
			clear(data)
		}
		if !reflect.DeepEqual(got.Objective(), want.Objective()) {
			return fmt.Errorf("objective is %+v, want %+v", got.Objective(), want.Objective())
		}
		return sameAnswers(got, want, at)
	})
}

// spoil overwrites every slice that the world holds.
func (w *world) spoil() {
	spoilObjective(&w.objective)
	for _, f := range append([]facts{w.facts}, func() (list []facts) {
		for _, d := range w.upstreams {
			list = append(list, d.facts)
		}
		return list
	}()...) {
		for _, s := range f.statements {
			clear(s.Outages)
		}
		clear(f.observations)
		clear(f.statements)
		clear(f.corrections)
	}
	clear(w.maintenance)
}

func spoilObjective(o *slo.Objective) {
	for _, r := range o.Revisions {
		clear(r.NeverExcuse)
		clear(r.Policy.Rules)
	}
	clear(o.Revisions)
	clear(o.NeverExcuse)
	clear(o.Policy.Rules)
	clear(o.Labels)
}
