package streak_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/streak"
)

// Dates goes through the whole days that have ended, for a job that makes up for what it missed.
func ExampleDates() {
	first, err := streak.ParseDate("2026-02-27")
	if err != nil {
		fmt.Println(err)
		return
	}
	today, err := streak.DateOf(time.Date(2026, time.March, 2, 0, 0, 3, 0, time.UTC))
	if err != nil {
		fmt.Println(err)
		return
	}
	for day := range streak.Dates(first, today) {
		fmt.Println(day)
	}
	// Output:
	// 2026-02-27
	// 2026-02-28
	// 2026-03-01
}
