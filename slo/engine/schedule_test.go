package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// runner is an Engine whose jobs run, on the time of a synctest bubble, which begins on Saturday, 2000-01-01.
type runner struct {
	*engine.Engine
	cancel context.CancelFunc
	ended  chan error
	asks   atomic.Int32
}

func newRunner(t *testing.T, store storage.Store, opts engine.Options) *runner {
	t.Helper()
	r := &runner{ended: make(chan error, 1)}
	if opts.Health != nil {
		opts.Health = func(context.Context, []string) (map[string]engine.HealthReport, error) {
			r.asks.Add(1)
			return nil, nil
		}
	}
	var err error
	r.Engine, err = engine.New(store, &opts)
	ok(t, err)
	t.Cleanup(func() { ok(t, r.Close()) })
	return r
}

// asked is how often live health was asked.
func (r *runner) asked() int { return int(r.asks.Load()) }

func (r *runner) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() { r.ended <- r.Run(ctx) }()
	synctest.Wait()
}

// asks is any live health: a runner counts how often it is asked.
func asks(context.Context, []string) (map[string]engine.HealthReport, error) { return nil, nil }

func (r *runner) make(t *testing.T, o slo.Objective) {
	t.Helper()
	o.SystemID, o.Target, o.Window = o.ID, 99.9, slo.Days(30)
	_, err := r.Create(t.Context(), o)
	ok(t, err)
}

// lastDay is the last day that is recorded of an objective.
func (r *runner) lastDay(t *testing.T, id string) string {
	t.Helper()
	streaks, err := r.Streaks(t.Context(), []string{id})
	ok(t, err)
	return streaks[id].LastDay.String()
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// The predecessor's midnight was that of the server's zone.
func TestRunRunsTheDailyJobAtMidnightUTCWhateverTheZone(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"} {
		t.Run(zone, func(t *testing.T) {
			loc, err := time.LoadLocation(zone)
			ok(t, err)
			time.Local = loc
			synctest.Test(t, func(t *testing.T) {
				r := newRunner(t, memory.New(), engine.Options{})
				r.make(t, slo.Objective{ID: "a"})
				r.start(t)
				pass(24*time.Hour - time.Microsecond)
				equal(t, "the last day before midnight", "", r.lastDay(t, "a"))
				pass(time.Microsecond)
				equal(t, "the last day at midnight", "2000-01-01", r.lastDay(t, "a"))
				pass(24 * time.Hour)
				equal(t, "the last day a day later", "2000-01-02", r.lastDay(t, "a"))
				r.cancel()
				fails(t, "Run", <-r.ended, context.Canceled)
			})
		})
	}
}

func TestRunMakesADigestOnMondaysAtNine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(t, memory.New(), engine.Options{})
		ok(t, r.Entities().Start(t.Context()))
		var l digests
		_, err := r.OnDigest(l.handle, nil)
		ok(t, err)
		r.make(t, slo.Objective{ID: "a"})
		r.start(t)
		pass(2*day + 9*time.Hour - time.Microsecond)
		equal(t, "before nine", 0, len(l.weeks()))
		pass(time.Microsecond)
		equal(t, "at nine", []string{"2000-W01 2000-01-03 09:00:00"}, l.weeks())
		pass(7 * day)
		equal(t, "a week later", []string{"2000-W01 2000-01-03 09:00:00", "2000-W02 2000-01-10 09:00:00"}, l.weeks())
		r.cancel()
		<-r.ended
	})
}

func TestRunMakesUpForWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(t, memory.New(), engine.Options{})
		ok(t, r.Entities().Start(t.Context()))
		var l digests
		_, err := r.OnDigest(l.handle, nil)
		ok(t, err)
		time.Sleep(3*day + 15*time.Hour) // Tuesday
		r.make(t, slo.Objective{ID: "a", CreatedAt: time.Date(1999, time.December, 20, 0, 0, 0, 0, time.UTC)})
		r.start(t)
		ok(t, r.Settle(t.Context()))
		equal(t, "the last day", "2000-01-03", r.lastDay(t, "a"))
		equal(t, "digests", []string{"2000-W01 2000-01-03 09:00:00"}, l.weeks())
		days, err := r.Days(t.Context(), "a", dateOf(t, time.Unix(0, 0)), dateOf(t, time.Now()))
		ok(t, err)
		equal(t, "days", 15, len(days))
		r.cancel()
		<-r.ended
		r.start(t) // what is there is not made again
		pass(time.Minute)
		equal(t, "digests", 1, len(l.weeks()))
		r.cancel()
		<-r.ended
	})
}

func TestRunReconcilesEachMinuteWhereThereIsLiveHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(t, memory.New(), engine.Options{Health: asks})
		r.make(t, slo.Objective{ID: "a"})
		time.Sleep(30 * time.Second)
		r.start(t)
		equal(t, "asked at the start", 1, r.asked())
		pass(30*time.Second - time.Microsecond)
		equal(t, "asked before the minute", 1, r.asked())
		pass(time.Microsecond)
		equal(t, "asked at the minute", 2, r.asked())
		pass(time.Hour)
		equal(t, "asked in an hour", 62, r.asked())
		r.cancel()
		<-r.ended
	})
}

