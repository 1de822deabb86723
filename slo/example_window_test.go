package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A rolling window looks back from the instant at which it is asked.
func ExampleRolling() {
	window := slo.Rolling(36 * time.Hour)
	from, to := window.Period(time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC))
	fmt.Println(window)
	fmt.Println(from)
	fmt.Println(to)
	// Output:
	// 1d12h
	// 2026-03-02 00:00:00 +0000 UTC
	// 2026-03-03 12:00:00 +0000 UTC
}

// A day in Santiago is not always from midnight to midnight: in spring there is a day that begins at one o'clock.
func ExampleCalendar() {
	santiago, err := time.LoadLocation("America/Santiago")
	if err != nil {
		fmt.Println(err)
		return
	}
	window := slo.Calendar(slo.Day, santiago)
	from, to := window.Period(time.Date(2026, time.September, 6, 12, 0, 0, 0, santiago))
	fmt.Println(window)
	fmt.Println(from.In(santiago).Format("2006-01-02 15:04 -07"))
	fmt.Println(to.In(santiago).Format("2006-01-02 15:04 -07"))
	fmt.Println(to.Sub(from))
	// Output:
	// calendar:day:America/Santiago
	// 2026-09-06 01:00 -03
	// 2026-09-07 00:00 -03
	// 23h0m0s
}

func ExampleParseWindow() {
	for _, text := range []string{"720h", "calendar:quarter:Europe/Berlin", "1 month"} {
		window, err := slo.ParseWindow(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(window)
	}
	// Output:
	// 30d
	// calendar:quarter:Europe/Berlin
	// slo: window "1 month": want a length such as "30d" or "1h30m", or a period such as "calendar:month" or "calendar:week:Europe/Berlin"
}

func ExampleDays() {
	fmt.Println(slo.Days(30))
	fmt.Println(slo.Days(4000).Validate())
	// Output:
	// 30d
	// slo: window "4000d": want more than 0 and at most 3650 days
}
