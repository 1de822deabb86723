package main

func Example() {
	main()
	// Output:
	// watching: state.battery.b1.percent < 20 for 10m rearm 25
	// 14:23:20.000001  LOW for ten minutes: 13.99999999 %
	// 14:30:00.000000  10 %, charging
	// 14:40:00.000000  22 %, draining: it did not get to 25, so the watch stays quiet
	// 15:00:00.000000  10 %, charging
	// 15:30:00.000000  46 %, draining: it got beyond 25, so the watch may fire again
	// 16:20:00.000000  16 %, charging: it was low, but not for ten minutes
	// 16:30:00.000000  28 %, draining
	// 16:53:20.000001  LOW for ten minutes: 13.99999999 %
	// 17:00:00.000000  10 %, charging
	// 18:10:50.000000  waiting until state.battery.b1.percent > 95
	// 18:10:50.000001  WaitUntil has returned
}
