package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// heard is what subscribers were told, in order.
type heard struct {
	page, down   []time.Duration // since the outage began, when the field became true
	fired        []time.Duration
	achievements []streak.Type
	digests      []string
}

// An objective of 99.9 % over 30 days pages 51.84 s into a total outage: 14.4 times the budget of an hour.
func TestWhatHappensToldOnceAtItsInstant(t *testing.T) {
	clock, ctx := simclock.New(noon), t.Context()
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	ok(t, err)
	defer e.Close()
	clock.Settle = func() { ok(t, e.Settle(ctx)) }
	began := noon.Add(24 * time.Hour)
	var got heard
	_, err = e.SLOs().OnChange(func(_ context.Context, c entity.Typed[engine.SLOState]) error {
		if c.Prev != nil && c.Next.Page && !c.Prev.Page {
			got.page = append(got.page, c.At.Sub(began))
		}
		if c.Prev != nil && c.Next.Down && !c.Prev.Down {
			got.down = append(got.down, c.At.Sub(began))
		}
		return nil
	}, nil)
	ok(t, err)
	group := &entity.SubscribeOptions{Group: "told"}
	_, err = e.OnAchievement(func(_ context.Context, a streak.Achievement) error {
		got.achievements = append(got.achievements, a.Type)
		return nil
	}, group)
	ok(t, err)
	_, err = e.OnDigest(func(_ context.Context, d engine.Digest) error {
		got.digests = append(got.digests, d.Week)
		return nil
	}, group)
	ok(t, err)
	page := entity.Is(entity.Path("slo", "checkout", "page"), true)
	_, err = e.Entities().Watch(ctx, page, func(_ context.Context, f entity.Firing) error {
		got.fired = append(got.fired, f.At.Sub(began))
		return nil
	}, &entity.WatchOptions{Name: "page", Group: "on-call"})
	ok(t, err)
	ok(t, e.Entities().Start(ctx))
	_, err = e.Create(ctx, slo.Objective{ID: "checkout", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)})
	ok(t, err)

	clock.Advance(24 * time.Hour)
	ok(t, e.Observe(ctx, slo.Down("checkout", began)))
	clock.Advance(time.Hour)
	for range 2 { // the second time nothing is new
		ok(t, e.RunDaily(ctx, clock.Now()))
		_, err = e.Digest(ctx, clock.Now())
		ok(t, err)
		ok(t, e.Settle(ctx))
	}
	want := heard{
		down: []time.Duration{0}, page: []time.Duration{51840 * time.Millisecond}, fired: []time.Duration{51840 * time.Millisecond},
		achievements: []streak.Type{streak.FirstSteps}, digests: []string{"2026-W10"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(heard{})); diff != "" {
		t.Error(diff)
	}
}
