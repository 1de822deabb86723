package slo_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// heard returns the world as another machine heard of it: in another order, in parts repeated, in other time zones, to the
// nanosecond, with what may be left out written out.
func heard(w *world, rng *rand.Rand) *world {
	w = w.clone()
	late := func(t *time.Time) {
		if t.IsZero() {
			return
		}
		*t = t.Add(time.Duration(rng.IntN(1000)))
		if chance(rng, 30) {
			*t = t.In(berlin)
		}
	}
	full := func(impact *float64) {
		if *impact == 0 || *impact == 1 {
			*impact = float64(rng.IntN(2))
		}
	}
	of := func(f *facts) {
		f.observations = shuffled(rng, repeated(rng, f.observations))
		for i := range f.observations {
			o := &f.observations[i]
			late(&o.At)
			if o.Health != slo.Healthy {
				full(&o.Impact)
			}
		}
		f.statements = shuffled(rng, repeated(rng, f.statements))
		for i := range f.statements {
			s := &f.statements[i]
			s.Outages = shuffled(rng, repeated(rng, slices.Clone(s.Outages)))
			for j := range s.Outages {
				out := &s.Outages[j]
				late(&out.Start)
				if late(&out.End); !out.End.IsZero() && out.End.Before(out.Start) {
					out.End = out.Start
				}
				full(&out.Impact)
				if out.Health != slo.Degraded {
					out.Health = pick(rng, []slo.Health{slo.Unknown, slo.Unhealthy})
				}
			}
		}
		f.corrections = shuffled(rng, repeated(rng, f.corrections))
		for i := range f.corrections {
			c := &f.corrections[i]
			late(&c.From)
			late(&c.Until)
			if c.Health != slo.Healthy {
				full(&c.Impact)
			}
		}
	}
	of(&w.facts)
	for i := range w.upstreams {
		of(&w.upstreams[i].facts)
		late(&w.upstreams[i].from)
		late(&w.upstreams[i].until)
	}
	w.upstreams = shuffled(rng, repeated(rng, w.upstreams))
	w.maintenance = shuffled(rng, repeated(rng, w.maintenance))
	for i := range w.maintenance {
		late(&w.maintenance[i].Start)
		late(&w.maintenance[i].End)
	}
	return w
}

func shuffled[T any](rng *rand.Rand, list []T) []T {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// repeated returns the list with some of its elements once more.
func repeated[T any](rng *rand.Rand, list []T) []T {
	for _, x := range list[:len(list):len(list)] {
		if chance(rng, 20) {
			list = append(list, x)
		}
	}
	return list
}

func TestFactsInAnyOrderRepeatedAndLateGiveTheSameAnswers(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		first, err := w.build()
		if err != nil {
			return err
		}
		other := heard(w, rng)
		again, err := other.build()
		if err != nil {
			return fmt.Errorf("heard in another order: %w", err)
		}
		for _, at := range moments(rng, w, 20) {
			if a, b := first.Status(at), again.Status(at); !reflect.DeepEqual(a, b) {
				return fmt.Errorf("status at %s is\n%+v, heard in another order\n%+v", show(at), a, b)
			}
		}
		return nil
	})
}

func TestHistoriesOfTheSameFactsHaveTheSameBytes(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		want, err := bytesOf(w.history())
		if err != nil {
			return err
		}
		for range 3 {
			f := heard(w, rng).facts
			got, err := bytesOf(f.history())
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("history is %x, in another order %x", want, got)
			}
			got, err = bytesOf(f.inParts(rng))
			if err != nil {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("history is %x, put together in parts %x", want, got)
			}
		}
		return nil
	})
}

func bytesOf(h *slo.SystemHistory, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return h.MarshalBinary()
}

