package simclock_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
)

func ExampleNew() {
	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	clock.AfterFunc(90*time.Minute, func() { fmt.Println(clock.Now().Format(time.TimeOnly), "tea") })
	clock.AfterFunc(30*time.Minute, func() {
		fmt.Println(clock.Now().Format(time.TimeOnly), "lunch is over")
		clock.AfterFunc(0, func() { fmt.Println(clock.Now().Format(time.TimeOnly), "and work begins") })
	})
	stop := clock.AfterFunc(6*time.Hour, func() { fmt.Println("the meeting that nobody wanted") })

	clock.Advance(2 * time.Hour)
	fmt.Println("cancelled:", stop())
	clock.Advance(24 * time.Hour)
	fmt.Println(clock.Now())
	// Output:
	// 12:30:00 lunch is over
	// 12:30:00 and work begins
	// 13:30:00 tea
	// cancelled: true
	// 2026-03-03 14:00:00 +0000 UTC
}

// A worker in its own goroutine asks for its next timer only when it has been woken. Settle waits until it has, so that no
// minute is passed over.
func ExampleClock_settle() {
	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
	wake, ready := make(chan bool), make(chan bool)
	go func() {
		for range wake {
			fmt.Println(clock.Now().Format(time.TimeOnly), "awake")
			ready <- true
		}
	}()
	woken := false
	sleep := func() { clock.AfterFunc(time.Minute, func() { wake <- true; woken = true }) }
	clock.Settle = func() {
		if woken {
			woken = !<-ready
			sleep()
		}
	}
	sleep()
	clock.Advance(3 * time.Minute)
	close(wake)
	// Output:
	// 12:01:00 awake
	// 12:02:00 awake
	// 12:03:00 awake
}
