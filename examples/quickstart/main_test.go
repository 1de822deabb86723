package main

func Example() {
	main()
	// Output:
	// 12:00:00  orders-db is unhealthy
	// 12:02:00  checkout is unhealthy
	// 12:10:00  orders-db is healthy
	// 12:31:36  half of the budget is spent
	// 12:35:00  checkout is to be up 99.9 % of 30 days:
	//   level        critical (down: true, breaching: false)
	//   budget       43m12s, of which 18m12s is left (42.13 %)
	//   25m0s        caused by itself
	//   8m0s         caused by orders-db
	//   burn rate    416.7 times what the budget allows, over the last hour
	//   page         over 1h0m0s and 5m0s
	//   page         over 6h0m0s and 30m0s
	//   ticket       over 24h0m0s and 2h0m0s
	//   ticket       over 72h0m0s and 6h0m0s
	//   exhausted    2026-03-02 12:53:12, if it stays down
}
