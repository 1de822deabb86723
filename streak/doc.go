// Package streak keeps records of reliability: what each day was like for an objective, how many days in a row were good,
// and what a system has achieved. It is pure: it knows nothing of where days come from, reads no clock and keeps no state
// but the values that it returns.
//
// A host, or slokeep's engine, says how an objective stood when a UTC day ended. That is judged, and becomes the [Day] to
// record; its [Streak] goes on from the day before:
//
//	date, err := streak.ParseDate("2026-03-31")
//	if err != nil {
//		return err
//	}
//	standing := streak.Standing{Down: true}
//	standing.ObjectiveID, standing.Date = "checkout", date
//	standing.Availability, standing.RemainingPercent = 99.95, 50
//	day, err := standing.Record(yesterday.Streak, nil)
//	if err != nil {
//		return err
//	}
//	fmt.Println(day.Outcome, day.Streak.Current) // held 12
//
// Achievements belong to a system. Each is a [Rule] over [Facts], which say how the system's objectives stand at one
// instant, and is earned by holding at one of them:
//
//	for _, earned := range streak.Evaluate(streak.DefaultRules(), facts) {
//		fmt.Println(earned) // first_steps, iron_uptime
//	}
//
// # What holds
//
//  1. A streak is a fold over days and nothing else: made again from any day's record on, it is what it is from the first.
//  2. A day counts once. One that is not after the last day is refused, so that a job that runs twice changes nothing.
//  3. A day is Met (one more), Held (no change) or Missed (the streak ends); a day that nobody recorded changes nothing.
//  4. Nothing is rounded before it is compared: whether 99.99 % is reached is decided in integers.
//  5. What one objective has is never added to what another has: who asks for a streak and an availability asks for both of
//     one objective.
//
// # Concurrency and errors
//
// All types are plain values and all functions are pure: any number of goroutines may use them. Bad input is refused with
// an error that names the field and the value and matches [ErrInvalid]; nothing has changed then.
//
// # What it does not do
//
// It does not judge whether a budget is overspent or where an outage begins and ends, and does not choose the instants at
// which achievements are judged: that is in the facts that it is given. It keeps nothing: the host keeps days and
// achievements, one for each objective and date, and for each system and type.
package streak
