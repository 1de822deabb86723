package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/streak"
)

// begin is a midnight, of a Monday that begins a month.
var begin = time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)

// after is an instant so many days after begin, and more.
func after(days int, more ...time.Duration) time.Time {
	at := begin.AddDate(0, 0, days)
	for _, d := range more {
		at = at.Add(d)
	}
	return at
}

// times are a map of achievements.
type times = map[streak.Type]time.Time

// achieved is what the systems have achieved.
func achieved(t *testing.T, e *engine.Engine, system string) times {
	t.Helper()
	found, err := e.Achievements(t.Context(), []string{system})
	ok(t, err)
	got := times{}
	for _, a := range found[system] {
		got[a.Type] = a.At
	}
	return got
}

// failing is the feed of a system that was down so long.
func failing(system string, from time.Time, long time.Duration) []slo.Observation {
	up := slo.Up(system, from.Add(long))
	up.Seq = 1 // where it is down for no time, it is up after that
	return []slo.Observation{slo.Down(system, from), up}
}

func TestAchievementsAtTheirEdges(t *testing.T) {
	month := slo.Calendar(slo.Month, nil)
	for _, test := range []struct {
		name    string
		created time.Time
		window  slo.Window
		more    []slo.Objective // beside "api", an objective of 99.9 % that counts its own downtime alone
		words   []slo.Observation
		needs   bool // api depends on db
		days    int  // how many nights the job is run for
		typ     streak.Type
		want    time.Time // zero: not earned
	}{
		{name: "first steps are not taken before the day has ended", created: after(0, time.Hour), days: 0, typ: streak.FirstSteps},
		{name: "first steps end with the day of creation", created: after(0, time.Hour), days: 1, typ: streak.FirstSteps, want: after(1)},
		{name: "what is created at midnight was not there when the day ended", created: after(1), days: 2, typ: streak.FirstSteps, want: after(2)},
		{name: "two objectives are no full coverage", more: []slo.Objective{{ID: "b"}}, days: 2, typ: streak.FullCoverage},
		{name: "three objectives are full coverage", more: []slo.Objective{{ID: "b"}, {ID: "c"}}, days: 2, typ: streak.FullCoverage, want: after(1)},
		{
			name: "of three objectives the third counts from when it was created", more: []slo.Objective{{ID: "b"}, {ID: "c", CreatedAt: after(2)}},
			days: 5, typ: streak.FullCoverage, want: after(3),
		},
		{name: "six days are no iron uptime", days: 6, typ: streak.IronUptime},
		{name: "seven days are iron uptime", days: 7, typ: streak.IronUptime, want: after(7)},
		{name: "a first day that is not whole does not count", created: after(0, time.Microsecond), days: 9, typ: streak.IronUptime, want: after(8)},
		{name: "a day on which it is down at the end is held", words: failing("api", after(2, 23*time.Hour+59*time.Minute+50*time.Second), time.Minute), days: 9, typ: streak.IronUptime, want: after(8)},
		{name: "a day on which the budget is overspent begins again", words: failing("api", after(2), time.Hour), window: slo.Days(1), days: 11, typ: streak.IronUptime, want: after(10)},
		{name: "29 days are no diamond uptime", days: 29, typ: streak.DiamondUptime},
		{name: "30 days are diamond uptime", days: 30, typ: streak.DiamondUptime, want: after(30)},
		{name: "364 days do not join the nines club", days: 364, typ: streak.NinesClub},
		{name: "365 days join the nines club", days: 365, typ: streak.NinesClub, want: after(365)},
		{
			name: "365 days of 99.98 % do not join it before the outage has left the window", words: failing("api", after(350), 9*time.Minute),
			days: 400, typ: streak.NinesClub, want: after(380, 9*time.Minute-259200*time.Millisecond).Truncate(day).Add(day),
		},
		{name: "a young objective has no budget to be a miser of", days: 29, typ: streak.BudgetMiser},
		{name: "a full window makes a budget miser", days: 30, typ: streak.BudgetMiser, want: after(30)},
		{
			name: "a tenth of the budget may be gone", words: failing("api", after(10), 259200*time.Millisecond),
			days: 30, typ: streak.BudgetMiser, want: after(30),
		},
		{
			name: "a microsecond more than a tenth is too much", words: failing("api", after(10), 259200*time.Millisecond+time.Microsecond),
			days: 41, typ: streak.BudgetMiser, want: after(41),
		},
		{name: "a month that began before the objective is no full window", created: after(0, time.Hour), window: month, days: 60, typ: streak.BudgetMiser},
		{name: "a month that the objective saw from its first instant is one", window: month, days: 30, typ: streak.BudgetMiser, want: after(30)},
		{name: "a running month is no full window", window: month, days: 29, typ: streak.CleanSheet},
		{name: "a full window without downtime is a clean sheet", days: 30, typ: streak.CleanSheet, want: after(30)},
		{name: "a system that never fails earns without recovering", days: 30, typ: streak.CleanSheet, want: after(30)},
		{
			name: "the least downtime spoils the sheet, also what others caused", words: failing("api", after(10), time.Microsecond),
			days: 41, typ: streak.CleanSheet, want: after(41),
		},
		{
			name: "an outage that another caused breaks the cascade", needs: true, words: slices.Concat(failing("db", after(1, 3*time.Hour), time.Hour), failing("api", after(1, 3*time.Hour), time.Hour)),
			days: 2, typ: streak.CascadeBreaker, want: after(1, 4*time.Hour),
		},
		{
			name: "a microsecond of its own does not", needs: true, words: slices.Concat(failing("db", after(1, 3*time.Hour), time.Hour), failing("api", after(1, 3*time.Hour), time.Hour+time.Microsecond)),
			days: 2, typ: streak.CascadeBreaker,
		},
		{
			name: "five minutes are a rapid recovery", words: failing("api", after(1, 3*time.Hour), 5*time.Minute),
			days: 2, typ: streak.RapidRecovery, want: after(1, 3*time.Hour+5*time.Minute),
		},
		{name: "a microsecond more is none", words: failing("api", after(1, 3*time.Hour), 5*time.Minute+time.Microsecond), days: 2, typ: streak.RapidRecovery},
		{name: "an outage of no length is none", words: failing("api", after(1, 3*time.Hour), 0), days: 2, typ: streak.RapidRecovery},
		{
			name: "an outage that two causes share is one outage", needs: true, words: slices.Concat(failing("db", after(1, 3*time.Hour), 4*time.Minute), failing("api", after(1, 3*time.Hour), 8*time.Minute)),
			days: 2, typ: streak.RapidRecovery,
		},
		{name: "an outage over midnight is one outage", words: failing("api", after(1, -4*time.Minute), 8*time.Minute), days: 3, typ: streak.RapidRecovery},
		{
			name: "one that ends at midnight ends with the day", words: failing("api", after(1, -4*time.Minute), 4*time.Minute),
			days: 1, typ: streak.RapidRecovery, want: after(1),
		},
		{name: "one that is still on has not recovered", words: []slo.Observation{slo.Down("api", after(1, -time.Minute))}, days: 3, typ: streak.RapidRecovery},
		{name: "one that ended before the objective was there is not its own", created: after(2), words: failing("api", after(1), time.Minute), days: 4, typ: streak.RapidRecovery},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := hostOn(t, memory.New(), simclock.New(after(test.days, 2*time.Hour)), engine.Options{})
			if test.created.IsZero() {
				test.created = begin
			}
			if test.window.IsZero() {
				test.window = slo.Days(30)
			}
			for _, o := range append(test.more, slo.Objective{ID: "api", Window: test.window}) {
				o.SystemID, o.Target, o.DependencyExclusion = "api", 99.9, slo.SelfOnly
				if o.CreatedAt.IsZero() {
					o.CreatedAt = test.created
				}
				if o.Window.IsZero() {
					o.Window = slo.Days(30)
				}
				h.create(t, o)
			}
			if test.needs {
				ok(t, h.SetUpstreams(t.Context(), "api", []string{"db"}, begin))
			}
			ok(t, h.Observe(t.Context(), test.words...))
			ok(t, h.RunDaily(t.Context(), after(test.days)))
			if got := achieved(t, h.Engine, "api")[test.typ]; !got.Equal(test.want) {
				t.Errorf("%s at %v, want %v", test.typ, got, test.want)
			}
		})
	}
}
