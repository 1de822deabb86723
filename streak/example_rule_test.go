package streak_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/slokeep/slokeep/streak"
)

// A host's own achievements lie beside the others.
func ExampleRule() {
	nightOwl := streak.Rule{
		Type: "night_owl", // an outage was over before five in the morning
		Holds: func(f streak.Facts) bool {
			recovered := func(o streak.ObjectiveFacts) bool { return o.Outage > 0 }
			return f.At.Hour() < 5 && slices.ContainsFunc(f.Objectives, recovered)
		},
	}
	threeNines := streak.Rule{
		Type: "three_nines",
		Holds: func(f streak.Facts) bool {
			return slices.ContainsFunc(f.Objectives, func(o streak.ObjectiveFacts) bool {
				return o.Full.Elapsed > 0 && o.Full.AvailabilityAtLeast(99.9)
			})
		},
	}
	rules := append(streak.DefaultRules(), nightOwl, threeNines)

	month := streak.Account{
		Elapsed: 30 * 24 * time.Hour, Budget: 43*time.Minute + 12*time.Second,
		Consumed: 43*time.Minute + 12*time.Second, // to the nanosecond
		Downtime: 43*time.Minute + 12*time.Second,
		Self:     43*time.Minute + 12*time.Second,
	}
	fmt.Println(streak.Evaluate(rules, streak.Facts{
		SystemID:   "api",
		At:         time.Date(2026, time.March, 31, 3, 12, 0, 0, time.UTC),
		Objectives: []streak.ObjectiveFacts{{ID: "checkout", Outage: 20 * time.Minute, Window: month, Full: month}},
	}))

	fmt.Println(streak.Rule{Type: "three_nines"}.Validate())
	// Output:
	// [first_steps night_owl three_nines]
	// streak: rule "three_nines": Holds <nil>: want a function
}
