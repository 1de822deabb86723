package slo_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestStatusUntilEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 100, worldOptions{}, untilEqualsTheOracles)
}

func TestStatusUntilOfFewFactsEqualsTheOracles(t *testing.T) {
	inEveryWorld(t, 100, worldOptions{facts: 5}, untilEqualsTheOracles)
}

func untilEqualsTheOracles(w *world, rng *rand.Rand) error {
	tl, err := w.build()
	if err != nil {
		return err
	}
	o := newOracle(w)
	ends := moments(rng, w, 20)
	for _, r := range w.objective.Revisions { // an end that moments may leave out
		_, periodEnd := spanOf(r.Window).period(r.Until.Add(-time.Microsecond))
		ends = append(ends, r.Until, periodEnd)
	}
	for _, end := range ends {
		if err := compareStatus(tl.StatusUntil(end), o.statusUntil(end)); err != nil {
			return fmt.Errorf("status until %s: %w", show(end), err)
		}
	}
	return nil
}

func TestStatusUntil(t *testing.T) {
	midnight := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	june := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	// Down for the last hour before midnight.
	failing := func(change func(*world)) *world {
		w := monthly()
		w.say(out(midnight.Add(-time.Hour), midnight))
		change(w)
		return w
	}
	type answer struct {
		From, To  time.Time
		Target    float64
		Consumed  time.Duration
		Down      bool
		Breaching bool
		Pages     bool
	}
	for _, test := range []struct {
		name  string
		world *world
		end   time.Time
		want  answer
	}{
		{
			"an outage that ends at the end was one in the last microsecond", failing(func(*world) {}), midnight,
			answer{midnight.AddDate(0, 0, -30), midnight, 99.9, time.Hour, true, true, true},
		},
		{
			"an outage that ended a microsecond before the end was none", failing(func(w *world) {
				w.statements[0].Outages[0].End = midnight.Add(-time.Microsecond)
			}), midnight,
			answer{midnight.AddDate(0, 0, -30), midnight, 99.9, time.Hour - time.Microsecond, false, true, true},
		},
		{
			"an outage that starts at the end was none", failing(func(w *world) {
				w.statements[0].Outages[0] = out(midnight, midnight.Add(time.Hour))
			}), midnight,
			answer{midnight.AddDate(0, 0, -30), midnight, 99.9, 0, false, false, false},
		},
		{
			"a month that ends at the end is the one that is judged", failing(func(w *world) {
				w.objective.Window = slo.Calendar(slo.Month, nil)
			}), midnight,
			answer{june, midnight, 99.9, time.Hour, true, true, true},
		},
		{
			"a month is judged whole, though it is not over", failing(func(w *world) {
				w.objective.Window = slo.Calendar(slo.Month, nil)
			}), midnight.Add(-30 * time.Minute),
			answer{june, midnight, 99.9, 30 * time.Minute, true, false, true},
		},
		{
			"terms that end at the end are those that judge", failing(func(w *world) {
				w.objective.Revisions = []slo.Revision{{Until: midnight, Target: 99, Window: slo.Calendar(slo.Month, nil), Policy: slo.NoAlerts()}}
			}), midnight,
			answer{june, midnight, 99, time.Hour, true, false, false},
		},
		{
			"terms that hide what is before the end hide nothing yet", failing(func(w *world) {
				w.objective.Revisions = []slo.Revision{w.objective.Revision(midnight)}
				w.objective.CountFrom = midnight
			}), midnight,
			answer{midnight.AddDate(0, 0, -30), midnight, 99.9, time.Hour, true, true, true},
		},
		{
			"what is hidden was not down", failing(func(w *world) { w.objective.CountFrom = midnight }), midnight,
			answer{midnight.AddDate(0, 0, -30), midnight, 99.9, 0, false, false, false},
		},
		{
			"the end is truncated to microseconds", failing(func(*world) {}), midnight.Add(999),
			answer{midnight.AddDate(0, 0, -30), midnight, 99.9, time.Hour, true, true, true},
		},
		{
			"nothing was down before 1970", failing(func(w *world) {
				w.statements[0].Outages[0].Start = firstInstant
				w.objective.Window = slo.Calendar(slo.Year, nil)
			}), time.Time{},
			answer{firstInstant.AddDate(-1, 0, 0), firstInstant, 99.9, 0, false, false, false},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.world.timeline(t).StatusUntil(test.end)
			got := answer{s.From, s.To, s.Target, s.Budget.Consumed, s.Down, s.Breaching, len(s.Firing) > 0 && s.Firing[0].Severity == slo.Page}
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if err := compareStatus(s, newOracle(test.world).statusUntil(test.end)); err != nil {
				t.Error(err)
			}
		})
	}
}
