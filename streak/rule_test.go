package streak_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/streak"
)

const (
	month  = 30 * day
	budget = 43*time.Minute + 12*time.Second // of 99.9 % over a month
)

// objective is one that has earned nothing beyond its being there: no streak, no window that it existed in full, and some
// downtime of its own.
func objective(change func(o *streak.ObjectiveFacts)) streak.ObjectiveFacts {
	o := streak.ObjectiveFacts{
		ID:     "checkout",
		Window: streak.Account{Elapsed: month, Budget: budget, Consumed: time.Hour, Downtime: time.Hour, Self: time.Hour},
	}
	change(&o)
	return o
}

// system is the facts of these objectives.
func system(objectives ...streak.ObjectiveFacts) streak.Facts {
	return streak.Facts{SystemID: "api", At: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Objectives: objectives}
}

// consuming is a month's account of which so much is downtime, all of it the system's own, and counts.
func consuming(d time.Duration) streak.Account {
	return streak.Account{Elapsed: month, Budget: budget, Consumed: d, Downtime: d, Self: d}
}

func TestDefaultRules(t *testing.T) {
	running := func(days int) func(o *streak.ObjectiveFacts) {
		return func(o *streak.ObjectiveFacts) { o.Streak.Current, o.Streak.Best = days, days }
	}
	plain := objective(func(*streak.ObjectiveFacts) {})
	nines := func(days int, window streak.Account) streak.ObjectiveFacts {
		return objective(func(o *streak.ObjectiveFacts) { running(days)(o); o.Window = window })
	}
	full := func(a streak.Account) streak.ObjectiveFacts {
		return objective(func(o *streak.ObjectiveFacts) { o.Full = a })
	}
	window := func(total, self time.Duration) streak.ObjectiveFacts {
		return objective(func(o *streak.ObjectiveFacts) { o.Window.Downtime, o.Window.Self = total, self })
	}
	outage := func(d time.Duration) streak.ObjectiveFacts {
		return objective(func(o *streak.ObjectiveFacts) { o.Outage = d })
	}
	const nine = month / 10_000 // what 99.99 % leaves
	tests := []struct {
		rule  streak.Type
		name  string
		facts streak.Facts
		want  bool
	}{
		{streak.FirstSteps, "one objective", system(plain), true},
		{streak.FirstSteps, "three objectives", system(plain, plain, plain), true},
		{streak.FirstSteps, "no objective", system(), false},

		{streak.FullCoverage, "two objectives", system(plain, plain), false},
		{streak.FullCoverage, "three objectives", system(plain, plain, plain), true},
		{streak.FullCoverage, "five objectives", system(plain, plain, plain, plain, plain), true},

		{streak.IronUptime, "7 days", system(objective(running(7))), true},
		{streak.IronUptime, "6 days", system(objective(running(6))), false},
		{streak.IronUptime, "6 days and 6 days of another", system(objective(running(6)), objective(running(6))), false},
		{streak.IronUptime, "7 days of the second objective", system(plain, objective(running(7))), true},
		{streak.IronUptime, "7 days once, and none now", system(objective(func(o *streak.ObjectiveFacts) { o.Streak.Best = 7 })), false},

		{streak.DiamondUptime, "30 days", system(objective(running(30))), true},
		{streak.DiamondUptime, "29 days", system(objective(running(29))), false},

		{streak.NinesClub, "99.995 % and 365 days", system(nines(365, consuming(nine/2))), true},
		{streak.NinesClub, "99.99 % and 365 days", system(nines(365, consuming(nine))), true},
		{streak.NinesClub, "a nanosecond less than 99.99 %", system(nines(365, consuming(nine+1))), false},
		{streak.NinesClub, "99.99 % and 364 days", system(nines(364, consuming(nine))), false},
		{streak.NinesClub, "99.999 % and 30 days", system(nines(30, consuming(nine/10))), false},
		{streak.NinesClub, "99.98 % and 400 days", system(nines(400, consuming(2*nine))), false},
		{streak.NinesClub, "no availability yet and 500 days", system(nines(500, streak.Account{})), false},
		{streak.NinesClub, "100 % and no streak", system(nines(0, consuming(0))), false},
		{streak.NinesClub, "the streak of one and the availability of another",
			system(nines(365, consuming(2*nine)), nines(0, consuming(0))), false},
		{streak.NinesClub, "downtime that does not count", system(nines(365, streak.Account{Elapsed: month, Downtime: time.Hour})), true},

		{streak.BudgetMiser, "90 % left", system(full(consuming(budget / 10))), true},
		{streak.BudgetMiser, "99 % left", system(full(consuming(budget / 100))), true},
		{streak.BudgetMiser, "89.9 % left", system(full(consuming(budget * 101 / 1000))), false},
		{streak.BudgetMiser, "a nanosecond less than 90 % left", system(full(consuming(budget/10 + 1))), false},
		{streak.BudgetMiser, "no budget and nothing consumed", system(full(streak.Account{Elapsed: month})), true},
		{streak.BudgetMiser, "no budget and something consumed", system(full(streak.Account{Elapsed: month, Consumed: 1})), false},
		{streak.BudgetMiser, "100 % left of a window that it did not exist in full",
			system(objective(func(o *streak.ObjectiveFacts) { o.Window = consuming(0) })), false},
		{streak.BudgetMiser, "downtime that does not count",
			system(full(streak.Account{Elapsed: month, Budget: budget, Downtime: time.Hour})), true},

		{streak.CleanSheet, "no downtime", system(full(consuming(0))), true},
		{streak.CleanSheet, "a nanosecond of downtime", system(full(consuming(1))), false},
		{streak.CleanSheet, "downtime that does not count",
			system(full(streak.Account{Elapsed: month, Budget: budget, Downtime: 1})), false},
		{streak.CleanSheet, "no downtime of one of two", system(plain, full(consuming(0))), true},
		{streak.CleanSheet, "no downtime in a window that it did not exist in full",
			system(objective(func(o *streak.ObjectiveFacts) { o.Window = consuming(0) })), false},

		{streak.CascadeBreaker, "downtime, none its own", system(window(time.Hour, 0)), true},
		{streak.CascadeBreaker, "downtime, a nanosecond its own", system(window(time.Hour, 1)), false},
		{streak.CascadeBreaker, "no downtime", system(window(0, 0)), false},
		{streak.CascadeBreaker, "own downtime of one, and none of another",
			system(window(time.Hour, time.Hour), window(0, 0)), false},
		{streak.CascadeBreaker, "downtime that counts, none its own",
			system(objective(func(o *streak.ObjectiveFacts) { o.Window.Self = 0 })), true},

		{streak.RapidRecovery, "5 minutes", system(outage(5 * time.Minute)), true},
		{streak.RapidRecovery, "1 minute", system(outage(time.Minute)), true},
		{streak.RapidRecovery, "a nanosecond", system(outage(1)), true},
		{streak.RapidRecovery, "a nanosecond more than 5 minutes", system(outage(5*time.Minute + 1)), false},
		{streak.RapidRecovery, "301 seconds", system(outage(301 * time.Second)), false},
		{streak.RapidRecovery, "no outage", system(plain), false},
		{streak.RapidRecovery, "5 minutes as the second objective counts it", system(outage(time.Hour), outage(5*time.Minute)), true},
	}
	for _, c := range tests {
		t.Run(string(c.rule)+": "+c.name, func(t *testing.T) {
			got := streak.Evaluate(streak.DefaultRules(), c.facts)
			if slices.Contains(got, c.rule) != c.want {
				t.Errorf("got %v, want it there: %t", got, c.want)
			}
		})
	}
}

