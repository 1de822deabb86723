package streak

import (
	"slices"
	"time"
)

// Rule says when a system has earned an achievement. A host adds its own to those of [DefaultRules].
//
// Holds must be pure: it is asked again when facts change, in any order and by any process, and whether an achievement
// stands depends on its answers alone. It need not remember that it held before: an achievement is earned by holding at one
// instant.
type Rule struct {
	Type  Type
	Holds func(Facts) bool
}

// Validate reports a Type outside its bounds or a missing Holds as an ErrInvalid that names it.
func (r Rule) Validate() error {
	if err := checkID("rule", "type", string(r.Type)); err != nil {
		return err
	}
	if r.Holds == nil {
		return invalid("rule "+show(string(r.Type)), "Holds", nil, "a function")
	}
	return nil
}

// DefaultRules returns the rules of the nine achievements that the constants of [Type] describe. The slice is the
// caller's.
func DefaultRules() []Rule {
	return []Rule{
		{FirstSteps, func(f Facts) bool { return len(f.Objectives) >= 1 }},
		{FullCoverage, func(f Facts) bool { return len(f.Objectives) >= 3 }},
		{IronUptime, one(func(o ObjectiveFacts) bool { return o.Streak.Current >= 7 })},
		{DiamondUptime, one(func(o ObjectiveFacts) bool { return o.Streak.Current >= 30 })},
		{NinesClub, one(func(o ObjectiveFacts) bool {
			return o.Streak.Current >= 365 && o.Window.Elapsed > 0 && o.Window.AvailabilityAtLeast(99.99)
		})},
		{BudgetMiser, one(func(o ObjectiveFacts) bool { return o.Full.Elapsed > 0 && o.Full.RemainingAtLeast(90) })},
		{CleanSheet, one(func(o ObjectiveFacts) bool { return o.Full.Elapsed > 0 && o.Full.Downtime <= 0 })},
		{CascadeBreaker, one(func(o ObjectiveFacts) bool { return o.Window.Downtime > 0 && o.Window.Self <= 0 })},
		{RapidRecovery, one(func(o ObjectiveFacts) bool { return o.Outage > 0 && o.Outage <= 5*time.Minute })},
	}
}

// one holds where one of the objectives has all that is asked for.
func one(has func(ObjectiveFacts) bool) func(Facts) bool {
	return func(f Facts) bool { return slices.ContainsFunc(f.Objectives, has) }
}

// Evaluate returns the types of the rules that hold, sorted as bytes, each once; nil where none does. Of several rules with
// one Type it is enough that one holds. A rule without Holds never does.
func Evaluate(rules []Rule, facts Facts) []Type {
	var types []Type
	for _, r := range rules {
		if r.Holds != nil && r.Holds(facts) {
			types = append(types, r.Type)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}
