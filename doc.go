// Package slokeep is the root of a library that keeps service-level objectives. It holds no code: this page says what is
// where.
//
// A program tells slokeep how healthy its systems are, as it learns it. Those observations are the only history there is:
// downtime, its cause, error budgets, burn rates, forecasts and alerts are pure functions of them, of what depends on
// what, of maintenance, of the objectives and of an instant. The same facts in any order, repeated or late, therefore
// give the same answer; an objective made today judges last month; and a read never writes.
//
// # Packages
//
//   - [github.com/slokeep/slokeep/slo] is the error-budget engine. It is pure: it reads no clock, starts no goroutine and
//     opens nothing but the time zone database. Start here: merge what is known of a system into a SystemHistory, lay an Objective over it to get a
//     Timeline, and ask that for its Status at any instant.
//
// The programs in the module github.com/slokeep/slokeep/examples show it at work: quickstart is one screen of
// code, and replay judges a file of real outages.
//
// # What holds everywhere
//
// Lengths of time are integer nanoseconds and are never rounded before they are compared. Instants are UTC and are
// truncated to microseconds where they enter. Intervals are half-open: the start belongs to them, the end does not.
// Errors wrap a sentinel of their package, such as slo.ErrInvalid, and name the field and the value at fault. There is no
// global state, and nothing happens at import.
package slokeep