func TestDefaultRulesAreNine(t *testing.T) {
	want := []streak.Type{
		"first_steps", "full_coverage", "iron_uptime", "diamond_uptime", "nines_club", "budget_miser", "clean_sheet",
		"cascade_breaker", "rapid_recovery",
	}
	var got []streak.Type
	for _, r := range streak.DefaultRules() {
		got = append(got, r.Type)
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Run("each time anew", func(t *testing.T) {
		streak.DefaultRules()[0].Type = "changed"
		if got := streak.DefaultRules()[0].Type; got != streak.FirstSteps {
			t.Errorf("got %s", got)
		}
	})
}

func TestEvaluate(t *testing.T) {
	always := func(streak.Facts) bool { return true }
	never := func(streak.Facts) bool { return false }
	for _, c := range []struct {
		name  string
		rules []streak.Rule
		want  []streak.Type
	}{
		{"no rules earn nothing", nil, nil},
		{"what does not hold is not there", []streak.Rule{{"a", never}, {"b", always}}, []streak.Type{"b"}},
		{"nothing that holds is nil", []streak.Rule{{"a", never}}, nil},
		{"types are sorted as bytes", []streak.Rule{{"b", always}, {"é", always}, {"B", always}, {"a", always}},
			[]streak.Type{"B", "a", "b", "é"}},
		{"of two rules with a type one is enough", []streak.Rule{{"a", never}, {"b", always}, {"a", always}},
			[]streak.Type{"a", "b"}},
		{"a type is there once", []streak.Rule{{"a", always}, {"b", always}, {"a", always}}, []streak.Type{"a", "b"}},
		{"a rule without Holds never does", []streak.Rule{{"a", nil}, {"b", always}}, []streak.Type{"b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := streak.Evaluate(c.rules, system())
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("rules see the facts", func(t *testing.T) {
		var seen []streak.Facts
		see := func(f streak.Facts) bool { seen = append(seen, f); return false }
		facts := system(objective(func(o *streak.ObjectiveFacts) { o.Outage = 7 }))
		streak.Evaluate([]streak.Rule{{"a", see}}, facts)
		if diff := cmp.Diff([]streak.Facts{facts}, seen); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the order of objectives and rules does not matter", func(t *testing.T) {
		facts := system(
			objective(func(o *streak.ObjectiveFacts) { o.Streak.Current = 31 }),
			objective(func(o *streak.ObjectiveFacts) { o.Full = consuming(0) }),
			objective(func(o *streak.ObjectiveFacts) { o.Outage = time.Minute }),
		)
		rules := streak.DefaultRules()
		want := []streak.Type{
			streak.BudgetMiser, streak.CleanSheet, streak.DiamondUptime, streak.FirstSteps, streak.FullCoverage,
			streak.IronUptime, streak.RapidRecovery,
		}
		if diff := cmp.Diff(want, streak.Evaluate(rules, facts)); diff != "" {
			t.Error(diff)
		}
		slices.Reverse(facts.Objectives)
		slices.Reverse(rules)
		if diff := cmp.Diff(want, streak.Evaluate(rules, facts)); diff != "" {
			t.Errorf("reversed: %s", diff)
		}
	})
}

func TestRuleThatIsNoneIsInvalid(t *testing.T) {
	holds := func(streak.Facts) bool { return true }
	if err := (streak.Rule{Type: "night_owl", Holds: holds}).Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name, says string
		rule       streak.Rule
	}{
		{"no type", `rule: type "": want 1 to 256 bytes`, streak.Rule{Holds: holds}},
		{"a type that is too long", "(257 bytes)", streak.Rule{Type: streak.Type(strings.Repeat("a", 257)), Holds: holds}},
		{"a type that is no UTF-8", "want valid UTF-8", streak.Rule{Type: "\xff", Holds: holds}},
		{"a type with a NUL", "want no NUL", streak.Rule{Type: "a\x00", Holds: holds}},
		{"no function", `rule "night_owl": Holds <nil>: want a function`, streak.Rule{Type: "night_owl"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantInvalid(t, c.rule.Validate(), c.says) })
	}
}
