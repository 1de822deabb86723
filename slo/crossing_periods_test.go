package slo_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestNextCrossingSeesWhereOnePeriodIsNotLikeTheOneBefore(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 6, day, 0, 0, 0, 0, time.UTC) }
	low := slo.Crossing{Metric: slo.MetricAvailability, Comparison: slo.AtOrBelow, Value: 40}
	half := out(at(1), at(4))
	half.Impact = 0.5
	for _, test := range []struct {
		name      string
		outages   []slo.Outage
		countFrom time.Time
	}{
		{"more is down from midnight on", []slo.Outage{half, out(at(4), time.Time{})}, time.Time{}},
		{"what is down counts from midnight on", []slo.Outage{out(at(1), time.Time{})}, at(4)},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := monthly()
			w.objective.Window, w.objective.CountFrom = slo.Calendar(slo.Day, nil), test.countFrom
			w.say(test.outages...)
			got, err := w.timeline(t).NextCrossing(at(2), low)
			if want := at(4).Add(time.Microsecond); err != nil || got != want {
				t.Errorf("at %s, want %s (%v)", show(got), show(want), err)
			}
		})
	}
}

// Here outages begin and end with days, weeks and months, so that whole periods are alike, and others differ from the one
// before in nothing but how much is down.
func TestNextCrossingOfWholePeriods(t *testing.T) {
	inEveryWorldOf(t, wholePeriods, 250, func(w *world, rng *rand.Rand) error { return checkCrossings(w, rng, 6) })
}

func TestForecastOfWholePeriods(t *testing.T) {
	inEveryWorldOf(t, wholePeriods, 200, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		c := newCourse(newOracle(w))
		return checkForecast(tl, c, newAsker(rng, c).instant())
	})
}

// wholePeriods makes a world in which what changes mostly changes at local midnight, a window of a calendar among them.
func wholePeriods(rng *rand.Rand) *world {
	zone := pick(rng, []*time.Location{time.UTC, berlin})
	b := &builder{rng: rng, opts: worldOptions{calendarOnly: chance(rng, 80)}}
	for range 3 + rng.IntN(5) {
		at := time.Date(2026, 3, 26+rng.IntN(pick(rng, []int{6, 40, 400})), 0, 0, 0, 0, zone)
		if chance(rng, 20) {
			at = time.Date(2026, time.Month(3+rng.IntN(12)), 1, 0, 0, 0, 0, zone)
		}
		b.instants = append(b.instants, at.UTC())
	}
	slices.SortFunc(b.instants, time.Time.Compare)
	b.instants = slices.Compact(append(b.instants, b.instants[len(b.instants)-1].Add(24*time.Hour)))
	w := &world{objective: b.objective(), facts: facts{system: ownSystem}, maintenance: b.maintenance(rng.IntN(2))}
	w.objective.CheckID = ""
	for _, at := range b.instants {
		o := slo.Observation{SystemID: ownSystem, At: at, Health: slo.Unhealthy, Impact: pick(rng, []float64{0.001, 0.1, 0.5, 1})}
		if chance(rng, 25) {
			o.Health, o.Impact = slo.Healthy, 0
		}
		if chance(rng, 10) {
			o.At = at.Add(time.Duration(rng.IntN(3)-1) * time.Microsecond)
		}
		w.observations = append(w.observations, o)
	}
	return w
}

// From 1970 on the clocks of Berlin stood still for ten years: the first week of 169 hours ended on 1980-09-28.
func TestAPeriodOfAnotherLengthIsFoundHoweverLateItComes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	objective := slo.Objective{ID: "o", SystemID: "api", Target: 0, Window: slo.Calendar(slo.Week, berlin)}
	tl, err := objective.Timeline(mustHistory(t, "api", nil), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	crossing := slo.Crossing{Metric: slo.MetricRemaining, Comparison: slo.Above, Duration: 7 * 24 * time.Hour}
	got, err := tl.NextCrossing(time.Unix(0, 0), crossing)
	if want := time.Date(1980, time.September, 21, 22, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("at %v, %v, want %v", got, err, want)
	}
}
