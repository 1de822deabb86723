package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
	"github.com/slokeep/slokeep/streak"
)

func TestJobsRefuseBadInput(t *testing.T) {
	now := after(3)
	long := strings.Repeat("x", 257)
	for _, test := range []struct {
		name string
		call func(ctx context.Context, e *engine.Engine) error
		want error
	}{
		{"RunDaily before 1970", func(ctx context.Context, e *engine.Engine) error { return e.RunDaily(ctx, time.Unix(0, -1)) }, engine.ErrInvalid},
		{"RunDaily at the zero time", func(ctx context.Context, e *engine.Engine) error { return e.RunDaily(ctx, time.Time{}) }, engine.ErrInvalid},
		{"RunDaily after 2200", func(ctx context.Context, e *engine.Engine) error { return e.RunDaily(ctx, now.AddDate(300, 0, 0)) }, engine.ErrInvalid},
		{"RunDaily in the future", func(ctx context.Context, e *engine.Engine) error {
			return e.RunDaily(ctx, now.Add(time.Minute+time.Microsecond))
		}, engine.ErrInvalid},
		{"RunDaily a minute ahead", func(ctx context.Context, e *engine.Engine) error { return e.RunDaily(ctx, now.Add(time.Minute)) }, nil},
		{"RunDaily on the first day of all", func(ctx context.Context, e *engine.Engine) error { return e.RunDaily(ctx, time.Unix(0, 0)) }, nil},
		{"Digest before 1970", func(ctx context.Context, e *engine.Engine) error { return second(e.Digest(ctx, time.Unix(0, -1))) }, engine.ErrInvalid},
		{"Digest in the future", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Digest(ctx, now.Add(time.Minute+time.Microsecond)))
		}, engine.ErrInvalid},
		{"Digest on the first day of all", func(ctx context.Context, e *engine.Engine) error { return second(e.Digest(ctx, time.Unix(0, 0))) }, nil},
		{"Days of nothing", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Days(ctx, "", dateOf(t, begin), dateOf(t, now)))
		}, engine.ErrInvalid},
		{"Days from after to", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Days(ctx, "a", dateOf(t, now), dateOf(t, begin)))
		}, engine.ErrInvalid},
		{"Days from no date", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Days(ctx, "a", streak.Date{}, dateOf(t, now)))
		}, engine.ErrInvalid},
		{"Days to no date", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Days(ctx, "a", dateOf(t, now), streak.Date{}))
		}, engine.ErrInvalid},
		{"Days of an unknown objective", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Days(ctx, "unknown", dateOf(t, begin), dateOf(t, now)))
		}, nil},
		{"Days from the first date of all", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Days(ctx, "a", dateOf(t, time.Unix(0, 0)), dateOf(t, now)))
		}, nil},
		{"Streaks of a blank ID", func(ctx context.Context, e *engine.Engine) error { return second(e.Streaks(ctx, []string{"a", ""})) }, engine.ErrInvalid},
		{"Streaks of nothing", func(ctx context.Context, e *engine.Engine) error { return second(e.Streaks(ctx, nil)) }, nil},
		{"Achievements of too long an ID", func(ctx context.Context, e *engine.Engine) error {
			return second(e.Achievements(ctx, []string{long}))
		}, engine.ErrInvalid},
		{"Achievements of nothing", func(ctx context.Context, e *engine.Engine) error { return second(e.Achievements(ctx, nil)) }, nil},
		{"no Milestones", func(ctx context.Context, e *engine.Engine) error { return second(e.Milestones(ctx, 0)) }, engine.ErrInvalid},
		{"Milestones less than none", func(ctx context.Context, e *engine.Engine) error { return second(e.Milestones(ctx, -1)) }, engine.ErrInvalid},
		{"OnAchievement without a handler", func(_ context.Context, e *engine.Engine) error { return second(e.OnAchievement(nil, nil)) }, engine.ErrInvalid},
		{"OnDigest without a handler", func(_ context.Context, e *engine.Engine) error { return second(e.OnDigest(nil, nil)) }, engine.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := at(t, now, engine.Options{})
			h.create(t, veteran("a", "api"))
			if err := test.call(t.Context(), h.Engine); test.want == nil {
				ok(t, err)
			} else {
				fails(t, test.name, err, test.want)
			}
			ok(t, h.RunDaily(t.Context(), now))
			streaks, err := h.Streaks(t.Context(), []string{"a"})
			ok(t, err)
			equal(t, "streak", 3, streaks["a"].Current)
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			if err := test.call(cancelled, h.Engine); test.want != nil {
				fails(t, "with a cancelled context", err, test.want)
			}
			ok(t, h.Close())
			if err := test.call(t.Context(), h.Engine); err == nil {
				t.Error("a closed engine does it")
			}
		})
	}
}

