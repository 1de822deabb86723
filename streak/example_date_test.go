package streak_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/streak"
)

// A day is one of UTC, wherever the clock hangs.
func ExampleDateOf() {
	sydney := time.FixedZone("Sydney", 10*60*60)
	day, err := streak.DateOf(time.Date(2026, time.May, 1, 8, 30, 0, 0, sydney))
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := day.Add(1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(day, next)
	fmt.Println(day.End())
	fmt.Println(next.Sub(day), day.Before(next))
	// Output:
	// 2026-04-30 2026-05-01
	// 2026-05-01 00:00:00 +0000 UTC
	// 1 true
}

func ExampleParseDate() {
	for _, text := range []string{"2028-02-29", "2027-02-29"} {
		day, err := streak.ParseDate(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(day)
	}
	// Output:
	// 2028-02-29
	// streak: date "2027-02-29": want a day from 1970-01-01 to 2200-12-31, such as 2026-03-31
}
