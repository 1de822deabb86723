package main

func Example() {
	main()
	// Output:
	// checkout is to be up 99.9 % of 30d. At 2026-03-02 12:15:00:
	//   level        critical (down: true, breaching: false)
	//   budget       43m12s, of which 30m12s is left (69.91 %)
	//   spent        13m0s
	//     5m0s       caused by itself
	//     8m0s       caused by orders-db
	//   burn rate    216.7 times what the budget allows, over the last hour
	//   exhausted    2026-03-02 12:45:12, if it stays down
	//   whole again  2026-04-01 12:15:00, if it is repaired now
}
