package slo_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/slo"
)

// An outage is what Downtimes lists, whatever the causes, joined where it touches.
func TestOutagesAreDowntimesJoined(t *testing.T) {
	inEveryWorld(t, 80, worldOptions{}, func(w *world, rng *rand.Rand) error {
		tl, err := w.build()
		if err != nil {
			return err
		}
		instants := moments(rng, w, 12)
		slices.SortFunc(instants, time.Time.Compare)
		for i, until := range instants {
			for _, after := range instants[:i+1] {
				var want []slo.Span
				for _, o := range joined(tl, until) {
					if o.End.After(asked(after)) && !o.End.After(asked(until)) {
						want = append(want, o)
					}
				}
				got := slices.Collect(tl.Outages(after, until))
				if diff := gocmp.Diff(want, got); diff != "" {
					return fmt.Errorf("outages after %s until %s (-want +got):\n%s", show(after), show(until), diff)
				}
			}
		}
		return nil
	})
}

// joined lists the outages that have ended at an instant, or will have as it is known.
func joined(tl *slo.Timeline, at time.Time) []slo.Span {
	var list []slo.Span
	for d := range tl.Downtimes(at) {
		if d.End.IsZero() {
			d.End = d.Start.AddDate(1000, 0, 0)
		}
		if n := len(list) - 1; n >= 0 && !d.Start.After(list[n].End) {
			if d.End.After(list[n].End) {
				list[n].End = d.End
			}
			continue
		}
		list = append(list, slo.Span{Start: d.Start, End: d.End})
	}
	return list
}

func TestOutagesStopWhenNobodyListens(t *testing.T) {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	var words []slo.Observation
	for n := range 10 {
		at := noon.Add(time.Duration(n) * time.Hour)
		words = append(words, slo.Down("api", at), slo.Up("api", at.Add(time.Minute)))
	}
	h, err := slo.NewSystemHistory("api", words, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tl, err := slo.Objective{ID: "o", SystemID: "api", Target: 99, Window: slo.Days(1)}.Timeline(h, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range tl.Outages(noon.Add(90*time.Minute), noon.AddDate(0, 0, 1)) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d, want 3", n)
	}
}
