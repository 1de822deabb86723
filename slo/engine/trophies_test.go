package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

// veteran is an objective that has existed since begin.
func veteran(id, system string) slo.Objective {
	return slo.Objective{ID: id, SystemID: system, Target: 99.9, Window: slo.Days(30), CreatedAt: begin}
}

// at makes a host whose clock stands at an instant.
func at(t *testing.T, now time.Time, opts engine.Options) *host {
	t.Helper()
	return hostOn(t, memory.New(), simclock.New(now), opts)
}

// nightly goes on to an instant, and runs the job at each midnight.
func (h *host) nightly(t *testing.T, until time.Time) {
	t.Helper()
	for midnight := h.clock.Now().Truncate(day).Add(day); !midnight.After(until); midnight = midnight.Add(day) {
		ok(t, h.clock.AdvanceTo(midnight))
		ok(t, h.RunDaily(t.Context(), midnight))
	}
	ok(t, h.clock.AdvanceTo(until))
}

// told records the achievements of which a host is told.
type told struct {
	mu   sync.Mutex
	list []string
	fail int // how many calls fail first
}

func (l *told) handle(_ context.Context, a streak.Achievement) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail > 0 {
		l.fail--
		return errors.New("not now")
	}
	l.list = append(l.list, fmt.Sprintf("%s %s %s", a.SystemID, a.Type, a.At.Format(time.DateOnly)))
	return nil
}

func (l *told) sorted() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.list))
}

// The predecessor looked for achievements only when a system recovered, and told nobody.
func TestAnAchievementIsToldOnce(t *testing.T) {
	want := []string{"api first_steps 2026-06-02", "api iron_uptime 2026-06-08", "db first_steps 2026-06-02", "db iron_uptime 2026-06-08"}
	t.Run("to everybody who listens, and after an error again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := at(t, begin, engine.Options{})
			ok(t, h.Entities().Start(t.Context()))
			var one, two told
			two.fail = 2
			for _, l := range []*told{&one, &two} {
				_, err := h.OnAchievement(l.handle, nil)
				ok(t, err)
			}
			h.create(t, veteran("a", "api"), veteran("d", "db"))
			h.clock.Settle = func() { ok(t, h.Settle(t.Context())) }
			h.nightly(t, after(9))
			time.Sleep(time.Minute) // the pauses after errors are real time
			synctest.Wait()
			equal(t, "one was told", want, one.sorted())
			equal(t, "two was told", want, two.sorted())
		})
	})
	t.Run("to a group, by two engines that run the job at once, and again", func(t *testing.T) {
		store, clock := memory.New(), simclock.New(begin)
		hosts := []*host{hostOn(t, store, clock, engine.Options{}), hostOn(t, store, clock, engine.Options{})}
		var l told
		for _, h := range hosts {
			ok(t, h.Entities().Start(t.Context()))
		}
		_, err := hosts[1].OnAchievement(l.handle, &entity.SubscribeOptions{Group: "medals"})
		ok(t, err)
		hosts[0].create(t, veteran("a", "api"), veteran("d", "db"))
		for n := 1; n <= 9; n++ {
			ok(t, clock.AdvanceTo(after(n)))
			for range 2 {
				var both errgroup.Group
				for _, h := range hosts {
					both.Go(func() error { return h.RunDaily(t.Context(), after(n)) })
				}
				ok(t, both.Wait())
			}
			for _, h := range hosts {
				ok(t, h.Settle(t.Context()))
			}
		}
		equal(t, "the group was told", want, l.sorted())
	})
}

