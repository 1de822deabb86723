// Package simclock has a clock that is moved by hand, for tests, examples and simulations of programs that wait for time: a
// year passes as fast as what happens in it. A [*Clock] fits wherever a package of this module takes a Clock, such as
// entity.Clock.
//
//	clock := simclock.New(time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC))
//	clock.Settle = settle // waits until all that a timer started in other goroutines is done
//	clock.AfterFunc(time.Hour, func() { fmt.Println("one hour later it is", clock.Now()) })
//	clock.Advance(24 * time.Hour) // one hour later it is 2026-03-02 13:00:00 +0000 UTC
//
// # What holds
//
//  1. The clock moves only in [Clock.Advance] and [Clock.AdvanceTo], and never back.
//  2. It moves in steps: to the next instant at which a function is due, and last to the target. A function that was
//     registered for an instant reads that instant from Now.
//  3. What is due at one instant runs one after another, in the order in which it was registered; so does what a function
//     registers for the very instant at which it runs, after all that was registered before.
//  4. Settle is called before the first step, and whenever nothing more is due at an instant. What is registered by then
//     and is due by the target runs before the clock ends there, at its own instant: time never passes over it.
//  5. Settle has been called at the target, after all else, when the clock ends there.
//  6. Functions and Settle run in the goroutine that moves the clock, which holds no lock. The clock starts no goroutine.
//
// Two runs of a program whose functions do the same therefore do the same in the same order.
//
// # Settling
//
// A function that is due often only starts something: it wakes a goroutine, which may ask for the next timer. Settle is
// where the clock waits for that, so that no instant is passed over. In a test that runs in a bubble of testing/synctest,
// Settle can be synctest.Wait.
//
// # What it does not do
//
// The clock has no timers with channels, tickers or sleeping: what waits for time does so through AfterFunc.
package simclock
