package streak_test

import (
	"fmt"

	"github.com/slokeep/slokeep/streak"
)

// Record judges a day and goes on from the row of the day before. A host may judge in another way: here a day counts only
// if more than half of the budget is left.
func ExampleStanding_Record() {
	thrifty := func(s streak.Standing) streak.Outcome {
		if s.RemainingPercent > 50 {
			return streak.DefaultOutcome(s)
		}
		return streak.Missed
	}
	monday, err := streak.ParseDate("2026-03-02")
	if err != nil {
		fmt.Println(err)
		return
	}
	tuesday, err := monday.Add(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, rule := range []streak.OutcomeRule{streak.DefaultOutcome, thrifty} {
		var s streak.Streak
		for _, standing := range []streak.Standing{
			{Day: streak.Day{ObjectiveID: "checkout", Date: monday, Availability: 99.98, RemainingPercent: 80}},
			{Day: streak.Day{ObjectiveID: "checkout", Date: tuesday, Availability: 99.93, RemainingPercent: 30}},
		} {
			day, err := standing.Record(s, rule)
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(day.Date, day.Outcome, day.Streak.Current)
			s = day.Streak
		}
	}
	// Output:
	// 2026-03-02 met 1
	// 2026-03-03 met 2
	// 2026-03-02 met 1
	// 2026-03-03 missed 0
}
