package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// spent makes an objective with a budget of 100 hours, of which so many are spent, in an outage that ended at an instant.
func (h *host) spent(t *testing.T, id string, hours float64, until time.Time) {
	t.Helper()
	h.create(t, slo.Objective{ID: id, Name: "name of " + id, SystemID: "sys-" + id, Target: 90, Window: slo.Rolling(1000 * time.Hour), CreatedAt: until.AddDate(-1, 0, 0)})
	if long := time.Duration(hours * float64(time.Hour)); long > 0 {
		ok(t, h.Observe(t.Context(), failing("sys-"+id, until.Add(-long), long)...))
	}
}

func TestDigestCounts(t *testing.T) {
	now := after(7, 9*time.Hour)
	for _, test := range []struct {
		name  string
		spent map[string]float64
		down  string
		want  engine.Counts
	}{
		{name: "breaching, 20 and 5 percent left, 80 percent left", spent: map[string]float64{"a": 101, "b": 80, "c": 95, "d": 20}, want: engine.Counts{Breaching: 1, AtRisk: 2, Healthy: 1}},
		{name: "a little more than 20 percent left is healthy", spent: map[string]float64{"a": 79.999}, want: engine.Counts{Healthy: 1}},
		{name: "a budget that is just spent is at risk", spent: map[string]float64{"a": 100}, want: engine.Counts{AtRisk: 1}},
		{name: "breaching is not at risk as well", spent: map[string]float64{"a": 101}, want: engine.Counts{Breaching: 1}},
		{name: "whether one is down does not matter", spent: map[string]float64{"a": 1}, down: "sys-a", want: engine.Counts{Healthy: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := at(t, now, engine.Options{})
			for id, hours := range test.spent {
				h.spent(t, id, hours, now.Add(-time.Hour))
			}
			if test.down != "" {
				ok(t, h.Observe(t.Context(), slo.Down(test.down, now.Add(-time.Minute))))
			}
			d, err := h.Digest(t.Context(), now)
			ok(t, err)
			equal(t, "counts", test.want, d.Counts)
			equal(t, "total", len(test.spent), d.Total)
		})
	}
}

// The predecessor's digest called systems by their IDs for names, and had no week before.
func TestDigestRanks(t *testing.T) {
	now := after(7, 9*time.Hour)
	h := at(t, now, engine.Options{})
	for id, hours := range map[string]float64{"a": 20, "b": 95, "c": 60, "d": 101, "e": 60, "f": 0} {
		h.spent(t, id, hours, now.Add(-time.Hour))
	}
	d, err := h.Digest(t.Context(), now)
	ok(t, err)
	entry := func(id string, hours float64) engine.DigestEntry {
		return engine.DigestEntry{ObjectiveID: id, Name: "name of " + id, SystemID: "sys-" + id, Availability: 100 - hours/10, BudgetRemainingPercent: 100 - hours}
	}
	equal(t, "digest", engine.Digest{
		Week: "2026-W24", At: now, Total: 6, Counts: engine.Counts{Breaching: 1, AtRisk: 1, Healthy: 4},
		Top:    []engine.DigestEntry{entry("f", 0), entry("a", 20), entry("c", 60)},
		Bottom: []engine.DigestEntry{entry("d", 101), entry("b", 95), entry("c", 60)},
		Change: engine.Counts{Breaching: 1, AtRisk: 1, Healthy: -2},
	}, d)
}

func TestDigestStreaks(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, veteran("a", "api"))
	h.nightly(t, after(9, 9*time.Hour))
	h.create(t, slo.Objective{ID: "b", SystemID: "new", Target: 99, Window: slo.Days(30)})
	for _, test := range []struct {
		name string
		at   time.Time
		want map[string]int
	}{
		{"as the last daily job left it", after(9, 9*time.Hour), map[string]int{"a": 9, "b": 0}},
		{"as it was at an instant that is past", after(4, 9*time.Hour), map[string]int{"a": 4}},
		{"before the first day had ended", after(0, 9*time.Hour), map[string]int{"a": 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := h.Digest(t.Context(), test.at)
			ok(t, err)
			got := map[string]int{}
			for _, entry := range d.Top {
				got[entry.ObjectiveID] = entry.Streak
			}
			equal(t, "streaks", test.want, got)
		})
	}
	t.Run("though the job has not run yet", func(t *testing.T) {
		ok(t, h.clock.AdvanceTo(after(10, 9*time.Hour)))
		d, err := h.Digest(t.Context(), after(10, 9*time.Hour))
		ok(t, err)
		equal(t, "streak", 9, d.Top[0].Streak)
	})
}

func TestDigestComparesWithSevenDaysBefore(t *testing.T) {
	now := after(30)
	h := at(t, now, engine.Options{})
	h.spent(t, "worse", 101, now.Add(-day))
	h.spent(t, "same", 101, now.AddDate(0, 0, -20))
	for id, created := range map[string]time.Time{"seven": now.AddDate(0, 0, -7), "younger": now.AddDate(0, 0, -7).Add(time.Microsecond), "later": now.Add(time.Second)} {
		h.create(t, slo.Objective{ID: id, SystemID: id, Target: 99, Window: slo.Days(30), CreatedAt: created})
	}
	d, err := h.Digest(t.Context(), now)
	ok(t, err)
	equal(t, "total", 4, d.Total)
	equal(t, "counts", engine.Counts{Breaching: 2, Healthy: 2}, d.Counts)
	equal(t, "change", engine.Counts{Breaching: 1, Healthy: 0}, d.Change) // one is worse, one is new
}