// The predecessor's trophies were found by looking and then inserting, without a key: two processes had two of them.
func TestAnAchievementThatIsNoLongerEarned(t *testing.T) {
	h := at(t, begin, engine.Options{})
	ctx := t.Context()
	ok(t, h.Entities().Start(ctx))
	var l told
	_, err := h.OnAchievement(l.handle, nil)
	ok(t, err)
	h.clock.Settle = func() { ok(t, h.Settle(ctx)) }
	h.create(t, veteran("a", "api"))
	h.nightly(t, after(8))
	equal(t, "before", times{streak.FirstSteps: after(1), streak.IronUptime: after(7)}, achieved(t, h.Engine, "api"))

	ok(t, h.Observe(ctx, failing("api", after(3), time.Hour)...)) // it is heard of late
	ok(t, h.RunDaily(ctx, after(8)))
	equal(t, "withdrawn", times{streak.FirstSteps: after(1)}, achieved(t, h.Engine, "api"))
	milestones, err := h.Milestones(ctx, 9)
	ok(t, err)
	equal(t, "milestones", 1, len(milestones))
	streaks, err := h.Streaks(ctx, []string{"a"})
	ok(t, err)
	equal(t, "best streak", 3, streaks["a"].Best)

	ok(t, h.Correct(ctx, slo.Correction{ID: "c", SystemID: "api", From: after(3), Until: after(4)}))
	ok(t, h.Correct(ctx, slo.Correction{ID: "d", SystemID: "api", From: after(5), Until: after(5, time.Hour), Health: slo.Unhealthy}))
	ok(t, h.RunDaily(ctx, after(8)))
	equal(t, "still withdrawn", times{streak.FirstSteps: after(1)}, achieved(t, h.Engine, "api"))

	ok(t, h.Correct(ctx, slo.Correction{ID: "c", Rev: 1, SystemID: "api", From: after(3), Until: after(4), Health: slo.Healthy}))
	ok(t, h.Correct(ctx, slo.Correction{ID: "d", Rev: 1, SystemID: "api", From: after(5), Until: after(5, time.Hour), Health: slo.Healthy}))
	ok(t, h.RunDaily(ctx, after(8)))
	equal(t, "earned again", times{streak.FirstSteps: after(1), streak.IronUptime: after(7)}, achieved(t, h.Engine, "api"))
	milestones, err = h.Milestones(ctx, 9)
	ok(t, err)
	equal(t, "milestones", 2, len(milestones))
	h.clock.Advance(time.Hour)
	equal(t, "told", []string{"api first_steps 2026-06-02", "api iron_uptime 2026-06-08"}, l.sorted())
}

func TestAnAchievementMovesToWhenItIsEarnedByCorrectedFacts(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, veteran("a", "api"))
	ok(t, h.Observe(t.Context(), slo.Up("api", begin)))
	h.nightly(t, after(4))
	ok(t, h.Observe(t.Context(), failing("api", after(3, time.Hour), 2*time.Minute)...))
	ok(t, h.RunDaily(t.Context(), after(4)))
	ok(t, h.Observe(t.Context(), failing("api", after(2, time.Hour), 3*time.Minute)...))
	ok(t, h.RunDaily(t.Context(), after(4)))
	equal(t, "achievements", times{streak.FirstSteps: after(1), streak.RapidRecovery: after(2, time.Hour+3*time.Minute)}, achieved(t, h.Engine, "api"))
	milestones, err := h.Milestones(t.Context(), 9)
	ok(t, err)
	equal(t, "milestones", 2, len(milestones))
}

