package engine_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

// days are all that are recorded of an objective.
func (h *host) days(t *testing.T, id string) []streak.Day {
	t.Helper()
	days, err := h.Days(t.Context(), id, dateOf(t, begin.AddDate(-1, 0, 0)), dateOf(t, begin.AddDate(1, 0, 0)))
	ok(t, err)
	return days
}

// course is days in short.
func course(days []streak.Day) []string {
	var list []string
	for _, d := range days {
		list = append(list, fmt.Sprintf("%s %s %d", d.Date, d.Outcome, d.Streak.Current))
	}
	return list
}

// The predecessor's day was that of the night before, its streak the one before the day, and a new objective had a day
// minutes after its creation.
func TestADayIsJudgedWhenItHasEnded(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.clock.Advance(time.Hour)
	h.create(t, slo.Objective{ID: "a", SystemID: "api", Target: 90, Window: slo.Days(1)})
	words := failing("api", after(2, 10*time.Hour), 150*time.Minute)                             // more than a day's budget
	words = append(words, failing("api", after(4, 23*time.Hour+59*time.Minute), day)...)         // down at the end, and then overspent
	words = append(words, failing("api", after(6, 23*time.Hour+59*time.Minute), time.Minute)...) // down in the last microsecond
	words = append(words, failing("api", after(8), time.Minute)...)                              // down from midnight on
	ok(t, h.clock.AdvanceTo(after(9)))
	ok(t, h.Observe(t.Context(), words...))
	ok(t, h.RunDaily(t.Context(), after(9)))
	equal(t, "days", []string{
		"2026-06-02 met 1", "2026-06-03 missed 0", "2026-06-04 met 1", "2026-06-05 held 1", "2026-06-06 missed 0", "2026-06-07 held 0",
		"2026-06-08 met 1", "2026-06-09 met 2",
	}, course(h.days(t, "a")))
}

// What was in the predecessor's rows is in these: 98.5 % and so on, of the window.
func TestADaysFiguresAreThoseOfItsWindow(t *testing.T) {
	h := at(t, after(2), engine.Options{})
	h.create(t, slo.Objective{ID: "a", SystemID: "api", Target: 95, Window: slo.Days(2), CreatedAt: begin})
	ok(t, h.SetUpstreams(t.Context(), "api", []string{"db", "cache"}, begin))
	ok(t, h.Observe(t.Context(), failing("api", after(2, -90*time.Minute), 36*time.Minute)...))
	ok(t, h.Observe(t.Context(), failing("api", after(2, -36*time.Minute), 36*time.Minute)...))
	ok(t, h.RunDaily(t.Context(), after(2)))
	days := h.days(t, "a")
	equal(t, "days", 2, len(days))
	one := dateOf(t, begin)
	equal(t, "the second", streak.Day{
		ObjectiveID: "a", Date: dateOf(t, after(1)), Availability: 97.5, BudgetConsumed: 72 * time.Minute, RemainingPercent: 50, BurnRate: 14,
		Outcome: streak.Held, Streak: streak.Streak{Current: 1, Best: 1, Start: one, LastMet: one, LastDay: dateOf(t, after(1))},
		Revision: 1, Histories: []streak.HistoryVersion{{SystemID: "api", Version: 3}, {SystemID: "cache"}, {SystemID: "db"}},
	}, days[1])
}

func TestOnlyDaysThatMayBeOthersAreMadeAgain(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, veteran("a", "api"), veteran("b", "web"))
	ok(t, h.SetUpstreams(t.Context(), "web", []string{"api"}, begin))
	h.nightly(t, after(6))
	was := map[string][]streak.Day{"a": h.days(t, "a"), "b": h.days(t, "b")}
	ok(t, h.Observe(t.Context(), failing("api", after(3, time.Hour), time.Minute)...))
	ok(t, h.RunDaily(t.Context(), after(6)))
	for _, id := range []string{"a", "b"} {
		days := h.days(t, id)
		equal(t, "days before", was[id][:3], days[:3])
		for i := 3; i < 6; i++ {
			if cmp.Equal(was[id][i].Histories, days[i].Histories) {
				t.Errorf("day %d of %s has the versions that it had", i, id)
			}
		}
	}
	again := h.days(t, "a")
	ok(t, h.RunDaily(t.Context(), after(6)))
	equal(t, "days of a job that has nothing to do", again, h.days(t, "a"))
}