// inParts makes the history of some of the observations and adds the others in parts, some of them again.
func (f facts) inParts(rng *rand.Rand) (*slo.SystemHistory, error) {
	rest := slices.Clone(f.observations)
	if chance(rng, 50) {
		slices.SortStableFunc(rest, func(a, b slo.Observation) int { return a.At.Compare(b.At) })
	}
	n := rng.IntN(len(rest) + 1)
	h, err := slo.NewSystemHistory(f.system, rest[:n], f.statements, f.corrections)
	if err != nil {
		return nil, err
	}
	for rest = rest[n:]; len(rest) > 0; rest = rest[n:] {
		n = 1 + rng.IntN(len(rest))
		if h, err = h.Add(rest[:n]...); err != nil {
			return nil, err
		}
		if chance(rng, 30) {
			if h, err = h.Add(pick(rng, f.observations)); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

func TestAHistoryReadBackFromItsBytesAnswersTheSame(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		stored := func(f facts) (*slo.SystemHistory, error) {
			data, err := bytesOf(f.inParts(rng))
			if err != nil {
				return nil, err
			}
			h := new(slo.SystemHistory)
			if err := h.UnmarshalBinary(data); err != nil {
				return nil, err
			}
			if h.SystemID() != f.system {
				return nil, fmt.Errorf("history of %q, want of %q", h.SystemID(), f.system)
			}
			for i := range data {
				data[i] = 0xff // the history must not keep what it was read from
			}
			return h, nil
		}
		want, err := w.build()
		if err != nil {
			return err
		}
		own, err := stored(w.facts)
		if err != nil {
			return err
		}
		upstreams, err := w.edgesOf()
		if err != nil {
			return err
		}
		for i, d := range w.upstreams {
			if !d.mute {
				if upstreams[i].History, err = stored(d.facts); err != nil {
					return err
				}
			}
		}
		got, err := w.objective.Timeline(own, upstreams, w.maintenance)
		if err != nil {
			return err
		}
		if err := sameAnswers(got, want, moments(rng, w, 20)); err != nil {
			return err
		}
		// What was read back grows as what it was made from.
		more := slo.Observation{SystemID: w.system, CheckID: "new", At: start.Add(300 * time.Hour), Health: slo.Unhealthy, UpstreamID: "new"}
		grown, err := own.Add(more)
		if err != nil {
			return err
		}
		w = w.clone()
		w.observations = append(w.observations, more)
		a, err := bytesOf(grown, nil)
		if err != nil {
			return err
		}
		b, err := bytesOf(w.history())
		if err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			return fmt.Errorf("read back and grown %x, want %x", a, b)
		}
		return nil
	})
}

// sameAnswers asks two timelines everything at some instants, and each two of those about the time between.
func sameAnswers(got, want *slo.Timeline, at []time.Time) error {
	for i, now := range at {
		if a, b := got.Status(now), want.Status(now); !reflect.DeepEqual(a, b) {
			return fmt.Errorf("status at %s is\n%+v, want\n%+v", show(now), a, b)
		}
		if a, b := slices.Collect(got.Downtimes(now)), slices.Collect(want.Downtimes(now)); !reflect.DeepEqual(a, b) {
			return fmt.Errorf("downtimes at %s are\n%+v, want\n%+v", show(now), a, b)
		}
		from, to := at[max(i-1, 0)], now
		if to.Before(from) {
			from, to = to, from
		}
		if from.Equal(to) {
			continue
		}
		a, err := got.Explain(from, to, to)
		if err != nil {
			return err
		}
		b, err := want.Explain(from, to, to)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(a, b) {
			return fmt.Errorf("explanation of [%s, %s) is\n%+v, want\n%+v", show(from), show(to), a, b)
		}
	}
	return nil
}

func TestWhatIsTakenBackLeavesNoTrace(t *testing.T) {
	inEveryWorld(t, 300, worldOptions{}, func(w *world, rng *rand.Rand) error {
		want, err := w.build()
		if err != nil {
			return err
		}
		more := w.clone()
		more.statements = append(more.statements,
			slo.Statement{Source: "mistake", Rev: 1, Outages: []slo.Outage{{SystemID: w.system, Start: start, UpstreamID: "nobody"}}},
			slo.Statement{Source: "mistake", Rev: 2})
		more.corrections = append(more.corrections,
			slo.Correction{ID: "mistake", Rev: 1, SystemID: w.system, From: start, Until: start.Add(time.Hour), Health: slo.Unhealthy},
			slo.Correction{ID: "mistake", Rev: 2, SystemID: "elsewhere", From: start, Until: start.Add(time.Hour)})
		more.maintenance = append(more.maintenance,
			slo.Maintenance{ID: "mistake", Rev: 1, SystemID: w.system, Start: start, End: start.Add(time.Hour)},
			slo.Maintenance{ID: "mistake", Rev: 2, SystemID: w.system, Start: start, End: start.Add(time.Hour), Cancelled: true})
		got, err := more.build()
		if err != nil {
			return err
		}
		return sameAnswers(got, want, moments(rng, w, 20))
	})
}