func TestDeletingAnObjectiveWithdrawsNothing(t *testing.T) {
	t.Run("of what is recorded, whatever is found out later", func(t *testing.T) {
		h := at(t, begin, engine.Options{})
		h.create(t, veteran("a", "api"), veteran("b", "api"))
		h.nightly(t, after(8))
		ok(t, h.Delete(t.Context(), "a"))
		ok(t, h.Observe(t.Context(), failing("api", after(3), time.Hour)...))
		ok(t, h.RunDaily(t.Context(), after(8)))
		equal(t, "achievements", times{streak.FirstSteps: after(1), streak.IronUptime: after(7)}, achieved(t, h.Engine, "api"))
		ok(t, h.Delete(t.Context(), "b"))
		equal(t, "achievements of a system without objectives", times{streak.FirstSteps: after(1), streak.IronUptime: after(7)}, achieved(t, h.Engine, "api"))
	})
	t.Run("of what was earned since the job ran last", func(t *testing.T) {
		h := at(t, after(7, 2*time.Hour), engine.Options{})
		h.create(t, veteran("a", "api"))
		ok(t, h.Observe(t.Context(), failing("api", after(7, time.Hour), time.Minute)...))
		ok(t, h.Delete(t.Context(), "a"))
		want := times{streak.FirstSteps: after(1), streak.IronUptime: after(7), streak.RapidRecovery: after(7, time.Hour+time.Minute)}
		equal(t, "achievements", want, achieved(t, h.Engine, "api"))
	})
	t.Run("of what is found out in the transaction that deletes it", func(t *testing.T) {
		h := at(t, begin, engine.Options{})
		h.create(t, veteran("a", "api"))
		h.nightly(t, after(8))
		ok(t, h.store.InTx(t.Context(), func(ctx context.Context) error {
			if err := h.Observe(ctx, failing("api", after(3), time.Hour)...); err != nil {
				return err
			}
			return h.Delete(ctx, "a")
		}))
		equal(t, "achievements", times{streak.FirstSteps: after(1)}, achieved(t, h.Engine, "api"))
	})
	t.Run("but its days and its streak are gone", func(t *testing.T) {
		h := at(t, begin, engine.Options{})
		h.create(t, veteran("a", "api"))
		h.nightly(t, after(3))
		ok(t, h.Delete(t.Context(), "a"))
		days, err := h.Days(t.Context(), "a", dateOf(t, begin), dateOf(t, after(9)))
		ok(t, err)
		streaks, err := h.Streaks(t.Context(), []string{"a"})
		ok(t, err)
		if len(days)+len(streaks) > 0 {
			t.Errorf("days %v, streaks %v", days, streaks)
		}
	})
}

func TestDeletingASystemDeletesWhatItHasAchieved(t *testing.T) {
	h := at(t, begin, engine.Options{})
	h.create(t, veteran("a", "api"), veteran("d", "db"))
	h.nightly(t, after(8))
	ok(t, h.DeleteSystem(t.Context(), "api"))
	equal(t, "of the system", times{}, achieved(t, h.Engine, "api"))
	equal(t, "of another", 2, len(achieved(t, h.Engine, "db")))
	milestones, err := h.Milestones(t.Context(), 9)
	ok(t, err)
	for _, m := range milestones {
		if m.SystemID != "db" {
			t.Errorf("a milestone is left: %v", m)
		}
	}
	equal(t, "milestones", 2, len(milestones))
	ok(t, h.RunDaily(t.Context(), after(8)))
	equal(t, "after the job", times{}, achieved(t, h.Engine, "api"))
}

func TestARuleOfTheHost(t *testing.T) {
	quick := streak.Rule{Type: "quick", Holds: func(f streak.Facts) bool {
		return slices.ContainsFunc(f.Objectives, func(o streak.ObjectiveFacts) bool { return o.Outage > 0 && o.Outage < time.Second })
	}}
	h := at(t, after(3), engine.Options{Rules: []streak.Rule{quick}})
	h.create(t, veteran("a", "api"))
	ok(t, h.Observe(t.Context(), failing("api", after(1, time.Hour), time.Millisecond)...))
	ok(t, h.RunDaily(t.Context(), after(3)))
	equal(t, "achievements", times{"quick": after(1, time.Hour+time.Millisecond)}, achieved(t, h.Engine, "api"))
}