func TestTheJobForAnInstantThatIsPastTakesNothingBack(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, veteran("a", "api"))
	h.nightly(t, after(9))
	ok(t, h.RunDaily(t.Context(), after(4)))
	equal(t, "streak", 9, h.days(t, "a")[8].Streak.Current)
	ok(t, h.Observe(t.Context(), failing("api", after(1), time.Minute)...))
	ok(t, h.RunDaily(t.Context(), after(4))) // it comes to what is to be judged again first
	streaks, err := h.Streaks(t.Context(), []string{"a"})
	ok(t, err)
	equal(t, "last day", dateOf(t, after(8)), streaks["a"].LastDay)
	equal(t, "achievements", times{streak.FirstSteps: after(1), streak.RapidRecovery: after(1, time.Minute), streak.IronUptime: after(7)}, achieved(t, h.Engine, "api"))
}

func TestAnUpdateBearsOnADayThatWasRecordedBeforeItsEnd(t *testing.T) {
	h := at(t, after(1, -15*time.Second), engine.Options{})
	h.create(t, slo.Objective{ID: "a", SystemID: "api", Target: 99, Window: slo.Days(1), CreatedAt: begin})
	ok(t, h.Observe(t.Context(), failing("api", after(0, time.Hour), time.Minute)...))
	ok(t, h.RunDaily(t.Context(), after(1, 30*time.Second))) // another machine's clock is ahead
	equal(t, "before", []string{"2026-06-01 met 1"}, course(h.days(t, "a")))
	h.clock.Advance(5 * time.Second)
	_, err := h.Update(t.Context(), "a", func(o *slo.Objective) { o.CountFrom, o.Target = after(0, 2*time.Hour), 100 }, nil)
	ok(t, err)
	ok(t, h.RunDaily(t.Context(), after(1, 30*time.Second)))
	equal(t, "consumed after terms that hide it", time.Duration(0), h.days(t, "a")[0].BudgetConsumed)
}

func TestAnUpdateThatKeepsThePastKeepsItsDays(t *testing.T) {
	for _, window := range []slo.Window{slo.Days(30), slo.Calendar(slo.Month, nil)} {
		t.Run(window.String(), func(t *testing.T) {
			play := func(night bool) []streak.Day {
				h := at(t, begin, engine.Options{})
				h.create(t, slo.Objective{ID: "a", SystemID: "api", Target: 90, Window: window})
				to := func(at time.Time) {
					if night {
						h.nightly(t, at)
					}
					ok(t, h.clock.AdvanceTo(at))
				}
				to(after(5, time.Hour))
				ok(t, h.Observe(t.Context(), failing("api", after(5), time.Hour)...))
				to(after(10, time.Hour))
				was := h.days(t, "a")
				_, err := h.Update(t.Context(), "a", func(o *slo.Objective) { o.Target = 99.99 }, nil)
				ok(t, err)
				to(after(20))
				ok(t, h.RunDaily(t.Context(), after(20)))
				days := h.days(t, "a")
				if night {
					equal(t, "days before the update", was, days[:10])
				}
				return days
			}
			versions := cmpopts.IgnoreFields(streak.Day{}, "Revision", "Histories")
			if diff := cmp.Diff(play(true), play(false), versions, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-every night +once):\n%s", diff)
			}
		})
	}
}

func TestARetroactiveUpdateJudgesAllDaysAgain(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, slo.Objective{ID: "a", SystemID: "api", Target: 90, Window: slo.Days(1)})
	ok(t, h.clock.AdvanceTo(after(0, 12*time.Hour)))
	ok(t, h.Observe(t.Context(), failing("api", after(0, time.Hour), time.Hour)...))
	h.nightly(t, after(3))
	_, err := h.Update(t.Context(), "a", func(o *slo.Objective) { o.Target = 99 }, &engine.UpdateOptions{Retroactive: true})
	ok(t, err)
	ok(t, h.RunDaily(t.Context(), after(3)))
	equal(t, "days", []string{"2026-06-01 missed 0", "2026-06-02 met 1", "2026-06-03 met 2"}, course(h.days(t, "a")))
}

