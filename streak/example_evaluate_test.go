package streak_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/streak"
)

// A system with one objective, at the end of an outage of four minutes that an upstream caused.
func ExampleEvaluate() {
	facts := streak.Facts{
		SystemID: "api",
		At:       time.Date(2026, time.March, 31, 14, 4, 0, 0, time.UTC),
		Objectives: []streak.ObjectiveFacts{{
			ID:     "checkout",
			Streak: streak.Streak{Current: 12, Best: 12},
			Outage: 4 * time.Minute,
			Window: streak.Account{
				Elapsed: 30 * 24 * time.Hour, Budget: 43*time.Minute + 12*time.Second,
				Downtime: 4 * time.Minute, // none of it consumed, none its own
			},
		}},
	}
	for _, earned := range streak.Evaluate(streak.DefaultRules(), facts) {
		fmt.Println(earned)
	}
	// Output:
	// cascade_breaker
	// first_steps
	// iron_uptime
	// rapid_recovery
}
