package main

func Example() {
	main()
	// Output:
	// the first worker:
	//   mailed about o-1
	//   mailed about o-2
	//   died over the mail about o-3
	// the second worker:
	//   mailed about o-3
	//   mailed about o-5
	//   told OnError: entity: change 1 of order "o-4" parked for group "mail" after 3 attempts: address post@bücher.example: not ASCII at byte 6
	// parked:
	//   o-4, version 1, after 3 attempts: address post@bücher.example: not ASCII at byte 6
	// the third worker:
	//   mailed about o-4, replayed
	// parked now: 0
}