func TestAnObjectiveThatIsCreatedInThePastHasItsDays(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, veteran("a", "api"))
	h.nightly(t, after(5))
	h.create(t, slo.Objective{ID: "b", SystemID: "api", Target: 99, Window: slo.Days(30), CreatedAt: after(-3, time.Second)})
	ok(t, h.RunDaily(t.Context(), after(5)))
	equal(t, "days", 7, len(h.days(t, "b")))
	equal(t, "the first one", "2026-05-30", h.days(t, "b")[0].Date.String())
	equal(t, "days of the other", 5, len(h.days(t, "a")))
	equal(t, "achievements", times{streak.FirstSteps: after(-2), streak.IronUptime: after(5)}, achieved(t, h.Engine, "api"))
}

// meddling is a Store that lets others do something when a job begins to read, and just before it locks objectives.
type meddling struct {
	storage.Store
	read, lock atomic.Pointer[func()]
}

// ofJob marks the contexts of the job that is meddled with.
type ofJob struct{}

func meddle(ctx context.Context, with *atomic.Pointer[func()]) {
	if ctx.Value(ofJob{}) == nil {
		return
	}
	if do := with.Swap(nil); do != nil {
		(*do)()
	}
}

func (s *meddling) List(ctx context.Context, r storage.Range) iter.Seq2[storage.Record, error] {
	if r.Kind == "member" {
		meddle(ctx, &s.read)
	}
	return s.Store.List(ctx, r)
}

func (s *meddling) Lock(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
	if kind == "slo" {
		meddle(ctx, &s.lock)
	}
	return s.Store.Lock(ctx, kind, ids)
}

// The predecessor read a streak and wrote it, and what came in between was lost.
func TestWhatIsWrittenBetweenReadingAndWritingIsNotLost(t *testing.T) {
	for _, test := range []struct {
		name   string
		meddle func(t *testing.T, h *host)
		want   []string
	}{
		{"facts that are refreshed", func(t *testing.T, h *host) {
			ok(t, h.Observe(t.Context(), failing("api", after(1), time.Hour)...))
			ok(t, h.Settle(t.Context()))
		}, []string{"2026-06-01 met 1", "2026-06-02 missed 0", "2026-06-03 missed 0"}},
		{"an update", func(t *testing.T, h *host) {
			_, err := h.Update(t.Context(), "a", func(o *slo.Objective) { o.Target = 100 }, &engine.UpdateOptions{Retroactive: true})
			ok(t, err)
		}, []string{"2026-06-01 missed 0", "2026-06-02 missed 0", "2026-06-03 missed 0"}},
		{"the same job", func(t *testing.T, h *host) { ok(t, h.RunDaily(t.Context(), after(3))) }, []string{"2026-06-01 met 1", "2026-06-02 met 2", "2026-06-03 met 3"}},
		{"another objective", func(t *testing.T, h *host) { h.create(t, veteran("b", "api")) }, []string{"2026-06-01 met 1", "2026-06-02 met 2", "2026-06-03 met 3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := &meddling{Store: memory.New()}
			h := hostOn(t, store, simclock.New(after(2)), engine.Options{})
			h.create(t, veteran("a", "api"))
			ok(t, h.Observe(t.Context(), failing("api", after(0, time.Hour), time.Second)...))
			ok(t, h.RunDaily(t.Context(), after(2)))
			h.clock.Advance(day)
			do := func() { test.meddle(t, h) }
			store.lock.Store(&do)
			ok(t, h.RunDaily(context.WithValue(t.Context(), ofJob{}, true), after(3)))
			equal(t, "meddled", true, store.lock.Load() == nil)
			ok(t, h.RunDaily(t.Context(), after(3)))
			equal(t, "days", test.want, course(h.days(t, "a")))
		})
	}
}