func TestTwoAccountsOfOneRevisionConflict(t *testing.T) {
	w := monthly()
	one, other := out(before(2*time.Hour), before(time.Hour)), out(before(2*time.Hour), now)
	statement := func(rev int64, outages ...slo.Outage) slo.Statement {
		return slo.Statement{Source: "s", Rev: rev, Outages: outages}
	}
	correction := func(rev int64, h slo.Health) slo.Correction {
		return slo.Correction{ID: "c", Rev: rev, SystemID: ownSystem, From: before(time.Hour), Until: now, Health: h}
	}
	window := func(rev int64, start time.Time) slo.Maintenance {
		return slo.Maintenance{ID: "m", Rev: rev, SystemID: ownSystem, Start: start, End: now}
	}
	elsewhere := one
	elsewhere.SystemID = "elsewhere"
	for _, test := range []struct {
		name string
		say  func(w *world)
		want error
	}{
		{"two statements of one Rev", func(w *world) {
			w.statements = []slo.Statement{statement(1, one), statement(1, other)}
		}, slo.ErrConflict},
		{"two statements of one Rev beside a greater one", func(w *world) {
			w.statements = []slo.Statement{statement(1, one), statement(2), statement(1, other)}
		}, slo.ErrConflict},
		{"two statements of one Rev that differ on another system", func(w *world) {
			w.statements = []slo.Statement{statement(1, one), statement(1, one, elsewhere)}
		}, slo.ErrConflict},
		{"one statement twice", func(w *world) {
			w.statements = []slo.Statement{statement(1, one, other), statement(1, other, one, one)}
		}, nil},
		{"two statements of two Revs", func(w *world) {
			w.statements = []slo.Statement{statement(1, one), statement(2, other)}
		}, nil},
		{"two corrections of one Rev", func(w *world) {
			w.corrections = []slo.Correction{correction(1, slo.Healthy), correction(2, slo.Healthy), correction(1, slo.Unknown)}
		}, slo.ErrConflict},
		{"one correction twice", func(w *world) {
			w.corrections = []slo.Correction{correction(1, slo.Healthy), correction(1, slo.Healthy), correction(2, slo.Unknown)}
		}, nil},
		{"two maintenance windows of one Rev", func(w *world) {
			w.maintenance = []slo.Maintenance{window(0, before(time.Hour)), window(1, before(time.Hour)), window(0, before(2*time.Hour))}
		}, slo.ErrConflict},
		{"one maintenance window twice", func(w *world) {
			w.maintenance = []slo.Maintenance{window(0, before(time.Hour)), window(0, before(time.Hour)), window(1, before(2*time.Hour))}
		}, nil},
		{"an observation of another system", func(w *world) {
			w.observations = []slo.Observation{slo.Down("elsewhere", now)}
		}, slo.ErrInvalid},
		{"a system that depends on itself", func(w *world) {
			w.upstreams = []dependency{{facts: facts{system: ownSystem}}}
		}, slo.ErrInvalid},
		{"an objective on another system than the history's", func(w *world) { w.objective.SystemID = "elsewhere" }, slo.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := w.clone()
			test.say(w)
			if _, err := w.build(); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	t.Run("no history, and another system's as an upstream's", func(t *testing.T) {
		if _, err := w.objective.Timeline(nil, nil, nil); !errors.Is(err, slo.ErrInvalid) {
			t.Errorf("error %v, want ErrInvalid", err)
		}
		h, err := w.history()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.objective.Timeline(h, []slo.Upstream{{ID: "db", History: h}}, nil); !errors.Is(err, slo.ErrInvalid) {
			t.Errorf("error %v, want ErrInvalid", err)
		}
	})
}