func TestRunLeavesTheStoreAloneWhenNothingIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var faults storagetest.Faults
		r := newRunner(t, faults.Wrap(memory.New()), engine.Options{})
		r.make(t, slo.Objective{ID: "a"})
		r.start(t)
		pass(time.Minute)
		faults.Reset()
		pass(day - 2*time.Minute)
		equal(t, "calls", map[string]int{}, faults.Calls())
		r.cancel()
		<-r.ended
	})
}

// synced is a log that may be read while it is written.
type synced struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *synced) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *synced) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// The predecessor's job was not tried again: a day on which it failed was lost.
func TestRunTriesAgainAMinuteLaterWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var faults storagetest.Faults
		var log synced
		r := newRunner(t, faults.Wrap(memory.New()), engine.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		r.make(t, slo.Objective{ID: "a"})
		r.start(t)
		pass(day - time.Minute)
		faults.Fail(storagetest.Fault{Method: "List", Err: errors.New("no such luck")})
		pass(time.Minute)
		equal(t, "the last day", "", r.lastDay(t, "a"))
		if text := log.String(); strings.Count(text, "daily job") != 1 || !strings.Contains(text, "no such luck") {
			t.Errorf("the log says %s", text)
		}
		faults.Reset()
		pass(time.Minute - time.Microsecond)
		equal(t, "the last day, before the minute", "", r.lastDay(t, "a"))
		pass(time.Microsecond)
		equal(t, "the last day, a minute later", "2000-01-01", r.lastDay(t, "a"))
		r.cancel()
		<-r.ended
	})
}

func TestRunEndsWithItsEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(t, memory.New(), engine.Options{Health: asks})
		r.start(t)
		ok(t, r.Close())
		fails(t, "Run", <-r.ended, engine.ErrClosed)
		fails(t, "Run again", r.Run(t.Context()), engine.ErrClosed)
	}) // which fails where a goroutine is left
}

func TestRunOnAClockThatIsMovedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := simclock.New(begin)
		store := memory.New()
		r := newRunner(t, store, engine.Options{Clock: clock})
		clock.Settle = synctest.Wait
		r.make(t, slo.Objective{ID: "a"})
		r.start(t)
		began := time.Now()
		for range 40 {
			clock.Advance(day)
		}
		equal(t, "the last day", "2026-07-10", r.lastDay(t, "a"))
		equal(t, "weeks", 6, len(recorded(t, store)))
		equal(t, "real time", time.Duration(0), time.Since(began))
		r.cancel()
		<-r.ended
	})
}

// shared is a store as several processes share it: its feed is polled, and its jobs are leased.
type shared struct{ storage.Store }

func (shared) Shared() bool { return true }

// The predecessor's in-memory queue had every process run its own jobs.
func TestOfTwoProcessesOneRunsTheJobs(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(r *runner, faults *storagetest.Faults)
		ttl  time.Duration
		wait time.Duration // until the other does
	}{
		{"and when it ends, the other", func(r *runner, _ *storagetest.Faults) { r.cancel() }, 30 * time.Second, 10 * time.Second},
		{"and when it is cut off from the store, the other", func(_ *runner, faults *storagetest.Faults) {
			faults.RefuseWrites(errors.New("cut off"))
		}, 3 * time.Minute, 4 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var faults storagetest.Faults
				store := shared{memory.New()}
				opts := engine.Options{Health: asks, Poll: time.Minute, LeaseTTL: test.ttl}
				one, two := newRunner(t, faults.Wrap(store), opts), newRunner(t, store, opts)
				var l digests
				ok(t, two.Entities().Start(t.Context()))
				_, err := two.OnDigest(l.handle, nil)
				ok(t, err)
				one.make(t, slo.Objective{ID: "a"})
				one.start(t)
				two.start(t)
				pass(2*day + 10*time.Hour)
				equal(t, "the last day", "2000-01-02", two.lastDay(t, "a"))
				if one.asked() < 60 || two.asked() > 0 {
					t.Fatalf("one asked %d times, two %d times", one.asked(), two.asked())
				}
				test.end(one, &faults)
				pass(test.wait)
				done := one.asked()
				if two.asked() == 0 {
					t.Errorf("two has not taken over after %v", test.wait)
				}
				pass(day + time.Minute)
				equal(t, "the last day", "2000-01-03", two.lastDay(t, "a"))
				equal(t, "asked by one meanwhile", done, one.asked())
				equal(t, "digests", []string{"2000-W01 2000-01-03 09:00:00"}, l.weeks())
				two.cancel()
				<-two.ended
				one.cancel()
				<-one.ended
			})
		})
	}
}

func TestTwoEnginesThatRunOnOneStoreRecordAllOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		one, two := newRunner(t, store, engine.Options{}), newRunner(t, store, engine.Options{})
		var l digests
		ok(t, two.Entities().Start(t.Context()))
		_, err := two.OnDigest(l.handle, nil)
		ok(t, err)
		one.make(t, slo.Objective{ID: "a"})
		one.start(t)
		two.start(t)
		pass(10 * day)
		days, err := one.Days(t.Context(), "a", dateOf(t, time.Unix(0, 0)), dateOf(t, time.Now()))
		ok(t, err)
		equal(t, "days", 10, len(days))
		equal(t, "streak", 10, days[9].Streak.Current)
		equal(t, "digests", 2, len(l.weeks()))
		for _, r := range []*runner{one, two} {
			r.cancel()
			<-r.ended
		}
	})
}