func TestADayThatIsNotedToBeAnotherWhileTheJobRunsIsJudgedAgain(t *testing.T) {
	store := &meddling{Store: memory.New()}
	h := hostOn(t, store, simclock.New(after(2)), engine.Options{})
	h.create(t, veteran("a", "api"))
	ok(t, h.RunDaily(t.Context(), after(2)))
	h.clock.Advance(day)
	locked, release, released := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	read := func() { // the facts are there when the job reads, but the refresher waits for the objective's lock
		go func() {
			released <- store.InTx(t.Context(), func(ctx context.Context) error {
				_, err := store.Store.Lock(ctx, "slo", []string{"a"})
				close(locked)
				<-release
				return err
			})
		}()
		<-locked
		ok(t, h.Observe(t.Context(), failing("api", after(1), time.Hour)...))
	}
	lock := func() {
		close(release)
		ok(t, <-released)
		ok(t, h.Settle(t.Context()))
	}
	store.read.Store(&read)
	store.lock.Store(&lock)
	ok(t, h.RunDaily(context.WithValue(t.Context(), ofJob{}, true), after(3)))
	equal(t, "meddled", true, store.lock.Load() == nil)
	ok(t, h.RunDaily(t.Context(), after(3)))
	equal(t, "days", []string{"2026-06-01 met 1", "2026-06-02 missed 0", "2026-06-03 missed 0"}, course(h.days(t, "a")))
}

// The predecessor's entity was written by the daily job alone, and an error of that was logged and passed over.
func TestTheJobPublishesStreaksOnceADay(t *testing.T) {
	h := at(t, begin, engine.Options{})
	ok(t, h.Entities().Start(t.Context()))
	var mu sync.Mutex
	var got []string
	_, err := h.SLOs().OnChange(func(_ context.Context, c entity.Typed[engine.SLOState]) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprint(c.Fields, c.Next.CurrentStreak, c.Next.BestStreak))
		return nil
	}, nil)
	ok(t, err)
	h.clock.Settle = func() { ok(t, h.Settle(t.Context())) }
	h.create(t, veteran("a", "api"))
	ok(t, h.Settle(t.Context()))
	got = nil
	h.nightly(t, after(2))
	ok(t, h.RunDaily(t.Context(), after(2)))
	ok(t, h.Settle(t.Context()))
	mu.Lock()
	defer mu.Unlock()
	equal(t, "changes", []string{"[bestStreak currentStreak] 1 1", "[bestStreak currentStreak] 2 2"}, got)
	state, err := h.SLOs().Get(t.Context(), "a")
	ok(t, err)
	equal(t, "streak of the entity", 2, state.CurrentStreak)
}

func TestDaysAreBoundedByTheirDates(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, veteran("a", "api"), veteran("aa", "api"))
	h.nightly(t, after(5))
	days, err := h.Days(t.Context(), "a", dateOf(t, after(1)), dateOf(t, after(3)))
	ok(t, err)
	equal(t, "days", []string{"2026-06-02 met 2", "2026-06-03 met 3", "2026-06-04 met 4"}, course(days))
	days, err = h.Days(t.Context(), "a", dateOf(t, after(1)), dateOf(t, after(1)))
	ok(t, err)
	equal(t, "one day", []string{"2026-06-02 met 2"}, course(days))
}

func TestTheJobInATransactionSeesWhatThatHasWritten(t *testing.T) {
	h := newHost(t, engine.Options{})
	h.clock.Advance(after(2).Sub(noon))
	h.create(t, veteran("a", "api"), veteran("b", "other"))
	ok(t, h.RunDaily(t.Context(), after(2)))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // which it does not need
	defer cancel()
	ok(t, h.store.InTx(ctx, func(ctx context.Context) error {
		ok(t, h.Observe(ctx, failing("api", after(1, time.Hour), time.Hour)...))
		return h.RunDaily(ctx, after(2))
	}))
	for range 2 { // and again, when the refresher has been there
		equal(t, "days", []string{"2026-06-01 met 1", "2026-06-02 missed 0"}, course(h.days(t, "a")))
		equal(t, "days of another", []string{"2026-06-01 met 1", "2026-06-02 met 2"}, course(h.days(t, "b")))
		ok(t, h.RunDaily(t.Context(), after(2)))
	}
}
