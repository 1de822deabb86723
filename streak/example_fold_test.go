package streak_test

import (
	"fmt"
	"slices"

	"github.com/slokeep/slokeep/streak"
)

// A week with a bad Wednesday, and a Friday that ended in an outage within budget.
func ExampleFold() {
	monday, err := streak.ParseDate("2026-03-02")
	if err != nil {
		fmt.Println(err)
		return
	}
	sunday, err := monday.Add(6)
	if err != nil {
		fmt.Println(err)
		return
	}
	outcomes := []streak.Outcome{streak.Met, streak.Met, streak.Missed, streak.Met, streak.Held, streak.Met}
	var week []streak.Day
	for date := range streak.Dates(monday, sunday) {
		week = append(week, streak.Day{ObjectiveID: "checkout", Date: date, Outcome: outcomes[len(week)]})
	}

	s, err := streak.Fold(slices.Values(week))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Current, "since", s.Start)
	fmt.Println("best", s.Best, "until", s.BestEnd)

	// A third good day is more than there ever was: now the best one has no end.
	s, err = s.Next(streak.Day{ObjectiveID: "checkout", Date: sunday, Outcome: streak.Met})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Current, "best", s.Best, s.BestEnd.IsZero())

	_, err = s.Next(week[0])
	fmt.Println(err)
	// Output:
	// 2 since 2026-03-05
	// best 2 until 2026-03-03
	// 3 best 3 true
	// streak: day of "checkout": date 2026-03-02: want one after the last day, 2026-03-08
}