// digests records those that a host is told of.
type digests struct {
	mu   sync.Mutex
	list []engine.Digest
}

func (l *digests) handle(_ context.Context, d engine.Digest) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, d)
	return nil
}

func (l *digests) weeks() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var weeks []string
	for _, d := range l.list {
		weeks = append(weeks, fmt.Sprintf("%s %s", d.Week, d.At.Format(time.DateTime)))
	}
	slices.Sort(weeks) // in which order one is told of different entities is left open
	return weeks
}

// recorded are the digests that a store has.
func recorded(t *testing.T, store storage.Store) []engine.Digest {
	t.Helper()
	var list []engine.Digest
	for record, err := range store.List(t.Context(), storage.Range{Kind: "digest"}) {
		ok(t, err)
		var d engine.Digest
		ok(t, json.Unmarshal(record.Data, &d))
		list = append(list, d)
	}
	return list
}

func TestAWeekHasOneDigest(t *testing.T) {
	store, clock := memory.New(), simclock.New(time.Date(2026, time.December, 28, 9, 0, 0, 0, time.UTC))
	hosts := []*host{hostOn(t, store, clock, engine.Options{}), hostOn(t, store, clock, engine.Options{})}
	var all, group digests
	for _, h := range hosts {
		ok(t, h.Entities().Start(t.Context()))
	}
	_, err := hosts[0].OnDigest(all.handle, nil)
	ok(t, err)
	_, err = hosts[1].OnDigest(group.handle, &entity.SubscribeOptions{Group: "mail"})
	ok(t, err)
	hosts[0].create(t, veteran("a", "api"))
	for _, at := range []time.Time{
		time.Date(2026, time.December, 28, 9, 0, 0, 0, time.UTC), // Monday of week 53
		time.Date(2027, time.January, 3, 23, 59, 59, 0, time.UTC),
		time.Date(2027, time.January, 4, 0, 0, 0, 0, time.UTC), // Monday of week 1
		time.Date(2027, time.January, 4, 9, 0, 0, 0, time.UTC),
	} {
		ok(t, clock.AdvanceTo(at))
		for range 2 {
			var both errgroup.Group
			for _, h := range hosts {
				both.Go(func() error {
					d, err := h.Digest(t.Context(), at)
					if !d.At.Equal(at) {
						t.Errorf("digest of %s, want %s", d.At, at)
					}
					return err
				})
			}
			ok(t, both.Wait())
		}
	}
	for _, h := range hosts {
		ok(t, h.Settle(t.Context()))
	}
	want := []string{"2026-W53 2026-12-28 09:00:00", "2027-W01 2027-01-04 00:00:00"}
	equal(t, "all were told", want, all.weeks())
	equal(t, "the group was told", want, group.weeks())
	equal(t, "what was told", recorded(t, store), all.list)
}

func TestDigestOfNothingIsNotRecorded(t *testing.T) {
	h := at(t, after(9), engine.Options{})
	ok(t, h.Entities().Start(t.Context()))
	var l digests
	_, err := h.OnDigest(l.handle, nil)
	ok(t, err)
	for _, create := range []func(){func() {}, func() { h.create(t, simple("younger")) }} {
		create()
		d, err := h.Digest(t.Context(), after(8))
		ok(t, err)
		equal(t, "digest", engine.Digest{Week: "2026-W24", At: after(8), Top: []engine.DigestEntry{}, Bottom: []engine.DigestEntry{}}, d)
	}
	ok(t, h.Settle(t.Context()))
	if len(l.weeks())+len(recorded(t, h.store)) > 0 {
		t.Errorf("told %v, recorded %v", l.weeks(), recorded(t, h.store))
	}
}

func TestJobsOverManyPages(t *testing.T) {
	const n = 1200
	h := at(t, after(2), engine.Options{})
	for i := range n {
		id := fmt.Sprintf("o%04d", i)
		h.create(t, slo.Objective{ID: id, SystemID: fmt.Sprintf("s%03d", i%400), Target: 99, Window: slo.Days(30), CreatedAt: begin, CheckID: id})
		long := time.Duration(i*7919%n) * time.Minute // each another
		down := slo.Observation{SystemID: fmt.Sprintf("s%03d", i%400), CheckID: id, At: begin, Health: slo.Unhealthy}
		up := slo.Observation{SystemID: down.SystemID, CheckID: id, At: begin.Add(long), Seq: 1, Health: slo.Healthy}
		ok(t, h.Observe(t.Context(), down, up))
	}
	d, err := h.Digest(t.Context(), after(2))
	ok(t, err)
	// A budget of 432 minutes: breaching from 433 on, at risk from 346, which leaves less than 20 percent, on.
	equal(t, "counts", engine.Counts{Breaching: n - 433, AtRisk: 432 - 345, Healthy: 346}, d.Counts)
	name := func(minutes int) string {
		for i := range n {
			if i*7919%n == minutes {
				return fmt.Sprintf("o%04d", i)
			}
		}
		return ""
	}
	for i := range 3 {
		equal(t, "top", name(i), d.Top[i].ObjectiveID)
		equal(t, "bottom", name(n-1-i), d.Bottom[i].ObjectiveID)
	}
	ok(t, h.RunDaily(t.Context(), after(2)))
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("o%04d", i)
	}
	streaks, err := h.Streaks(t.Context(), ids)
	ok(t, err)
	met := 0
	for _, s := range streaks {
		if s.LastDay != dateOf(t, after(1)) {
			t.Fatalf("last day %s", s.LastDay)
		}
		if s.Current == 2 {
			met++
		}
	}
	equal(t, "days", n, len(streaks))
	equal(t, "those that met both days", 433, met)
}