func TestAClosedEngineRunsNoJobs(t *testing.T) {
	h := at(t, after(3), engine.Options{})
	ok(t, h.Close())
	fails(t, "RunDaily", h.RunDaily(t.Context(), after(3)), engine.ErrClosed)
	fails(t, "Run", h.Run(t.Context()), engine.ErrClosed)
	fails(t, "Digest", second(h.Digest(t.Context(), after(3))), engine.ErrClosed)
	fails(t, "Days", second(h.Days(t.Context(), "a", dateOf(t, begin), dateOf(t, begin))), engine.ErrClosed)
	fails(t, "Streaks", second(h.Streaks(t.Context(), []string{"a"})), engine.ErrClosed)
	fails(t, "Achievements", second(h.Achievements(t.Context(), []string{"a"})), engine.ErrClosed)
	fails(t, "Milestones", second(h.Milestones(t.Context(), 1)), engine.ErrClosed)
}

// team is a host of three systems, with days and achievements that are yet to be recorded.
func team(t *testing.T, store storage.Store) *host {
	t.Helper()
	h := hostOn(t, store, simclock.New(after(8)), engine.Options{})
	for _, system := range []string{"api", "db", "web"} {
		h.create(t, veteran(system+"-1", system), veteran(system+"-2", system))
		ok(t, h.Observe(t.Context(), failing(system, after(2), 2*time.Minute)...))
	}
	ok(t, h.SetUpstreams(t.Context(), "web", []string{"api"}, begin))
	ok(t, h.Settle(t.Context()))
	return h
}

// results is all that the jobs leave in a store.
func results(t *testing.T, store storage.Store) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, kind := range []string{"day", "progress", "achievement", "milestone", "digest"} {
		for r, err := range store.List(context.WithoutCancel(t.Context()), storage.Range{Kind: kind}) {
			ok(t, err)
			rows[r.Kind+" "+r.ID+" "+r.Sub] = string(r.Data)
		}
	}
	return rows
}

var jobs = map[string]func(ctx context.Context, h *host) error{
	"RunDaily": func(ctx context.Context, h *host) error { return h.RunDaily(ctx, after(8)) },
	"Digest":   func(ctx context.Context, h *host) error { return second(h.Digest(ctx, after(8))) },
}

func TestAJobOnAStoreThatFailsWritesAllOrNothing(t *testing.T) {
	for name, job := range jobs {
		t.Run(name, func(t *testing.T) {
			var faults storagetest.Faults
			store := memory.New()
			h := team(t, faults.Wrap(store))
			faults.Reset()
			ok(t, job(t.Context(), h))
			want, calls := results(t, store), 0
			for _, n := range faults.Calls() {
				calls += n
			}
			equal(t, "calls, at least", true, calls >= 5)
			for n := 1; n <= calls; n++ {
				for _, when := range []storagetest.When{storagetest.Before, storagetest.AtCommit, storagetest.After} {
					faults.Reset()
					store := memory.New()
					h := team(t, faults.Wrap(store))
					faults.Fail(storagetest.Fault{N: n, When: when})
					fails(t, fmt.Sprintf("call %d", n), job(t.Context(), h), storagetest.ErrFault)
					if got := results(t, store); len(got) != 0 {
						equal(t, fmt.Sprintf("call %d, %d: what is there", n, when), want, got)
					}
					ok(t, job(t.Context(), h))
					equal(t, fmt.Sprintf("call %d, %d: in the end", n, when), want, results(t, store))
					ok(t, h.Close())
				}
			}
		})
	}
}

// ending is a Store that ends a context at one of its calls.
type ending struct {
	storage.Store
	calls atomic.Int32
	end   func()
}

func (s *ending) call() {
	if s.end != nil && s.calls.Add(-1) == 0 {
		s.end()
	}
}

func (s *ending) InTx(ctx context.Context, fn func(context.Context) error) error {
	s.call()
	return s.Store.InTx(ctx, fn)
}

func (s *ending) Versions(ctx context.Context, keys []storage.VersionKey) ([]int64, error) {
	s.call()
	return s.Store.Versions(ctx, keys)
}

func (s *ending) Put(ctx context.Context, records []storage.Record) error {
	s.call()
	return s.Store.Put(ctx, records)
}

func (s *ending) Add(ctx context.Context, records []storage.Record) ([]bool, error) {
	s.call()
	return s.Store.Add(ctx, records)
}

func TestAJobWhoseContextEndsInTheMiddleWritesAllOrNothing(t *testing.T) {
	for name, job := range jobs {
		t.Run(name, func(t *testing.T) {
			store := memory.New()
			ok(t, job(t.Context(), team(t, store)))
			want := results(t, store)
			for n := int32(1); ; n++ {
				s := &ending{Store: memory.New()}
				h := team(t, s)
				ctx, cancel := context.WithCancel(t.Context())
				s.calls.Store(n)
				s.end = cancel
				err := job(ctx, h)
				s.end = nil
				if got := results(t, s); len(got) != 0 {
					equal(t, fmt.Sprintf("call %d: what is there", n), want, got)
				}
				ok(t, job(t.Context(), h))
				equal(t, fmt.Sprintf("call %d: in the end", n), want, results(t, s))
				cancel()
				if s.calls.Load() > 0 { // there is no such call
					equal(t, "calls, at least", true, n >= 3)
					break
				}
				fails(t, fmt.Sprintf("call %d", n), err, context.Canceled)
			}
		})
	}
}
