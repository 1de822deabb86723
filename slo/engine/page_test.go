package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPageFiresAtTheInstantItIsCrossed(t *testing.T) {
	clock := simclock.New(noon)
	e, err := engine.New(memory.New(), &engine.Options{Clock: clock})
	ok(t, err)
	defer e.Close()
	ctx := t.Context()
	clock.Settle = func() { ok(t, e.Settle(ctx)) }
	ok(t, e.Entities().Start(ctx))
	var changes []entity.Typed[engine.SLOState]
	_, err = e.SLOs().OnChange(func(_ context.Context, c entity.Typed[engine.SLOState]) error {
		changes = append(changes, c)
		return nil
	}, nil)
	ok(t, err)
	var fired []time.Time
	_, err = e.Entities().Watch(ctx, entity.Is(entity.Path("slo", "checkout", "page"), true), func(_ context.Context, f entity.Firing) error {
		fired = append(fired, f.At)
		return nil
	}, &entity.WatchOptions{Name: "page", Group: "oncall"})
	ok(t, err)
	_, err = e.Create(ctx, slo.Objective{ID: "checkout", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)})
	ok(t, err)
	clock.Advance(24 * time.Hour)
	down := clock.Now()
	ok(t, e.Observe(ctx, slo.Down("checkout", down)))
	clock.Advance(time.Hour)
	if len(fired) != 1 || fired[0].Sub(down) != 51840*time.Millisecond {
		t.Errorf("fired: %v", fired)
	}
	for _, c := range changes {
		t.Log(c.At, c.Version, c.Fields)
	}
	st, err := e.Status(ctx, "checkout")
	ok(t, err)
	t.Logf("%+v", st)
	ok(t, e.RunDaily(ctx, clock.Now()))
	clock.Advance(24 * time.Hour)
	ok(t, e.RunDaily(ctx, clock.Now()))
	ok(t, e.Settle(ctx))
	days, err := e.Milestones(ctx, 10)
	ok(t, err)
	t.Log(days)
	d, err := e.Digest(ctx, clock.Now())
	ok(t, err)
	t.Logf("%+v", d)
}
