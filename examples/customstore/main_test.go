package main

func Example() {
	main()
	// Output:
	// a transaction that failed: thought better of it
	// checkout   statement 1: checkout is down
	// checkout   statement 2: it was orders-db
	// orders-db  statement 1: checkout is down
	// orders-db  statement 2: it was orders-db
	// touched    checkout, version 1
	// touched    orders-db, version 1
}
