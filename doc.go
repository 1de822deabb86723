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
//     opens nothing but the time zone database: merge what is known of a system into a SystemHistory, lay an Objective over
//     it to get a Timeline, and ask that for its Status at any instant.
//   - [github.com/slokeep/slokeep/slo/engine] keeps all of it for a host, on a store. Start here.
//   - [github.com/slokeep/slokeep/streak] keeps records of reliability: judged days, streaks and achievements. It is pure.
//   - [github.com/slokeep/slokeep/entity] makes the state of a host's entities reactive, whatever they are: it can be read,
//     watched, waited for and reacted to. It has a Log in memory.
//   - [github.com/slokeep/slokeep/entity/entitytest] helps a host to test its use of entity, and checks implementations of
//     the interfaces there.
//   - [github.com/slokeep/slokeep/entity/simclock] is a clock that is moved by hand.
//   - github.com/slokeep/slokeep/entity/natsbus, a module of its own, wakes processes through NATS.
//   - [github.com/slokeep/slokeep/cache] reads through, in memory, and [github.com/slokeep/slokeep/cache/cachetest] proves
//     whatever else keeps its entries; github.com/slokeep/slokeep/cache/redis, a module of its own, does so for many
//     processes.
//   - [github.com/slokeep/slokeep/storage] is the contract of a store, and says how to write one;
//     [github.com/slokeep/slokeep/storage/memory] is one in memory, and
//     [github.com/slokeep/slokeep/storage/storagetest] proves one.
//   - github.com/slokeep/slokeep/storage/sqlite and github.com/slokeep/slokeep/storage/postgres, modules of their own, have a
//     Store and a Log each, in an SQLite file and on PostgreSQL, beside the host's tables.
//
// The programs in the module github.com/slokeep/slokeep/examples show them at work. quickstart lives through one incident,
// scenario runs any that is written down, replay judges a file of real outages, customstore is a store of its own, and
// cluster has processes that are killed and cut off all the time. Of entity, orders is a shop whose orders are reactive,
// workqueue a group of workers that die and fail, and dwell a condition on a value that drifts.
//
// # What holds everywhere
//
// Lengths of time are integer nanoseconds and are never rounded before they are compared. Instants are UTC and are
// truncated to microseconds where they enter. Intervals are half-open: the start belongs to them, the end does not.
// Errors wrap a sentinel of their package, such as slo.ErrInvalid, and name the field and the value at fault. There is no
// global state, and nothing happens at import.
package slokeep