// One objective's error left the predecessor's others alone, too, but was only logged, and its day was lost.
func TestWhatPanicsForOneSystemDoesNotKeepTheJobFromOthers(t *testing.T) {
	broken := true
	for _, test := range []struct {
		name string
		opts engine.Options
	}{
		{"a rule", engine.Options{Rules: append(streak.DefaultRules(), streak.Rule{Type: "odd", Holds: func(f streak.Facts) bool {
			if broken && f.SystemID == "b" {
				panic("no rule without exception")
			}
			return false
		}})}},
		{"an outcome", engine.Options{Outcome: func(s streak.Standing) streak.Outcome {
			if broken && s.ObjectiveID == "b" {
				panic("no rule without exception")
			}
			return streak.DefaultOutcome(s)
		}}},
		{"a rule that ends its goroutine", engine.Options{Rules: append(streak.DefaultRules(), streak.Rule{Type: "odd", Holds: func(f streak.Facts) bool {
			if broken && f.SystemID == "b" {
				runtime.Goexit()
			}
			return false
		}})}},
		{"an outcome that ends its goroutine", engine.Options{Outcome: func(s streak.Standing) streak.Outcome {
			if broken && s.ObjectiveID == "b" {
				runtime.Goexit()
			}
			return streak.DefaultOutcome(s)
		}}},
		{"an outcome that is none", engine.Options{Outcome: func(s streak.Standing) streak.Outcome {
			if broken && s.ObjectiveID == "b" {
				return 0
			}
			return streak.DefaultOutcome(s)
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			broken = true
			h := at(t, after(2), test.opts)
			h.create(t, veteran("a", "a"), veteran("b", "b"), veteran("c", "c"), veteran("d", "d"))
			err := h.RunDaily(t.Context(), after(2))
			if err == nil || !strings.Contains(err.Error(), `"b"`) {
				t.Fatalf("error %v does not name system b", err)
			}
			streaks, err := h.Streaks(t.Context(), []string{"a", "b", "c", "d"})
			ok(t, err)
			if len(streaks) != 3 || streaks["a"].Current != 2 || streaks["c"].Current != 2 || streaks["d"].Current != 2 {
				t.Errorf("streaks %v, want 2 of a, c and d", streaks)
			}
			broken = false
			ok(t, h.RunDaily(t.Context(), after(2)))
			streaks, err = h.Streaks(t.Context(), []string{"b"})
			ok(t, err)
			equal(t, "streak of b", 2, streaks["b"].Current)
		})
	}
}

// inEveryWay gives a host that has run the job each night, and one that has not run it yet: what they have achieved is to be
// the same.
func inEveryWay(t *testing.T, until time.Time, story func(t *testing.T, h *host, to func(time.Time)), want times) {
	t.Run("every night", func(t *testing.T) {
		h := at(t, begin, engine.Options{})
		story(t, h, func(at time.Time) { h.nightly(t, at) })
		h.nightly(t, until)
		ok(t, h.RunDaily(t.Context(), until))
		equal(t, "achievements", want, achieved(t, h.Engine, "api"))
	})
	t.Run("once", func(t *testing.T) {
		h := at(t, begin, engine.Options{})
		story(t, h, func(at time.Time) { ok(t, h.clock.AdvanceTo(at)) })
		ok(t, h.clock.AdvanceTo(until))
		ok(t, h.RunDaily(t.Context(), until))
		equal(t, "achievements", want, achieved(t, h.Engine, "api"))
	})
}

func TestAnOutageEndsTheDayAtMidnightThoughItIsHeardOfLater(t *testing.T) {
	inEveryWay(t, after(3), func(t *testing.T, h *host, to func(time.Time)) {
		h.create(t, veteran("a", "api"))
		to(after(1, -4*time.Minute))
		ok(t, h.Observe(t.Context(), slo.Down("api", after(1, -4*time.Minute))))
		to(after(1, time.Minute))
		ok(t, h.Observe(t.Context(), slo.Up("api", after(1))))
	}, times{streak.FirstSteps: after(1), streak.RapidRecovery: after(1)})
}

func TestAnObjectiveCountsFromItsCreationOn(t *testing.T) {
	t.Run("at midnight", func(t *testing.T) {
		inEveryWay(t, after(4), func(t *testing.T, h *host, to func(time.Time)) {
			h.create(t, veteran("a", "api"), veteran("b", "api"))
			to(after(2))
			h.create(t, slo.Objective{ID: "c", SystemID: "api", Target: 99, Window: slo.Days(30)})
		}, times{streak.FirstSteps: after(1), streak.FullCoverage: after(3)})
	})
	t.Run("and its outages before that are no instants to look at", func(t *testing.T) {
		inEveryWay(t, after(4), func(t *testing.T, h *host, to func(time.Time)) {
			h.create(t, veteran("a", "api"))
			to(after(2))
			degraded := slo.Observation{SystemID: "api", At: after(1, 10*time.Minute), Health: slo.Degraded, UpstreamID: "db"}
			down := slo.Observation{SystemID: "api", At: after(1, 2*time.Minute), Health: slo.Unhealthy, UpstreamID: "db"}
			ok(t, h.Observe(t.Context(), down, degraded, slo.Up("api", after(1, 40*time.Minute))))
			h.create(t, slo.Objective{ID: "b", SystemID: "api", Target: 99, Window: slo.Days(30), DegradedIsUp: true})
		}, times{streak.FirstSteps: after(1), streak.CascadeBreaker: after(1, 40*time.Minute)})
	})
}

func TestTermsHideAnOutageFromWhenTheyHoldOn(t *testing.T) {
	inEveryWay(t, after(4), func(t *testing.T, h *host, to func(time.Time)) {
		h.create(t, veteran("a", "api"))
		to(after(2))
		ok(t, h.Observe(t.Context(), failing("api", after(1, time.Hour), time.Minute)...))
		to(after(2, time.Hour))
		_, err := h.Update(t.Context(), "a", func(o *slo.Objective) { o.CountFrom = after(2) }, nil)
		ok(t, err)
	}, times{streak.FirstSteps: after(1), streak.RapidRecovery: after(1, time.Hour+time.Minute)})
}

func TestAnAchievementIsKeptWhenAnObjectiveIsDeletedWhileTheJobRuns(t *testing.T) {
	h := at(t, after(8), engine.Options{})
	h.create(t, veteran("a", "api"), veteran("b", "api"))
	var both errgroup.Group
	both.Go(func() error { return h.RunDaily(t.Context(), after(8)) })
	both.Go(func() error { return h.Delete(t.Context(), "b") })
	ok(t, both.Wait())
	ok(t, h.Observe(t.Context(), failing("api", after(3), time.Hour)...))
	ok(t, h.RunDaily(t.Context(), after(8)))
	equal(t, "achievements", times{streak.FirstSteps: after(1), streak.IronUptime: after(7)}, achieved(t, h.Engine, "api"))
}

func TestMilestones(t *testing.T) {
	h := at(t, begin, engine.Options{})
	ctx := t.Context()
	ok(t, h.SetSystemName(ctx, "api", "The API"))
	h.create(t, veteran("a", "api"))
	h.clock.Advance(day)
	h.create(t, slo.Objective{ID: "d", SystemID: "db", Target: 99, Window: slo.Days(30)})
	h.nightly(t, after(9))
	all, err := h.Milestones(ctx, 10)
	ok(t, err)
	var got []string
	for _, m := range all {
		got = append(got, fmt.Sprintf("%s %s %q", m.At.Format(time.DateOnly), m.Type, m.SystemName))
	}
	equal(t, "milestones", []string{
		`2026-06-09 iron_uptime ""`, `2026-06-08 iron_uptime "The API"`, `2026-06-03 first_steps ""`, `2026-06-02 first_steps "The API"`,
	}, got)
	two, err := h.Milestones(ctx, 2)
	ok(t, err)
	equal(t, "the newest two", all[:2], two)
}
